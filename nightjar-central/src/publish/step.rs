//! The steps from state to state.

use super::{
    Action, Attempt, Cause, DiscoveredMap, Effects, Event, LogEntry, Phase, RefreshResult, State,
    StoredMap,
};
use nightjar_core::daemon::Now;
use std::sync::Arc;

/// What a state becomes by an event, and what is to be done. An event that does not belong to what is
/// under way changes nothing.
pub fn step(mut state: State, event: Event, now: Now) -> (State, Effects) {
    let mut log = Vec::new();
    let next = state.handle(event, now, &mut log);
    // Whoever learns that the store holds the map knows that proxies find it there.
    state.has_published |= state.map.is_some() && !state.is_pending();
    (state, Effects { log, next })
}

impl State {
    fn handle(&mut self, event: Event, now: Now, log: &mut Vec<LogEntry>) -> Action {
        match (&self.phase, event) {
            (Phase::Stopped, _) => Action::Exit(None),
            (Phase::FinishingCommit(map), event) => {
                let map = Arc::clone(map);
                self.on_last_commit(map, event, now, log)
            }
            (Phase::Committing(map, _), Event::Shutdown) => {
                self.phase = Phase::FinishingCommit(Arc::clone(map));
                Action::None
            }
            (_, Event::Shutdown) => self.stop(None),
            (Phase::Idle, event) => self.start_refresh(&event),
            (Phase::FetchingStored, event) => self.on_stored_fetched(event, log),
            (Phase::Discovering | Phase::Rediscovering, event) => {
                self.on_discovered(event, now, log)
            }
            (Phase::Comparing(map), event) => {
                let map = Arc::clone(map);
                self.on_compared(map, event, now, log)
            }
            (Phase::Committing(map, attempt), event) => {
                let (map, attempt) = (Arc::clone(map), *attempt);
                self.on_committed(map, attempt, event, now, log)
            }
        }
    }

    fn start_refresh(&mut self, event: &Event) -> Action {
        match event {
            Event::Scheduled(due) => {
                self.progress.next_refresh = Some(*due);
                return Action::None;
            }
            Event::Sighup => self.stored = StoredMap::Unknown,
            Event::Interval => {}
            _ => return Action::None,
        }
        self.progress.next_refresh = None;
        match self.stored {
            StoredMap::Unknown => {
                self.phase = Phase::FetchingStored;
                Action::FetchStored
            }
            StoredMap::Fetched { .. } | StoredMap::Committed(_) => self.discover(None),
        }
    }

    fn discover(&mut self, store_has_endpoints: Option<bool>) -> Action {
        self.phase = Phase::Discovering;
        Action::Discover {
            store_has_endpoints,
        }
    }

    /// The store cannot always be read: then the map is committed without a comparison.
    fn on_stored_fetched(&mut self, event: Event, log: &mut Vec<LogEntry>) -> Action {
        match event {
            Event::StoreFetched {
                hash,
                version,
                has_endpoints,
            } => {
                self.stored = StoredMap::Fetched { hash, version };
                // Once there is a map, discovery knows better.
                self.discover(self.map.is_none().then_some(has_endpoints))
            }
            Event::StoreFetchFailed(Cause::Error(reason)) => {
                log.push(LogEntry::NotCompared(reason));
                self.discover(None)
            }
            Event::StoreFetchFailed(Cause::Shutdown) => self.stop(None),
            _ => Action::None,
        }
    }

    fn on_discovered(&mut self, event: Event, now: Now, log: &mut Vec<LogEntry>) -> Action {
        self.progress.empty_map = match &event {
            Event::EmptyMapPending(empty_map) => Some(*empty_map),
            Event::Discovered(_) | Event::MapUnchanged | Event::DiscoveryFailed(_) => None,
            _ => return Action::None,
        };
        match event {
            Event::Discovered(map) => {
                self.progress.map_version = Some(map.version.clone());
                self.map = Some(map);
                self.decide(now, log)
            }
            // What was seen before may be older than what the store holds.
            Event::EmptyMapPending(_) => {
                self.finish_refresh(RefreshResult::EmptyMapPending, now, log)
            }
            Event::DiscoveryFailed(Cause::Shutdown) => self.stop(None),
            Event::DiscoveryFailed(Cause::Error(reason)) => {
                self.finish_refresh(RefreshResult::Failed(reason), now, log)
            }
            _ => self.decide(now, log),
        }
    }

    /// Decides what is to become of the map that discovery has just confirmed.
    fn decide(&mut self, now: Now, log: &mut Vec<LogEntry>) -> Action {
        let attempt = match self.phase {
            Phase::Rediscovering => Attempt::Second,
            _ => Attempt::First,
        };
        let Some(map) = self.map.clone() else {
            return self.finish_refresh(RefreshResult::Unchanged, now, log);
        };
        match (self.stored.hash(), attempt) {
            (Some(hash), _) if map.hash == hash => {
                if attempt == Attempt::Second {
                    log.push(LogEntry::AlreadyPublished);
                }
                self.finish_refresh(RefreshResult::Unchanged, now, log)
            }
            (Some(_), Attempt::First) => {
                self.phase = Phase::Comparing(map);
                Action::FetchStored
            }
            (Some(_), Attempt::Second) | (None, _) => self.commit(map, attempt),
        }
    }

