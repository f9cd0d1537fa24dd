//! Random walks through the states. The walk through all of them tells them apart by what decides most of the
//! time; these come to what decides only together, and show that every fault is recovered from.

use super::{
    explore::{Node, Transition, starts},
    invariants,
    possible_events::exits,
    *,
};
use crate::machine::{rollout::tests as rollouts, supervisor::tests as supervisors};
use nightjar_core::daemon::StatusReport as _;
use proptest::{collection::vec, prelude::*, test_runner::RngSeed};

/// In how many steps everything is done that still has to be, once nothing fails any more.
const RECOVERY: usize = 150;

/// An event by a number. A stop, which ends the walk, is rare.
fn chosen(node: &Node, number: u16) -> Option<(&'static str, Duration, Event, Option<Mesh>)> {
    let mut events = node.events();
    events.retain(|(name, ..)| *name != "stop" || number.is_multiple_of(97));
    let index = usize::from(number).checked_rem(events.len())?;
    Some(events.swap_remove(index))
}

/// What happens next if nothing fails.
fn good_event(node: &Node) -> (Duration, Event) {
    let state = &node.state;
    let at_once = |event| (Duration::ZERO, event);
    if let Some(fingerprint) = rollouts::validation(&state.rollout) {
        return at_once(Event::Validated {
            fingerprint,
            result: Ok(()),
        });
    }
    if let Some(id) = rollouts::phase(&state.rollout) {
        let outcome = PhaseOutcome::Accepted {
            counters: crate::ack::Counters::default(),
            unbound: Some(Vec::new()),
            warming_tolerated: 0,
        };
        return at_once(Event::PhaseEnded { id, outcome });
    }
    if rollouts::replaces(&state.rollout) {
        return at_once(Event::FilesReplaced(Ok(())));
    }
    if state.refresh_state != RefreshState::Idle {
        return at_once(refreshed(Ok(Refreshed {
            candidate: Some(candidate(&node.mesh, 1)),
            ..Refreshed::default()
        })));
    }
    let serves = matches!(
        state.supervisor.stage(),
        supervisor::Stage::Live {
            unresponsive: None,
            succession_failed: false,
            ..
        }
    );
    if let Some(epoch) = supervisors::epoch(&state.supervisor).filter(|_| !serves) {
        return at_once(Event::Probed(Probe::Answered {
            live: true,
            state: String::new(),
            epoch: u64::from(epoch),
            config_path: BOOTSTRAP_PATH.to_owned(),
        }));
    }
    match state.deadline(node.now) {
        Some(at) => (
            at.saturating_duration_since(node.now),
            Event::DeadlinePassed,
        ),
        None => (state.options.pauses.refresh_time, Event::RefreshDue),
    }
}

/// Whether a program that goes on serves the newest mesh, is ready and has nothing left to do, once nothing
/// fails any more; else the states on the way.
fn recovers(node: &Node) -> Result<(), Vec<String>> {
    let mut way = Vec::new();
    let mut node = node.clone();
    // What was rejected is not tried again.
    node.mesh = Mesh {
        node: 2,
        layout: node.mesh.layout,
        ..Mesh::of(&["c"])
    };
    let wanted = node.mesh.read();
    for step in 0..RECOVERY {
        let state = &node.state;
        if node.is_over || state.stopping {
            return Ok(());
        }
        let in_force = state.rollout.in_force();
        if in_force.is_some_and(|it| it.configuration.is_same(&wanted))
            && rollouts::is_idle(&state.rollout)
            && state.status().readiness().ready
        {
            return Ok(());
        }
        // What was asked to end does so in between.
        let mut processes = supervisors::processes(&state.supervisor).into_iter();
        let ending = processes.find(|(role, _)| matches!(*role, "parent" | "killed" | "ending"));
        let (after, event) = match ending.filter(|_| step % 2 == 1) {
            Some((role, generation)) => (Duration::ZERO, exits(role, generation).remove(0).1),
            None => good_event(&node),
        };
        let of_processes = supervisors::name(&state.supervisor);
        way.push(format!(
            "{of_processes}; {}: {event:?}",
            rollouts::name(&state.rollout)
        ));
        node = node.step(node.now + after, event).0;
    }
    way.push(node.state.status().readiness().text);
    Err(way)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// The same walks each time; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` have it take more, and others.
    #[test]
    fn every_walk_keeps_the_invariants_and_recovers(
        mode in prop::sample::select(vec![RestartMode::Hot, RestartMode::Cold, RestartMode::None]),
        choices in vec(any::<u16>(), 1..120),
    ) {
        let mut node = starts(mode).remove(0);
        let mut way = Vec::new();
        for choice in choices {
            let Some((event, after, chosen, mesh)) = chosen(&node, choice) else { break };
            way.push(event);
            let (mut next, effects) = node.step(node.now + after, chosen);
            next.mesh = mesh.unwrap_or(next.mesh);
            let transition = Transition { before: &node, event, after: &next, effects: &effects };
            prop_assert_eq!(invariants::violated(&transition), Vec::<String>::new(), "{:?}", way);
            node = next;
            if node.is_over {
                break;
            }
        }
        prop_assert_eq!(recovers(&node), Ok(()), "{:?}", way);
    }
}
