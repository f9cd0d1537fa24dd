//! Whole sets of files, and changes that others make in the configuration folder.

use super::{
    Activity, AfterReplace, Confirmation, Direction, KnownFile, Pending, Purpose, RETRY_DELAY,
    Rollout, RolloutResult, Target, names,
};
use crate::{
    machine::{
        Effect,
        supervisor::{Output, Stage, Supervisor},
    },
    plan::Running,
};
use nightjar_core::envoy::FileRole;
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// A whole set was written, or not.
    pub(crate) fn files_replaced(
        &mut self,
        result: Result<(), String>,
        now: Instant,
        supervisor: &mut Supervisor,
        out: &mut Output,
    ) {
        let Activity::Replacing {
            target,
            written,
            then,
        } = std::mem::take(&mut self.activity)
        else {
            return;
        };
        if let Err(reason) = result {
            match target.direction {
                Direction::Forward => self.failed(target.candidate, reason, RolloutResult::Failed),
                Direction::Clear | Direction::Back { .. } => {
                    tracing::error!(
                        "the files of the configuration in force cannot be written: {reason}"
                    );
                    self.confirmation = Confirmation::Failed(reason);
                    self.repair = true;
                    self.retry_at = Some(now + RETRY_DELAY);
                }
            }
            return;
        }
        self.known = written
            .configuration
            .iter()
            .filter(|file| file.role() != Some(&FileRole::Bootstrap))
            .map(|file| {
                (
                    file.name().to_owned(),
                    KnownFile::Unconfirmed(vec![Arc::clone(file)]),
                )
            })
            .collect();
        self.writes_in_flight.clear();
        self.on_disk = Some(Running::with(&written.configuration));
        let is_idle = *supervisor.stage() == Stage::Idle;
        let forward = target.is_forward();
        if forward {
            self.record_in_force(&target, now);
        }
        self.in_force = Some(written);
        match then {
            AfterReplace::Nothing if is_idle => supervisor.start(now, out),
            // A new configuration is a reason not to wait any longer.
            AfterReplace::Nothing if forward => supervisor.start_early(now, out),
            AfterReplace::StartEarly => supervisor.start_early(now, out),
            AfterReplace::Nothing => {}
            AfterReplace::RestartNow => supervisor.restart_now(now, out),
            AfterReplace::Restart => {
                self.activity = Activity::RestartDue {
                    target,
                    blocking: true,
                }
            }
        }
    }

    /// Somebody else changed the folder.
    pub(crate) fn folder_inspected(
        &mut self,
        missing: &[String],
        lost: bool,
        now: Instant,
        supervisor: &Supervisor,
        out: &mut Output,
    ) {
        let Some(in_force) = self.in_force.clone() else {
            return;
        };
        if lost && matches!(supervisor.stage(), Stage::HandingOver { .. }) {
            // The next look sees it again, and the process that takes over may watch the lost folder too.
            return;
        }
        match &self.activity {
            _ if self.is_settled() => {}
            // Envoy watches a folder that is gone, so the phase would wait in vain.
            Activity::Writing { target, .. } if lost => {
                if target.is_forward() && !matches!(self.pending, Pending::New(_)) {
                    self.pending = Pending::New(target.candidate.clone());
                }
                out.effects.push(Effect::CancelPhase);
                self.activity = Activity::Idle;
            }
            _ => return,
        }
        let ours = |name: &&String| in_force.configuration.get(name).is_some();
        let missing: Vec<&String> = missing.iter().filter(ours).collect();
        if !lost && missing.is_empty() {
            return;
        }
        if lost {
            tracing::error!("the configuration folder is gone: its files are written again");
        } else {
            tracing::error!(
                "files were removed or changed by somebody else, and are written again: {}",
                names(&missing)
            );
        }
        let target = Target::back(in_force.clone(), now, "files were missing".to_owned());
        let then = if lost && supervisor.live().is_some() {
            AfterReplace::Restart
        } else {
            AfterReplace::Nothing
        };
        if lost || supervisor.live().is_none() {
            self.replace(target, then, out);
            return;
        }
        for name in missing {
            if let Some(known) = self.known.get_mut(name)
                && let Some(file) = known.last().cloned()
            {
                *known = KnownFile::Unconfirmed(vec![file]);
            }
            if in_force.configuration.bootstrap().name() == name {
                self.on_disk = None;
            }
        }
        self.repair = true;
        if self.on_disk.is_none() {
            let bootstrap = Arc::clone(in_force.configuration.bootstrap());
            self.write_bootstrap(target, bootstrap, Purpose::Restore, out);
        }
    }
}
