use super::*;
use nightjar_core::{
    daemon::{EmptyMap, Now},
    extension::RawDocument,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    io::Write as _,
    time::{Duration, Instant, UNIX_EPOCH},
};

pub(super) fn discovered(text: &str) -> Arc<DiscoveredMap> {
    let bytes = format!("{{\"is\": \"{text}\"}}").into_bytes();
    Arc::new(DiscoveredMap {
        hash: RawDocument::read(&bytes).unwrap().content_hash(),
        version: text.to_owned(),
        bytes,
    })
}

/// The store gives this map the version that the map itself names.
pub(super) fn found(map: &DiscoveredMap) -> Event {
    found_in(map, &map.version)
}

fn found_in(map: &DiscoveredMap, version: &str) -> Event {
    Event::StoreFetched {
        hash: map.hash,
        version: version.to_owned(),
        has_endpoints: true,
    }
}

pub(super) fn because() -> Cause {
    Cause::Error("no answer".to_owned())
}

/// Every event, as seen from a state: what is found or discovered is what the state knows, or is not.
/// One that cannot be is `None`. A new event does not compile without being here.
fn events(state: &State, now: Now) -> Vec<(&'static str, Option<Event>)> {
    let known = state.stored.hash();
    let known = ["a", "b", "c"]
        .map(discovered)
        .into_iter()
        .find(|map| Some(map.hash) == known);
    let own = state.map.clone();
    // A map that nobody has seen yet.
    let other = ["a", "b", "c"]
        .map(discovered)
        .into_iter()
        .find(|map| Some(map) != known.as_ref() && Some(map) != own.as_ref());
    let differs = |map: &Arc<DiscoveredMap>| Some(map) != own.as_ref();
    let known_only = known.clone().filter(differs);
    let kinds = [
        Event::Interval,
        Event::Sighup,
        Event::Scheduled(now.instant),
        found(&discovered("a")),
        Event::StoreFetchFailed(because()),
        Event::Discovered(discovered("a")),
        Event::MapUnchanged,
        Event::EmptyMapPending(empty_map(now)),
        Event::DiscoveryFailed(because()),
        Event::Committed,
        Event::CommitConflict,
        Event::CommitFailed(because()),
        Event::Shutdown,
    ];
    let mut events = Vec::new();
    for event in kinds {
        match event {
            Event::Interval => events.push(("interval", Some(event))),
            Event::Sighup => events.push(("SIGHUP", Some(event))),
            Event::Scheduled(_) => events.push(("scheduled", Some(event))),
            Event::StoreFetched { .. } => {
                let found = |map: &Arc<DiscoveredMap>| found(map);
                events.push(("store: the map", own.as_ref().map(found)));
                events.push(("store: known map", known_only.as_ref().map(found)));
                let newer = |map: &Arc<DiscoveredMap>| found_in(map, "newer");
                let again = known_only.as_ref().map(newer);
                events.push(("store: known map, new version", again));
                events.push(("store: another map", other.as_ref().map(found)));
            }
            Event::StoreFetchFailed(_) => {
                events.push(("store: read failed", Some(event)));
                events.push((
                    "store: read stopped",
                    Some(Event::StoreFetchFailed(Cause::Shutdown)),
                ));
            }
            Event::Discovered(_) => {
                let discovered = Event::Discovered;
                let known = known_only.clone().map(discovered);
                events.push(("discovered: stored map", known));
                events.push(("discovered: another map", other.clone().map(discovered)));
            }
            Event::MapUnchanged => events.push(("discovered: unchanged", Some(event))),
            Event::EmptyMapPending(_) => events.push(("discovered: empty map", Some(event))),
            Event::DiscoveryFailed(_) => {
                events.push(("discovery failed", Some(event)));
                let stopped = Event::DiscoveryFailed(Cause::Shutdown);
                events.push(("discovery stopped", Some(stopped)));
            }
            Event::Committed => events.push(("committed", Some(event))),
            Event::CommitConflict => events.push(("conflict", Some(event))),
            Event::CommitFailed(_) => {
                events.push(("commit failed", Some(event)));
                let stopped = Event::CommitFailed(Cause::Shutdown);
                events.push(("commit stopped", Some(stopped)));
            }
            Event::Shutdown => events.push(("stop", Some(event))),
        }
    }
    events
}

