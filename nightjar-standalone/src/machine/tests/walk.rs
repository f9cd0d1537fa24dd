//! Every state that can be reached by a small alphabet of events.

use super::*;
use crate::machine::{Generation, life::tests as lives, rollout::tests as rollouts};
use std::collections::{BTreeSet, VecDeque};
use tokio::time::Instant;

/// A state at a moment, with the processes that have not ended.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) state: State,
    pub(super) now: Instant,
    pub(super) alive: BTreeSet<Generation>,
    /// What is in force or is meant to be, without its clusters' ports.
    mesh: Mesh,
    pub(super) is_over: bool,
}

/// One step of a walk.
pub(super) struct Cell<'a> {
    pub(super) before: &'a Node,
    pub(super) what: &'static str,
    pub(super) after: &'a Node,
    pub(super) effects: &'a [Effect],
}

impl Node {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            state: State::new(rules),
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
                Effect::End(_) => after.is_over = true,
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
        let life = &self.state.life;
        let life = format!(
            "{} {} {}",
            lives::name(life),
            lives::details(life),
            self.is_over
        );
        if self.state.stopping {
            return format!("{life} stopping");
        }
        format!(
            "{life} {} {} {:?}",
            rollouts::name(&self.state.rollout),
            rollouts::details(&self.state.rollout),
            self.state.refreshing == Refreshing::Resting,
        )
    }

    /// The meshes that a refresh may bring: what they change of the one before.
    fn refreshes(&self) -> Vec<(&'static str, Mesh)> {
        let mesh = &self.mesh;
        let cluster = if mesh.clusters.contains_key("a") {
            "b"
        } else {
            "a"
        };
        vec![
            (
                "refreshed: clusters",
                Mesh {
                    node: mesh.node,
                    layout: mesh.layout,
                    ..Mesh::of(&[cluster])
                },
            ),
            ("refreshed: bootstrap", mesh.clone().node(1 - mesh.node)),
            (
                "refreshed: layout",
                Mesh {
                    layout: 1 - mesh.layout,
                    ..mesh.clone()
                },
            ),
        ]
    }

    /// Every event that can be now.
    fn events(&self) -> Vec<(&'static str, Duration, Event, Option<Mesh>)> {
        let state = &self.state;
        let mut events = vec![
            ("refresh due", Event::RefreshDue),
            ("stop", Event::Stop("told to".to_owned())),
        ];
        if state.refreshing != Refreshing::Resting {
            let failed = Err("no map".to_owned());
            events.push(("refreshed: failed", refreshed(failed)));
            let same = Ok(Refreshed::default());
            events.push(("refreshed: nothing new", refreshed(same)));
        }
        if let Some(print) = rollouts::check(&state.rollout) {
            for (what, result) in [
                ("check passed", Ok(())),
                ("check refused", Err(CheckFailure::Refused("no".to_owned()))),
                ("check failed", Err(CheckFailure::Failed("no".to_owned()))),
            ] {
                events.push((what, Event::Checked { print, result }));
            }
        }
        if let Some(id) = rollouts::phase(&state.rollout) {
            for (what, outcome) in outcomes() {
                events.push((what, Event::Acked { id, outcome }));
            }
        }
        if rollouts::replaces(&state.rollout) {
            events.push(("replaced", Event::Replaced(Ok(()))));
            events.push(("not replaced", Event::Replaced(Err("full".to_owned()))));
        }
        let looked = |lost| Event::FolderLooked {
            missing: vec!["cds.json".to_owned()],
            lost,
        };
        events.push(("a file is gone", looked(false)));
        events.push(("the folder is gone", looked(true)));
        let mut told = BTreeSet::new();
        for (who, generation) in lives::processes(&state.life) {
            if told.insert(who) {
                events.extend(exits(who, generation));
            }
        }
        if matches!(state.life.stage(), life::Stage::Ending { .. }) {
            events.push(("drained", Event::Drained));
        }
        let mut events: Vec<_> = events
            .into_iter()
            .map(|(what, event)| (what, Duration::ZERO, event, None))
            .collect();
        if state.refreshing != Refreshing::Resting {
            for (what, mesh) in self.refreshes() {
                let brought = Refreshed {
                    candidate: Some(candidate(&mesh, 1)),
                    ..Refreshed::default()
                };
                let event = refreshed(Ok(brought));
                events.push((what, Duration::ZERO, event, Some(mesh)));
            }
        }
        if let Some(at) = state.deadline(self.now) {
            let after = at.saturating_duration_since(self.now);
            events.push(("time is over", after, Event::Tick, None));
        }
        events.extend(self.probes());
        events
    }

    fn probes(&self) -> Vec<(&'static str, Duration, Event, Option<Mesh>)> {
        let Some(epoch) = lives::epoch(&self.state.life) else {
            return Vec::new();
        };
        let answer = |epoch: u32, live| {
            Event::Probed(Probe::Answered {
                live,
                state: String::new(),
                epoch: u64::from(epoch),
                config_path: BOOTSTRAP_PATH.to_owned(),
            })
        };
        let silent = || Event::Probed(Probe::Silent("no answer".to_owned()));
        vec![
            ("answered", Duration::ZERO, answer(epoch, true), None),
            ("silent", Duration::ZERO, silent(), None),
            ("silent for long", seconds(16), silent(), None),
        ]
    }
}

