//! Exploration of every state that a small set of events can reach.

use super::{possible_events::exits, *};
use crate::machine::{Generation, rollout::tests as rollouts, supervisor::tests as supervisors};
use std::collections::{BTreeSet, VecDeque};
use tokio::time::Instant;

/// A state at a moment, with the processes that have not ended.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) state: State,
    pub(super) now: Instant,
    pub(super) alive: BTreeSet<Generation>,
    /// The mesh that the last refresh brought.
    pub(super) mesh: Mesh,
    pub(super) is_over: bool,
}

/// One step from a state to the next.
pub(super) struct Transition<'a> {
    pub(super) before: &'a Node,
    pub(super) event: &'static str,
    pub(super) after: &'a Node,
    pub(super) effects: &'a [Effect],
}

impl Node {
    pub(super) fn new(options: Options) -> Self {
        Self {
            state: State::new(options),
            now: Instant::now(),
            alive: BTreeSet::new(),
            mesh: Mesh::of(&["a"]),
            is_over: false,
        }
    }

    pub(super) fn step(&self, at: Instant, event: Event) -> (Self, Vec<Effect>) {
        let mut after = self.clone();
        after.now = at;
        if let Event::Exited { generation, .. } | Event::SpawnFailed { generation, .. } = &event {
            after.alive.remove(generation);
        }
        let (state, effects) = self.state.clone().step(at, event);
        after.state = state;
        for effect in &effects {
            match effect {
                Effect::Spawn(process) => drop(after.alive.insert(process.generation)),
                Effect::Exit(_) => after.is_over = true,
                _ => {}
            }
        }
        (after, effects)
    }

    pub(super) fn exited(&self, generation: Generation) -> Self {
        let (_, exited) = exits("killed", generation).remove(0);
        self.step(self.now, exited).0
    }

    /// What counts as the same state. A program that stops does nothing with files any more.
    fn key(&self) -> String {
        let supervisor = &self.state.supervisor;
        let supervisor = format!(
            "{} {} {}",
            supervisors::name(supervisor),
            supervisors::details(supervisor),
            self.is_over
        );
        if self.state.stopping {
            return format!("{supervisor} stopping");
        }
        format!(
            "{supervisor} {} {} {:?}",
            rollouts::name(&self.state.rollout),
            rollouts::details(&self.state.rollout),
            self.state.refresh_state == RefreshState::Idle,
        )
    }
}

/// Every state that can be reached, and every step from it. Gives how many states there are.
pub(super) fn explore(starts: Vec<Node>, mut each: impl FnMut(&Transition<'_>)) -> usize {
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from(starts);
    while let Some(node) = waiting.pop_front() {
        if !seen.insert(node.key()) || node.is_over {
            continue;
        }
        for (name, after, event, mesh) in node.events() {
            let (mut next, effects) = node.step(node.now + after, event);
            if let Some(mesh) = mesh {
                next.mesh = mesh;
            }
            each(&Transition {
                before: &node,
                event: name,
                after: &next,
                effects: &effects,
            });
            waiting.push_back(next);
        }
    }
    seen.len()
}

/// A fresh state, and one that has failed so often that the next failure is the last.
pub(super) fn starts(restart_mode: RestartMode) -> Vec<Node> {
    let fresh = Node::new(options(restart_mode));
    let mut failed = fresh.clone();
    let refreshed_files = Refreshed {
        candidate: Some(candidate(&fresh.mesh, 1)),
        ..Refreshed::default()
    };
    let fingerprint = fresh.mesh.read().fingerprint();
    for event in [
        Event::RefreshDue,
        refreshed(Ok(refreshed_files)),
        Event::Validated {
            fingerprint,
            result: Ok(()),
        },
        Event::FilesReplaced(Ok(())),
    ] {
        failed = failed.step(failed.now, event).0;
    }
    for _ in 0..9 {
        let (role, generation) = supervisors::processes(&failed.state.supervisor)[0];
        let (_, exited) = exits(role, generation).remove(0);
        failed = failed.step(failed.now, exited).0;
        failed = failed.step(failed.now, Event::FilesReplaced(Ok(()))).0;
        let at = failed.state.deadline(failed.now).unwrap();
        failed = failed.step(at, Event::DeadlinePassed).0;
    }
    vec![fresh, failed]
}
