//! The program's main loop: refresh, roll out, wait; until it is told to stop.

use crate::{
    admin::Admin,
    config::Config,
    envoy::{State, Supervisor},
    files::{Folder, Staged},
    follow::follow,
    plan::{Configuration, Write, fingerprint},
    refresh::Refresher,
    rollout::{Rollout, RolloutError},
    status::{Facts, Served, Status},
};
use anyhow::{Context as _, Result, bail};
use nightjar_core::{
    daemon::{Outcome, Pace, TempDir, in_full, word::Place},
    envoy::{CheckError, EnvoyProgram, Files, Layout},
    shutdown::Shutdown,
};
use std::time::Duration;
use tokio::time::Instant;

/// One refresh that ends with files instead of a running Envoy.
pub(crate) struct OneShot {
    pub(crate) config: Config,
    pub(crate) shutdown: Shutdown,
}

impl OneShot {
    /// What a sidecar would run, checked as it would be.
    pub(crate) async fn candidate(&self, temp_dir: &TempDir) -> Result<Files> {
        let mut refresher = Refresher::new(&self.config, temp_dir.path());
        let Some(files) = refresher.refresh(&self.shutdown).await? else {
            bail!("the refresh gave no files");
        };
        let layout = understand(&self.config, &files)?;
        let program = self.config.launch.as_ref().map(|launch| EnvoyProgram {
            path: launch.program.clone(),
            extra_args: launch.extra_args.clone(),
        });
        match program {
            Some(program) if self.config.validate => {
                let config_dir = self.config.config_dir.to_string_lossy();
                program
                    .check(&layout, &files, &config_dir, temp_dir.path())
                    .await?;
            }
            Some(_) => {}
            None => tracing::warn!("there is no envoy on PATH, so the files are not validated"),
        }
        Ok(files)
    }
}

fn understand(config: &Config, files: &Files) -> Result<Layout> {
    let config_dir = config.config_dir.to_string_lossy();
    Ok(Layout::read(files, &config.bootstrap, &config_dir)?)
}

/// The running program.
pub(crate) struct Program {
    config: Config,
    temp_dir: TempDir,
    folder: Folder,
    refresher: Refresher,
    envoy: EnvoyProgram,
    admin: Admin,
    supervisor: Supervisor,
    status: Status,
    /// Where `--check-ready` looks.
    place: Place,
    shutdown: Shutdown,
    /// What Envoy has accepted.
    live: Option<Configuration>,
    /// The set of files that was refused last.
    refused: Option<u64>,
    /// The set of files that Envoy died of, or only with.
    suspect: Option<u64>,
    /// The start, by its number, of which it is known that Envoy took its files.
    confirmed: u64,
}

impl Program {
    /// Sets everything up that can fail before the first refresh.
    pub(crate) async fn new(config: Config, shutdown: Shutdown) -> Result<Self> {
        let Some(launch) = config.launch.clone() else {
            bail!("there is no envoy to run")
        };
        let envoy = EnvoyProgram {
            path: launch.program.clone(),
            extra_args: launch.extra_args.clone(),
        };
        let version = envoy.version().await.context("ENVOY_EXEC")?;
        tracing::info!(
            "nightjar {} runs envoy {version}",
            env!("CARGO_PKG_VERSION")
        );
        crate::inotify::warn_if_short();
        let folder = Folder::open(&config.config_dir).context("ENVOY_CONFIGURATION_DIR")?;
        let temp_dir = TempDir::open(&config.daemon)?;
        let status = Status::default();
        let place = Place::within(&config.config_dir);
        status.leave_word(&place);
        if let Some(address) = config.daemon.status {
            status.serve(address).await?;
        }
        let admin = Admin::new(config.admin.0, config.admin.1);
        Ok(Self {
            refresher: Refresher::new(&config, temp_dir.path()),
            supervisor: Supervisor::new(launch, admin.clone()),
            config,
            temp_dir,
            folder,
            envoy,
            admin,
            status,
            place,
            shutdown,
            live: None,
            refused: None,
            suspect: None,
            confirmed: 0,
        })
    }

    /// Runs until told to stop. `Err` means that the orchestrator had better replace this.
    pub(crate) async fn run(mut self) -> Result<()> {
        let watcher = tokio::spawn(follow(
            self.supervisor.clone(),
            self.admin.clone(),
            self.status.clone(),
            self.place.clone(),
        ));
        let result = self.refresh_until_stopped().await;
        self.status.change(|facts| facts.progress.stopping = true);
        self.status.leave_word(&self.place);
        self.supervisor.stop().await;
        watcher.abort();
        self.status.leave_word(&self.place);
        result
    }

