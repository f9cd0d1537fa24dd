//! Carrying out a plan: write, ask Envoy until it has taken it, go on; or put everything back.

use crate::{
    admin::{Admin, AdminError, Stats},
    envoy::{Supervisor, SupervisorError},
    files::{Folder, FolderError, Staged},
    plan::{Configuration, Plan, Write},
    taken::{STATS, Verdict, is_shown, verdict, warming},
};
use nightjar_core::envoy::{Role, on_one_line};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep};

/// Why a configuration is not in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RolloutError {
    /// Envoy said no. The same files would meet the same answer.
    #[error("envoy refused {file}: {reason}")]
    Refused { file: String, reason: String },
    /// Envoy ended, of the file or by chance.
    #[error("envoy ended while it took {file}")]
    Died { file: String },
    /// Envoy did not react to a file.
    #[error(
        "envoy did not take {file} within {} s\n\
         hint: see whether Envoy is overloaded and whether the file system reports changes (inotify)",
        .patience.as_secs_f64()
    )]
    NotTaken { file: String, patience: Duration },
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
}

impl RolloutError {
    /// Whether Envoy ended meanwhile, be it of the files or by chance.
    pub(crate) fn is_death(&self) -> bool {
        matches!(
            self,
            Self::Died { .. }
                | Self::Supervisor(SupervisorError::NewProcessFailed {
                    by_signal: true,
                    ..
                })
        )
    }

    /// Whether trying the same files again is pointless.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Refused { .. }
                | Self::Supervisor(SupervisorError::NewProcessFailed {
                    by_signal: false,
                    ..
                })
        )
    }
}

/// What a rollout works with.
pub(crate) struct Rollout<'a> {
    folder: &'a mut Folder,
    admin: &'a Admin,
    supervisor: &'a Supervisor,
    /// How long Envoy may take for one phase.
    patience: Duration,
    /// How many clusters and listeners were given up on: they may go on warming for ever.
    given_up: u64,
    /// The files as they are, by name.
    in_force: BTreeMap<String, Write>,
    /// What the running process is subscribed to, by name.
    subscribed: BTreeMap<String, Role>,
    /// What the next process will be subscribed to.
    next_subscribed: BTreeMap<String, Role>,
    /// How many processes had been started before, and how many had ended by themselves.
    starts: u64,
    exits: u64,
}

/// How long the news of Envoy's death may take, after it stopped answering.
const DEATH_PATIENCE: Duration = Duration::from_secs(1);

/// How long a started Envoy may take to show the versions of its files. It has read them by then.
const SHOW_PATIENCE: Duration = Duration::from_secs(1);

impl<'a> Rollout<'a> {
    pub(crate) fn new(
        folder: &'a mut Folder,
        admin: &'a Admin,
        supervisor: &'a Supervisor,
        patience: Duration,
    ) -> Self {
        let counts = supervisor.counts();
        Self {
            folder,
            admin,
            supervisor,
            patience,
            given_up: 0,
            in_force: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            next_subscribed: BTreeMap::new(),
            starts: counts.starts,
            exits: counts.exits,
        }
    }

    /// Takes Envoy from one configuration to another; on failure, puts the old one back.
    pub(crate) async fn run(
        &mut self,
        old: &Configuration,
        new: &Configuration,
    ) -> Result<(), RolloutError> {
        self.folder.announce(&new.files)?;
        let plan = Plan::between(old, new);
        self.in_force = old
            .writes()
            .map(|write| (write.name.clone(), write))
            .collect();
        self.subscribed = subscriptions(old);
        self.next_subscribed = subscriptions(new);
        match self.carry_out(&plan).await {
            Ok(()) => Ok(self.folder.keep_only(&new.files)?),
            Err(error) => {
                self.put_back(old).await;
                Err(error)
            }
        }
    }

    async fn carry_out(&mut self, plan: &Plan) -> Result<(), RolloutError> {
        // Everything is on the disk before anything is in force: a full disk stops it here.
        let mut staged = Vec::new();
        for phase in [&plan.make, &plan.switch] {
            staged.push(self.stage(phase)?);
        }
        for (phase, staged) in [&plan.make, &plan.switch].into_iter().zip(staged) {
            self.phase(phase, staged).await?;
        }
        let staged = self.stage(&plan.finish)?;
        self.phase(&plan.finish, staged).await
    }

