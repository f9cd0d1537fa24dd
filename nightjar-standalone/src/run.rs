//! Running proxy: sets up what can fail before the first refresh, and runs until it is asked to stop.

use crate::{
    config::Config,
    event_loop::{self, publish_status},
    executor::SystemExecutor,
    files::Folder,
    inotify,
    machine::{Event, Options, ProxyIdentity, SharedStatus, State, supervisor},
};
use anyhow::{Context as _, Result, bail};
use nightjar_core::{
    context::{ProxyConfig, ProxyRole},
    daemon::{ReadyFile, TempDir},
    env::EXIT_CONFIGURATION,
    envoy::EnvoyProgram,
    report::error_chain,
    shutdown::Shutdown,
};
use std::process::ExitCode;
use tokio::sync::mpsc;

/// Runs until it is asked to stop. `Err` means that the orchestrator should replace this process.
pub(crate) async fn until_stopped(config: Config) -> Result<ExitCode> {
    let shutdown = Shutdown::listen(Some(&config.daemon.stop_file))?;
    let stop = shutdown.clone();
    let program = tokio::select! {
        biased;
        reason = stop.wait() => {
            tracing::info!("stopping: {reason}");
            return Ok(ExitCode::SUCCESS);
        }
        program = Program::new(config, shutdown) => program,
    };
    match program {
        Ok(program) => program.run().await.map(|()| ExitCode::SUCCESS),
        Err(error) => {
            // Nothing runs yet, so the set-up failed.
            tracing::error!("{}", error_chain(error.as_ref()));
            Ok(ExitCode::from(EXIT_CONFIGURATION))
        }
    }
}

/// A proxy that is set up.
pub(crate) struct Program {
    state: State,
    executor: SystemExecutor,
    events: mpsc::UnboundedReceiver<Event>,
    sender: mpsc::UnboundedSender<Event>,
    status: SharedStatus,
    ready_file: ReadyFile,
    shutdown: Shutdown,
    _temp_dir: TempDir,
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
        inotify::warn_if_short();
        let folder = Folder::open(&config.config_dir).context("ENVOY_CONFIGURATION_DIR")?;
        let temp_dir = TempDir::open(&config.daemon)?;
        let state = State::new(options(&config, version));
        let status = SharedStatus::default();
        let ready_file = ReadyFile::within(&config.config_dir);
        publish_status(status.clone(), ready_file.clone())(&state);
        if let Some(address) = config.daemon.status {
            status.serve(address).await?;
        }
        if config.proxy.role == ProxyRole::Gateway {
            log_trusted_hops(&config);
        }
        let (sender, events) = mpsc::unbounded_channel();
        let executor = SystemExecutor::new(
            &config,
            launch,
            envoy,
            folder,
            temp_dir.path().to_owned(),
            shutdown.clone(),
            sender.clone(),
        );
        Ok(Self {
            state,
            executor,
            events,
            sender,
            status,
            ready_file,
            shutdown,
            _temp_dir: temp_dir,
        })
    }

    /// Runs until it is asked to stop. `Err` means that the orchestrator should replace this process.
    pub(crate) async fn run(mut self) -> Result<()> {
        let heartbeat = tokio::spawn(self.status.clone().heartbeat(self.ready_file.clone()));
        let signals = tokio::spawn(listen(self.shutdown.clone(), self.sender.clone()));
        let _ = self.sender.send(Event::RefreshDue);
        let publish = publish_status(self.status, self.ready_file);
        let result = event_loop::run(self.state, self.events, &mut self.executor, publish).await;
        heartbeat.abort();
        signals.abort();
        result.map_err(anyhow::Error::msg)
    }
}

/// Turns signals into events.
async fn listen(shutdown: Shutdown, events: mpsc::UnboundedSender<Event>) {
    let mut refreshes = shutdown.refresh_requests();
    loop {
        let event = tokio::select! {
            biased;
            reason = shutdown.wait() => Event::Stop(reason.to_string()),
            () = refreshes.wait() => {
                tracing::info!("refreshing now because of SIGHUP");
                Event::RefreshDue
            }
        };
        let is_last = matches!(event, Event::Stop(_));
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}

fn options(config: &Config, envoy_version: String) -> Options {
    let launch = config.launch.clone().unwrap_or_default();
    Options {
        supervisor: supervisor::Options {
            restart_mode: launch.restart_mode,
            drain_time: launch.drain_time,
            kill_wait_time: launch.kill_wait_time,
            bootstrap_path: launch.bootstrap.to_string_lossy().into_owned(),
        },
        pauses: config.daemon.pauses(),
        exit_on_failure: config.daemon.exit_on_failure,
        update_timeout: config.update_timeout,
        validate: config.validate,
        listen_port: config.proxy.listen_port,
        config_dir: config.config_dir.to_string_lossy().into_owned(),
        identity: ProxyIdentity {
            name: name(&config.proxy),
            envoy_version,
        },
    }
}

/// The proxy as `nightjar route --from` names it.
fn name(proxy: &ProxyConfig) -> String {
    let namespace = &proxy.namespace;
    match &proxy.role {
        ProxyRole::Gateway => format!("gateway:{namespace}"),
        ProxyRole::Service { service, color } => format!("{namespace}/{service}/{color}"),
    }
}

fn log_trusted_hops(config: &Config) {
    let hops = config.proxy.properties.get("trusted-hops");
    let hops = hops.map_or("0", String::as_str);
    tracing::info!(
        "this gateway trusts {hops} proxies in front of it for the caller's address and scheme \
         (NJ_PROXY_PROP_TRUSTED_HOPS); behind one load balancer that ends TLS it has to be 1"
    );
}
