//! One phase of a rollout carried out: write, then ask Envoy until it has all of it, or has refused it.

use crate::{
    ack::{self, Counters, Unbound, Versions},
    admin::{Admin, AdminError},
    files::{Folder, Staged},
    machine::{Acked, PhaseOrder},
};
use nightjar_core::envoy::{File, FileRole, on_one_line};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

/// When the counters are asked for the first time, if a version is late, and how often then.
const LATE: Duration = Duration::from_millis(60);
/// The pauses between questions, from the first on.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// When it is told for the first time what a phase waits for, and how often then.
const TOLD: Duration = Duration::from_secs(5);
const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// How long a started Envoy may take to show the versions of its files. It has read them by then.
const SHOW_TIMEOUT: Duration = Duration::from_secs(1);
/// How long Envoy's log may come after the counter that tells of a refusal.
const LOG_TIMEOUT: Duration = Duration::from_millis(500);

/// What Envoy complained of last in its log.
pub(crate) type Complaint = Arc<Mutex<Option<String>>>;

/// What a phase works with.
pub(crate) struct Phases {
    pub(crate) admin: Admin,
    pub(crate) folder: Arc<Mutex<Folder>>,
    pub(crate) complaint: Complaint,
    /// How long Envoy may take for one phase.
    pub(crate) timeout: Duration,
}

/// What is known in the middle of a phase.
struct Watch<'a> {
    order: &'a PhaseOrder,
    deadline: Instant,
    before: Counters,
    /// Whether versions tell nothing, as they are the same before and after.
    counted: Vec<bool>,
    done: Vec<bool>,
    unbound: Option<Vec<Unbound>>,
}

impl Phases {
    /// Carries a phase out.
    pub(crate) async fn run(&self, order: &PhaseOrder) -> Acked {
        let began = Instant::now();
        let confirms = order.writes.is_empty();
        let timeout = if confirms {
            self.timeout.max(SHOW_TIMEOUT * 2)
        } else {
            self.timeout
        };
        let deadline = began + timeout;
        let mut watch = Watch {
            order,
            deadline,
            before: Arc::clone(&order.counters),
            counted: vec![false; order.awaited.len()],
            done: vec![false; order.awaited.len()],
            unbound: None,
        };
        if !confirms && !order.awaited.is_empty() {
            // Envoy may be busy: nothing is written before it is known what it has.
            while let Err(error) = self.prepare(&mut watch).await {
                if Instant::now() >= deadline {
                    return Acked::NotWritten {
                        reason: error.to_string(),
                        partly: false,
                    };
                }
                sleep(LONGEST_PAUSE).await;
            }
        }
        // Everything is on the disk before anything is in force: a full disk stops it here.
        let staged = match self.stage(&order.writes) {
            Ok(staged) => staged,
            Err(reason) => {
                return Acked::NotWritten {
                    reason,
                    partly: false,
                };
            }
        };
        forget(&self.complaint);
        let mut published = false;
        for staged in &staged {
            let result = self.folder().publish(staged);
            if let Err(error) = result {
                return Acked::NotWritten {
                    reason: error.to_string(),
                    partly: published,
                };
            }
            published = true;
        }
        self.wait(&mut watch, began, confirms).await
    }

    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage(&self, writes: &[Arc<File>]) -> Result<Vec<Staged>, String> {
        let mut folder = self.folder();
        let names = writes.iter().map(|file| file.name());
        folder.announce(names).map_err(|error| error.to_string())?;
        let stage = |file: &Arc<File>| folder.stage(file.name(), file.text());
        let staged: Result<Vec<Staged>, _> = writes.iter().map(stage).collect();
        staged.map_err(|error| error.to_string())
    }

    /// Finds out what Envoy has before anything is written.
    async fn prepare(&self, watch: &mut Watch<'_>) -> Result<(), AdminError> {
        let versions = self.versions(watch.deadline).await?;
        for (file, counted) in watch.order.awaited.iter().zip(&mut watch.counted) {
            let role = file.role();
            let now = role.and_then(|role| versions.of(role));
            *counted = file.version().is_none() || now == file.version();
        }
        if watch.counted.contains(&true) {
            watch.before = self.counters(watch.deadline).await?;
        }
        Ok(())
    }

