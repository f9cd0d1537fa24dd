//! A scripted world: an Envoy, a folder, a mesh and time that only passes when nothing else happens.

use super::*;
use crate::{
    drive::{World, drive},
    machine::Generation,
    sample::{names, routed},
};
use nightjar_core::{
    daemon::{MetricsPage, StatusReport as _},
    envoy::{Configuration, File, FileRole},
};
use rustix::process::Signal;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// How long Envoy takes for a phase.
const ACK: Duration = Duration::from_millis(5);
/// How long a call of the admin interface waits for an answer.
const SILENCE: Duration = Duration::from_secs(2);

/// What becomes of a process that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Serves,
    /// It never serves.
    Hangs,
    Exits,
    Killed,
}

struct Envoy {
    epoch: u32,
    serves: bool,
    /// What it has of each file that it watches.
    has: BTreeMap<String, u64>,
}

/// What the world is like. A story changes it.
pub(super) struct Script {
    pub(super) mesh: Result<Mesh, String>,
    pub(super) templates: u64,
    pub(super) fallback: Option<Mesh>,
    pub(super) refreshed: Refreshed,
    pub(super) fetch_time: Duration,
    pub(super) check: Result<(), CheckFailure>,
    pub(super) starts: VecDeque<Start>,
    /// The live Envoy refuses a file of this name that has this text in it.
    pub(super) refuses: Option<(&'static str, &'static str)>,
    pub(super) unbound: Vec<Unbound>,
    pub(super) is_silent: bool,
    pub(super) ignores_sigterm: bool,
    pub(super) parents_stay: bool,
    pub(super) is_full: bool,
    /// How long an order to drain takes.
    pub(super) drains: Duration,
    pub(super) ack: Duration,
    /// How long a phase asks Envoy before it writes.
    pub(super) prepares: Duration,
    pub(super) missing: Vec<String>,
    pub(super) lost: bool,
    told: Vec<String>,
    processes: BTreeMap<Generation, Envoy>,
    disk: BTreeMap<String, Arc<File>>,
    given: Option<u64>,
    facts: Facts,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Script>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

struct Scripted {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    phase: Option<JoinHandle<()>>,
    probe: Option<JoinHandle<()>>,
    rest: Option<JoinHandle<()>>,
}

/// A program that runs in a scripted world.
pub(super) struct Story {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    program: JoinHandle<Result<(), String>>,
}

impl Story {
    pub(super) fn new(rules: Rules, mesh: Mesh) -> Self {
        let (events, received) = mpsc::unbounded_channel();
        let state = State::new(rules);
        let shared = Shared(Arc::new(Mutex::new(Script {
            mesh: Ok(mesh),
            templates: 1,
            fallback: None,
            refreshed: Refreshed::default(),
            fetch_time: ACK,
            check: Ok(()),
            starts: VecDeque::new(),
            refuses: None,
            unbound: Vec::new(),
            is_silent: false,
            ignores_sigterm: false,
            parents_stay: false,
            is_full: false,
            drains: seconds(3),
            ack: ACK,
            prepares: Duration::ZERO,
            missing: Vec::new(),
            lost: false,
            told: Vec::new(),
            processes: BTreeMap::new(),
            disk: BTreeMap::new(),
            given: None,
            facts: state.facts(),
        })));
        let mut world = Scripted {
            shared: shared.clone(),
            events: events.clone(),
            phase: None,
            probe: None,
            rest: None,
        };
        let told = shared.clone();
        let program = tokio::spawn(async move {
            drive(state, received, &mut world, |state| {
                told.lock().facts = state.facts();
            })
            .await
        });
        let story = Self {
            shared,
            events,
            program,
        };
        story.send(Event::RefreshDue);
        story
    }

    /// One that serves, with hot restarts.
    pub(super) async fn begun(mesh: Mesh) -> Self {
        let story = Self::new(rules(RestartMode::Hot), mesh);
        story.settled().await;
        story
    }

    pub(super) fn send(&self, event: Event) {
        self.events.send(event).unwrap();
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.lock()
    }