    /// Those of the files that the running process watches.
    fn watched(&self, writes: &[Write]) -> Vec<Write> {
        let watched = |write: &&Write| self.subscribed.get(&write.name) == write.role.as_ref();
        writes.iter().filter(watched).cloned().collect()
    }

    fn stage(&self, writes: &[Write]) -> Result<Vec<Staged>, RolloutError> {
        let stage = |write: &Write| Ok(self.folder.stage(&write.name, &write.text)?);
        writes.iter().map(stage).collect()
    }

    async fn phase(&mut self, writes: &[Write], staged: Vec<Staged>) -> Result<(), RolloutError> {
        if writes.is_empty() {
            return Ok(());
        }
        self.supervisor.forget_complaint();
        let before = match self.admin.stats(STATS).await {
            Ok(before) => before,
            Err(error) => return Err(self.lost_contact(writes, error).await),
        };
        let mut restart = false;
        for (write, staged) in writes.iter().zip(staged) {
            if write.role == Some(Role::Bootstrap) {
                // The running Envoy takes the rest of the phase first.
                self.wait(&self.watched(writes), &before).await?;
                restart = true;
            }
            staged.publish()?;
            self.in_force.insert(write.name.clone(), write.clone());
        }
        if !restart {
            // Routes of a new listener are watched from when it is there.
            self.subscribed.extend(
                self.next_subscribed
                    .iter()
                    .filter(|(_, role)| matches!(role, Role::Routes(_) | Role::Endpoints(_)))
                    .map(|(name, role)| (name.clone(), role.clone())),
            );
            return self.wait(&self.watched(writes), &before).await;
        }
        let starts = self.supervisor.counts().starts;
        self.supervisor.restart().await?;
        if self.supervisor.counts().starts == starts {
            // By the restart mode, the old process stays.
            return Ok(());
        }
        let reshaped = top_level(&self.subscribed) != top_level(&self.next_subscribed);
        self.subscribed.clone_from(&self.next_subscribed);
        let first = |file: &&Write| matches!(file.role, Some(Role::Clusters | Role::Listeners));
        let files: Vec<Write> = self.in_force.values().filter(first).cloned().collect();
        self.confirm(&self.watched(&files)).await?;
        if reshaped {
            // The replaced process still takes changes of the routes, and none of the clusters
            // that they lead to any more.
            self.supervisor.settle().await?;
        }
        Ok(())
    }

