//! What has to hold whatever happens, in every cell.

use super::walk::{Cell, Node};
use super::*;
use crate::machine::{life::tests as lives, rollout::tests as rollouts};
use nightjar_core::daemon::StatusReport as _;
use std::collections::BTreeSet;

/// The laws that a step breaks.
pub(super) fn broken(cell: &Cell<'_>) -> Vec<String> {
    let laws: [(&str, bool); 10] = [
        (
            "every process that runs is known",
            knows_its_processes(cell.after),
        ),
        ("a first epoch starts alone", starts_alone(cell)),
        (
            "no phase without an Envoy that serves",
            has_somebody_to_take_it(cell),
        ),
        ("a death cancels the phase", cancels(cell)),
        ("ready only while it serves", is_ready_rightly(cell.after)),
        ("nothing starts while it stops", starts_nothing(cell)),
        ("nobody is left at the end", leaves_nobody(cell)),
        (
            "what was refused is not aimed at again",
            forgets_no_refusal(cell),
        ),
        (
            "the phase that is ordered is the one that is waited for",
            waits(cell),
        ),
        (
            "after a stop it ends",
            cell.before.is_over || ends(cell.after),
        ),
    ];
    let broken = laws.into_iter().filter(|(_, holds)| !holds);
    broken.map(|(law, _)| law.to_owned()).collect()
}

fn knows_its_processes(node: &Node) -> bool {
    let known = lives::processes(&node.state.life).into_iter();
    let known: BTreeSet<_> = known.map(|(_, generation)| generation).collect();
    known == node.alive
}

fn starts_alone(cell: &Cell<'_>) -> bool {
    let spawned = cell.effects.iter().find_map(|effect| match effect {
        Effect::Spawn(process) if process.epoch == 0 => Some(process.generation),
        _ => None,
    });
    spawned.is_none_or(|spawned| cell.after.alive == BTreeSet::from([spawned]))
}

fn has_somebody_to_take_it(cell: &Cell<'_>) -> bool {
    let after = &cell.after.state;
    let serves = matches!(
        after.life.stage(),
        life::Stage::Live { .. }
            | life::Stage::HandingOver {
                old_answers: true,
                ..
            }
    );
    !cell.effects.iter().any(|it| matches!(it, Effect::Phase(_))) || (serves && !after.stopping)
}

fn cancels(cell: &Cell<'_>) -> bool {
    let dies = matches!(cell.what, "live one exited" | "old one exited");
    let waits = rollouts::phase(&cell.before.state.rollout).is_some();
    let cancels = |effect: &Effect| matches!(effect, Effect::CancelPhase);
    !dies || !waits || cell.effects.iter().any(cancels)
}

fn is_ready_rightly(node: &Node) -> bool {
    let state = &node.state;
    let serves = matches!(
        state.life.stage(),
        life::Stage::Live { .. } | life::Stage::HandingOver { .. }
    );
    let may = serves
        && !state.stopping
        && state.rollout.base().is_some()
        && *state.rollout.served() == crate::machine::rollout::Served::Yes;
    may || !state.facts().readiness().ready
}

fn starts_nothing(cell: &Cell<'_>) -> bool {
    let starts = |effect: &Effect| {
        matches!(
            effect,
            Effect::Spawn(_) | Effect::Phase(_) | Effect::Replace(_) | Effect::Refresh { .. }
        )
    };
    !cell.before.state.stopping || !cell.effects.iter().any(starts)
}

fn leaves_nobody(cell: &Cell<'_>) -> bool {
    !cell.after.is_over || cell.after.alive.is_empty()
}

fn forgets_no_refusal(cell: &Cell<'_>) -> bool {
    let (before, after) = (&cell.before.state.rollout, &cell.after.state.rollout);
    let aim = rollouts::forward(after);
    aim.is_none()
        || aim == rollouts::forward(before)
        || aim != rollouts::refused(before)
        || aim != rollouts::refused(after)
}

fn waits(cell: &Cell<'_>) -> bool {
    let ordered = cell.effects.iter().rev().find_map(|effect| match effect {
        Effect::Phase(order) => Some(order.id),
        _ => None,
    });
    ordered.is_none() || ordered == rollouts::phase(&cell.after.state.rollout)
}

/// Told to stop, and with every process that is told to end ending, it comes to its end.
fn ends(node: &Node) -> bool {
    const LONGEST: usize = 30;
    let mut node = node.clone();
    if !node.is_over {
        node = node.step(node.now, Event::Stop("told to".to_owned())).0;
    }
    for _ in 0..LONGEST {
        if node.is_over {
            return true;
        }
        let Some(at) = node.state.deadline(node.now) else {
            break;
        };
        let (next, effects) = node.step(at, Event::Tick);
        node = next;
        for effect in effects {
            if let Effect::Signal { generation, .. } = effect
                && node.alive.contains(&generation)
            {
                node = node.exited(generation);
            }
        }
    }
    // What was killed before ends some time.
    for generation in node.alive.clone() {
        node = node.exited(generation);
    }
    node.is_over
}
