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

pub(super) fn view(text: &str) -> Arc<View> {
    let bytes = format!("{{\"is\": \"{text}\"}}").into_bytes();
    Arc::new(View {
        hash: RawDocument::read(&bytes).unwrap().content_hash(),
        version: text.to_owned(),
        bytes,
    })
}

/// The version that a look finds this map in is what the map says.
pub(super) fn found(map: &View) -> Event {
    found_in(map, &map.version)
}

fn found_in(map: &View, version: &str) -> Event {
    Event::Found {
        hash: map.hash,
        version: version.to_owned(),
        has_endpoints: true,
    }
}

pub(super) fn because() -> Failure {
    Failure::Because("no answer".to_owned())
}

/// Every event, as seen from a state: what is found or discovered is what the state knows, or is not.
/// One that cannot be is `None`. A new event does not compile without being here.
fn events(state: &State, now: Now) -> Vec<(&'static str, Option<Event>)> {
    let known = state.store.hash();
    let known = ["a", "b", "c"]
        .map(view)
        .into_iter()
        .find(|map| Some(map.hash) == known);
    let own = state.view.clone();
    // A map that nobody has seen yet.
    let other = ["a", "b", "c"]
        .map(view)
        .into_iter()
        .find(|map| Some(map) != known.as_ref() && Some(map) != own.as_ref());
    let differs = |map: &Arc<View>| Some(map) != own.as_ref();
    let known_only = known.clone().filter(differs);
    let kinds = [
        Event::Due,
        Event::Sighup,
        Event::Scheduled(now.instant),
        found(&view("a")),
        Event::LookFailed(because()),
        Event::Discovered(view("a")),
        Event::NothingNew,
        Event::Empty(empty_map(now)),
        Event::DiscoveryFailed(because()),
        Event::Committed,
        Event::Conflict,
        Event::CommitFailed(because()),
        Event::Stop,
    ];
    let mut events = Vec::new();
    for event in kinds {
        match event {
            Event::Due => events.push(("due", Some(event))),
            Event::Sighup => events.push(("SIGHUP", Some(event))),
            Event::Scheduled(_) => events.push(("scheduled", Some(event))),
            Event::Found { .. } => {
                let found = |map: &Arc<View>| found(map);
                events.push(("found the view", own.as_ref().map(found)));
                events.push(("found what was known", known_only.as_ref().map(found)));
                let newer = |map: &Arc<View>| found_in(map, "newer");
                let again = known_only.as_ref().map(newer);
                events.push(("found what was known in another version", again));
                events.push(("found another map", other.as_ref().map(found)));
            }
            Event::LookFailed(_) => {
                events.push(("look failed", Some(event)));
                events.push(("look stopped", Some(Event::LookFailed(Failure::Stopped))));
            }
            Event::Discovered(_) => {
                let discovered = Event::Discovered;
                let known = known_only.clone().map(discovered);
                events.push(("discovered what the store holds", known));
                events.push(("discovered another map", other.clone().map(discovered)));
            }
            Event::NothingNew => events.push(("nothing new", Some(event))),
            Event::Empty(_) => events.push(("empty map", Some(event))),
            Event::DiscoveryFailed(_) => {
                events.push(("discovery failed", Some(event)));
                let stopped = Event::DiscoveryFailed(Failure::Stopped);
                events.push(("discovery stopped", Some(stopped)));
            }
            Event::Committed => events.push(("committed", Some(event))),
            Event::Conflict => events.push(("conflict", Some(event))),
            Event::CommitFailed(_) => {
                events.push(("commit failed", Some(event)));
                let stopped = Event::CommitFailed(Failure::Stopped);
                events.push(("commit stopped", Some(stopped)));
            }
            Event::Stop => events.push(("stop", Some(event))),
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
        Phase::Resting => "resting",
        Phase::Looking => "looking",
        Phase::Discovering => "discovering",
        Phase::Comparing(_) => "comparing",
        Phase::Rediscovering => "rediscovering",
        Phase::Committing(_, Round::First) => "committing",
        Phase::Committing(_, Round::Second) => "committing what was seen again",
        Phase::Finishing(_) => "finishing",
        Phase::Stopped => "stopped",
    };
    let is_view = |hash| {
        let view = state.view.as_ref();
        view.map(|view| view.hash == hash)
    };
    let view = match &state.store {
        Store::Unknown if state.view.is_none() => "no view, store unknown",
        Store::Unknown => "view, store unknown",
        Store::Seen { hash, .. } => match is_view(*hash) {
            None => "no view, a map seen in the store",
            Some(true) => "view, seen in the store",
            Some(false) => "view, another map seen in the store",
        },
        Store::Committed(hash) => match is_view(*hash) {
            None => "no view, a map committed",
            Some(true) => "view, committed",
            Some(false) => "view, another map committed",
        },
    };
    format!("{phase}; {view}")
}

fn told(effects: &Effects) -> String {
    let next = match &effects.next {
        Next::Continue => "",
        Next::Look => "look",
        Next::Discover {
            store_has_endpoints: None,
        } => "discover",
        Next::Discover {
            store_has_endpoints: Some(_),
        } => "discover, knowing whether the store's map has endpoints",
        Next::Commit { previous: None, .. } => "commit",
        Next::Commit {
            previous: Some(_), ..
        } => "commit over the seen version",
        Next::Rest(Ended::Unchanged) => "rest: unchanged",
        Next::Rest(Ended::Published) => "rest: published",
        Next::Rest(Ended::HeldBack) => "rest: held back",
        Next::Rest(Ended::Failed(_)) => "rest: failed",
        Next::Exit(None) => "exit",
        Next::Exit(Some(ended)) => match ended {
            Ended::Published => "exit: published",
            Ended::Failed(_) => "exit: failed",
            Ended::Unchanged | Ended::HeldBack => "exit: of no commit",
        },
    };
    let mut text = next.to_owned();
    for note in &effects.notes {
        let note = match note {
            Note::NoComparison(_) => "no comparison",
            Note::AnotherPublished => "another published",
            Note::Conflict => "another was first",
            Note::PublishedAlready => "published already",
            Note::Recovered(_) => "recovered",
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
                progress: Progress::default(),
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
        let unchanged = name(state) == name(after) && effects.next == Next::Continue;
        let text = if unchanged {
            String::new()
        } else {
            format!("{}; {}", name(after).replace("; ", " ("), told(effects))
        };
        rows.entry(name(state))
            .or_default()
            .push((what.to_owned(), text));
    });
    let mut page = format!(
        "# The states of nightjar-central\n\n\
         What each event does in each state that can be reached: {} states, {cells} cells.\n\
         `src/publish.rs` has the rules, and a test beside it fails where this page and the steps \
         differ. An event that\ncannot be (such as a find of the view where there is none) has no \
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
            Next::Look => matches!(after.phase, Phase::Looking | Phase::Comparing(_)),
            Next::Discover { .. } => {
                matches!(after.phase, Phase::Discovering | Phase::Rediscovering)
            }
            Next::Commit { .. } => matches!(after.phase, Phase::Committing(..)),
            Next::Rest(_) => after.phase == Phase::Resting,
            Next::Exit(_) => after.phase == Phase::Stopped,
            Next::Continue => true,
        };
        assert!(waits_for, "{cell}");
        if let Next::Commit { view, previous } = &effects.next {
            assert_eq!(after.view.as_ref(), Some(view), "{cell}");
            assert_eq!(previous.as_deref(), after.store.version(), "{cell}");
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
            // Nor over what is known without a look just before, or a fetch after it.
            if state.phase == Phase::Discovering {
                assert_eq!(after.store, Store::Unknown, "{cell}");
            }
        }
        let is_commit = matches!(state.phase, Phase::Committing(..) | Phase::Finishing(_));
        if is_commit && matches!(event, Event::CommitFailed(_) | Event::Conflict) {
            assert_eq!(after.store, Store::Unknown, "{cell}");
        }
        // Only a look, a commit, or somebody who asks changes what the store is known to hold.
        if after.store != state.store {
            assert!(
                matches!(
                    event,
                    Event::Found { .. }
                        | Event::Committed
                        | Event::Conflict
                        | Event::CommitFailed(_)
                        | Event::Sighup
                ),
                "{cell}"
            );
        }
        if *event == Event::Stop {
            assert!(after.is_stopping(), "{cell}");
        }
        if state.is_stopping() {
            assert!(after.is_stopping(), "{cell}");
            assert!(
                matches!(effects.next, Next::Exit(_) | Next::Continue),
                "{cell}"
            );
        }
        if matches!(effects.next, Next::Rest(Ended::HeldBack)) {
            assert!(after.progress.empty_map.is_some(), "{cell}");
        }
        assert_eq!(
            after.has_published,
            after.view.is_some() && !after.is_pending(),
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
        done.push(told(&effects));
    }
    (state, done)
}

#[test]
fn a_failed_commit_that_was_done_is_found_out() {
    let (x, y) = (view("x"), view("y"));
    let (state, done) = story(&[
        Event::Due,
        found(&x),
        Event::Discovered(Arc::clone(&x)),
        Event::Due,
        Event::Discovered(Arc::clone(&y)),
        found(&x),
        Event::CommitFailed(because()),
        // The store took it all the same, and the mesh goes back.
        Event::Due,
        found(&y),
        Event::Discovered(Arc::clone(&x)),
        found(&y),
        Event::Committed,
    ]);
    assert_eq!(
        done[6..],
        [
            "rest: failed",
            "look",
            "discover",
            "look",
            "commit over the seen version",
            "rest: published (log: recovered)"
        ]
    );
    assert_eq!(state.store, Store::Committed(x.hash));
    assert_eq!((state.commits.done, state.commits.failed), (1, 1));
}

#[test]
fn a_failed_commit_leaves_it_ready_and_pending() {
    let (x, y) = (view("x"), view("y"));
    let (state, _) = story(&[
        Event::Due,
        found(&x),
        Event::Discovered(Arc::clone(&x)),
        Event::Due,
        Event::Discovered(y),
        found(&x),
        Event::CommitFailed(because()),
    ]);
    assert!(state.has_published() && state.is_pending());
    assert_eq!(state.progress.failed.as_deref(), Some("no answer"));
    assert_eq!(state.progress.failures(), 1);
    let (state, _) = step(state, Event::Scheduled(Instant::now()), now());
    assert!(state.progress.next_refresh.is_some());
    let (state, _) = step(state, Event::Due, now());
    assert_eq!(state.progress.next_refresh, None);
}

#[test]
fn another_that_was_first_makes_it_look_again() {
    let (x, y, z) = (view("x"), view("y"), view("z"));
    let upto_commit = |events: Vec<Event>| {
        let start = [Event::Due, found(&x), Event::Discovered(Arc::clone(&y))];
        story(&[&start[..], &[found(&x)], &events].concat())
    };
    // It finds its own view there.
    let (_, done) = upto_commit(vec![Event::Conflict, found(&y)]);
    assert_eq!(
        done[3..],
        [
            "commit over the seen version",
            "look (log: another was first)",
            "rest: unchanged (log: published already)"
        ]
    );
    // It finds another, and sees a newer mesh.
    let (state, done) = upto_commit(vec![
        Event::Conflict,
        found(&x),
        Event::Discovered(Arc::clone(&z)),
        Event::Committed,
    ]);
    assert_eq!(
        done[4..],
        [
            "look (log: another was first)",
            "discover (log: another published)",
            "commit over the seen version",
            "rest: published"
        ]
    );
    assert_eq!((state.commits.done, state.commits.conflicts), (1, 1));
    // It is too late again, or cannot look.
    let (state, done) = upto_commit(vec![
        Event::Conflict,
        found(&z),
        Event::NothingNew,
        Event::Conflict,
    ]);
    assert_eq!(done[6..], ["commit over the seen version", "rest: failed"]);
    assert!(state.is_pending() && state.commits.conflicts == 2);
    let (state, done) = upto_commit(vec![
        Event::Conflict,
        Event::LookFailed(because()),
        Event::Due,
    ]);
    assert_eq!(done[5..], ["rest: failed", "look"]);
    assert!(state.is_pending());
}