    /// Lets what is under way be done, and forgets how.
    pub(super) async fn settled(&self) {
        sleep(seconds(1)).await;
        self.took();
    }

    /// The mesh changes and is looked at.
    pub(super) async fn change(&self, mesh: Mesh) {
        self.script().mesh = Ok(mesh);
        self.refresh().await;
    }

    pub(super) async fn refresh(&self) {
        self.send(Event::RefreshDue);
        sleep(seconds(1)).await;
    }

    /// The Envoy that serves ends.
    pub(super) fn die(&self) {
        let generation = self.script().serving().unwrap();
        self.end(generation, false);
    }

    /// Lets a process serve that has not come to that yet.
    pub(super) fn serve(&self, generation: Generation) {
        let mut script = self.script();
        script.processes.get_mut(&generation).unwrap().serves = true;
    }

    pub(super) fn end(&self, generation: Generation, by_signal: bool) {
        end(&self.shared, &self.events, generation, by_signal);
    }

    pub(super) fn stop(&self) {
        self.send(Event::Stop("told to".to_owned()));
    }

    /// What was to be done since this was asked last; without probes and rests.
    pub(super) fn took(&self) -> Vec<String> {
        std::mem::take(&mut self.script().told)
    }

    /// What the outside reads, but for times.
    pub(super) fn ready(&self) -> String {
        let readiness = self.script().facts.readiness();
        let lines = readiness.text.lines();
        let lines: Vec<&str> = lines
            .filter(|line| !line.starts_with("next refresh"))
            .collect();
        assert_eq!(readiness.ready, lines[0] == "ready");
        lines.join("\n")
    }

    pub(super) fn metric(&self, name: &str) -> f64 {
        let mut page = MetricsPage::default();
        self.script().facts.metrics(&mut page);
        let text = page.into_text();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let line = lines.find(|line| {
            line.split_once(' ')
                .is_some_and(|(own, _)| own.ends_with(name))
        });
        let (_, value) = line.expect(&text).rsplit_once(' ').unwrap();
        value.parse().unwrap()
    }

    pub(super) fn is_over(&self) -> bool {
        self.program.is_finished()
    }

    /// How the program ended, within this time.
    pub(super) async fn ended(self, within: Duration) -> Result<(), String> {
        let ended = tokio::time::timeout(within, self.program).await;
        let running = self.shared.lock().processes.len();
        let ended = ended.expect("it goes on").unwrap();
        assert_eq!(running, 0, "left behind");
        ended
    }
}

fn end(
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
            exit: Exit {
                reason: reason.to_owned(),
                said: None,
                by_signal,
            },
        });
    }
}

impl Script {
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

    fn tell(&mut self, text: impl Into<String>) {
        self.told.push(text.into());
    }

    fn refreshed(&mut self) -> Result<Refreshed, String> {
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
        let is_new = self.given.replace(candidate.print()) != Some(candidate.print());
        Ok(Refreshed {
            candidate: is_new.then_some(candidate),
            ..self.refreshed.clone()
        })
    }

