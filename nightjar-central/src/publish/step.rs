//! The steps from state to state.

use super::{Effects, Ended, Event, Failure, Next, Note, Phase, Round, State, Store, View};
use nightjar_core::daemon::Now;
use std::sync::Arc;

/// What a state becomes by an event, and what is to be done. An event that does not belong to what is
/// under way changes nothing.
pub fn step(mut state: State, event: Event, now: Now) -> (State, Effects) {
    let mut notes = Vec::new();
    let next = state.take(event, now, &mut notes);
    // Whoever learns that the store holds the view knows that proxies find it there.
    state.has_published |= state.view.is_some() && !state.is_pending();
    (state, Effects { notes, next })
}

impl State {
    fn take(&mut self, event: Event, now: Now, notes: &mut Vec<Note>) -> Next {
        match (&self.phase, event) {
            (Phase::Stopped, _) => Next::Exit(None),
            (Phase::Finishing(view), event) => {
                let view = Arc::clone(view);
                self.finish(view, event, now, notes)
            }
            (Phase::Committing(view, _), Event::Stop) => {
                self.phase = Phase::Finishing(Arc::clone(view));
                Next::Continue
            }
            (_, Event::Stop) => self.stop(None),
            (Phase::Resting, event) => self.begin(&event),
            (Phase::Looking, event) => self.looked(event, notes),
            (Phase::Discovering | Phase::Rediscovering, event) => {
                self.discovered(event, now, notes)
            }
            (Phase::Comparing(view), event) => {
                let view = Arc::clone(view);
                self.compared(view, event, now, notes)
            }
            (Phase::Committing(view, round), event) => {
                let (view, round) = (Arc::clone(view), *round);
                self.committed(view, round, event, now, notes)
            }
        }
    }

    fn begin(&mut self, event: &Event) -> Next {
        match event {
            Event::Scheduled(due) => {
                self.progress.next_refresh = Some(*due);
                return Next::Continue;
            }
            Event::Sighup => self.store = Store::Unknown,
            Event::Due => {}
            _ => return Next::Continue,
        }
        self.progress.next_refresh = None;
        match self.store {
            Store::Unknown => {
                self.phase = Phase::Looking;
                Next::Look
            }
            Store::Seen { .. } | Store::Committed(_) => self.discover(None),
        }
    }

    fn discover(&mut self, store_has_endpoints: Option<bool>) -> Next {
        self.phase = Phase::Discovering;
        Next::Discover {
            store_has_endpoints,
        }
    }

    /// The store cannot always be read: then the map is committed without a comparison.
    fn looked(&mut self, event: Event, notes: &mut Vec<Note>) -> Next {
        match event {
            Event::Found {
                hash,
                version,
                has_endpoints,
            } => {
                self.store = Store::Seen { hash, version };
                // Once there is a view, discovery knows better.
                self.discover(self.view.is_none().then_some(has_endpoints))
            }
            Event::LookFailed(Failure::Because(reason)) => {
                notes.push(Note::NoComparison(reason));
                self.discover(None)
            }
            Event::LookFailed(Failure::Stopped) => self.stop(None),
            _ => Next::Continue,
        }
    }

    fn discovered(&mut self, event: Event, now: Now, notes: &mut Vec<Note>) -> Next {
        self.progress.empty_map = match &event {
            Event::Empty(empty_map) => Some(*empty_map),
            Event::Discovered(_) | Event::NothingNew | Event::DiscoveryFailed(_) => None,
            _ => return Next::Continue,
        };
        match event {
            Event::Discovered(view) => {
                self.progress.map_version = Some(view.version.clone());
                self.view = Some(view);
                self.decide(now, notes)
            }
            // What was seen before may be older than what the store holds.
            Event::Empty(_) => self.rest(Ended::HeldBack, now, notes),
            Event::DiscoveryFailed(Failure::Stopped) => self.stop(None),
            Event::DiscoveryFailed(Failure::Because(reason)) => {
                self.rest(Ended::Failed(reason), now, notes)
            }
            _ => self.decide(now, notes),
        }
    }

    /// Decides what is to become of the view that discovery has just confirmed.
    fn decide(&mut self, now: Now, notes: &mut Vec<Note>) -> Next {
        let round = match self.phase {
            Phase::Rediscovering => Round::Second,
            _ => Round::First,
        };
        let Some(view) = self.view.clone() else {
            return self.rest(Ended::Unchanged, now, notes);
        };
        match (self.store.hash(), round) {
            (Some(hash), _) if view.hash == hash => {
                if round == Round::Second {
                    notes.push(Note::PublishedAlready);
                }
                self.rest(Ended::Unchanged, now, notes)
            }
            (Some(_), Round::First) => {
                self.phase = Phase::Comparing(view);
                Next::Look
            }
            (Some(_), Round::Second) | (None, _) => self.commit(view, round),
        }
    }

