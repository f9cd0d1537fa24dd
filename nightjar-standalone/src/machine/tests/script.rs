//! Script of a story: the Envoy processes, the folder and the mesh that the state works with.

use super::*;
use crate::{
    machine::Generation,
    sample::{names, routed},
};
use nightjar_core::envoy::{Configuration, File, FileRole};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::mpsc;

/// How long Envoy takes for a phase.
pub(super) const ACK: Duration = Duration::from_millis(5);

/// What becomes of a process that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Serves,
    /// It never serves.
    Hangs,
    Exits,
    Killed,
}

pub(super) struct Envoy {
    pub(super) epoch: u32,
    pub(super) serves: bool,
    /// What it has of each file that it watches.
    pub(super) has: BTreeMap<String, u64>,
}

/// What happens to the effects of the state. A story changes it.
pub(super) struct Script {
    pub(super) mesh: Result<Mesh, String>,
    pub(super) templates: u64,
    pub(super) fallback: Option<Mesh>,
    pub(super) refreshed: Refreshed,
    pub(super) fetch_time: Duration,
    pub(super) validation: Result<(), ValidationError>,
    pub(super) starts: VecDeque<Start>,
    /// The live Envoy refuses a file of this name that has this text in it.
    pub(super) refuses: Option<(&'static str, &'static str)>,
    pub(super) unbound: Vec<Unbound>,
    pub(super) does_not_answer: bool,
    pub(super) ignores_sigterm: bool,
    pub(super) parents_stay: bool,
    pub(super) is_full: bool,
    /// How long draining takes.
    pub(super) drain_time: Duration,
    pub(super) ack: Duration,
    /// How long a phase asks Envoy before it writes.
    pub(super) prepares: Duration,
    pub(super) missing: Vec<String>,
    pub(super) lost: bool,
    pub(super) log: Vec<String>,
    pub(super) processes: BTreeMap<Generation, Envoy>,
    pub(super) disk: BTreeMap<String, Arc<File>>,
    pub(super) given: Option<u64>,
    pub(super) status: ProxyStatus,
}

#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Script>>);