    /// Asks an Envoy that has just started whether it took its files. It is live, with no listener
    /// at all, even if it refused them.
    pub(crate) async fn confirm(&self, files: &[Write]) -> Result<(), RolloutError> {
        let deadline = Instant::now() + SHOW_PATIENCE;
        loop {
            let now = self.admin.stats(STATS).await?;
            match files.iter().find(|file| !is_shown(file, &now)) {
                None => return Ok(()),
                Some(file) if Instant::now() >= deadline => return Err(self.refusal(file).await),
                Some(_) => sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Waits until Envoy has taken every file with a role, and nothing is warming any more.
    async fn wait(&mut self, writes: &[Write], before: &Stats) -> Result<(), RolloutError> {
        let deadline = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(2);
        loop {
            let now = match self.admin.stats(STATS).await {
                Ok(now) => now,
                Err(error) => return Err(self.lost_contact(writes, error).await),
            };
            let mut open = None;
            for write in writes {
                match verdict(write, before, &now) {
                    Verdict::Taken => {}
                    Verdict::Open => open = Some(write),
                    Verdict::Refused => return Err(self.refusal(write).await),
                }
            }
            if open.is_none() && warming(&now) <= self.given_up {
                return Ok(());
            }
            if Instant::now() >= deadline {
                if let Some(write) = open {
                    return Err(RolloutError::NotTaken {
                        file: write.name.clone(),
                        patience: self.patience,
                    });
                }
                self.given_up = warming(&now);
                self.warn_of_warming().await;
                return Ok(());
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Tells an Envoy that died of a file from one that is merely busy, or hangs.
    async fn lost_contact(&self, writes: &[Write], error: AdminError) -> RolloutError {
        let deadline = Instant::now() + DEATH_PATIENCE;
        while self.supervisor.is_running() && self.supervisor.counts().exits == self.exits {
            if Instant::now() >= deadline {
                return error.into();
            }
            sleep(Duration::from_millis(50)).await;
        }
        let file = writes
            .first()
            .map_or_else(String::new, |write| write.name.clone());
        RolloutError::Died { file }
    }

    async fn refusal(&self, write: &Write) -> RolloutError {
        let reason = match self.error_state(write).await {
            Some(reason) => Some(on_one_line(&reason)),
            None => self.supervisor.complaint().await,
        };
        let reason = reason.unwrap_or_else(|| "it gave no reason; see its log".to_owned());
        RolloutError::Refused {
            file: write.name.clone(),
            reason,
        }
    }

    /// What the configuration dump says of a refused file.
    async fn error_state(&self, write: &Write) -> Option<String> {
        let resource = match write.role.as_ref()? {
            Role::Listeners => "dynamic_listeners",
            Role::Clusters => "dynamic_active_clusters",
            _ => return None,
        };
        let dump = self.admin.dump(resource).await.ok()?;
        let configs = dump.get("configs")?.as_array()?;
        let details = |config: &Value| {
            config
                .pointer("/error_state/details")?
                .as_str()
                .map(ToOwned::to_owned)
        };
        let mut reasons: Vec<String> = configs.iter().filter_map(details).collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    async fn warn_of_warming(&self) {
        let mut names = Vec::new();
        for (resource, name) in [
            ("dynamic_warming_clusters", "/cluster/name"),
            ("dynamic_listeners", "/warming_state/listener/name"),
        ] {
            let dump = self.admin.dump(resource).await.ok();
            let configs = dump
                .as_ref()
                .and_then(|dump| dump.get("configs")?.as_array());
            for config in configs.into_iter().flatten() {
                names.extend(
                    config
                        .pointer(name)
                        .and_then(Value::as_str)
                        .map(ToOwned::to_owned),
                );
            }
        }
        tracing::warn!(
            "still not ready in envoy after {} s, so the rollout goes on without waiting: {} \
             (a host name that does not resolve, or a health check without an answer)",
            self.patience.as_secs_f64(),
            if names.is_empty() {
                "unnamed".to_owned()
            } else {
                names.join(", ")
            }
        );
    }

    /// Puts the last accepted files back, in the order that is safe backwards: listeners and
    /// routes first, then clusters.
    async fn put_back(&mut self, old: &Configuration) {
        let (routing, rest): (Vec<Write>, Vec<Write>) = old
            .writes()
            .filter(|write| self.folder.text(&write.name).as_ref() != Some(&write.text))
            .partition(|write| matches!(write.role, Some(Role::Listeners | Role::Routes(_))));
        let restart = rest.iter().any(|write| write.role == Some(Role::Bootstrap));
        for writes in [routing, rest] {
            let before = self.admin.stats(STATS).await;
            for write in &writes {
                if let Err(error) = self.folder.write(&write.name, &write.text) {
                    tracing::error!("{} is not put back: {error}", write.name);
                }
            }
            if let Ok(before) = before
                && !restart
                && !writes.is_empty()
                && let Err(error) = self.wait(&self.watched(&writes), &before).await
            {
                tracing::error!("envoy did not confirm the files that were put back: {error}");
            }
        }
        // A process that was started read the bootstrap that is now gone.
        if restart
            && self.supervisor.counts().starts != self.starts
            && let Err(error) = self.supervisor.go_back().await
        {
            tracing::error!("envoy did not start with the bootstrap that was put back: {error}");
        }
        if let Err(error) = self.folder.keep_only(&old.files) {
            tracing::error!("files of the refused configuration are left: {error}");
        }
    }
}

/// The files that a bootstrap itself leads to.
fn top_level(subscribed: &BTreeMap<String, Role>) -> Vec<&String> {
    let files = subscribed.iter();
    files
        .filter(|(_, role)| matches!(role, Role::Clusters | Role::Listeners))
        .map(|(name, _)| name)
        .collect()
}

fn subscriptions(configuration: &Configuration) -> BTreeMap<String, Role> {
    let files = configuration.layout.iter();
    files
        .filter(|(_, file)| file.role != Role::Bootstrap)
        .map(|(name, file)| (name.to_owned(), file.role.clone()))
        .collect()
}