    fn compared(&mut self, view: Arc<View>, event: Event, now: Now, notes: &mut Vec<Note>) -> Next {
        match event {
            Event::Found { hash, version, .. } => {
                let found = Store::Seen { hash, version };
                let before = std::mem::replace(&mut self.store, found);
                let is_known = match before {
                    Store::Committed(before) => before == hash,
                    Store::Seen { .. } => before == self.store,
                    Store::Unknown => false,
                };
                if hash == view.hash {
                    notes.push(Note::PublishedAlready);
                    self.rest(Ended::Unchanged, now, notes)
                } else if is_known {
                    self.commit(view, Round::First)
                } else {
                    notes.push(Note::AnotherPublished);
                    self.rediscover()
                }
            }
            Event::LookFailed(Failure::Because(reason)) => match self.store {
                // Another was first, and what it has published would be replaced unseen.
                Store::Unknown => {
                    let reason = format!(
                        "another program was first, and what it published cannot be read: {reason}"
                    );
                    self.rest(Ended::Failed(reason), now, notes)
                }
                // What was seen before still counts: the store compares it.
                Store::Seen { .. } => {
                    notes.push(Note::NoComparison(reason));
                    self.commit(view, Round::First)
                }
                Store::Committed(_) => {
                    notes.push(Note::NoComparison(reason));
                    self.rediscover()
                }
            },
            Event::LookFailed(Failure::Stopped) => self.stop(None),
            _ => Next::Continue,
        }
    }

    fn rediscover(&mut self) -> Next {
        self.phase = Phase::Rediscovering;
        Next::Discover {
            store_has_endpoints: None,
        }
    }

    fn commit(&mut self, view: Arc<View>, round: Round) -> Next {
        self.phase = Phase::Committing(Arc::clone(&view), round);
        let previous = self.store.version().map(str::to_owned);
        Next::Commit { view, previous }
    }

    fn committed(
        &mut self,
        view: Arc<View>,
        round: Round,
        event: Event,
        now: Now,
        notes: &mut Vec<Note>,
    ) -> Next {
        match event {
            Event::Committed => {
                self.took(&view, now);
                self.rest(Ended::Published, now, notes)
            }
            Event::Conflict => {
                self.lost();
                match round {
                    Round::First => {
                        notes.push(Note::Conflict);
                        self.phase = Phase::Comparing(view);
                        Next::Look
                    }
                    Round::Second => {
                        let reason = "another program was first, twice in a row".to_owned();
                        self.rest(Ended::Failed(reason), now, notes)
                    }
                }
            }
            Event::CommitFailed(failure) => {
                self.store = Store::Unknown;
                match failure {
                    Failure::Stopped => self.stop(None),
                    Failure::Because(reason) => {
                        self.commits.failed += 1;
                        self.rest(Ended::Failed(reason), now, notes)
                    }
                }
            }
            _ => Next::Continue,
        }
    }

    /// The same for a commit that the end of the program waits for.
    fn finish(&mut self, view: Arc<View>, event: Event, now: Now, notes: &mut Vec<Note>) -> Next {
        if event == Event::Conflict {
            self.lost();
            return self.stop(None);
        }
        match self.committed(view, Round::Second, event, now, notes) {
            Next::Rest(ended) => self.stop(Some(ended)),
            other => other,
        }
    }

    fn took(&mut self, view: &View, now: Now) {
        self.store = Store::Committed(view.hash);
        self.commits.done += 1;
        self.commits.last = Some(now.wall);
    }

    /// Another was first with a map that nobody here has seen.
    fn lost(&mut self) {
        self.store = Store::Unknown;
        self.commits.conflicts += 1;
    }

    fn rest(&mut self, ended: Ended, now: Now, notes: &mut Vec<Note>) -> Next {
        self.phase = Phase::Resting;
        if let Ended::Failed(reason) = &ended {
            self.progress.failed = Some(reason.clone());
        }
        let recovery = self.progress.count(ended.outcome(), now);
        notes.extend(recovery.map(Note::Recovered));
        Next::Rest(ended)
    }

    fn stop(&mut self, ended: Option<Ended>) -> Next {
        self.phase = Phase::Stopped;
        self.progress.next_refresh = None;
        Next::Exit(ended)
    }
}
