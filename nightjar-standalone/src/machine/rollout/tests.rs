//! What a rollout is called in the page of states, and what it waits for.

use super::*;

fn direction(aim: &Aim) -> &'static str {
    if aim.is_forward() { "forward" } else { "back" }
}

/// What is under way, in words.
pub(in crate::machine) fn name(rollout: &Rollout) -> String {
    let work = match &rollout.work {
        Work::Idle => "idle".to_owned(),
        Work::Confirming { aim: None, .. } => "confirming".to_owned(),
        Work::Confirming { aim: Some(aim), .. } => format!("confirming, then {}", direction(aim)),
        Work::Writing { aim, .. } => format!("writing {}", direction(aim)),
        Work::WritingBootstrap { aim, purpose, .. } => {
            let purpose = match purpose {
                Purpose::Restart { leads: true } => "that leads",
                Purpose::Restart { leads: false } => "that follows",
                Purpose::PutBack => "put back",
            };
            format!("writing a bootstrap {purpose}, {}", direction(aim))
        }
        Work::MustRestart { aim, .. } => format!("must restart {}", direction(aim)),
        Work::Restarting { aim, .. } => format!("restarting {}", direction(aim)),
        Work::Held(aim) => format!("held {}", direction(aim)),
        Work::Replacing { aim, then, .. } => {
            let then = match then {
                AfterReplace::Nothing => "",
                AfterReplace::StartEarly => ", then start early",
                AfterReplace::RestartAtOnce => ", then restart at once",
                AfterReplace::Restart => ", then restart",
            };
            format!("replacing {}{then}", direction(aim))
        }
    };
    let served = match &rollout.served {
        Served::Unknown => "served unknown",
        Served::Yes => "served",
        Served::No(_) => "not served",
    };
    format!("{work}; {served}")
}

/// What is not in the name and decides what follows.
pub(in crate::machine) fn details(rollout: &Rollout) -> String {
    let newest = match rollout.newest {
        Newest::None => "none",
        Newest::Fresh(_) => "fresh",
        Newest::Tried(_) => "tried",
    };
    let aim = rollout.aim();
    format!(
        "{newest} {} {} {:?} {}",
        rollout.checking.is_some(),
        rollout.base.is_some(),
        (
            rollout.unconfirmed,
            rollout.pending_bootstrap,
            rollout.refused.is_some(),
            rollout.successor.is_some(),
            rollout.may_restart,
        ),
        aim.is_some_and(|aim| aim.rescue.is_some()),
    )
}

/// The phase that is waited for.
pub(in crate::machine) fn phase(rollout: &Rollout) -> Option<u64> {
    match &rollout.work {
        Work::Confirming { id, .. }
        | Work::Writing { id, .. }
        | Work::WritingBootstrap { id, .. } => Some(*id),
        _ => None,
    }
}

/// The check that is waited for.
pub(in crate::machine) fn check(rollout: &Rollout) -> Option<u64> {
    rollout.checking.as_ref().map(Candidate::print)
}

/// Whether a whole set is written at this moment.
pub(in crate::machine) fn replaces(rollout: &Rollout) -> bool {
    matches!(rollout.work, Work::Replacing { .. })
}

/// What is gone for, if it is new.
pub(in crate::machine) fn forward(rollout: &Rollout) -> Option<u64> {
    let aim = rollout.aim().filter(|aim| aim.is_forward());
    aim.map(|aim| aim.candidate.print())
}

/// What was refused last.
pub(in crate::machine) fn refused(rollout: &Rollout) -> Option<u64> {
    rollout.refused.as_ref().map(|refused| refused.print)
}
