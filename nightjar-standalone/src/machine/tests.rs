//! Stories in a scripted world, and every cell that can be reached.

mod laws;
mod processes;
mod rollouts;
mod stops;
mod table;
mod troubles;
mod walk;
mod world;

use super::{
    Acked, Candidate, CheckFailure, Effect, Event, Exit, PhaseOrder, Probe, Refreshed, Refreshing,
    Rules, State, Unfit, facts::Facts, life,
};
use crate::{
    ack::Unbound,
    launch::RestartMode,
    sample::{CONFIG_DIR, LISTEN_PORT, Mesh},
    secrets::{Left, SecretReport, SecretTrouble},
};
use nightjar_core::daemon::Pauses;
use std::time::Duration;

/// The path of the bootstrap.
const BOOTSTRAP_PATH: &str = "/c/envoy.json";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn rules(restart_mode: RestartMode) -> Rules {
    Rules {
        life: life::Rules {
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
    }
}

fn refreshed(result: Result<Refreshed, String>) -> Event {
    Event::Refreshed {
        result,
        effort: Box::default(),
    }
}

fn candidate(mesh: &Mesh, templates: u64) -> Candidate {
    Candidate {
        configuration: mesh.read(),
        templates,
        templates_version: Some(format!("t{templates}")),
        map_version: Some("v1".to_owned()),
        fallback: None,
        is_fallback: false,
    }
}
