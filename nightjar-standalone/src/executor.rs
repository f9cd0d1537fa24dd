//! Executor of effects on the system: processes, files, Envoy's admin interface, extensions, timers.

use crate::{
    admin::Admin,
    config::Config,
    drain::drain,
    event_loop::Executor,
    files::Folder,
    launch::Launch,
    machine::{
        Effect, Event, Generation, PhaseOutcome, PhaseRequest, Probe, ProcessExit, ValidationError,
        supervisor::{PARENT_GRACE, Process as EnvoyProcess},
    },
    phase::{LastError, Phases},
    preflight::{find_problem, names_outside_file, port_in_use, with_log_format},
    previous::Previous,
    process::Process,
    refresh::Refresher,
    secrets,
};
use nightjar_core::{
    daemon::RefreshTimer,
    envoy::{CheckError, Configuration, EnvoyProgram, Secret},
    report::error_chain,
    shutdown::Shutdown,
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, sleep_until},
};

/// Why a task has no result, if it panicked. What it said is on the standard error.
const INTERNAL_FAULT: &str =
    "a fault in nightjar itself, please report it; see `panicked at` in the log before";

/// Carries effects out on this system.
pub(crate) struct SystemExecutor {
    events: mpsc::UnboundedSender<Event>,
    shutdown: Shutdown,
    launch: Launch,
    envoy: EnvoyProgram,
    admin: Admin,
    admin_port: u16,
    /// The address that Envoy's main listener binds.
    listen: SocketAddr,
    /// Whether Envoy validates a configuration.
    validate: bool,
    /// A line of the access log, if the proxy has one of its own.
    log_format: Option<String>,
    config_dir: String,
    temp_dir: PathBuf,
    folder: Arc<Mutex<Folder>>,
    phases: Arc<Phases>,
    last_error: LastError,
    refresher: Arc<tokio::sync::Mutex<Refresher>>,
    processes: HashMap<Generation, Process>,
    phase: Option<JoinHandle<()>>,
    drain: Option<JoinHandle<()>>,
    probe: Option<JoinHandle<()>>,
    refresh_timer: Option<JoinHandle<()>>,
    secrets: Option<JoinHandle<()>>,
    secret_watch: Arc<Mutex<secrets::SecretWatch>>,
}

impl SystemExecutor {
    pub(crate) fn new(
        config: &Config,
        launch: Launch,
        envoy: EnvoyProgram,
        folder: Folder,
        temp_dir: PathBuf,
        shutdown: Shutdown,
        events: mpsc::UnboundedSender<Event>,
    ) -> Self {
        let admin = Admin::new(config.admin.0, config.admin.1);
        let previous = Previous::new(config.previous_dir.clone(), config.previous_keep);
        let previous = Arc::new(Mutex::new(previous));
        let folder = Arc::new(Mutex::new(folder.keeping(Arc::clone(&previous))));
        let refresher = Refresher::new(config, &temp_dir).keeping(previous);
        let last_error = LastError::default();
        Self {
            events,
            shutdown,
            launch,
            envoy,
            admin: admin.clone(),
            admin_port: config.admin.1,
            listen: SocketAddr::new(config.proxy.listen_address, config.proxy.listen_port),
            validate: config.validate,
            log_format: config.proxy.properties.get("access-log-format").cloned(),
            config_dir: config.config_dir.to_string_lossy().into_owned(),
            refresher: Arc::new(tokio::sync::Mutex::new(refresher)),
            temp_dir,
            phases: Arc::new(Phases {
                admin,
                folder: Arc::clone(&folder),
                last_error: Arc::clone(&last_error),
                timeout: config.update_timeout,
            }),
            folder,
            last_error,
            processes: HashMap::new(),
            phase: None,
            drain: None,
            probe: None,
            refresh_timer: None,
            secrets: None,
            secret_watch: Arc::default(),
        }
    }

    fn refresh(&self, accepted: Option<u64>) {
        let (refresher, shutdown) = (Arc::clone(&self.refresher), self.shutdown.clone());
        let events = self.events.clone();
        let if_panics = Event::Refreshed {
            result: Err(INTERNAL_FAULT.to_owned()),
            stats: Box::default(),
        };
        self.report(if_panics, async move {
            let mut refresher = refresher.lock().await;
            let result = refresher.refresh(accepted, &shutdown).await;
            if let Some(answer) = refresher.late_answer() {
                tokio::spawn(async move {
                    answer.await;
                    let _ = events.send(Event::RefreshDue);
                });
            }
            Event::Refreshed {
                result: result.map_err(|error| error_chain(&error)),
                stats: Box::new(refresher.stats()),
            }
        });
    }

