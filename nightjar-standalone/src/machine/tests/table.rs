//! The page `states.md`, and what holds in every cell.

use super::{
    laws,
    walk::{Cell, starts, walk},
    *,
};
use crate::machine::{life::tests as lives, rollout::tests as rollouts};
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
struct Walked {
    states: usize,
    steps: usize,
    life: Rows,
    rollout: Rows,
    /// Each law that is broken, with the cell that does it first.
    broken: BTreeMap<String, String>,
}

static WALKED: LazyLock<Vec<Walked>> = LazyLock::new(|| {
    let modes = [RestartMode::Hot, RestartMode::Cold, RestartMode::None];
    std::thread::scope(|scope| {
        let walks = modes.map(|mode| scope.spawn(move || walked(mode)));
        walks.map(|walk| walk.join().unwrap()).into()
    })
});

fn walked(mode: RestartMode) -> Walked {
    let mut walked = Walked::default();
    let states = walk(starts(mode), |cell| {
        walked.steps += 1;
        walked.add(cell);
        for law in laws::broken(cell) {
            let (life, rollout) = (life_of(cell.before), rollout_of(cell.before));
            let told = format!("{mode:?}: {life}; {rollout}: {}", cell.what);
            walked.broken.entry(law).or_insert(told);
        }
    });
    Walked { states, ..walked }
}

fn life_of(node: &walk::Node) -> String {
    let stopping = if node.state.stopping {
        ", stopping"
    } else {
        ""
    };
    format!("{}{stopping}", lives::name(&node.state.life))
}

fn rollout_of(node: &walk::Node) -> String {
    rollouts::name(&node.state.rollout)
}

/// What an effect is called, if it is one of a process, or else of files.
fn told(effect: &Effect, of_process: bool) -> Option<String> {
    let (process, files) = match effect {
        Effect::Spawn(process) if process.epoch == 0 => ("spawn", ""),
        Effect::Spawn(_) => ("spawn the next epoch", ""),
        Effect::Signal { signal, .. } if *signal == Signal::TERM => ("SIGTERM", ""),
        Effect::Signal { .. } => ("SIGKILL", ""),
        Effect::Drain => ("drain", ""),
        Effect::Keep { .. } => ("keep", ""),
        Effect::End(Ok(())) => ("exit", ""),
        Effect::End(Err(_)) => ("exit, failed", ""),
        Effect::Check(_) => ("", "check"),
        Effect::Replace(_) => ("", "replace"),
        Effect::Phase(order) if order.writes.is_empty() => ("", "confirm"),
        Effect::Phase(_) => ("", "write"),
        Effect::CancelPhase => ("", "cancel"),
        Effect::KeepOnly(_) => ("", "keep only these"),
        Effect::Refresh { .. }
        | Effect::Rest(_)
        | Effect::Probe { .. }
        | Effect::LookAtFolder
        | Effect::WatchSecrets(_) => ("", ""),
    };
    let text = if of_process { process } else { files };
    (!text.is_empty()).then(|| text.to_owned())
}

impl Walked {
    fn add(&mut self, cell: &Cell<'_>) {
        let (before, after) = (life_of(cell.before), life_of(cell.after));
        add(&mut self.life, cell, before, after, true);
        if !cell.before.state.stopping {
            let (before, after) = (rollout_of(cell.before), rollout_of(cell.after));
            add(&mut self.rollout, cell, before, after, false);
        }
    }
}

fn add(rows: &mut Rows, cell: &Cell<'_>, before: String, after: String, of_process: bool) {
    let effects = cell.effects.iter();
    let mut done: Vec<String> = effects.filter_map(|it| told(it, of_process)).collect();
    done.dedup();
    let mut text = String::new();
    if before != after {
        text = after;
    }
    if !done.is_empty() {
        let _ = write!(text, " [{}]", done.join(", "));
    }
    let row = rows.entry(before).or_default();
    row.entry(cell.what)
        .or_default()
        .insert(text.trim_start().to_owned());
}

fn write_rows(page: &mut String, rows: &Rows) -> usize {
    let mut cells = 0;
    for (state, row) in rows {
        let _ = write!(page, "\n### {state}\n\n| event | then |\n|---|---|\n");
        let mut ignored = Vec::new();
        for (what, then) in row {
            cells += 1;
            if then.iter().all(String::is_empty) {
                ignored.push(*what);
                continue;
            }
            let then = then
                .iter()
                .map(|it| if it.is_empty() { "as before" } else { it });
            let then: Vec<&str> = then.collect();
            let _ = writeln!(page, "| {what} | {} |", then.join("<br>"));
        }
        if !ignored.is_empty() {
            let _ = write!(page, "\nNothing changes by: {}.\n", ignored.join(", "));
        }
    }
    cells
}

fn merged(rows: impl Fn(&Walked) -> &Rows) -> Rows {
    let mut all = Rows::new();
    for (state, row) in WALKED.iter().flat_map(rows) {
        for (what, then) in row {
            let cell = all.entry(state.clone()).or_default();
            cell.entry(what).or_default().extend(then.iter().cloned());
        }
    }
    all
}

/// The page `states.md` has every cell. One that changes is to be looked at there: the new page is left
/// in a file.
#[test]
fn the_page_of_states_is_what_the_steps_do() {
    let (life, rollout) = (merged(|it| &it.life), merged(|it| &it.rollout));
    let states: usize = WALKED.iter().map(|it| it.states).sum();
    let steps: usize = WALKED.iter().map(|it| it.steps).sum();
    let (mut lives, mut rollouts) = (String::new(), String::new());
    let cells = (
        write_rows(&mut lives, &life),
        write_rows(&mut rollouts, &rollout),
    );
    let page = format!(
        "# The states of nightjar-standalone\n\n\
         What each event does in each state that can be reached, in all three restart modes: {} states \
         of Envoy's life\nwith {} cells, and {} of the rollout with {}. They are seen in {states} states \
         of both together, by {steps} steps.\nA test beside `src/machine.rs` fails where this page and \
         the steps differ. Where more than one thing can follow, the\nother half of the state decides. \
         What is to be done stands in brackets. An event that cannot be has no cell.\n\n\
         ## Envoy's life\n{lives}\n## The rollout\n{rollouts}",
        life.len(),
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
fn no_cell_breaks_a_law() {
    let broken: Vec<_> = WALKED.iter().flat_map(|it| &it.broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}