fn now() -> Now {
    Now {
        instant: Instant::now(),
        wall: UNIX_EPOCH + Duration::from_secs(1),
    }
}

/// One that counts as such, made by a discovery that sees nothing else.
fn empty_map(now: Now) -> EmptyMap {
    EmptyMap::first(3, now.instant)
}

/// What a state is called in the page.
fn name(state: &State) -> String {
    let phase = match &state.phase {
        Phase::Idle => "idle",
        Phase::FetchingStored => "reading the store",
        Phase::Discovering => "discovering",
        Phase::Comparing(_) => "comparing",
        Phase::Rediscovering => "rediscovering",
        Phase::Committing(_, Attempt::First) => "committing",
        Phase::Committing(_, Attempt::Second) => "committing after rediscovery",
        Phase::FinishingCommit(_) => "finishing a commit",
        Phase::Stopped => "stopped",
    };
    let is_own = |hash| {
        let map = state.map.as_ref();
        map.map(|map| map.hash == hash)
    };
    let map = match &state.stored {
        StoredMap::Unknown if state.map.is_none() => "no map, store unknown",
        StoredMap::Unknown => "map, store unknown",
        StoredMap::Fetched { hash, .. } => match is_own(*hash) {
            None => "no map, a map read from the store",
            Some(true) => "map, read from the store",
            Some(false) => "map, another map read from the store",
        },
        StoredMap::Committed(hash) => match is_own(*hash) {
            None => "no map, a map committed",
            Some(true) => "map, committed",
            Some(false) => "map, another map committed",
        },
    };
    format!("{phase}; {map}")
}

fn describe(effects: &Effects) -> String {
    let next = match &effects.next {
        Action::None => "",
        Action::FetchStored => "read store",
        Action::Discover {
            store_has_endpoints: None,
        } => "discover",
        Action::Discover {
            store_has_endpoints: Some(_),
        } => "discover, knowing whether the store's map has endpoints",
        Action::Commit { previous: None, .. } => "commit",
        Action::Commit {
            previous: Some(_), ..
        } => "commit over the read version",
        Action::Wait(RefreshResult::Unchanged) => "wait: unchanged",
        Action::Wait(RefreshResult::Published) => "wait: published",
        Action::Wait(RefreshResult::EmptyMapPending) => "wait: empty map pending",
        Action::Wait(RefreshResult::Failed(_)) => "wait: failed",
        Action::Exit(None) => "exit",
        Action::Exit(Some(result)) => match result {
            RefreshResult::Published => "exit: published",
            RefreshResult::Failed(_) => "exit: failed",
            RefreshResult::Unchanged | RefreshResult::EmptyMapPending => "exit: no commit",
        },
    };
    let mut text = next.to_owned();
    for note in &effects.log {
        let note = match note {
            LogEntry::NotCompared(_) => "not compared",
            LogEntry::PublishedByAnother => "published by another",
            LogEntry::CommitConflict => "conflict",
            LogEntry::AlreadyPublished => "already published",
            LogEntry::Recovered(_) => "recovered",
        };
        let _ = write!(text, " (log: {note})");
    }
    text
}