    /// Sends the event of a task once it is there, or else this one: a fault of Nightjar's own must not leave it
    /// waiting for ever.
    fn report(
        &self,
        if_panics: Event,
        event: impl Future<Output = Event> + Send + 'static,
    ) -> JoinHandle<()> {
        report(self.events.clone(), if_panics, event)
    }

    fn validate(&self, configuration: Configuration, beside_own: bool) {
        let (envoy, config_dir) = (self.envoy.clone(), self.config_dir.clone());
        let (temp_dir, admin_port) = (self.temp_dir.clone(), self.admin_port);
        let own: Vec<u32> = self.processes.values().filter_map(Process::id).collect();
        let is_first = own.is_empty();
        // The process that takes over needs its instances while the one before still has its own.
        let reused = if beside_own { Vec::new() } else { own };
        let (listen, validate) = (self.listen, self.validate);
        let log_format = self.log_format.clone();
        let fingerprint = configuration.fingerprint();
        let if_panics = Event::Validated {
            fingerprint,
            result: Err(ValidationError::Unavailable(INTERNAL_FAULT.to_owned())),
        };
        self.report(if_panics, async move {
            let in_use = is_first.then(|| port_in_use(listen)).flatten();
            let in_use = in_use.map(ValidationError::Unavailable);
            let failure = in_use.or_else(|| find_problem(&configuration, admin_port, &reused));
            let result = match failure {
                Some(failure) => Err(failure),
                None if !validate => Ok(()),
                None => {
                    let checked = envoy.check(&configuration, &config_dir, &temp_dir).await;
                    checked.map_err(|error| match error {
                        // Certificates may come later than the proxy that shows them.
                        CheckError::Refused(reason)
                            if names_outside_file(&reason, &configuration, &config_dir) =>
                        {
                            ValidationError::Unavailable(reason)
                        }
                        CheckError::Refused(_) => ValidationError::Rejected(with_log_format(
                            error.to_string(),
                            log_format.as_ref(),
                        )),
                        other => ValidationError::Unavailable(error_chain(&other)),
                    })
                }
            };
            Event::Validated {
                fingerprint,
                result,
            }
        });
    }

    fn spawn(&mut self, process: EnvoyProcess) {
        let EnvoyProcess { generation, epoch } = process;
        // The next process answers at the same port.
        replace(&mut self.drain, None);
        *lock(&self.last_error) = None;
        let last_error = Arc::clone(&self.last_error);
        let last = Arc::clone(&self.last_error);
        let events = self.events.clone();
        let base_id = self.launch.base_id;
        let ended = move |status: ExitStatus| {
            let last_error = lock(&last).clone();
            let reason = status.to_string();
            if last_error
                .as_ref()
                .is_some_and(|last_error| last_error.contains("--base-id"))
            {
                tracing::error!(
                    "another envoy on this host uses ENVOY_BASE_ID={base_id}\nhint: give each proxy its own"
                );
            }
            let by_signal = status.signal().is_some();
            let exit = ProcessExit {
                reason,
                last_error,
                by_signal,
            };
            let _ = events.send(Event::Exited { generation, exit });
        };
        let spawned = Process::spawn(
            &self.launch,
            epoch,
            PARENT_GRACE,
            move |line| *lock(&last_error) = Some(line),
            ended,
        );
        match spawned {
            Ok(process) => drop(self.processes.insert(generation, process)),
            Err(error) => {
                let program = self.launch.program.display();
                let reason = format!("{program} cannot be started: {error}");
                let _ = self.events.send(Event::SpawnFailed { generation, reason });
            }
        }
        self.processes.retain(|_, process| process.id().is_some());
    }

    fn drain(&mut self) {
        let (admin, drain_time) = (self.admin.clone(), self.launch.drain_time);
        let drain = self.report(Event::Drained, async move {
            drain(&admin, drain_time).await;
            Event::Drained
        });
        replace(&mut self.drain, Some(drain));
    }

