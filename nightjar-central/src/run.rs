//! The program's main loop: refresh, wait; until it is told to stop.

use crate::{
    config::Config,
    extensions::Extensions,
    instance_dir::InstanceDir,
    publish::{Action, Effects, Event, Phase, RefreshResult, State, step},
    status::Status,
};
use anyhow::{Result, bail};
use nightjar_core::{
    daemon::{Now, ReadyFile, RefreshTimer, TempDir, Trigger},
    env::EXIT_CONFIGURATION,
    extension::RetryPolicy,
    report::error_chain,
    shutdown::Shutdown,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// One refresh. `Err` is any failure of it.
pub(crate) async fn once(config: Config) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    let temp_dir = TempDir::open(&config.daemon)?;
    let mut publisher = Publisher {
        extensions: Extensions::new(&config, temp_dir.path(), &shutdown),
        status: Status::default(),
        file: None,
    };
    match publisher.refresh(Event::Interval).await {
        Some(RefreshResult::Published) => tracing::info!("the new map is published"),
        Some(RefreshResult::Unchanged) => tracing::info!("the published map is up to date"),
        Some(RefreshResult::EmptyMapPending) => bail!(
            "the map has no endpoints, and a single refresh is not enough to confirm that; it was not \
             published\n\
             hint: if the mesh is empty, set NJ_EMPTY_MAP_GRACE to 1"
        ),
        Some(RefreshResult::Failed(reason)) => bail!(reason),
        None => match shutdown.reason() {
            Some(reason) => bail!("nothing was published: {reason}"),
            None => bail!("nothing was published"),
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs until told to stop. `Err` means that the orchestrator had better replace this.
pub(crate) async fn until_stopped(config: Config) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    if let Some(reason) = shutdown.reason() {
        tracing::info!("stopping: {reason}");
        return Ok(ExitCode::SUCCESS);
    }
    match Program::new(config, shutdown).await {
        Ok(program) => program.run().await,
        Err(error) => {
            // Nothing runs yet, so the set-up is at fault.
            tracing::error!("{}", error_chain(error.as_ref()));
            Ok(ExitCode::from(EXIT_CONFIGURATION))
        }
    }
}

/// Carries out the actions of each step.
struct Publisher {
    extensions: Extensions,
    status: Status,
    /// Where `--check-ready` looks.
    file: Option<ReadyFile>,
}

impl Publisher {
    /// One refresh, which this event begins; `None` if a stop came instead of its end.
    async fn refresh(&mut self, mut event: Event) -> Option<RefreshResult> {
        loop {
            event = match self.step(event) {
                Action::FetchStored => {
                    let is_for_commit =
                        |state: &State| matches!(state.phase(), Phase::Comparing(_));
                    self.extensions
                        .fetch_stored(self.status.with(is_for_commit))
                        .await
                }
                Action::Discover {
                    store_has_endpoints,
                } => self.extensions.discover(store_has_endpoints).await,
                Action::Commit { map, previous } => {
                    self.extensions.commit(&map, previous.as_deref()).await
                }
                Action::Wait(result) => return Some(result),
                Action::Exit(result) => return result,
                Action::None => return None,
            };
            let runs = self.extensions.runs();
            self.status.update(|state| state.note_runs(runs));
        }
    }

    fn step(&self, event: Event) -> Action {
        take_step(&self.status, self.file.as_ref(), event)
    }
}

/// Takes a step, logs what there is to log, and publishes the readiness.
fn take_step(status: &Status, file: Option<&ReadyFile>, event: Event) -> Action {
    let Effects { log, next } = status.update(|state| {
        let (new, effects) = step(std::mem::take(state), event, Now::read());
        *state = new;
        effects
    });
    for note in log {
        tracing::info!("{note}");
    }
    if let Some(file) = file {
        status.publish(file);
    }
    next
}

struct Program {
    config: Config,
    _temp_dir: TempDir,
    publisher: Publisher,
    instance_dir: Option<InstanceDir>,
    shutdown: Shutdown,
}

impl Program {
    /// Sets everything up that can fail before the first refresh.
    async fn new(config: Config, shutdown: Shutdown) -> Result<Self> {
        tracing::info!(
            "nightjar-central {} runs discovery with {} and publishes with {}",
            env!("CARGO_PKG_VERSION"),
            config.daemon.discovery_map.name(),
            config.data_store.name()
        );
        let temp_dir = TempDir::open(&config.daemon)?;
        let status = Status::default();
        if let Some(address) = config.daemon.status {
            status.serve(address).await?;
        }
        let instance_dir = instance_dir(&config);
        Ok(Self {
            publisher: Publisher {
                extensions: Extensions::new(&config, temp_dir.path(), &shutdown),
                status,
                file: instance_dir.as_ref().map(|dir| dir.file().clone()),
            },
            _temp_dir: temp_dir,
            instance_dir,
            config,
            shutdown,
        })
    }

    async fn run(mut self) -> Result<ExitCode> {
        let file = self.publisher.file.clone();
        let status = self.publisher.status.clone();
        let heartbeat = file
            .clone()
            .map(|file| tokio::spawn(status.heartbeat(file)));
        let announcement = tokio::spawn(announce_stop(
            self.shutdown.clone(),
            self.publisher.status.clone(),
            file,
        ));
        let result = self.refresh_until_stopped().await;
        announcement.abort();
        if let Some(reason) = self.shutdown.reason() {
            tracing::info!("stopping: {reason}");
        }
        self.publisher.step(Event::Shutdown);
        // Or it would write into a folder that is being removed.
        if let Some(heartbeat) = heartbeat {
            heartbeat.abort();
        }
        drop(self.instance_dir);
        result.map(|()| ExitCode::SUCCESS)
    }

    async fn refresh_until_stopped(&mut self) -> Result<()> {
        let mut timer = RefreshTimer::new(&self.shutdown);
        let mut event = Event::Interval;
        loop {
            // A stop does not end this at once: a commit that has begun may end.
            self.refresh(event).await?;
            if self.shutdown.is_requested() {
                return Ok(());
            }
            let pause = self.pause();
            let end = RefreshTimer::end_after(pause);
            self.publisher.step(Event::Scheduled(end.into_std()));
            if self.has_failed() {
                RefreshTimer::log_next(pause);
            }
            event = match timer.wait(end).await {
                Ok(Trigger::Interval) => Event::Interval,
                Ok(Trigger::Sighup) => Event::Sighup,
                Err(_) => return Ok(()),
            };
        }
    }

    /// One refresh, with its log lines.
    async fn refresh(&mut self, event: Event) -> Result<()> {
        let retry = RetryPolicy::default();
        self.publisher
            .extensions
            .set_retry(if self.has_published() {
                retry
            } else {
                retry.no_longer_than(self.config.daemon.refresh_time)
            });
        let began = Instant::now();
        match self.publisher.refresh(event).await {
            Some(RefreshResult::Published) => {
                let took = began.elapsed().as_secs_f64();
                tracing::info!("a new map is published, after {took:.3} s");
            }
            Some(RefreshResult::Failed(reason)) => {
                tracing::error!("refresh failed: {reason}");
                if self.config.daemon.exit_on_failure {
                    bail!("a refresh failed, and EXIT_ON_GENERATION_FAILURE is set");
                }
            }
            Some(RefreshResult::Unchanged | RefreshResult::EmptyMapPending) | None => {}
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        let failures = self
            .publisher
            .status
            .with(|state| state.progress().failures());
        let pauses = self.config.daemon.pauses();
        pauses.after(failures, self.has_published())
    }

    fn has_failed(&self) -> bool {
        let status = &self.publisher.status;
        status.with(|state| state.progress().failed.is_some())
    }

    fn has_published(&self) -> bool {
        let status = &self.publisher.status;
        status.with(State::has_published)
    }
}

/// A folder for the ready file. Without one, only `--check-ready` suffers.
fn instance_dir(config: &Config) -> Option<InstanceDir> {
    match InstanceDir::take(&config.instance_dirs) {
        Ok(Some(dir)) => Some(dir),
        Ok(None) => {
            tracing::warn!(
                "--check-ready will not see this instance: too many instances share its settings"
            );
            None
        }
        Err(error) => {
            let dirs = config.instance_dirs.display();
            tracing::warn!("--check-ready will not see this instance: {dirs}-*: {error}");
            None
        }
    }
}

/// Makes the program unready when its stop begins, and not when it ends.
async fn announce_stop(shutdown: Shutdown, status: Status, file: Option<ReadyFile>) {
    shutdown.wait().await;
    take_step(&status, file.as_ref(), Event::Shutdown);
}

#[cfg(test)]
mod tests;
