//! Event loop: passes events to the state and effects to the executor, one after the other, and never waits
//! for anything but the next event.

use crate::machine::{Effect, Event, SharedStatus, State};
use nightjar_core::daemon::ReadyFile;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Carries effects out: on the system, or in a test by a script.
pub(crate) trait Executor {
    /// Begins to carry an effect out. Its result comes back as events.
    fn execute(&mut self, effect: Effect);
}

/// Runs until an effect ends the program. `Err` is why the orchestrator should replace it.
pub(crate) async fn run(
    mut state: State,
    mut events: mpsc::UnboundedReceiver<Event>,
    executor: &mut impl Executor,
    publish: impl Fn(&State),
) -> Result<(), String> {
    loop {
        let deadline = state.deadline(Instant::now());
        let event = tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => event,
                None => return Err("every sender of events is gone".to_owned()),
            },
            () = sleep_until_deadline(deadline) => Event::DeadlinePassed,
        };
        let (next, effects) = state.step(Instant::now(), event);
        state = next;
        publish(&state);
        for effect in effects {
            if let Effect::Exit(result) = effect {
                return result;
            }
            executor.execute(effect);
        }
    }
}

async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Publishes the status at the status port and in the ready file.
pub(crate) fn publish_status(shared: SharedStatus, file: ReadyFile) -> impl Fn(&State) {
    move |state| {
        let status = state.status();
        shared.update(|current| *current = status);
        shared.publish(&file);
    }
}
