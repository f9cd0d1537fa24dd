//! Executor that follows a script in place of the system.

use super::{
    script::{self, ACK, Envoy, Shared, Start},
    *,
};
use crate::{event_loop::Executor, machine::Generation};
use nightjar_core::envoy::{Configuration, File};
use rustix::process::Signal;
use std::sync::Arc;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// How long a call of the admin interface waits for an answer.
const NO_ANSWER_DELAY: Duration = Duration::from_secs(2);

pub(super) struct ScriptedExecutor {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    phase: Option<JoinHandle<()>>,
    probe: Option<JoinHandle<()>>,
    refresh_timer: Option<JoinHandle<()>>,
}

impl ScriptedExecutor {
    pub(super) fn new(shared: Shared, events: mpsc::UnboundedSender<Event>) -> Self {
        Self {
            shared,
            events,
            phase: None,
            probe: None,
            refresh_timer: None,
        }
    }

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

    fn spawn(&mut self, process: supervisor::Process) {
        let supervisor::Process { generation, epoch } = process;
        let mut script = self.shared.lock();
        let alive = script.processes.len();
        assert!(epoch > 0 || alive == 0, "started beside {alive} others");
        script.log(format!("spawn {epoch}"));
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
            Start::Exits => script::end(shared, events, generation, false),
            Start::Killed => script::end(shared, events, generation, true),
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
        script.log(format!("{name} {generation}"));
        let ends = !is_term || !script.ignores_sigterm;
        drop(script);
        if ends {
            self.after(ACK, move |shared, events| {
                script::end(shared, events, generation, !is_term);
            });
        }
    }

    /// The new process serves, and the old one ends once it has drained.
    fn protect_from_oom(&mut self, generation: Generation) {
        let mut script = self.shared.lock();
        script.log(format!("protect {generation}"));
        let stay = script.parents_stay;
        let all = script.processes.keys();
        let old: Vec<Generation> = all.copied().filter(|it| *it < generation).collect();
        drop(script);
        for old in old.into_iter().filter(|_| !stay) {
            self.after(seconds(21), move |shared, events| {
                script::end(shared, events, old, false);
            });
        }
    }

    fn phase(&mut self, request: PhaseRequest) {
        let mut script = self.shared.lock();
        let names: Vec<&str> = request.writes.iter().map(|file| file.name()).collect();
        script.log(match names.as_slice() {
            [] => "confirm".to_owned(),
            names => format!("write {}", names.join(" ")),
        });
        assert!(script.serving().is_some(), "nobody could take it");
        let (time, prepares, is_full) = (script.ack, script.prepares, script.is_full);
        drop(script);
        let (shared, events) = (self.shared.clone(), self.events.clone());
        let phase = tokio::spawn(async move {
            let mut outcome = None;
            if is_full && !request.writes.is_empty() {
                outcome = Some(PhaseOutcome::NotWritten {
                    reason: "no space left on device".to_owned(),
                    partly: false,
                });
            } else {
                if !request.writes.is_empty() && !prepares.is_zero() {
                    sleep(prepares).await;
                }
                for file in &request.writes {
                    shared.lock().publish(file);
                }
                sleep(time).await;
                outcome = outcome.or_else(|| shared.lock().outcome(&request));
            }
            if outcome.is_none() {
                sleep(seconds(10)).await;
            }
            let outcome = outcome.unwrap_or_else(|| PhaseOutcome::TimedOut {
                reason: "envoy did not report".to_owned(),
            });
            let id = request.id;
            let _ = events.send(Event::PhaseEnded { id, outcome });
        });
        replace(&mut self.phase, Some(phase));
    }

    fn probe(&mut self, after: Duration) {
        let (shared, events) = (self.shared.clone(), self.events.clone());
        let probe = tokio::spawn(async move {
            sleep(after).await;
            let (serving, does_not_answer) = {
                let script = shared.lock();
                let serving = script.serving().map(|it| script.processes[&it].epoch);
                (serving, script.does_not_answer)
            };
            if does_not_answer {
                sleep(NO_ANSWER_DELAY).await;
            }
            let probe = match serving.filter(|_| !does_not_answer) {
                Some(epoch) => Probe::Answered {
                    live: true,
                    state: "LIVE".to_owned(),
                    epoch: u64::from(epoch),
                    config_path: BOOTSTRAP_PATH.to_owned(),
                },
                None => Probe::NoAnswer("no answer".to_owned()),
            };
            let _ = events.send(Event::Probed(probe));
        });
        replace(&mut self.probe, Some(probe));
    }

    fn validate(&mut self, configuration: &Configuration) {
        let fingerprint = configuration.fingerprint();
        let result = self.shared.lock().validation.clone();
        self.after(ACK, move |_, events| {
            let _ = events.send(Event::Validated {
                fingerprint,
                result,
            });
        });
    }

    fn inspect_folder(&mut self) {
        let mut script = self.shared.lock();
        let (missing, lost) = (std::mem::take(&mut script.missing), script.lost);
        if lost || !missing.is_empty() {
            let _ = self.events.send(Event::FolderInspected { missing, lost });
        }
    }
}

impl Executor for ScriptedExecutor {
    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Refresh { .. } => {
                let time = self.shared.lock().fetch_time;
                self.shared.lock().log("refresh");
                self.after(time, |shared, events| {
                    let refreshed = shared.lock().refreshed();
                    let _ = events.send(super::refreshed(refreshed));
                });
            }
            Effect::ScheduleRefresh(pause) => {
                let refresh_timer = self.after(pause, |_, events| {
                    let _ = events.send(Event::RefreshDue);
                });
                replace(&mut self.refresh_timer, Some(refresh_timer));
            }
            Effect::Validate { configuration, .. } => {
                self.shared.lock().log("validate");
                self.validate(&configuration);
            }
            Effect::Spawn(process) => self.spawn(process),
            Effect::Signal { generation, signal } => self.signal(generation, signal),
            Effect::Drain => {
                self.shared.lock().log("drain");
                let time = self.shared.lock().drain_time;
                self.after(time, |_, events| {
                    let _ = events.send(Event::Drained);
                });
            }
            Effect::ProtectFromOom { generation } => self.protect_from_oom(generation),
            Effect::Probe { after } => self.probe(after),
            Effect::ReplaceFiles(configuration) => {
                let mut script = self.shared.lock();
                script.log("replace");
                let result = script.replace(&configuration);
                let _ = self.events.send(Event::FilesReplaced(result));
            }
            Effect::Phase(request) => self.phase(*request),
            Effect::CancelPhase => {
                self.shared.lock().log("cancel");
                replace(&mut self.phase, None);
            }
            Effect::RemoveOthers(configuration) => {
                let keep = |name: &String, _: &mut Arc<File>| configuration.get(name).is_some();
                self.shared.lock().disk.retain(keep);
            }
            Effect::InspectFolder => self.inspect_folder(),
            Effect::WatchSecrets(_) | Effect::Exit(_) => {}
        }
    }
}

fn replace(task: &mut Option<JoinHandle<()>>, by: Option<JoinHandle<()>>) {
    if let Some(before) = std::mem::replace(task, by) {
        before.abort();
    }
}
