//! Page `states.md`, and the invariants of every transition.

use super::{
    explore::{Transition, explore, starts},
    invariants, *,
};
use crate::machine::{rollout::tests as rollouts, supervisor::tests as supervisors};
use rustix::process::Signal;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::LazyLock,
};

/// What follows from events, by state and event: each thing that can follow.
type Rows = BTreeMap<String, BTreeMap<&'static str, BTreeSet<String>>>;

/// What a walk has seen.
#[derive(Default)]
struct Explored {
    states: usize,
    steps: usize,
    supervisor: Rows,
    rollout: Rows,
    /// Each invariant that is violated, with the first transition that does so.
    violated: BTreeMap<String, String>,
}

static EXPLORED: LazyLock<Vec<Explored>> = LazyLock::new(|| {
    let modes = [RestartMode::Hot, RestartMode::Cold, RestartMode::None];
    std::thread::scope(|scope| {
        let threads = modes.map(|mode| scope.spawn(move || explored(mode)));
        threads.map(|thread| thread.join().unwrap()).into()
    })
});

fn explored(mode: RestartMode) -> Explored {
    let mut explored = Explored::default();
    let states = explore(starts(mode), |transition| {
        explored.steps += 1;
        explored.add(transition);
        for invariant in invariants::violated(transition) {
            let (supervisor, rollout) = (
                supervisor_of(transition.before),
                rollout_of(transition.before),
            );
            let place = format!("{mode:?}: {supervisor}; {rollout}: {}", transition.event);
            explored.violated.entry(invariant).or_insert(place);
        }
    });
    Explored { states, ..explored }
}

fn supervisor_of(node: &explore::Node) -> String {
    let stopping = if node.state.stopping {
        ", stopping"
    } else {
        ""
    };
    format!("{}{stopping}", supervisors::name(&node.state.supervisor))
}

fn rollout_of(node: &explore::Node) -> String {
    rollouts::name(&node.state.rollout)
}

/// What an effect is called, if it is one of a process, or else of files.
fn effect_name(effect: &Effect, of_process: bool) -> Option<String> {
    let (process, files) = match effect {
        Effect::Spawn(process) if process.epoch == 0 => ("spawn", ""),
        Effect::Spawn(_) => ("spawn the next epoch", ""),
        Effect::Signal { signal, .. } if *signal == Signal::TERM => ("SIGTERM", ""),
        Effect::Signal { .. } => ("SIGKILL", ""),
        Effect::Drain => ("drain", ""),
        Effect::ProtectFromOom { .. } => ("protect from OOM", ""),
        Effect::Exit(Ok(())) => ("exit", ""),
        Effect::Exit(Err(_)) => ("exit, failed", ""),
        Effect::Validate { .. } => ("", "validate"),
        Effect::ReplaceFiles(_) => ("", "replace files"),
        Effect::Phase(request) if request.writes.is_empty() => ("", "confirm"),
        Effect::Phase(_) => ("", "write"),
        Effect::CancelPhase => ("", "cancel phase"),
        Effect::RemoveOthers(_) => ("", "remove others"),
        Effect::Refresh { .. }
        | Effect::ScheduleRefresh(_)
        | Effect::Probe { .. }
        | Effect::InspectFolder
        | Effect::WatchSecrets(_) => ("", ""),
    };
    let text = if of_process { process } else { files };
    (!text.is_empty()).then(|| text.to_owned())
}

impl Explored {
    fn add(&mut self, transition: &Transition<'_>) {
        let (before, after) = (
            supervisor_of(transition.before),
            supervisor_of(transition.after),
        );
        add(&mut self.supervisor, transition, before, after, true);
        if !transition.before.state.stopping {
            let (before, after) = (rollout_of(transition.before), rollout_of(transition.after));
            add(&mut self.rollout, transition, before, after, false);
        }
    }
}

fn add(
    rows: &mut Rows,
    transition: &Transition<'_>,
    before: String,
    after: String,
    of_process: bool,
) {
    let effects = transition.effects.iter();
    let mut done: Vec<String> = effects
        .filter_map(|it| effect_name(it, of_process))
        .collect();
    done.dedup();
    let mut text = String::new();
    if before != after {
        text = after;
    }
    if !done.is_empty() {
        let _ = write!(text, " [{}]", done.join(", "));
    }
    let row = rows.entry(before).or_default();
    row.entry(transition.event)
        .or_default()
        .insert(text.trim_start().to_owned());
}

fn write_rows(page: &mut String, rows: &Rows) -> usize {
    let mut cells = 0;
    for (state, row) in rows {
        let _ = write!(page, "\n### {state}\n\n| event | then |\n|---|---|\n");
        let mut ignored = Vec::new();
        for (event, then) in row {
            cells += 1;
            if then.iter().all(String::is_empty) {
                ignored.push(*event);
                continue;
            }
            let then = then
                .iter()
                .map(|it| if it.is_empty() { "as before" } else { it });
            let then: Vec<&str> = then.collect();
            let _ = writeln!(page, "| {event} | {} |", then.join("<br>"));
        }
        if !ignored.is_empty() {
            let _ = write!(page, "\nNothing changes by: {}.\n", ignored.join(", "));
        }
    }
    cells
}

fn merged(rows: impl Fn(&Explored) -> &Rows) -> Rows {
    let mut all = Rows::new();
    for (state, row) in EXPLORED.iter().flat_map(rows) {
        for (event, then) in row {
            let transition = all.entry(state.clone()).or_default();
            transition
                .entry(event)
                .or_default()
                .extend(then.iter().cloned());
        }
    }
    all
}

/// The page `states.md` has every cell. One that changes is to be looked at there: the new page is left
/// in a file.
#[test]
fn the_page_of_states_is_what_the_steps_do() {
    let (supervisor, rollout) = (merged(|it| &it.supervisor), merged(|it| &it.rollout));
    let states: usize = EXPLORED.iter().map(|it| it.states).sum();
    let steps: usize = EXPLORED.iter().map(|it| it.steps).sum();
    let (mut supervisors, mut rollouts) = (String::new(), String::new());
    let cells = (
        write_rows(&mut supervisors, &supervisor),
        write_rows(&mut rollouts, &rollout),
    );
    let page = format!(
        "# The states of nightjar-standalone\n\n\
         What each event does in each state that can be reached, in all three restart modes: {} states \
         of the Envoy processes\nwith {} cells, and {} of the rollout with {}. They are seen in {states} states \
         of both together, by {steps} steps.\nA test beside `src/machine.rs` fails where this page and \
         the steps differ. Where more than one thing can follow, the\nother half of the state decides. \
         Effects stand in brackets. An event that cannot happen has no cell.\n\n\
         ## The Envoy processes\n{supervisors}\n## The rollout\n{rollouts}",
        supervisor.len(),
        cells.0,
        rollout.len(),
        cells.1
    );
    println!("{states} states, {steps} steps, {cells:?} cells");
    let written = include_str!("../../../states.md");
    if written != page {
        let seen = tempfile::Builder::new()
            .prefix("states-")
            .suffix(".md")
            .tempfile();
        let (_, path) = seen.unwrap().keep().unwrap();
        std::fs::write(&path, page).unwrap();
        panic!("states.md should be as {}", path.display());
    }
}

#[test]
fn no_transition_violates_an_invariant() {
    let violated: Vec<_> = EXPLORED.iter().flat_map(|it| &it.violated).collect();
    assert!(violated.is_empty(), "{violated:#?}");
}