    async fn refresh_until_stopped(&mut self) -> Result<()> {
        let mut pace = Pace::new(&self.shutdown);
        let mut envoy = self.supervisor.watch();
        let shutdown = self.shutdown.clone();
        loop {
            let pause = tokio::select! {
                biased;
                reason = shutdown.wait() => return stopped(&reason),
                pause = self.refresh() => pause?,
            };
            let end = Pace::end_of(pause);
            // The start of which it was asked in this pause whether Envoy took its files.
            let mut asked = None;
            loop {
                // Starts are counted when Envoy is live: one may be ordered and not carried out.
                let is_news = |start| start != self.confirmed && Some(start) != asked;
                let decided = |state: &State| match state {
                    State::GaveUp => true,
                    State::Live => is_news(self.supervisor.counts().starts),
                    _ => false,
                };
                tokio::select! {
                    biased;
                    reason = shutdown.wait() => return stopped(&reason),
                    state = envoy.wait_for(decided) => {
                        if state.is_ok_and(|state| *state == State::GaveUp) {
                            bail!("envoy cannot be kept running");
                        }
                    }
                    _ = pace.until(end) => break,
                }
                asked = Some(self.supervisor.counts().starts);
                self.confirm().await;
            }
        }
    }

    /// Sees whether a started Envoy took its files. If it did not, they are put before it again:
    /// what stood in its way, such as a port in use, may be gone.
    async fn confirm(&mut self) {
        let Some(live) = &self.live else { return };
        let files: Vec<Write> = live.writes().collect();
        let starts = self.supervisor.counts().starts;
        if self.status.look(Facts::is_not_served) {
            for file in files.iter().filter(|file| file.role.is_some()) {
                let again = self.folder.stage(&file.name, &file.text);
                if let Err(error) = again.and_then(Staged::publish) {
                    tracing::error!("{error}");
                }
            }
        }
        let patience = self.config.update_timeout;
        let rollout = Rollout::new(&mut self.folder, &self.admin, &self.supervisor, patience);
        match rollout.confirm(&files).await {
            Ok(()) => {
                self.confirmed = starts;
                self.status.change(|facts| facts.served = Served::Yes);
            }
            // It ended meanwhile, or is busy; another start or another refresh follows.
            Err(RolloutError::Admin(error)) => tracing::debug!("{error}"),
            Err(error) => {
                tracing::error!("envoy runs, and does not serve: {error}");
                self.status
                    .change(|facts| facts.served = Served::No(error.to_string()));
            }
        }
        self.status.leave_word(&self.place);
    }

    /// One refresh; gives the time until the next.
    async fn refresh(&mut self) -> Result<Duration> {
        // What others fail at is not worth asking for again soon; what stands in the way here is.
        let mut pause_after_failure = self.config.daemon.refresh_time;
        let outcome = match self.refresher.refresh(&self.shutdown).await {
            Ok(None) => Ok(Outcome::Unchanged),
            Ok(Some(files)) => self.apply(files).await,
            Err(error) => {
                pause_after_failure = self.config.daemon.failure_sleep;
                Err(error.into())
            }
        };
        let map_version = self.refresher.map_version().map(ToOwned::to_owned);
        self.status
            .change(|facts| facts.progress.map_version = map_version);
        let (outcome, pause) = match outcome {
            Ok(outcome) => (outcome, self.config.daemon.refresh_time),
            Err(error) => {
                let reason = in_full(error.as_ref());
                tracing::error!("refresh failed: {reason}");
                self.status
                    .change(|facts| facts.progress.failed = Some(reason));
                (Outcome::Failed, pause_after_failure)
            }
        };
        self.status.change(|facts| facts.progress.count(outcome));
        self.status.leave_word(&self.place);
        if self.config.daemon.exit_on_failure
            && matches!(outcome, Outcome::Failed | Outcome::Refused)
        {
            bail!("a refresh failed, and EXIT_ON_GENERATION_FAILURE is set");
        }
        if outcome == Outcome::Failed {
            Pace::tell(pause);
        }
        Ok(pause)
    }

