//! Names of rollouts in `states.md`, and what each waits for.

use super::*;

fn direction(target: &Target) -> &'static str {
    match target.direction {
        Direction::Forward => "forward",
        Direction::Clear => "to clear",
        Direction::Back { .. } => "back",
    }
}

/// The activity and the confirmation.
pub(in crate::machine) fn name(rollout: &Rollout) -> String {
    let activity = match &rollout.activity {
        Activity::Idle => "idle".to_owned(),
        Activity::Confirming { target: None, .. } => "confirming".to_owned(),
        Activity::Confirming {
            target: Some(target),
            ..
        } => format!("confirming, then {}", direction(target)),
        Activity::Writing { target, .. } => format!("writing {}", direction(target)),
        Activity::WritingBootstrap {
            target, purpose, ..
        } => {
            let purpose = match purpose {
                Purpose::Restart { blocking: true } => "that blocks the rollout",
                Purpose::Restart { blocking: false } => "that comes last",
                Purpose::Restore => "restored",
            };
            format!("writing a bootstrap {purpose}, {}", direction(target))
        }
        Activity::RestartDue { target, .. } => format!("restart due {}", direction(target)),
        Activity::Restarting { target, .. } => format!("restarting {}", direction(target)),
        Activity::Waiting(target) => format!("waiting {}", direction(target)),
        Activity::Replacing { target, then, .. } => {
            let then = match then {
                AfterReplace::Nothing => "",
                AfterReplace::StartEarly => ", then start early",
                AfterReplace::RestartNow => ", then restart now",
                AfterReplace::Restart => ", then restart",
            };
            format!("replacing {}{then}", direction(target))
        }
    };
    let confirmation = match &rollout.confirmation {
        Confirmation::Unknown => "not confirmed yet",
        Confirmation::Confirmed => "confirmed",
        Confirmation::Failed(_) => "confirmation failed",
    };
    format!("{activity}; {confirmation}")
}

/// What is not in the name and decides what follows.
pub(in crate::machine) fn details(rollout: &Rollout) -> String {
    let pending = match rollout.pending {
        Pending::None => "none",
        Pending::New(_) => "fresh",
        Pending::Retry(_) => "tried",
    };
    let target = rollout.target();
    format!(
        "{pending} {} {} {:?} {}",
        rollout.validating.is_some(),
        rollout.in_force.is_some(),
        (
            rollout.needs_confirmation,
            rollout.pending_bootstrap,
            rollout.rejection.is_some(),
            rollout.successor.is_some(),
            rollout.may_restart,
            rollout.held_clusters.is_empty(),
        ),
        target.is_some_and(|target| target.forced_restart.is_some()),
    )
}

/// The phase that is waited for.
pub(in crate::machine) fn phase(rollout: &Rollout) -> Option<u64> {
    match &rollout.activity {
        Activity::Confirming { id, .. }
        | Activity::Writing { id, .. }
        | Activity::WritingBootstrap { id, .. } => Some(*id),
        _ => None,
    }
}

/// The validation that is waited for.
pub(in crate::machine) fn validation(rollout: &Rollout) -> Option<u64> {
    rollout.validating.as_ref().map(Candidate::fingerprint)
}

/// Whether nothing is under way or waited for, and everything is written.
pub(in crate::machine) fn is_idle(rollout: &Rollout) -> bool {
    matches!(rollout.activity, Activity::Idle)
        && !rollout.repair
        && rollout.validated.is_none()
        && rollout.has_what_is_in_force()
}

/// Whether a whole set is being written.
pub(in crate::machine) fn replaces(rollout: &Rollout) -> bool {
    matches!(rollout.activity, Activity::Replacing { .. })
}

/// The target, if it is a new configuration.
pub(in crate::machine) fn forward(rollout: &Rollout) -> Option<u64> {
    let target = rollout.target().filter(|target| target.is_forward());
    target.map(|target| target.candidate.fingerprint())
}

/// What was rejected last.
pub(in crate::machine) fn rejected(rollout: &Rollout) -> Option<u64> {
    rollout
        .rejection
        .as_ref()
        .map(|rejected| rejected.fingerprint)
}