fn outcomes() -> Vec<(&'static str, Acked)> {
    let counters = crate::ack::Counters::default;
    let unbound = |unbound| Acked::Accepted {
        counters: counters(),
        unbound: Some(unbound),
        given_up: 0,
    };
    let closed = Unbound {
        listener: "side".to_owned(),
        port: Some(LISTEN_PORT + 1),
        reason: "in use".to_owned(),
    };
    let reason = || "no".to_owned();
    vec![
        ("accepted", unbound(Vec::new())),
        ("accepted, a listener is closed", unbound(vec![closed])),
        (
            "rejected",
            Acked::Rejected {
                reason: reason(),
                counters: counters(),
            },
        ),
        ("timed out", Acked::TimedOut { reason: reason() }),
        (
            "not written",
            Acked::NotWritten {
                reason: reason(),
                partly: false,
            },
        ),
        (
            "partly written",
            Acked::NotWritten {
                reason: reason(),
                partly: true,
            },
        ),
    ]
}

fn exits(who: &'static str, generation: Generation) -> Vec<(&'static str, Event)> {
    let exited = |by_signal| Event::Exited {
        generation,
        exit: Exit {
            reason: "exit status: 1".to_owned(),
            said: None,
            by_signal,
        },
    };
    match who {
        "starting" => vec![
            ("starting one exited", exited(false)),
            (
                "not started",
                Event::SpawnFailed {
                    generation,
                    reason: "no program".to_owned(),
                },
            ),
        ],
        "live" => vec![("live one exited", exited(false))],
        "old" => vec![("old one exited", exited(false))],
        "new" => vec![
            ("new one exited", exited(false)),
            ("new one killed", exited(true)),
        ],
        "ending" => vec![("ending one exited", exited(false))],
        "parent" => vec![("parent exited", exited(false))],
        _ => vec![("killed one exited", exited(true))],
    }
}

/// Every state that can be reached, and every step from it. Gives how many states there are.
pub(super) fn walk(starts: Vec<Node>, mut each: impl FnMut(&Cell<'_>)) -> usize {
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from(starts);
    while let Some(node) = waiting.pop_front() {
        if !seen.insert(node.key()) || node.is_over {
            continue;
        }
        for (what, after, event, mesh) in node.events() {
            let (mut next, effects) = node.step(node.now + after, event);
            if let Some(mesh) = mesh {
                next.mesh = mesh;
            }
            each(&Cell {
                before: &node,
                what,
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
    let fresh = Node::new(rules(restart_mode));
    let mut failed = fresh.clone();
    let brought = Refreshed {
        candidate: Some(candidate(&fresh.mesh, 1)),
        ..Refreshed::default()
    };
    let print = fresh.mesh.read().fingerprint();
    for event in [
        Event::RefreshDue,
        refreshed(Ok(brought)),
        Event::Checked {
            print,
            result: Ok(()),
        },
        Event::Replaced(Ok(())),
    ] {
        failed = failed.step(failed.now, event).0;
    }
    for _ in 0..9 {
        let (who, generation) = lives::processes(&failed.state.life)[0];
        let (_, exited) = exits(who, generation).remove(0);
        failed = failed.step(failed.now, exited).0;
        failed = failed.step(failed.now, Event::Replaced(Ok(()))).0;
        let at = failed.state.deadline(failed.now).unwrap();
        failed = failed.step(at, Event::Tick).0;
    }
    vec![fresh, failed]
}