    fn replace(&mut self, configuration: &Configuration) -> Result<(), String> {
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
    fn publish(&mut self, file: &Arc<File>) {
        self.disk.insert(file.name().to_owned(), Arc::clone(file));
        self.leads_nowhere();
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

    /// No route on the disk leads to a cluster that is not there.
    fn leads_nowhere(&self) {
        let of = |wanted: fn(&FileRole) -> bool| {
            let files = self.disk.values();
            files.filter(move |file| file.role().is_some_and(wanted))
        };
        let clusters: Vec<String> = of(|role| *role == FileRole::Clusters)
            .flat_map(|file| names(file))
            .collect();
        for file in of(|role| matches!(role, FileRole::Routes(_))) {
            for cluster in routed(file) {
                assert!(
                    clusters.contains(&cluster),
                    "{} leads to {cluster}",
                    file.name()
                );
            }
        }
    }

    /// How a phase ends; `None` if nobody answers.
    fn outcome(&self, order: &PhaseOrder) -> Option<Acked> {
        let envoy = &self.processes[&self.serving()?];
        if self.is_silent {
            return None;
        }
        let has = |file: &&Arc<File>| envoy.has.get(file.name()) == Some(&file.hash());
        if let Some(file) = order.awaited.iter().find(|file| !has(file)) {
            let reason = self.is_refused(file);
            return Some(Acked::Rejected {
                reason: reason.unwrap_or_else(|| format!("envoy has another {}", file.name())),
                counters: Arc::default(),
            });
        }
        let mut awaited = order.awaited.iter();
        let listeners = awaited.any(|file| file.role() == Some(&FileRole::Listeners));
        Some(Acked::Accepted {
            counters: Arc::default(),
            unbound: listeners.then(|| self.unbound.clone()),
            given_up: 0,
        })
    }
}

impl Scripted {
    fn after(
        &self,
        time: Duration,
        report: impl FnOnce(&Shared, &mpsc::UnboundedSender<Event>) + Send + 'static,
    ) -> JoinHandle<()> {
        let (shared, events) = (self.shared.clone(), self.events.clone());
        tokio::spawn(async move {
            sleep(time).await;
            report(&shared, &events);
        })
    }

    fn spawn(&mut self, process: life::Process) {
        let life::Process { generation, epoch } = process;
        let mut script = self.shared.lock();
        let alive = script.processes.len();
        assert!(epoch > 0 || alive == 0, "started beside {alive} others");
        script.tell(format!("spawn {epoch}"));
        let has = script
            .disk
            .values()
            .map(|it| (it.name().to_owned(), it.hash()));
        let envoy = Envoy {
            epoch,
            serves: false,
            has: has.collect(),
        };
        script.processes.insert(generation, envoy);
        let start = script.starts.pop_front().unwrap_or(Start::Serves);
        drop(script);
        self.after(ACK * 20, move |shared, events| match start {
            Start::Exits => end(shared, events, generation, false),
            Start::Killed => end(shared, events, generation, true),
            Start::Hangs => {}
            Start::Serves => {
                if let Some(envoy) = shared.lock().processes.get_mut(&generation) {
                    envoy.serves = true;
                }
            }
        });
    }

    fn signal(&mut self, generation: Generation, signal: Signal) {
        let mut script = self.shared.lock();
        let is_term = signal == Signal::TERM;
        let name = if is_term { "SIGTERM" } else { "SIGKILL" };
        script.tell(format!("{name} {generation}"));
        let ends = !is_term || !script.ignores_sigterm;
        drop(script);
        if ends {
            self.after(ACK, move |shared, events| {
                end(shared, events, generation, !is_term);
            });
        }
    }

    /// The new process serves, and the old one ends once it has drained.
    fn keep(&mut self, generation: Generation) {
        let mut script = self.shared.lock();
        script.tell(format!("keep {generation}"));
        let stay = script.parents_stay;
        let all = script.processes.keys();
        let old: Vec<Generation> = all.copied().filter(|it| *it < generation).collect();
        drop(script);
        for old in old.into_iter().filter(|_| !stay) {
            self.after(seconds(21), move |shared, events| {
                end(shared, events, old, false);
            });
        }
    }

    fn phase(&mut self, order: PhaseOrder) {
        let mut script = self.shared.lock();
        let names: Vec<&str> = order.writes.iter().map(|file| file.name()).collect();
        script.tell(match names.as_slice() {
            [] => "confirm".to_owned(),
            names => format!("write {}", names.join(" ")),
        });
        assert!(script.serving().is_some(), "nobody could take it");
        let (time, prepares, is_full) = (script.ack, script.prepares, script.is_full);
        drop(script);
        let (shared, events) = (self.shared.clone(), self.events.clone());
        let phase = tokio::spawn(async move {
            let mut outcome = None;
            if is_full && !order.writes.is_empty() {
                outcome = Some(Acked::NotWritten {
                    reason: "no space left on device".to_owned(),
                    partly: false,
                });
            } else {
                if !order.writes.is_empty() && !prepares.is_zero() {
                    sleep(prepares).await;
                }
                for file in &order.writes {
                    shared.lock().publish(file);
                }
                sleep(time).await;
                outcome = outcome.or_else(|| shared.lock().outcome(&order));
            }
            if outcome.is_none() {
                sleep(seconds(10)).await;
            }
            let outcome = outcome.unwrap_or_else(|| Acked::TimedOut {
                reason: "envoy did not say".to_owned(),
            });
            let id = order.id;
            let _ = events.send(Event::Acked { id, outcome });
        });
        replace(&mut self.phase, Some(phase));
    }

    fn probe(&mut self, after: Duration) {
        let (shared, events) = (self.shared.clone(), self.events.clone());
        let probe = tokio::spawn(async move {
            sleep(after).await;
            let (serving, is_silent) = {
                let script = shared.lock();
                let serving = script.serving().map(|it| script.processes[&it].epoch);
                (serving, script.is_silent)
            };
            if is_silent {
                sleep(SILENCE).await;
            }
            let probe = match serving.filter(|_| !is_silent) {
                Some(epoch) => Probe::Answered {
                    live: true,
                    state: "LIVE".to_owned(),
                    epoch: u64::from(epoch),
                    config_path: BOOTSTRAP_PATH.to_owned(),
                },
                None => Probe::Silent("no answer".to_owned()),
            };
            let _ = events.send(Event::Probed(probe));
        });
        replace(&mut self.probe, Some(probe));
    }

    fn check(&mut self, configuration: &Configuration) {
        let print = configuration.fingerprint();
        let result = self.shared.lock().check.clone();
        self.after(ACK, move |_, events| {
            let _ = events.send(Event::Checked { print, result });
        });
    }

    fn look(&mut self) {
        let mut script = self.shared.lock();
        let (missing, lost) = (std::mem::take(&mut script.missing), script.lost);
        if lost || !missing.is_empty() {
            let _ = self.events.send(Event::FolderLooked { missing, lost });
        }
    }
}

impl World for Scripted {
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Refresh { .. } => {
                let time = self.shared.lock().fetch_time;
                self.shared.lock().tell("refresh");
                self.after(time, |shared, events| {
                    let refreshed = shared.lock().refreshed();
                    let _ = events.send(super::refreshed(refreshed));
                });
            }
            Effect::Rest(pause) => {
                let rest = self.after(pause, |_, events| {
                    let _ = events.send(Event::RefreshDue);
                });
                replace(&mut self.rest, Some(rest));
            }
            Effect::Check(configuration) => {
                self.shared.lock().tell("check");
                self.check(&configuration);
            }
            Effect::Spawn(process) => self.spawn(process),
            Effect::Signal { generation, signal } => self.signal(generation, signal),
            Effect::Drain => {
                self.shared.lock().tell("drain");
                let time = self.shared.lock().drains;
                self.after(time, |_, events| {
                    let _ = events.send(Event::Drained);
                });
            }
            Effect::Keep { generation } => self.keep(generation),
            Effect::Probe { after } => self.probe(after),
            Effect::Replace(configuration) => {
                let mut script = self.shared.lock();
                script.tell("replace");
                let result = script.replace(&configuration);
                let _ = self.events.send(Event::Replaced(result));
            }
            Effect::Phase(order) => self.phase(*order),
            Effect::CancelPhase => {
                self.shared.lock().tell("cancel");
                replace(&mut self.phase, None);
            }
            Effect::KeepOnly(configuration) => {
                let keep = |name: &String, _: &mut Arc<File>| configuration.get(name).is_some();
                self.shared.lock().disk.retain(keep);
            }
            Effect::LookAtFolder => self.look(),
            Effect::WatchSecrets(_) | Effect::End(_) => {}
        }
    }
}

fn replace(task: &mut Option<JoinHandle<()>>, by: Option<JoinHandle<()>>) {
    if let Some(before) = std::mem::replace(task, by) {
        before.abort();
    }
}
