//! Invariants: what has to hold in every transition.

use super::explore::{Node, Transition};
use super::*;
use crate::machine::{rollout::tests as rollouts, supervisor::tests as supervisors};
use nightjar_core::daemon::StatusReport as _;
use std::collections::BTreeSet;

/// The invariants that a transition violates.
pub(super) fn violated(transition: &Transition<'_>) -> Vec<String> {
    let invariants: [(&str, bool); 10] = [
        (
            "every process that runs is known",
            knows_its_processes(transition.after),
        ),
        ("a first epoch starts alone", starts_alone(transition)),
        (
            "no phase without an Envoy that serves",
            has_an_envoy_for_the_phase(transition),
        ),
        (
            "an exit cancels the phase",
            exit_cancels_the_phase(transition),
        ),
        (
            "ready only while it serves",
            is_ready_only_while_serving(transition.after),
        ),
        ("nothing starts while it stops", starts_nothing(transition)),
        (
            "no process is left at the end",
            leaves_no_process(transition),
        ),
        (
            "what was rejected is not rolled out again",
            remembers_the_rejection(transition),
        ),
        (
            "the phase that is requested is the one that is waited for",
            waits_for_the_requested_phase(transition),
        ),
        (
            "after a stop it ends",
            transition.before.is_over || ends(transition.after),
        ),
    ];
    let violated = invariants.into_iter().filter(|(_, holds)| !holds);
    violated
        .map(|(invariant, _)| invariant.to_owned())
        .collect()
}

fn knows_its_processes(node: &Node) -> bool {
    let known = supervisors::processes(&node.state.supervisor).into_iter();
    let known: BTreeSet<_> = known.map(|(_, generation)| generation).collect();
    known == node.alive
}

fn starts_alone(transition: &Transition<'_>) -> bool {
    let spawned = transition.effects.iter().find_map(|effect| match effect {
        Effect::Spawn(process) if process.epoch == 0 => Some(process.generation),
        _ => None,
    });
    spawned.is_none_or(|spawned| transition.after.alive == BTreeSet::from([spawned]))
}

fn has_an_envoy_for_the_phase(transition: &Transition<'_>) -> bool {
    let after = &transition.after.state;
    let serves = matches!(
        after.supervisor.stage(),
        supervisor::Stage::Live { .. }
            | supervisor::Stage::HandingOver {
                old_responds: true,
                ..
            }
    );
    !transition
        .effects
        .iter()
        .any(|it| matches!(it, Effect::Phase(_)))
        || (serves && !after.stopping)
}

fn exit_cancels_the_phase(transition: &Transition<'_>) -> bool {
    let exited = matches!(
        transition.event,
        "live process exited" | "old process exited"
    );
    let waits = rollouts::phase(&transition.before.state.rollout).is_some();
    let cancels = |effect: &Effect| matches!(effect, Effect::CancelPhase);
    !exited || !waits || transition.effects.iter().any(cancels)
}

fn is_ready_only_while_serving(node: &Node) -> bool {
    let state = &node.state;
    let serves = matches!(
        state.supervisor.stage(),
        supervisor::Stage::Live { .. } | supervisor::Stage::HandingOver { .. }
    );
    let may = serves
        && !state.stopping
        && state.rollout.in_force().is_some()
        && *state.rollout.confirmation() == crate::machine::rollout::Confirmation::Confirmed;
    may || !state.status().readiness().ready
}

fn starts_nothing(transition: &Transition<'_>) -> bool {
    let starts = |effect: &Effect| {
        matches!(
            effect,
            Effect::Spawn(_) | Effect::Phase(_) | Effect::ReplaceFiles(_) | Effect::Refresh { .. }
        )
    };
    !transition.before.state.stopping || !transition.effects.iter().any(starts)
}

fn leaves_no_process(transition: &Transition<'_>) -> bool {
    !transition.after.is_over || transition.after.alive.is_empty()
}

fn remembers_the_rejection(transition: &Transition<'_>) -> bool {
    let (before, after) = (
        &transition.before.state.rollout,
        &transition.after.state.rollout,
    );
    let target = rollouts::forward(after);
    target.is_none()
        || target == rollouts::forward(before)
        || target != rollouts::rejected(before)
        || target != rollouts::rejected(after)
}

fn waits_for_the_requested_phase(transition: &Transition<'_>) -> bool {
    let requested = transition
        .effects
        .iter()
        .rev()
        .find_map(|effect| match effect {
            Effect::Phase(request) => Some(request.id),
            _ => None,
        });
    requested.is_none() || requested == rollouts::phase(&transition.after.state.rollout)
}

/// After a request to stop, the program ends, if every process ends that is asked to.
fn ends(node: &Node) -> bool {
    const LONGEST: usize = 30;
    let mut node = node.clone();
    if !node.is_over {
        node = node.step(node.now, Event::Stop("requested".to_owned())).0;
    }
    for _ in 0..LONGEST {
        if node.is_over {
            return true;
        }
        let Some(at) = node.state.deadline(node.now) else {
            break;
        };
        let (next, effects) = node.step(at, Event::DeadlinePassed);
        node = next;
        for effect in effects {
            if let Effect::Signal { generation, .. } = effect
                && node.alive.contains(&generation)
            {
                node = node.exited(generation);
            }
        }
    }
    // What was killed before ends at some time.
    for generation in node.alive.clone() {
        node = node.exited(generation);
    }
    node.is_over
}