    /// Brings a set of files into force, if it differs from the one that is.
    async fn apply(&mut self, files: Files) -> Result<Outcome> {
        if self.live.as_ref().is_some_and(|live| live.files == files) {
            self.refused = None;
            self.status.change(|facts| facts.refused = None);
            return Ok(Outcome::Unchanged);
        }
        let print = fingerprint(&files);
        if self.refused == Some(print) {
            return Ok(Outcome::Unchanged);
        }
        let suspect = self.suspect == Some(print);
        let is_starting = self.supervisor.state() == State::Starting;
        if is_starting || suspect {
            // Files do not change under an Envoy that is just reading them. And one that died of
            // these files has to live again with the old ones first: they may be its death.
            self.wait_for_envoy(suspect).await;
            if suspect && self.supervisor.state() != State::Live {
                self.refresher.give_again();
                bail!("envoy ended while it took these files, and is not live again yet");
            }
        }
        let began = Instant::now();
        match self.bring_into_force(files).await {
            Ok(()) => {
                let took = began.elapsed().as_secs_f64();
                tracing::info!("a new configuration is in force, after {took:.3} s");
                self.refused = None;
                self.status.change(|facts| {
                    facts.refused = None;
                    facts.configured = true;
                    facts.rollouts += 1;
                    facts.rollout_seconds += took;
                });
                Ok(Outcome::Changed)
            }
            Err(NotInForce::Refused(reason)) => self.refuse(print, reason),
            Err(NotInForce::Died(error)) if suspect => self.refuse(print, error.to_string()),
            Err(NotInForce::Died(error)) => {
                self.suspect = Some(print);
                self.refresher.give_again();
                Err(error.into())
            }
            Err(NotInForce::Failed(error)) => {
                self.refresher.give_again();
                Err(error)
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "one outcome among others")]
    fn refuse(&mut self, print: u64, reason: String) -> Result<Outcome> {
        tracing::error!("the new configuration is not in force: {reason}");
        self.refused = Some(print);
        self.status.change(|facts| facts.refused = Some(reason));
        Ok(Outcome::Refused)
    }

    /// Waits until an Envoy that starts serves, or fails to; as long as for an update. With
    /// `patient`, until one that failed has been started again.
    async fn wait_for_envoy(&self, patient: bool) {
        let mut state = self.supervisor.watch();
        let decided = state.wait_for(|state| match state {
            State::Starting => false,
            State::Waiting => !patient,
            _ => true,
        });
        let _ = tokio::time::timeout(self.config.update_timeout, decided).await;
    }

    async fn bring_into_force(&mut self, files: Files) -> Result<(), NotInForce> {
        if let Some(silent) = self.status.look(|facts| facts.silent.clone()) {
            // It could not confirm what it took, and would read half of a change when it wakes.
            return Err(NotInForce::Failed(anyhow::Error::msg(silent)));
        }
        let layout = understand(&self.config, &files)
            .map_err(|error| NotInForce::Refused(error.to_string()))?;
        if self.config.validate {
            let config_dir = self.config.config_dir.to_string_lossy();
            self.envoy
                .check(&layout, &files, &config_dir, self.temp_dir.path())
                .await
                .map_err(|error| match error {
                    CheckError::Refused(_) => NotInForce::Refused(error.to_string()),
                    other => NotInForce::Failed(other.into()),
                })?;
        }
        let new = Configuration { files, layout };
        if self.supervisor.state() == State::Live && !self.status.look(Facts::is_served) {
            self.confirm().await;
        }
        let result = match &self.live {
            Some(old)
                if self.supervisor.state() == State::Live && self.status.look(Facts::is_served) =>
            {
                let patience = self.config.update_timeout;
                let result =
                    Rollout::new(&mut self.folder, &self.admin, &self.supervisor, patience)
                        .run(old, &new)
                        .await;
                if result.is_ok() {
                    self.confirmed = self.supervisor.counts().starts;
                    self.status.change(|facts| facts.served = Served::Yes);
                }
                result
            }
            // Nobody is served by the files yet, or any more: order does not matter.
            old => {
                let bootstrap = |files: &Files| files.get(&self.config.bootstrap).cloned();
                let is_new =
                    old.as_ref().map(|old| bootstrap(&old.files)) != Some(bootstrap(&new.files));
                let written = self.folder.replace_all(&new.files);
                if written.is_ok() && is_new && self.supervisor.is_running() {
                    // It began with the old bootstrap.
                    let restarted = self.supervisor.recover().await;
                    if let Err(error) = restarted {
                        tracing::error!("{error}");
                    }
                }
                written.map_err(RolloutError::from)
            }
        };
        match result {
            Ok(()) => {
                self.live = Some(new);
                self.supervisor.start();
                Ok(())
            }
            Err(error) if error.is_death() => Err(NotInForce::Died(error)),
            Err(error) if error.is_refusal() => Err(NotInForce::Refused(error.to_string())),
            Err(error) => Err(NotInForce::Failed(error.into())),
        }
    }
}

/// Why a set of files is not in force.
enum NotInForce {
    /// It is not fit for it, and will not be tried again.
    Refused(String),
    /// Envoy ended meanwhile. Once is chance, twice is the files.
    Died(RolloutError),
    /// Something else stood in the way.
    Failed(anyhow::Error),
}

#[expect(clippy::unnecessary_wraps, reason = "the counterpart of a failure")]
fn stopped(reason: &nightjar_core::shutdown::StopReason) -> Result<()> {
    tracing::info!("stopping: {reason}");
    Ok(())
}
