//! Stories with a scripted executor, and every transition that can be reached.

mod explore;
mod faults;
mod invariants;
mod possible_events;
mod processes;
mod random_walk;
mod rollouts;
mod script;
mod scripted_executor;
mod stops;
mod story;
mod table;

use super::{
    Candidate, Effect, Event, NotBuilt, Options, PhaseOutcome, PhaseRequest, Probe, ProcessExit,
    ProxyIdentity, RefreshState, Refreshed, State, ValidationError, status::ProxyStatus,
    supervisor,
};
use crate::{
    ack::Unbound,
    launch::RestartMode,
    sample::{CONFIG_DIR, LISTEN_PORT, Mesh},
    secrets::{Remaining, SecretProblem, SecretReport},
};
use nightjar_core::{daemon::Pauses, envoy::Configuration};
use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
    time::Duration,
};

/// The path of the bootstrap.
const BOOTSTRAP_PATH: &str = "/c/envoy.json";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn options(restart_mode: RestartMode) -> Options {
    Options {
        supervisor: supervisor::Options {
            restart_mode,
            drain_time: seconds(20),
            kill_wait_time: seconds(60),
            bootstrap_path: BOOTSTRAP_PATH.to_owned(),
        },
        pauses: Pauses {
            refresh_time: seconds(30),
            failure_sleep: seconds(300),
        },
        exit_on_failure: false,
        update_timeout: seconds(10),
        validate: true,
        listen_port: LISTEN_PORT,
        config_dir: CONFIG_DIR.to_owned(),
        identity: ProxyIdentity::default(),
    }
}

fn refreshed(result: Result<Refreshed, String>) -> Event {
    Event::Refreshed {
        result,
        stats: Box::default(),
    }
}

/// The files of each mesh: a walk comes by the same few again and again.
static READ: LazyLock<Mutex<BTreeMap<Mesh, Configuration>>> = LazyLock::new(Mutex::default);

fn read(mesh: &Mesh) -> Configuration {
    let mut read = READ.lock().unwrap();
    let configuration = read.entry(mesh.clone()).or_insert_with(|| mesh.read());
    configuration.clone()
}

fn candidate(mesh: &Mesh, templates: u64) -> Candidate {
    Candidate {
        configuration: read(mesh),
        templates,
        templates_version: Some(format!("t{templates}")),
        map_version: Some("v1".to_owned()),
        fallback: None,
        is_fallback: false,
    }
}