    fn probe(&mut self, after: Duration) {
        let admin = self.admin.clone();
        let if_panics = Event::Probed(Probe::NoAnswer(INTERNAL_FAULT.to_owned()));
        let probe = self.report(if_panics, async move {
            sleep(after).await;
            Event::Probed(match admin.server_info().await {
                Ok(info) => Probe::Answered {
                    live: info.is_live(),
                    state: info.state,
                    epoch: info.restart_epoch,
                    config_path: info.config_path,
                },
                Err(error) => Probe::NoAnswer(error.to_string()),
            })
        });
        replace(&mut self.probe, Some(probe));
    }

    fn phase(&mut self, request: PhaseRequest) {
        let phases = Arc::clone(&self.phases);
        let if_panics = Event::PhaseEnded {
            id: request.id,
            outcome: PhaseOutcome::TimedOut {
                reason: INTERNAL_FAULT.to_owned(),
            },
        };
        let phase = self.report(if_panics, async move {
            let outcome = phases.run(&request).await;
            Event::PhaseEnded {
                id: request.id,
                outcome,
            }
        });
        replace(&mut self.phase, Some(phase));
    }

    fn watch_secrets(&mut self, wanted: Vec<Secret>) {
        let (admin, events) = (self.admin.clone(), self.events.clone());
        let watch = Arc::clone(&self.secret_watch);
        let is_wanted = !wanted.is_empty();
        lock(&watch).follow(wanted);
        let task = is_wanted.then(|| {
            tokio::spawn(secrets::watch(admin, watch, move |report| {
                let _ = events.send(Event::Secrets(report));
            }))
        });
        replace(&mut self.secrets, task);
    }

    fn schedule_refresh(&mut self, pause: Duration) {
        let refresh_timer = self.report(Event::RefreshDue, async move {
            sleep_until(RefreshTimer::end_after(pause)).await;
            Event::RefreshDue
        });
        replace(&mut self.refresh_timer, Some(refresh_timer));
    }
}

impl Executor for SystemExecutor {
    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Refresh { accepted_templates } => self.refresh(accepted_templates),
            Effect::ScheduleRefresh(pause) => self.schedule_refresh(pause),
            Effect::Validate {
                configuration,
                beside_own,
            } => self.validate(configuration, beside_own),
            Effect::Spawn(process) => self.spawn(process),
            Effect::Signal { generation, signal } => {
                if let Some(process) = self.processes.get(&generation) {
                    process.signal(signal);
                }
            }
            Effect::ProtectFromOom { generation } => {
                if let Some(process) = self.processes.get(&generation) {
                    process.protect_from_oom();
                }
            }
            Effect::Drain => self.drain(),
            Effect::Probe { after } => self.probe(after),
            Effect::ReplaceFiles(configuration) => {
                let result = lock(&self.folder).replace_all(&configuration);
                let result = result.map_err(|error| error.to_string());
                let _ = self.events.send(Event::FilesReplaced(result));
            }
            Effect::Phase(request) => self.phase(*request),
            Effect::CancelPhase => replace(&mut self.phase, None),
            Effect::RemoveOthers(configuration) => {
                if let Err(error) = lock(&self.folder).remove_others(&configuration) {
                    tracing::warn!("files that are no longer generated cannot be removed: {error}");
                }
            }
            Effect::InspectFolder => {
                let (missing, lost) = lock(&self.folder).changed_by_others();
                if lost || !missing.is_empty() {
                    let _ = self.events.send(Event::FolderInspected { missing, lost });
                }
            }
            Effect::WatchSecrets(secrets) => self.watch_secrets(secrets),
            // The loop ends with it.
            Effect::Exit(_) => {}
        }
    }
}

/// See [`SystemExecutor::report`].
fn report(
    events: mpsc::UnboundedSender<Event>,
    if_panics: Event,
    event: impl Future<Output = Event> + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let if_panics = IfPanics {
            events: events.clone(),
            event: Some(if_panics),
        };
        let event = event.await;
        drop(if_panics);
        let _ = events.send(event);
    })
}

/// Sends an event if it is dropped by a panic.
struct IfPanics {
    events: mpsc::UnboundedSender<Event>,
    event: Option<Event>,
}

impl Drop for IfPanics {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(event) = self.event.take()
        {
            let _ = self.events.send(event);
        }
    }
}

fn replace(task: &mut Option<JoinHandle<()>>, by: Option<JoinHandle<()>>) {
    if let Some(before) = std::mem::replace(task, by) {
        before.abort();
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
