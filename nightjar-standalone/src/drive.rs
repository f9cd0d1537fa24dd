//! Passes events to the state and effects to the world, one after the other, and never waits for
//! anything but the next event.

use crate::machine::{Effect, Event, State, Status};
use nightjar_core::daemon::ReadyFile;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Whatever carries effects out: in a program the system, in a test a script.
pub(crate) trait World {
    /// Begins to carry an effect out; what comes of it comes back as events.
    fn carry_out(&mut self, effect: Effect);
}

/// Runs until an effect ends the program. `Err` is why the orchestrator had better replace it.
pub(crate) async fn drive(
    mut state: State,
    mut events: mpsc::UnboundedReceiver<Event>,
    world: &mut impl World,
    tell: impl Fn(&State),
) -> Result<(), String> {
    loop {
        let deadline = state.deadline(Instant::now());
        let event = tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(event) => event,
                None => return Err("nobody is left who could report".to_owned()),
            },
            () = at(deadline) => Event::Tick,
        };
        let (next, effects) = state.step(Instant::now(), event);
        state = next;
        tell(&state);
        for effect in effects {
            if let Effect::End(result) = effect {
                return result;
            }
            world.carry_out(effect);
        }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Tells the outside what is known now.
pub(crate) fn telling(status: Status, file: ReadyFile) -> impl Fn(&State) {
    move |state| {
        let facts = state.facts();
        status.update(|told| *told = facts);
        status.publish(&file);
    }
}