    async fn wait(&self, watch: &mut Watch<'_>, began: Instant, confirms: bool) -> Acked {
        let mut pause = SHORTEST_PAUSE;
        let mut look_closer = began + LATE;
        let mut tell = began + TOLD;
        loop {
            let now = Instant::now();
            let closer = now >= look_closer || watch.counted.contains(&true);
            let looked = self
                .look(watch, closer, confirms && now < began + SHOW_TIMEOUT)
                .await;
            if closer {
                look_closer = now + LATE * 3;
            }
            let error = match looked {
                Ok(Some(acked)) => return acked,
                Ok(None) => None,
                Err(error) => Some(error),
            };
            if Instant::now() >= watch.deadline {
                return self.give_up(watch, error).await;
            }
            if now >= tell {
                tell = now + TOLD_AGAIN;
                let _ = timeout_at(watch.deadline, self.tell_wait(watch, now - began)).await;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One look; an end if there is one. `closer`: at the counters too. `patient`: a version that is not
    /// there may still come.
    async fn look(
        &self,
        watch: &mut Watch<'_>,
        closer: bool,
        patient: bool,
    ) -> Result<Option<Acked>, AdminError> {
        let order = watch.order;
        if watch.done.contains(&false) {
            let versions = self.versions(watch.deadline).await?;
            for (index, file) in order.awaited.iter().enumerate() {
                let reported = file.role().and_then(|role| versions.of(role));
                let confirms = order.writes.is_empty();
                let is_there = match file.version() {
                    Some(version) => reported == Some(version) && !watch.is_counted(index),
                    // Without a version there is nothing to ask for after the fact.
                    None => confirms,
                };
                if is_there {
                    watch.finish(index);
                }
            }
            if order.writes.is_empty() {
                watch.leave_out_unread(&versions);
            }
            if closer && watch.done.contains(&false) {
                let counters = self.counters(watch.deadline).await?;
                if let Some(acked) = self.judge(watch, &versions, counters, patient).await? {
                    return Ok(Some(acked));
                }
            }
        }
        if watch.done.contains(&false) {
            return Ok(None);
        }
        let can_warm = order.awaited.iter().any(|file| {
            matches!(
                file.role(),
                Some(FileRole::Clusters | FileRole::Listeners | FileRole::Endpoints { .. })
            )
        });
        if can_warm && self.warming(watch.deadline).await? > order.given_up {
            return Ok(None);
        }
        Ok(Some(watch.accepted(order.given_up)))
    }

    /// What the counters say of files whose version is late.
    async fn judge(
        &self,
        watch: &mut Watch<'_>,
        versions: &Versions,
        counters: Counters,
        patient: bool,
    ) -> Result<Option<Acked>, AdminError> {
        let order = watch.order;
        for (index, file) in order.awaited.iter().enumerate() {
            let Some(role) = file.role() else { continue };
            if watch.is_done(index) {
                continue;
            }
            let is_up = |counter| ack::rose(role, counter, &watch.before, &counters);
            let refused = is_up("update_rejected") || is_up("update_failure");
            if refused && *role == FileRole::Listeners {
                let dump = self.admin.dump("dynamic_listeners").await?;
                if let Some(unbound) = only_unbound(&dump) {
                    watch.unbound = Some(unbound);
                    watch.finish(index);
                    continue;
                }
            }
            if refused {
                let reason = self.refusal(file, versions).await;
                return Ok(Some(Acked::Rejected { reason, counters }));
            }
            if watch.has_closed_listener() && versions.of(role).is_none_or(str::is_empty) {
                // Nobody reads the routes of a listener that is closed.
                watch.finish(index);
            } else if watch.is_counted(index) && is_up("update_success") {
                watch.finish(index);
            } else if order.writes.is_empty() && !patient {
                let reason = self.refusal(file, versions).await;
                return Ok(Some(Acked::Rejected { reason, counters }));
            }
        }
        watch.before = counters;
        Ok(None)
    }

    /// The time is over.
    async fn give_up(&self, watch: &mut Watch<'_>, error: Option<AdminError>) -> Acked {
        let seconds = self.timeout.as_secs_f64();
        let reason = match (watch.open(), error) {
            (Some(file), Some(error)) => format!(
                "envoy did not say within {seconds} s whether it took {}: {error}",
                file.name()
            ),
            (None, Some(error)) => format!("envoy did not answer within {seconds} s: {error}"),
            (Some(file), None) if file.role().is_none_or(|role| *role == FileRole::Bootstrap) => {
                format!("envoy did not take {} within {seconds} s", file.name())
            }
            (Some(file), None) => format!(
                "envoy did not take {} within {seconds} s\n\
                 hint: see whether Envoy is overloaded, whether the file system reports changes (inotify), \
                 and whether a `stats_matcher` hides its `version_text`",
                file.name()
            ),
            (None, None) => {
                let warming = self.warming(watch.deadline).await.unwrap_or_default();
                self.warn_of_warming().await;
                return watch.accepted(warming);
            }
        };
        Acked::TimedOut { reason }
    }

    async fn versions(&self, deadline: Instant) -> Result<Versions, AdminError> {
        let text = self.admin.get_until(ack::VERSIONS, deadline).await?;
        Ok(Versions::read(&text))
    }

    async fn counters(&self, deadline: Instant) -> Result<Counters, AdminError> {
        let text = self.admin.get_until(ack::COUNTERS, deadline).await?;
        Ok(ack::read_counters(&text))
    }

    async fn warming(&self, deadline: Instant) -> Result<u64, AdminError> {
        let text = self.admin.get_until(ack::WARMING, deadline).await?;
        Ok(ack::read_warming(&text))
    }

    /// Envoy's reason, with the file and the resource that it means.
    async fn refusal(&self, file: &File, versions: &Versions) -> String {
        if file.role().is_some_and(|role| versions.of(role).is_none()) {
            return format!(
                "envoy does not report which version of {} it has\n\
                 hint: its statistics `version_text` must not be hidden by a `stats_matcher`",
                file.name()
            );
        }
        let reason = match self.error_state(file).await {
            Some(reason) => Some(on_one_line(&reason)),
            None => self.logged().await,
        };
        let reason = reason.unwrap_or_else(|| "it gave no reason; see its log".to_owned());
        format!("envoy refused {}: {reason}", file.name())
    }

    /// The log may come a little later than the counters that tell of the refusal.
    async fn logged(&self) -> Option<String> {
        let deadline = Instant::now() + LOG_TIMEOUT;
        while Instant::now() < deadline {
            sleep(Duration::from_millis(25)).await;
            let complaint = self.complaint.lock();
            let complaint = complaint.unwrap_or_else(PoisonError::into_inner).clone();
            if complaint.is_some() {
                return complaint;
            }
        }
        None
    }

    /// What the configuration dump says of a refused file.
    async fn error_state(&self, file: &File) -> Option<String> {
        let resource = match file.role()? {
            FileRole::Listeners => "dynamic_listeners",
            FileRole::Clusters => "dynamic_active_clusters",
            _ => return None,
        };
        let dump = self.admin.dump(resource).await.ok()?;
        let mut reasons: Vec<String> = errors(&dump)
            .map(|(_, details)| details.to_owned())
            .collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Tells what a phase waits for that is not over yet.
    async fn tell_wait(&self, watch: &Watch<'_>, waited: Duration) {
        let waited = waited.as_secs();
        if let Some(file) = watch.open() {
            tracing::info!("envoy has not taken {} after {waited} s", file.name());
            return;
        }
        tracing::info!(
            "not ready in envoy after {waited} s: {} (a host name that does not resolve yet, or a \
             health check without an answer yet)",
            self.warming_names().await
        );
    }

    /// The clusters and listeners that wait for names or health checks.
    async fn warming_names(&self) -> String {
        let mut names = Vec::new();
        for (resource, name) in [
            ("dynamic_warming_clusters", "/cluster/name"),
            ("dynamic_listeners", "/warming_state/listener/name"),
        ] {
            let dump = self.admin.dump(resource).await.ok();
            for config in dump.iter().flat_map(configs) {
                let name = config.pointer(name).and_then(Value::as_str);
                names.extend(name.map(ToOwned::to_owned));
            }
        }
        if names.is_empty() {
            "unnamed".to_owned()
        } else {
            names.join(", ")
        }
    }

    async fn warn_of_warming(&self) {
        let names = self.warming_names().await;
        tracing::warn!(
            "still not ready in envoy after {} s, so the rollout goes on without waiting: {names} \
             (a host name that does not resolve, or a health check without an answer)",
            self.timeout.as_secs_f64(),
        );
    }
}

impl Watch<'_> {
    /// A file that Envoy has not taken yet.
    fn open(&self) -> Option<&Arc<File>> {
        let open = self.done.iter().position(|done| !done)?;
        self.order.awaited.get(open)
    }

    fn is_counted(&self, index: usize) -> bool {
        self.counted.get(index).copied().unwrap_or_default()
    }

    fn is_done(&self, index: usize) -> bool {
        self.done.get(index).copied().unwrap_or_default()
    }

    fn finish(&mut self, index: usize) {
        if let Some(done) = self.done.get_mut(index) {
            *done = true;
        }
        if let Some(counted) = self.counted.get_mut(index) {
            *counted = false;
        }
    }

    /// Once listeners and clusters are there, what they do not lead to is read by nobody.
    fn leave_out_unread(&mut self, versions: &Versions) {
        let is_top =
            |file: &File| matches!(file.role(), Some(FileRole::Clusters | FileRole::Listeners));
        let order = self.order;
        let files = order.awaited.iter().enumerate();
        if files
            .clone()
            .any(|(index, file)| is_top(file) && !self.is_done(index))
        {
            return;
        }
        for (index, file) in files {
            if file.role().is_some_and(|role| versions.of(role).is_none()) {
                self.finish(index);
            }
        }
    }

    /// Whether a listener is closed, by what this phase has found out or the ones before.
    fn has_closed_listener(&self) -> bool {
        let mut awaited = self.order.awaited.iter();
        match &self.unbound {
            Some(unbound) => !unbound.is_empty(),
            None => {
                self.order.is_closed
                    && !awaited.any(|file| file.role() == Some(&FileRole::Listeners))
            }
        }
    }

    fn accepted(&mut self, given_up: u64) -> Acked {
        let listeners = |file: &Arc<File>| file.role() == Some(&FileRole::Listeners);
        let unbound = match self.unbound.take() {
            None if self.order.awaited.iter().any(listeners) => Some(Vec::new()),
            unbound => unbound,
        };
        Acked::Accepted {
            counters: Arc::clone(&self.before),
            unbound,
            given_up,
        }
    }
}

fn forget(complaint: &Complaint) {
    *complaint.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn configs(dump: &Value) -> impl Iterator<Item = &Value> {
    dump.get("configs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The resources that are in error, by name, each with Envoy's words.
fn errors(dump: &Value) -> impl Iterator<Item = (&str, &str)> {
    configs(dump).filter_map(|config| {
        let details = config.pointer("/error_state/details")?.as_str()?;
        // A listener that never came to be has no name but in what was refused.
        let names = ["/name", "/error_state/failed_configuration/name"];
        let mut names = names
            .iter()
            .filter_map(|at| config.pointer(at).and_then(Value::as_str));
        let name = names.next().unwrap_or_default();
        Some((name, details))
    })
}

/// The listeners that could not be bound, if nothing else is wrong with any.
fn only_unbound(dump: &Value) -> Option<Vec<Unbound>> {
    let unbound: Option<Vec<Unbound>> = errors(dump)
        .map(|(name, details)| ack::unbound(name, details))
        .collect();
    let unbound = unbound.map(|mut unbound| {
        // Envoy tells of one again that it had bound before.
        unbound.sort_by(|one, other| one.listener.cmp(&other.listener));
        unbound.dedup_by(|one, other| one.listener == other.listener);
        unbound
    });
    unbound.filter(|unbound| !unbound.is_empty())
}

#[cfg(test)]
mod tests;
