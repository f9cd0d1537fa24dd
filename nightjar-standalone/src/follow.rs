//! Keeps the status true while Envoy comes, goes, and falls silent.

use crate::{
    admin::Admin,
    envoy::{State, Supervisor},
    status::{Served, Status},
};
use nightjar_core::daemon::word::Place;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often Envoy is asked whether it still answers.
const PERIOD: Duration = Duration::from_secs(5);
/// How long it may be silent. Its main thread has seconds of work with a very large update.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// Follows Envoy for as long as there is a supervisor.
pub(crate) async fn follow(supervisor: Supervisor, admin: Admin, status: Status, place: Place) {
    let mut state = supervisor.watch();
    loop {
        let live = *state.borrow_and_update() == State::Live;
        let counts = supervisor.counts();
        status.change(|facts| {
            facts.envoy_live = live;
            facts.silent = None;
            if !live {
                facts.served = Served::Unknown;
            }
            facts.envoy_starts = counts.starts;
            facts.envoy_exits = counts.exits;
        });
        status.leave_word(&place);
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = listen(&admin, &status, &place), if live => {}
        }
    }
}

/// Asks a live Envoy from time to time, and notes when it has been silent for too long.
///
/// A process that hangs is not ended for it: it is the main thread that answers, and others may
/// still serve. Whoever watches over readiness decides.
async fn listen(admin: &Admin, status: &Status, place: &Place) {
    let mut heard = Instant::now();
    loop {
        sleep(PERIOD).await;
        let silent = match admin.answers().await {
            Ok(()) => {
                heard = Instant::now();
                None
            }
            Err(_) if heard.elapsed() < LONGEST_SILENCE => continue,
            Err(error) => Some(format!("envoy is silent: {error}")),
        };
        note(status, place, silent);
    }
}

fn note(status: &Status, place: &Place, silent: Option<String>) {
    match (&silent, status.look(|facts| facts.silent.is_some())) {
        (Some(silent), false) => tracing::error!("{silent}"),
        (None, true) => tracing::info!("envoy answers again"),
        _ => {}
    }
    status.change(|facts| facts.silent = silent);
    status.leave_word(place);
}