    fn on_compared(
        &mut self,
        map: Arc<DiscoveredMap>,
        event: Event,
        now: Now,
        log: &mut Vec<LogEntry>,
    ) -> Action {
        match event {
            Event::StoreFetched { hash, version, .. } => {
                let found = StoredMap::Fetched { hash, version };
                let before = std::mem::replace(&mut self.stored, found);
                let is_known = match before {
                    StoredMap::Committed(before) => before == hash,
                    StoredMap::Fetched { .. } => before == self.stored,
                    StoredMap::Unknown => false,
                };
                if hash == map.hash {
                    log.push(LogEntry::AlreadyPublished);
                    self.finish_refresh(RefreshResult::Unchanged, now, log)
                } else if is_known {
                    self.commit(map, Attempt::First)
                } else {
                    log.push(LogEntry::PublishedByAnother);
                    self.rediscover()
                }
            }
            Event::StoreFetchFailed(Cause::Error(reason)) => match self.stored {
                // Another instance published first, and its map would be replaced unread.
                StoredMap::Unknown => {
                    let reason = format!(
                        "another program published first, and its map cannot be read: {reason}"
                    );
                    self.finish_refresh(RefreshResult::Failed(reason), now, log)
                }
                // What was seen before still counts: the store compares it.
                StoredMap::Fetched { .. } => {
                    log.push(LogEntry::NotCompared(reason));
                    self.commit(map, Attempt::First)
                }
                StoredMap::Committed(_) => {
                    log.push(LogEntry::NotCompared(reason));
                    self.rediscover()
                }
            },
            Event::StoreFetchFailed(Cause::Shutdown) => self.stop(None),
            _ => Action::None,
        }
    }

    fn rediscover(&mut self) -> Action {
        self.phase = Phase::Rediscovering;
        Action::Discover {
            store_has_endpoints: None,
        }
    }

    fn commit(&mut self, map: Arc<DiscoveredMap>, attempt: Attempt) -> Action {
        self.phase = Phase::Committing(Arc::clone(&map), attempt);
        let previous = self.stored.version().map(str::to_owned);
        Action::Commit { map, previous }
    }

    fn on_committed(
        &mut self,
        map: Arc<DiscoveredMap>,
        attempt: Attempt,
        event: Event,
        now: Now,
        log: &mut Vec<LogEntry>,
    ) -> Action {
        match event {
            Event::Committed => {
                self.record_commit(&map, now);
                self.finish_refresh(RefreshResult::Published, now, log)
            }
            Event::CommitConflict => {
                self.record_conflict();
                match attempt {
                    Attempt::First => {
                        log.push(LogEntry::CommitConflict);
                        self.phase = Phase::Comparing(map);
                        Action::FetchStored
                    }
                    Attempt::Second => {
                        let reason = "another program published first, twice in a row".to_owned();
                        self.finish_refresh(RefreshResult::Failed(reason), now, log)
                    }
                }
            }
            Event::CommitFailed(failure) => {
                self.stored = StoredMap::Unknown;
                match failure {
                    Cause::Shutdown => self.stop(None),
                    Cause::Error(reason) => {
                        self.commits.failed += 1;
                        self.finish_refresh(RefreshResult::Failed(reason), now, log)
                    }
                }
            }
            _ => Action::None,
        }
    }

    /// The same for a commit that the end of the program waits for.
    fn on_last_commit(
        &mut self,
        map: Arc<DiscoveredMap>,
        event: Event,
        now: Now,
        log: &mut Vec<LogEntry>,
    ) -> Action {
        if event == Event::CommitConflict {
            self.record_conflict();
            return self.stop(None);
        }
        match self.on_committed(map, Attempt::Second, event, now, log) {
            Action::Wait(result) => self.stop(Some(result)),
            other => other,
        }
    }

    fn record_commit(&mut self, map: &DiscoveredMap, now: Now) {
        self.stored = StoredMap::Committed(map.hash);
        self.commits.done += 1;
        self.commits.last = Some(now.wall);
    }

    /// Counts a commit that was rejected because another instance had published first.
    fn record_conflict(&mut self) {
        self.stored = StoredMap::Unknown;
        self.commits.conflicts += 1;
    }

    fn finish_refresh(
        &mut self,
        result: RefreshResult,
        now: Now,
        log: &mut Vec<LogEntry>,
    ) -> Action {
        self.phase = Phase::Idle;
        if let RefreshResult::Failed(reason) = &result {
            self.progress.failed = Some(reason.clone());
        }
        let recovery = self.progress.count(result.outcome(), now);
        log.extend(recovery.map(LogEntry::Recovered));
        Action::Wait(result)
    }

    fn stop(&mut self, result: Option<RefreshResult>) -> Action {
        self.phase = Phase::Stopped;
        self.progress.next_refresh = None;
        Action::Exit(result)
    }
}
