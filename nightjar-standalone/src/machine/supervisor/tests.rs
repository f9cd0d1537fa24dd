//! Names of stages in `states.md`, and the processes in each.

use super::*;

/// The name of the stage.
pub(in crate::machine) fn name(supervisor: &Supervisor) -> String {
    let mut name = match &supervisor.stage {
        Stage::Idle => "idle".to_owned(),
        Stage::Starting { .. } => "starting".to_owned(),
        Stage::Live {
            succession_failed,
            unresponsive,
            ..
        } => match (succession_failed, unresponsive) {
            (true, _) => "live, the successor failed".to_owned(),
            (false, Some(_)) => "live, unresponsive".to_owned(),
            (false, None) => "live".to_owned(),
        },
        Stage::HandingOver { .. } => "handing over".to_owned(),
        Stage::Ending {
            process,
            step,
            then,
        } => {
            let step = match step {
                EndStep::Draining { drained: false, .. } => "draining",
                EndStep::Draining { drained: true, .. } => "drained",
                EndStep::Terminating { .. } => "terminating",
                EndStep::Killing => "killing",
            };
            let gone = if process.is_none() { ", gone" } else { "" };
            let then = match then {
                AfterEnd::Start => "start",
                AfterEnd::Exit => "exit",
            };
            format!("{step}{gone}, then {then}")
        }
        Stage::Backoff { .. } => "backoff".to_owned(),
        Stage::GaveUp => "gave up".to_owned(),
        Stage::Ended => "ended".to_owned(),
    };
    if !supervisor.parents.is_empty() {
        name.push_str(", with parents");
    }
    if !supervisor.killed.is_empty() {
        name.push_str(", some killed");
    }
    name
}

/// The processes that have not ended, by what they are.
pub(in crate::machine) fn processes(supervisor: &Supervisor) -> Vec<(&'static str, Generation)> {
    let mut all = match &supervisor.stage {
        Stage::Starting { process, .. } => vec![("starting", process.generation)],
        Stage::Live { process, .. } => vec![("live", process.generation)],
        Stage::HandingOver { old, new, .. } => {
            vec![("old", old.generation), ("new", new.generation)]
        }
        Stage::Ending {
            process: Some(process),
            ..
        } => vec![("ending", process.generation)],
        _ => Vec::new(),
    };
    all.extend(supervisor.parents.keys().map(|it| ("parent", *it)));
    all.extend(supervisor.killed.iter().map(|it| ("killed", *it)));
    all
}

/// The epoch that answers, if the newest process serves.
pub(in crate::machine) fn epoch(supervisor: &Supervisor) -> Option<u32> {
    match &supervisor.stage {
        Stage::Starting { process, .. } | Stage::Live { process, .. } => Some(process.epoch),
        Stage::HandingOver { new, .. } => Some(new.epoch),
        _ => None,
    }
}

/// What is not in the name and decides what follows.
pub(in crate::machine) fn details(supervisor: &Supervisor) -> String {
    let is_last = supervisor.failures + 1 >= MAX_FAILURES;
    format!("{is_last}")
}
