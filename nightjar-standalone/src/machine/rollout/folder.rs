//! Sets that are written as a whole, and what somebody else has done to the folder.

use super::{
    AfterReplace, Aim, Direction, End, Known, Newest, Purpose, Rollout, Served, Work, names,
};
use crate::{
    machine::{
        Effect,
        life::{Life, Out, Stage},
    },
    plan::Running,
};
use nightjar_core::envoy::FileRole;
use std::sync::Arc;
use tokio::time::Instant;

impl Rollout {
    /// A whole set was written, or not.
    pub(crate) fn replaced(
        &mut self,
        result: Result<(), String>,
        now: Instant,
        life: &mut Life,
        out: &mut Out,
    ) {
        let Work::Replacing { aim, written, then } = std::mem::take(&mut self.work) else {
            return;
        };
        if let Err(reason) = result {
            match aim.direction {
                Direction::Forward => self.failed(aim.candidate, reason, End::Failed),
                Direction::Back { .. } => {
                    tracing::error!(
                        "the files that are meant to be in force are not written: {reason}"
                    );
                    self.served = Served::No(reason);
                    self.repair = true;
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
                    Known::Unsure(vec![Arc::clone(file)]),
                )
            })
            .collect();
        self.in_doubt.clear();
        self.on_disk = Some(Running::with(&written.configuration));
        let is_idle = *life.stage() == Stage::Idle;
        let forward = aim.is_forward();
        if forward {
            self.count_in_force(&aim, now);
        }
        self.base = Some(written);
        match then {
            AfterReplace::Nothing if is_idle => life.start(now, out),
            // A new configuration is a reason not to wait any longer.
            AfterReplace::Nothing if forward => life.start_early(now, out),
            AfterReplace::StartEarly => life.start_early(now, out),
            AfterReplace::Nothing => {}
            AfterReplace::RestartAtOnce => life.restart_at_once(now, out),
            AfterReplace::Restart => self.work = Work::MustRestart { aim, leads: true },
        }
    }

    /// Somebody else has been at the folder.
    pub(crate) fn folder_looked(
        &mut self,
        missing: &[String],
        lost: bool,
        now: Instant,
        life: &Life,
        out: &mut Out,
    ) {
        let Some(base) = self.base.clone() else {
            return;
        };
        if lost && matches!(life.stage(), Stage::HandingOver { .. }) {
            // It is seen again, and the process that comes may watch the one that is gone, too.
            return;
        }
        match &self.work {
            Work::Idle => {}
            // A phase waits in vain for an Envoy that watches a folder that is gone.
            Work::Writing { aim, .. } if lost => {
                if aim.is_forward() && !matches!(self.newest, Newest::Fresh(_)) {
                    self.newest = Newest::Fresh(aim.candidate.clone());
                }
                out.effects.push(Effect::CancelPhase);
                self.work = Work::Idle;
            }
            _ => return,
        }
        let ours = |name: &&String| base.configuration.get(name).is_some();
        let missing: Vec<&String> = missing.iter().filter(ours).collect();
        if !lost && missing.is_empty() {
            return;
        }
        if lost {
            tracing::error!("the configuration folder is gone: its files are written again");
        } else {
            tracing::error!(
                "gone or changed by another hand, and written again: {}",
                names(&missing)
            );
        }
        let aim = Aim::back(base.clone(), now, "files were gone".to_owned());
        let then = if lost && life.live().is_some() {
            AfterReplace::Restart
        } else {
            AfterReplace::Nothing
        };
        if lost || life.live().is_none() {
            self.replace(aim, then, out);
            return;
        }
        for name in missing {
            if let Some(known) = self.known.get_mut(name)
                && let Some(file) = known.last().cloned()
            {
                *known = Known::Unsure(vec![file]);
            }
            if base.configuration.bootstrap().name() == name {
                self.on_disk = None;
            }
        }
        self.repair = true;
        if self.on_disk.is_none() {
            let bootstrap = Arc::clone(base.configuration.bootstrap());
            self.write_bootstrap(aim, bootstrap, Purpose::PutBack, out);
        }
    }
}