/// Every state that can be reached, and every step from it.
fn walk(mut each: impl FnMut(&State, &'static str, &Event, &State, &Effects)) -> Vec<String> {
    let now = now();
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    let mut waiting = VecDeque::from([State::default()]);
    while let Some(state) = waiting.pop_front() {
        if !seen.insert(name(&state)) {
            continue;
        }
        order.push(name(&state));
        for (what, event) in events(&state, now) {
            let Some(event) = event else { continue };
            let (after, effects) = step(state.clone(), event.clone(), now);
            each(&state, what, &event, &after, &effects);
            // What only counts makes no other state.
            waiting.push_back(State {
                progress: RefreshProgress::default(),
                commits: Commits::default(),
                has_published: false,
                ..after
            });
        }
    }
    order
}

/// The page `states.md` has every cell. One that changes is to be looked at there.
#[test]
fn the_page_of_states_is_what_the_steps_do() {
    let mut rows: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut cells = 0;
    let order = walk(|state, what, _, after, effects| {
        cells += 1;
        let unchanged = name(state) == name(after) && effects.next == Action::None;
        let text = if unchanged {
            String::new()
        } else {
            format!("{}; {}", name(after).replace("; ", " ("), describe(effects))
        };
        rows.entry(name(state))
            .or_default()
            .push((what.to_owned(), text));
    });
    let mut page = format!(
        "# The states of nightjar-central\n\n\
         What each event does in each state that can be reached: {} states, {cells} cells.\n\
         `src/publish.rs` has the rules, and a test beside it fails where this page and the steps \
         differ. An event that\ncannot be (such as a find of the map where there is none) has no \
         cell.\n",
        order.len()
    );
    for state in &order {
        let _ = write!(page, "\n## {state}\n");
        if rows[state].iter().all(|(_, text)| text.ends_with("; exit")) {
            page.push_str("\nEvery event: exit.\n");
            continue;
        }
        page.push_str("\n| event | then | to be done |\n|---|---|---|\n");
        let mut ignored = Vec::new();
        for (what, text) in &rows[state] {
            match text.split_once("; ") {
                Some((after, next)) => {
                    let after = after.replacen(" (", "; ", 1);
                    let _ = writeln!(page, "| {what} | {after} | {next} |");
                }
                None => ignored.push(what.as_str()),
            }
        }
        if !ignored.is_empty() {
            let _ = write!(page, "\nNothing changes by: {}.\n", ignored.join(", "));
        }
    }
    let written = include_str!("../../states.md");
    if written != page {
        let made = tempfile::Builder::new().suffix("-states.md").tempfile();
        let (mut file, made) = made.unwrap().keep().unwrap();
        file.write_all(page.as_bytes()).unwrap();
        panic!("states.md should be as {}", made.display());
    }
}

/// What has to hold whatever happens, in every cell.
#[test]
fn no_cell_breaks_a_rule() {
    walk(|state, what, event, after, effects| {
        let cell = format!("{}: {what}", name(state));
        // Each phase but rest and stop waits for exactly one answer.
        let waits_for = match effects.next {
            Action::FetchStored => {
                matches!(after.phase, Phase::FetchingStored | Phase::Comparing(_))
            }
            Action::Discover { .. } => {
                matches!(after.phase, Phase::Discovering | Phase::Rediscovering)
            }
            Action::Commit { .. } => matches!(after.phase, Phase::Committing(..)),
            Action::Wait(_) => after.phase == Phase::Idle,
            Action::Exit(_) => after.phase == Phase::Stopped,
            Action::None => true,
        };
        assert!(waits_for, "{cell}");
        if let Action::Commit { map, previous } = &effects.next {
            assert_eq!(after.map.as_ref(), Some(map), "{cell}");
            assert_eq!(previous.as_deref(), after.stored.version(), "{cell}");
            // What replaces anything is discovered after the last look.
            if previous.is_none() {
                assert!(!matches!(state.phase, Phase::Comparing(_)), "{cell}");
            }
            assert!(after.is_pending(), "it is there already: {cell}");
            // Nothing is published that discovery has not just confirmed, in this refresh.
            assert!(
                matches!(
                    state.phase,
                    Phase::Discovering | Phase::Comparing(_) | Phase::Rediscovering
                ),
                "{cell}"
            );
            // Nor over what is known without reading the store just before, or a fetch after it.
            if state.phase == Phase::Discovering {
                assert_eq!(after.stored, StoredMap::Unknown, "{cell}");
            }
        }
        let is_commit = matches!(
            state.phase,
            Phase::Committing(..) | Phase::FinishingCommit(_)
        );
        if is_commit && matches!(event, Event::CommitFailed(_) | Event::CommitConflict) {
            assert_eq!(after.stored, StoredMap::Unknown, "{cell}");
        }
        // Only a read, a commit, or somebody who asks changes what the store is known to hold.
        if after.stored != state.stored {
            assert!(
                matches!(
                    event,
                    Event::StoreFetched { .. }
                        | Event::Committed
                        | Event::CommitConflict
                        | Event::CommitFailed(_)
                        | Event::Sighup
                ),
                "{cell}"
            );
        }
        if *event == Event::Shutdown {
            assert!(after.is_stopping(), "{cell}");
        }
        if state.is_stopping() {
            assert!(after.is_stopping(), "{cell}");
            assert!(
                matches!(effects.next, Action::Exit(_) | Action::None),
                "{cell}"
            );
        }
        if matches!(effects.next, Action::Wait(RefreshResult::EmptyMapPending)) {
            assert!(after.progress.empty_map.is_some(), "{cell}");
        }
        assert_eq!(
            after.has_published,
            after.map.is_some() && !after.is_pending(),
            "{cell}"
        );
    });
}

/// A row of events, from the first refresh on: what is to be done at each.
fn story(events: &[Event]) -> (State, Vec<String>) {
    let mut state = State::default();
    let mut done = Vec::new();
    for event in events {
        let (after, effects) = step(state, event.clone(), now());
        state = after;
        done.push(describe(&effects));
    }
    (state, done)
}

#[test]
fn a_failed_commit_that_was_done_is_found_out() {
    let (x, y) = (discovered("x"), discovered("y"));
    let (state, done) = story(&[
        Event::Interval,
        found(&x),
        Event::Discovered(Arc::clone(&x)),
        Event::Interval,
        Event::Discovered(Arc::clone(&y)),
        found(&x),
        Event::CommitFailed(because()),
        // The store took it all the same, and the mesh goes back.
        Event::Interval,
        found(&y),
        Event::Discovered(Arc::clone(&x)),
        found(&y),
        Event::Committed,
    ]);
    assert_eq!(
        done[6..],
        [
            "wait: failed",
            "read store",
            "discover",
            "read store",
            "commit over the read version",
            "wait: published (log: recovered)"
        ]
    );
    assert_eq!(state.stored, StoredMap::Committed(x.hash));
    assert_eq!((state.commits.done, state.commits.failed), (1, 1));
}

#[test]
fn a_failed_commit_leaves_it_ready_and_pending() {
    let (x, y) = (discovered("x"), discovered("y"));
    let (state, _) = story(&[
        Event::Interval,
        found(&x),
        Event::Discovered(Arc::clone(&x)),
        Event::Interval,
        Event::Discovered(y),
        found(&x),
        Event::CommitFailed(because()),
    ]);
    assert!(state.has_published() && state.is_pending());
    assert_eq!(state.progress.failed.as_deref(), Some("no answer"));
    assert_eq!(state.progress.failures(), 1);
    let (state, _) = step(state, Event::Scheduled(Instant::now()), now());
    assert!(state.progress.next_refresh.is_some());
    let (state, _) = step(state, Event::Interval, now());
    assert_eq!(state.progress.next_refresh, None);
}

#[test]
fn a_conflict_makes_it_read_the_store_again() {
    let (x, y, z) = (discovered("x"), discovered("y"), discovered("z"));
    let upto_commit = |events: Vec<Event>| {
        let start = [
            Event::Interval,
            found(&x),
            Event::Discovered(Arc::clone(&y)),
        ];
        story(&[&start[..], &[found(&x)], &events].concat())
    };
    // It finds its own map there.
    let (_, done) = upto_commit(vec![Event::CommitConflict, found(&y)]);
    assert_eq!(
        done[3..],
        [
            "commit over the read version",
            "read store (log: conflict)",
            "wait: unchanged (log: already published)"
        ]
    );
    // It finds another, and sees a newer mesh.
    let (state, done) = upto_commit(vec![
        Event::CommitConflict,
        found(&x),
        Event::Discovered(Arc::clone(&z)),
        Event::Committed,
    ]);
    assert_eq!(
        done[4..],
        [
            "read store (log: conflict)",
            "discover (log: published by another)",
            "commit over the read version",
            "wait: published"
        ]
    );
    assert_eq!((state.commits.done, state.commits.conflicts), (1, 1));
    // It is too late again, or cannot look.
    let (state, done) = upto_commit(vec![
        Event::CommitConflict,
        found(&z),
        Event::MapUnchanged,
        Event::CommitConflict,
    ]);
    assert_eq!(done[6..], ["commit over the read version", "wait: failed"]);
    assert!(state.is_pending() && state.commits.conflicts == 2);
    let (state, done) = upto_commit(vec![
        Event::CommitConflict,
        Event::StoreFetchFailed(because()),
        Event::Interval,
    ]);
    assert_eq!(done[5..], ["wait: failed", "read store"]);
    assert!(state.is_pending());
}
