//! The program's main loop: refresh, wait; until it is told to stop.

use crate::{
    config::Config,
    publish::{PublishError, Publisher, Refreshed},
    seat::Seat,
    status::Status,
};
use anyhow::{Result, bail};
use nightjar_core::{
    daemon::{Outcome, Pace, TempDir, in_full, pace::Due},
    env::EXIT_CONFIGURATION,
    shutdown::Shutdown,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

/// One refresh. `Err` is any failure of it.
pub(crate) async fn once(config: Config) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    let temp_dir = TempDir::open(&config.daemon)?;
    let mut publisher = Publisher::new(&config, temp_dir.path());
    match publisher.refresh(&shutdown).await {
        Ok(Refreshed::Published) => tracing::info!("the new map is published"),
        Ok(Refreshed::Unchanged) => tracing::info!("the published map is up to date"),
        Ok(Refreshed::HeldBack) => bail!(
            "a map without endpoints is not believed at first sight, and not published\n\
             hint: if the mesh is empty, set NJ_EMPTY_MAP_GRACE to 1"
        ),
        Err(error) => match shutdown.reason() {
            Some(reason) if error.is_stop() => bail!("nothing was published: {reason}"),
            _ => return Err(error.into()),
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
            // Nothing runs yet: what stands in the way is the set-up.
            tracing::error!("{}", in_full(error.as_ref()));
            Ok(ExitCode::from(EXIT_CONFIGURATION))
        }
    }
}

struct Program {
    config: Config,
    _temp_dir: TempDir,
    publisher: Publisher,
    status: Status,
    /// Where `--check-ready` looks.
    seat: Option<Seat>,
    shutdown: Shutdown,
}

impl Program {
    /// Sets everything up that can fail before the first refresh.
    async fn new(config: Config, shutdown: Shutdown) -> Result<Self> {
        tracing::info!(
            "nightjar {} publishes the map of {} by {}",
            env!("CARGO_PKG_VERSION"),
            config.daemon.discovery_map.name(),
            config.data_store.name()
        );
        let temp_dir = TempDir::open(&config.daemon)?;
        let status = Status::default();
        if let Some(address) = config.daemon.status {
            status.serve(address).await?;
        }
        let program = Self {
            publisher: Publisher::new(&config, temp_dir.path()),
            _temp_dir: temp_dir,
            seat: seat(&config),
            config,
            status,
            shutdown,
        };
        program.leave_word();
        Ok(program)
    }

    async fn run(mut self) -> Result<ExitCode> {
        let mut pace = Pace::new(&self.shutdown);
        let unready = tokio::spawn(announce_stop(self.shutdown.clone(), self.status.clone()));
        let result = loop {
            // A stop does not end this at once: a commit that has begun may end.
            match self.refresh().await {
                _ if self.shutdown.requested() => break Ok(ExitCode::SUCCESS),
                Ok(pause) => match pace.rest(pause).await {
                    Ok(Due::InTime) => {}
                    // Somebody wants the store and the mesh to agree.
                    Ok(Due::AtOnce) => self.publisher.doubt(),
                    Err(_) => break Ok(ExitCode::SUCCESS),
                },
                Err(error) => break Err(error),
            }
        };
        unready.abort();
        if let Some(reason) = self.shutdown.reason() {
            tracing::info!("stopping: {reason}");
        }
        self.status.change(|facts| facts.progress.stopping = true);
        self.leave_word();
        result
    }

    /// One refresh; gives the time until the next.
    async fn refresh(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let refreshed = self.publisher.refresh(&self.shutdown).await;
        if refreshed.as_ref().is_err_and(PublishError::is_stop) {
            return Ok(Duration::ZERO);
        }
        let (outcome, pause) = match &refreshed {
            Ok(Refreshed::Published) => {
                let took = began.elapsed().as_secs_f64();
                tracing::info!("a new map is published, after {took:.3} s");
                (Outcome::Changed, self.config.daemon.refresh_time)
            }
            Ok(_) => (Outcome::Unchanged, self.config.daemon.refresh_time),
            Err(error) => {
                let reason = in_full(error);
                tracing::error!("refresh failed: {reason}");
                let told = Some(reason);
                self.status.change(|facts| facts.progress.failed = told);
                (Outcome::Failed, self.config.daemon.failure_sleep)
            }
        };
        self.note(&refreshed, outcome);
        if self.config.daemon.exit_on_failure && outcome == Outcome::Failed {
            bail!("a refresh failed, and EXIT_ON_GENERATION_FAILURE is set");
        }
        if outcome == Outcome::Failed {
            Pace::tell(pause);
        }
        Ok(pause)
    }

    fn note(&self, refreshed: &Result<Refreshed, PublishError>, outcome: Outcome) {
        let map_version = self.publisher.map_version().map(ToOwned::to_owned);
        let pending = self.publisher.is_pending();
        self.status.change(|facts| {
            facts.progress.count(outcome);
            facts.progress.map_version = map_version;
            facts.pending = pending;
            match refreshed {
                Ok(Refreshed::Published) => {
                    facts.published = true;
                    facts.commits += 1;
                    facts.last_commit = Some(SystemTime::now());
                }
                Ok(Refreshed::Unchanged) => facts.published = true,
                Err(PublishError::Commit(_)) => facts.failed_commits += 1,
                Ok(Refreshed::HeldBack) | Err(PublishError::Discovery(_)) => {}
            }
        });
        self.leave_word();
    }

    fn leave_word(&self) {
        if let Some(seat) = &self.seat {
            self.status.leave_word(seat.place());
        }
    }
}

/// A place for word of readiness. Without one, only `--check-ready` suffers.
fn seat(config: &Config) -> Option<Seat> {
    match Seat::take(&config.seats) {
        Ok(Some(seat)) => Some(seat),
        Ok(None) => {
            tracing::warn!("too many instances have these settings: --check-ready sees others");
            None
        }
        Err(error) => {
            let seats = config.seats.display();
            tracing::warn!("--check-ready will not see this instance: {seats}-*: {error}");
            None
        }
    }
}

async fn announce_stop(shutdown: Shutdown, status: Status) {
    shutdown.wait().await;
    status.change(|facts| facts.progress.stopping = true);
}
