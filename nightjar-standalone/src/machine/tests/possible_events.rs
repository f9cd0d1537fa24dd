//! Events that can happen in a state.

use super::{explore::Node, *};
use crate::machine::{Generation, rollout::tests as rollouts, supervisor::tests as supervisors};
use std::collections::BTreeSet;

impl Node {
    /// The meshes that a refresh may bring: what they change of the one before.
    fn refreshes(&self) -> Vec<(&'static str, Mesh)> {
        let mesh = &self.mesh;
        // Envoy may hold requests to one of both back.
        let (cluster, delay) = if mesh.clusters.contains_key("a") {
            ("b", 1)
        } else {
            ("a", 0)
        };
        vec![
            (
                "refreshed: clusters",
                Mesh {
                    node: mesh.node,
                    layout: mesh.layout,
                    delay,
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
    pub(super) fn events(&self) -> Vec<(&'static str, Duration, Event, Option<Mesh>)> {
        let state = &self.state;
        let mut events = vec![
            ("refresh due", Event::RefreshDue),
            ("stop", Event::Stop("requested".to_owned())),
        ];
        if state.refresh_state != RefreshState::Idle {
            let failed = Err("no map".to_owned());
            events.push(("refreshed: failed", refreshed(failed)));
            let same = Ok(Refreshed::default());
            events.push(("refreshed: nothing new", refreshed(same)));
        }
        if let Some(fingerprint) = rollouts::validation(&state.rollout) {
            for (event, result) in [
                ("validation passed", Ok(())),
                (
                    "validation rejected",
                    Err(ValidationError::Rejected("no".to_owned())),
                ),
                (
                    "validation unavailable",
                    Err(ValidationError::Unavailable("no".to_owned())),
                ),
            ] {
                events.push((
                    event,
                    Event::Validated {
                        fingerprint,
                        result,
                    },
                ));
            }
        }
        if let Some(id) = rollouts::phase(&state.rollout) {
            for (event, outcome) in outcomes() {
                events.push((event, Event::PhaseEnded { id, outcome }));
            }
        }
        if rollouts::replaces(&state.rollout) {
            events.push(("files replaced", Event::FilesReplaced(Ok(()))));
            events.push((
                "files not replaced",
                Event::FilesReplaced(Err("full".to_owned())),
            ));
        }
        let looked = |lost| Event::FolderInspected {
            missing: vec!["cds.json".to_owned()],
            lost,
        };
        events.push(("a file is gone", looked(false)));
        events.push(("the folder is gone", looked(true)));
        let mut seen_roles = BTreeSet::new();
        for (role, generation) in supervisors::processes(&state.supervisor) {
            if seen_roles.insert(role) {
                events.extend(exits(role, generation));
            }
        }
        if matches!(state.supervisor.stage(), supervisor::Stage::Ending { .. }) {
            events.push(("drained", Event::Drained));
        }
        let mut events: Vec<_> = events
            .into_iter()
            .map(|(name, event)| (name, Duration::ZERO, event, None))
            .collect();
        if state.refresh_state != RefreshState::Idle {
            for (name, mesh) in self.refreshes() {
                let refreshed_files = Refreshed {
                    candidate: Some(candidate(&mesh, 1)),
                    ..Refreshed::default()
                };
                let event = refreshed(Ok(refreshed_files));
                events.push((name, Duration::ZERO, event, Some(mesh)));
            }
        }
        if let Some(at) = state.deadline(self.now) {
            let after = at.saturating_duration_since(self.now);
            events.push(("deadline passed", after, Event::DeadlinePassed, None));
        }
        events.extend(self.probes());
        events
    }

    fn probes(&self) -> Vec<(&'static str, Duration, Event, Option<Mesh>)> {
        let Some(epoch) = supervisors::epoch(&self.state.supervisor) else {
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
        let no_answer = || Event::Probed(Probe::NoAnswer("no answer".to_owned()));
        vec![
            ("answered", Duration::ZERO, answer(epoch, true), None),
            ("no answer", Duration::ZERO, no_answer(), None),
            ("no answer for long", seconds(16), no_answer(), None),
        ]
    }
}

fn outcomes() -> Vec<(&'static str, PhaseOutcome)> {
    let counters = crate::ack::Counters::default;
    let unbound = |unbound| PhaseOutcome::Accepted {
        counters: counters(),
        unbound: Some(unbound),
        warming_tolerated: 0,
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
            PhaseOutcome::Rejected {
                reason: reason(),
                counters: counters(),
            },
        ),
        ("timed out", PhaseOutcome::TimedOut { reason: reason() }),
        (
            "not written",
            PhaseOutcome::NotWritten {
                reason: reason(),
                partly: false,
            },
        ),
        (
            "partly written",
            PhaseOutcome::NotWritten {
                reason: reason(),
                partly: true,
            },
        ),
    ]
}

pub(super) fn exits(role: &'static str, generation: Generation) -> Vec<(&'static str, Event)> {
    let exited = |by_signal| Event::Exited {
        generation,
        exit: ProcessExit {
            reason: "exit status: 1".to_owned(),
            last_error: None,
            by_signal,
        },
    };
    match role {
        "starting" => vec![
            ("starting process exited", exited(false)),
            (
                "not started",
                Event::SpawnFailed {
                    generation,
                    reason: "no program".to_owned(),
                },
            ),
        ],
        "live" => vec![("live process exited", exited(false))],
        "old" => vec![("old process exited", exited(false))],
        "new" => vec![
            ("new process exited", exited(false)),
            ("new process killed", exited(true)),
        ],
        "ending" => vec![("ending process exited", exited(false))],
        "parent" => vec![("parent exited", exited(false))],
        _ => vec![("killed process exited", exited(true))],
    }
}
