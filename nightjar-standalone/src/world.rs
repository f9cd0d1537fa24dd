//! Carries effects out: processes, files, Envoy's admin interface, extensions, time.

use crate::{
    admin::Admin,
    config::Config,
    drain::drain,
    drive::World,
    files::Folder,
    launch::Launch,
    machine::{
        CheckFailure, Effect, Event, Exit, Generation, PhaseOrder, Probe,
        life::{PARENT_GRACE, Process as Started},
    },
    phase::{Complaint, Phases},
    preflight::{names_outside_file, port_taken, unfit},
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

/// The system, as far as a proxy has to do with it.
pub(crate) struct System {
    events: mpsc::UnboundedSender<Event>,
    shutdown: Shutdown,
    launch: Launch,
    envoy: EnvoyProgram,
    admin: Admin,
    admin_port: u16,
    /// Where requests come in.
    listen: SocketAddr,
    /// Whether Envoy's own check is asked.
    validate: bool,
    config_dir: String,
    temp_dir: PathBuf,
    folder: Arc<Mutex<Folder>>,
    phases: Arc<Phases>,
    complaint: Complaint,
    refresher: Arc<tokio::sync::Mutex<Refresher>>,
    processes: HashMap<Generation, Process>,
    phase: Option<JoinHandle<()>>,
    probe: Option<JoinHandle<()>>,
    rest: Option<JoinHandle<()>>,
    secrets: Option<JoinHandle<()>>,
    secrets_known: Arc<Mutex<secrets::Watch>>,
}

impl System {
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
        let folder = Arc::new(Mutex::new(folder));
        let complaint = Complaint::default();
        Self {
            events,
            shutdown,
            launch,
            envoy,
            admin: admin.clone(),
            admin_port: config.admin.1,
            listen: SocketAddr::new(config.proxy.listen_address, config.proxy.listen_port),
            validate: config.validate,
            config_dir: config.config_dir.to_string_lossy().into_owned(),
            refresher: Arc::new(tokio::sync::Mutex::new(Refresher::new(config, &temp_dir))),
            temp_dir,
            phases: Arc::new(Phases {
                admin,
                folder: Arc::clone(&folder),
                complaint: Arc::clone(&complaint),
                timeout: config.update_timeout,
            }),
            folder,
            complaint,
            processes: HashMap::new(),
            phase: None,
            probe: None,
            rest: None,
            secrets: None,
            secrets_known: Arc::default(),
        }
    }

    fn refresh(&self, accepted: Option<u64>) {
        let (refresher, shutdown) = (Arc::clone(&self.refresher), self.shutdown.clone());
        let events = self.events.clone();
        self.report(async move {
            let mut refresher = refresher.lock().await;
            let brought = refresher.refresh(accepted, &shutdown).await;
            if let Some(answer) = refresher.late_answer() {
                tokio::spawn(async move {
                    answer.await;
                    let _ = events.send(Event::RefreshDue);
                });
            }
            Event::Refreshed {
                result: brought.map_err(|error| error_chain(&error)),
                effort: Box::new(refresher.effort()),
            }
        });
    }

    /// Sends an event when it comes.
    fn report(&self, event: impl Future<Output = Event> + Send + 'static) -> JoinHandle<()> {
        let events = self.events.clone();
        tokio::spawn(async move {
            let event = event.await;
            let _ = events.send(event);
        })
    }

    fn check(&self, configuration: Configuration) {
        let (envoy, config_dir) = (self.envoy.clone(), self.config_dir.clone());
        let (temp_dir, admin_port) = (self.temp_dir.clone(), self.admin_port);
        let own: Vec<u32> = self.processes.values().filter_map(Process::id).collect();
        let (listen, validate) = (self.listen, self.validate);
        self.report(async move {
            let print = configuration.fingerprint();
            let taken = own.is_empty().then(|| port_taken(listen)).flatten();
            let taken = taken.map(CheckFailure::Failed);
            let failure = taken.or_else(|| unfit(&configuration, admin_port, &own));
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
                            CheckFailure::Failed(reason)
                        }
                        CheckError::Refused(_) => CheckFailure::Refused(error.to_string()),
                        other => CheckFailure::Failed(error_chain(&other)),
                    })
                }
            };
            Event::Checked { print, result }
        });
    }

    fn spawn(&mut self, started: Started) {
        let Started { generation, epoch } = started;
        *lock(&self.complaint) = None;
        let complaint = Arc::clone(&self.complaint);
        let last = Arc::clone(&self.complaint);
        let events = self.events.clone();
        let base_id = self.launch.base_id;
        let ended = move |status: ExitStatus| {
            let said = lock(&last).clone();
            let reason = status.to_string();
            if said.as_ref().is_some_and(|said| said.contains("--base-id")) {
                tracing::error!(
                    "another envoy on this host uses ENVOY_BASE_ID={base_id}\nhint: give each proxy its own"
                );
            }
            let by_signal = status.signal().is_some();
            let exit = Exit {
                reason,
                said,
                by_signal,
            };
            let _ = events.send(Event::Exited { generation, exit });
        };
        let spawned = Process::spawn(
            &self.launch,
            epoch,
            PARENT_GRACE,
            move |line| *lock(&complaint) = Some(line),
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

    fn drain(&self) {
        let (admin, patience) = (self.admin.clone(), self.launch.drain_time);
        self.report(async move {
            drain(&admin, patience).await;
            Event::Drained
        });
    }

    fn probe(&mut self, after: Duration) {
        let admin = self.admin.clone();
        let probe = self.report(async move {
            sleep(after).await;
            Event::Probed(match admin.server_info().await {
                Ok(info) => Probe::Answered {
                    live: info.is_live(),
                    state: info.state,
                    epoch: info.restart_epoch,
                    config_path: info.config_path,
                },
                Err(error) => Probe::Silent(error.to_string()),
            })
        });
        replace(&mut self.probe, Some(probe));
    }

    fn phase(&mut self, order: PhaseOrder) {
        let phases = Arc::clone(&self.phases);
        let phase = self.report(async move {
            let outcome = phases.run(&order).await;
            Event::Acked {
                id: order.id,
                outcome,
            }
        });
        replace(&mut self.phase, Some(phase));
    }

    fn watch_secrets(&mut self, wanted: Vec<Secret>) {
        let (admin, events) = (self.admin.clone(), self.events.clone());
        let watch = Arc::clone(&self.secrets_known);
        let is_wanted = !wanted.is_empty();
        lock(&watch).follow(wanted);
        let task = is_wanted.then(|| {
            tokio::spawn(secrets::watch(admin, watch, move |report| {
                let _ = events.send(Event::Secrets(report));
            }))
        });
        replace(&mut self.secrets, task);
    }

    fn rest(&mut self, pause: Duration) {
        let rest = self.report(async move {
            sleep_until(RefreshTimer::end_after(pause)).await;
            Event::RefreshDue
        });
        replace(&mut self.rest, Some(rest));
    }
}

impl World for System {
    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Refresh { accepted_templates } => self.refresh(accepted_templates),
            Effect::Rest(pause) => self.rest(pause),
            Effect::Check(configuration) => self.check(configuration),
            Effect::Spawn(process) => self.spawn(process),
            Effect::Signal { generation, signal } => {
                if let Some(process) = self.processes.get(&generation) {
                    process.signal(signal);
                }
            }
            Effect::Keep { generation } => {
                if let Some(process) = self.processes.get(&generation) {
                    process.keep();
                }
            }
            Effect::Drain => self.drain(),
            Effect::Probe { after } => self.probe(after),
            Effect::Replace(configuration) => {
                let result = lock(&self.folder).replace_all(&configuration);
                let result = result.map_err(|error| error.to_string());
                let _ = self.events.send(Event::Replaced(result));
            }
            Effect::Phase(order) => self.phase(*order),
            Effect::CancelPhase => replace(&mut self.phase, None),
            Effect::KeepOnly(configuration) => {
                if let Err(error) = lock(&self.folder).keep_only(&configuration) {
                    tracing::warn!("files that are no longer made are left: {error}");
                }
            }
            Effect::LookAtFolder => {
                let (missing, lost) = lock(&self.folder).changed_by_others();
                if lost || !missing.is_empty() {
                    let _ = self.events.send(Event::FolderLooked { missing, lost });
                }
            }
            Effect::WatchSecrets(secrets) => self.watch_secrets(secrets),
            // The loop ends with it.
            Effect::End(_) => {}
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