impl Shared {
    pub(super) fn new(script: Script) -> Self {
        Self(Arc::new(Mutex::new(script)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

pub(super) fn end(
    shared: &Shared,
    events: &mpsc::UnboundedSender<Event>,
    generation: Generation,
    by_signal: bool,
) {
    if shared.lock().processes.remove(&generation).is_some() {
        let reason = if by_signal {
            "signal: 9"
        } else {
            "exit status: 1"
        };
        let _ = events.send(Event::Exited {
            generation,
            exit: ProcessExit {
                reason: reason.to_owned(),
                last_error: None,
                by_signal,
            },
        });
    }
}

impl Script {
    /// One in which everything works.
    pub(super) fn new(mesh: Mesh, status: ProxyStatus) -> Self {
        Self {
            mesh: Ok(mesh),
            templates: 1,
            fallback: None,
            refreshed: Refreshed::default(),
            fetch_time: ACK,
            validation: Ok(()),
            starts: VecDeque::new(),
            refuses: None,
            unbound: Vec::new(),
            does_not_answer: false,
            ignores_sigterm: false,
            parents_stay: false,
            is_full: false,
            drain_time: seconds(3),
            ack: ACK,
            prepares: Duration::ZERO,
            missing: Vec::new(),
            lost: false,
            log: Vec::new(),
            processes: BTreeMap::new(),
            disk: BTreeMap::new(),
            given: None,
            status,
        }
    }

    /// The process that answers: the newest that serves.
    pub(super) fn serving(&self) -> Option<Generation> {
        let mut serving = self.processes.iter().rev().filter(|(_, it)| it.serves);
        serving.next().map(|(generation, _)| *generation)
    }

    /// The mesh's `node` in the bootstrap on the disk.
    pub(super) fn node(&self) -> u16 {
        let text = self.disk["envoy.json"].text();
        let bootstrap: serde_json::Value = serde_json::from_str(text).unwrap();
        let id = bootstrap["node"]["id"].as_str().unwrap();
        id.trim_start_matches("node-").parse().unwrap()
    }

    /// The clusters that the routes on the disk lead to.
    pub(super) fn routes(&self) -> Vec<String> {
        let files = self.disk.values();
        let routes = files.filter(|file| matches!(file.role(), Some(FileRole::Routes(_))));
        routes.flat_map(|file| routed(file)).collect()
    }

    pub(super) fn log(&mut self, text: impl Into<String>) {
        self.log.push(text.into());
    }

    pub(super) fn refreshed(&mut self) -> Result<Refreshed, String> {
        let mesh = self.mesh.clone()?;
        let fallback = self.fallback.clone().map(|mesh| {
            Box::new(Candidate {
                is_fallback: true,
                ..candidate(&mesh, 1)
            })
        });
        let candidate = Candidate {
            fallback,
            ..candidate(&mesh, self.templates)
        };
        let is_new = self.given.replace(candidate.fingerprint()) != Some(candidate.fingerprint());
        Ok(Refreshed {
            candidate: is_new.then_some(candidate),
            ..self.refreshed.clone()
        })
    }

    pub(super) fn replace(&mut self, configuration: &Configuration) -> Result<(), String> {
        if self.is_full {
            return Err("no space left on device".to_owned());
        }
        self.lost = false;
        let files = configuration.iter();
        self.disk = files
            .map(|file| (file.name().to_owned(), Arc::clone(file)))
            .collect();
        Ok(())
    }

    /// Envoy reads what is written, at once, and has it unless it refuses.
    pub(super) fn publish(&mut self, file: &Arc<File>) {
        self.disk.insert(file.name().to_owned(), Arc::clone(file));
        self.assert_routes_lead_to_clusters();
        if self.is_refused(file).is_none() {
            for envoy in self.processes.values_mut() {
                envoy.has.insert(file.name().to_owned(), file.hash());
            }
        }
    }

    fn is_refused(&self, file: &File) -> Option<String> {
        let (name, text) = self.refuses?;
        (file.name() == name && file.text().contains(text))
            .then(|| format!("envoy refused {name}: it has {text}"))
    }

    /// No route that a listener on the disk names leads to a cluster that is not there.
    fn assert_routes_lead_to_clusters(&self) {
        let of = |wanted: fn(&FileRole) -> bool| {
            let files = self.disk.values();
            files.filter(move |file| file.role().is_some_and(wanted))
        };
        let clusters: Vec<String> = of(|role| *role == FileRole::Clusters)
            .flat_map(|file| names(file))
            .collect();
        let is_named = |file: &&Arc<File>| {
            let mut listeners = of(|role| *role == FileRole::Listeners);
            listeners.any(|listeners| listeners.text().contains(file.name()))
        };
        for file in of(|role| matches!(role, FileRole::Routes(_))).filter(is_named) {
            for cluster in routed(file) {
                assert!(
                    clusters.contains(&cluster),
                    "{} leads to {cluster}",
                    file.name()
                );
            }
        }
    }

    /// How a phase ends; `None` if no Envoy answers.
    pub(super) fn outcome(&self, request: &PhaseRequest) -> Option<PhaseOutcome> {
        let envoy = &self.processes[&self.serving()?];
        if self.does_not_answer {
            return None;
        }
        let has = |file: &&Arc<File>| envoy.has.get(file.name()) == Some(&file.hash());
        if let Some(file) = request.awaited.iter().find(|file| !has(file)) {
            let reason = self.is_refused(file);
            return Some(PhaseOutcome::Rejected {
                reason: reason.unwrap_or_else(|| format!("envoy has another {}", file.name())),
                counters: Arc::default(),
            });
        }
        let mut awaited = request.awaited.iter();
        let listeners = awaited.any(|file| file.role() == Some(&FileRole::Listeners));
        Some(PhaseOutcome::Accepted {
            counters: Arc::default(),
            unbound: listeners.then(|| self.unbound.clone()),
            warming_tolerated: 0,
        })
    }
}
