//! Phase of a rollout: writes files, then asks Envoy until it has all of them, or has rejected one.

mod config_dump;
mod progress;

use crate::{
    ack::{self, Counters, Versions},
    admin::{Admin, AdminError},
    files::{Folder, Staged},
    machine::{PhaseOutcome, PhaseRequest},
};
use config_dump::{attempts, configs, errors, only_unbound};
use nightjar_core::envoy::{File, FileRole, on_one_line};
use progress::PhaseProgress;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout_at};

/// When the counters are asked for the first time, if a version is late, and how often then.
const COUNTERS_DELAY: Duration = Duration::from_millis(60);
/// The pauses between questions, from the first on.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(1);
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// When the log says for the first time what a phase waits for, and how often from then on.
const WAIT_LOG_DELAY: Duration = Duration::from_secs(5);
const WAIT_LOG_REPEAT: Duration = Duration::from_secs(10);
/// How long a started Envoy may take to report the versions of its files, which it has read by then.
const READ_TIMEOUT: Duration = Duration::from_secs(1);
/// How long Envoy's log may come after the counter of rejections has risen.
const LOG_TIMEOUT: Duration = Duration::from_millis(500);

/// The last error in Envoy's log.
pub(crate) type LastError = Arc<Mutex<Option<String>>>;

/// What a phase works with.
pub(crate) struct Phases {
    pub(crate) admin: Admin,
    pub(crate) folder: Arc<Mutex<Folder>>,
    pub(crate) last_error: LastError,
    /// How long Envoy may take for one phase.
    pub(crate) timeout: Duration,
}

impl Phases {
    /// Carries a phase out.
    pub(crate) async fn run(&self, request: &PhaseRequest) -> PhaseOutcome {
        let began = Instant::now();
        let confirms = request.writes.is_empty();
        let timeout = if confirms {
            self.timeout.max(READ_TIMEOUT * 2)
        } else {
            self.timeout
        };
        let deadline = began + timeout;
        let mut progress = PhaseProgress {
            request,
            deadline,
            before: Arc::clone(&request.counters),
            by_counter: vec![false; request.awaited.len()],
            done: vec![false; request.awaited.len()],
            warming_tolerated: request.warming_tolerated,
            old_errors: BTreeSet::new(),
            unbound: None,
        };
        if !confirms && !request.awaited.is_empty() {
            // Envoy may be busy: nothing is written before it is known what it has.
            while let Err(error) = self.prepare(&mut progress).await {
                if Instant::now() >= deadline {
                    return PhaseOutcome::NotWritten {
                        reason: error.to_string(),
                        partly: false,
                    };
                }
                sleep(MAX_POLL_INTERVAL).await;
            }
        }
        // Everything is on the disk before anything is in force: a full disk stops it here.
        let staged = match self.stage(&request.writes) {
            Ok(staged) => staged,
            Err(reason) => {
                return PhaseOutcome::NotWritten {
                    reason,
                    partly: false,
                };
            }
        };
        clear(&self.last_error);
        let mut published = false;
        for staged in &staged {
            let result = self.folder().publish(staged);
            if let Err(error) = result {
                return PhaseOutcome::NotWritten {
                    reason: error.to_string(),
                    partly: published,
                };
            }
            published = true;
        }
        self.wait(&mut progress, began, confirms).await
    }

    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage(&self, writes: &[Arc<File>]) -> Result<Vec<Staged>, String> {
        let mut folder = self.folder();
        let names = writes.iter().map(|file| file.name());
        folder
            .add_to_manifest(names)
            .map_err(|error| error.to_string())?;
        let stage = |file: &Arc<File>| folder.stage(file.name(), file.text());
        let staged: Result<Vec<Staged>, _> = writes.iter().map(stage).collect();
        staged.map_err(|error| error.to_string())
    }

    /// Finds out what Envoy has before anything is written.
    async fn prepare(&self, progress: &mut PhaseProgress<'_>) -> Result<(), AdminError> {
        let versions = self.versions(progress.deadline).await?;
        for (file, by_counter) in progress
            .request
            .awaited
            .iter()
            .zip(&mut progress.by_counter)
        {
            let role = file.role();
            let now = role.and_then(|role| versions.of(role));
            *by_counter = file.version().is_none() || now == file.version();
        }
        if progress.by_counter.contains(&true) {
            progress.before = self.counters(progress.deadline).await?;
        }
        let mut awaited = progress.request.awaited.iter();
        if progress.request.is_closed
            && awaited.any(|file| file.role() == Some(&FileRole::Listeners))
        {
            let dump = self.admin.dump("dynamic_listeners").await?;
            progress.old_errors = attempts(&dump).map(ToOwned::to_owned).collect();
        }
        self.has_warmed(progress).await.map(drop)
    }

    /// Whether nothing warms but what was waited for in vain before. What has warmed since is waited for
    /// again.
    async fn has_warmed(&self, progress: &mut PhaseProgress<'_>) -> Result<bool, AdminError> {
        if !progress.can_warm() {
            return Ok(true);
        }
        let warming = self.warming(progress.deadline).await?;
        let tolerated = progress.warming_tolerated;
        progress.warming_tolerated = warming.min(tolerated);
        Ok(warming <= tolerated)
    }

    async fn wait(
        &self,
        progress: &mut PhaseProgress<'_>,
        began: Instant,
        confirms: bool,
    ) -> PhaseOutcome {
        let mut pause = MIN_POLL_INTERVAL;
        let mut next_counters = began + COUNTERS_DELAY;
        let mut next_log = began + WAIT_LOG_DELAY;
        loop {
            let now = Instant::now();
            let with_counters = now >= next_counters || progress.by_counter.contains(&true);
            let polled = self
                .poll(
                    progress,
                    with_counters,
                    confirms && now < began + READ_TIMEOUT,
                )
                .await;
            if with_counters {
                next_counters = now + COUNTERS_DELAY * 3;
            }
            let error = match polled {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => None,
                Err(error) => Some(error),
            };
            if Instant::now() >= progress.deadline {
                return self.timed_out(progress, error).await;
            }
            if now >= next_log {
                next_log = now + WAIT_LOG_REPEAT;
                let _ = timeout_at(progress.deadline, self.log_wait(progress, now - began)).await;
            }
            sleep(pause).await;
            pause = (pause * 2).min(MAX_POLL_INTERVAL);
        }
    }

    /// Asks once; an outcome if there is one. `with_counters`: ask for the counters too. `may_wait`: a version that
    /// is not there may still come.
    async fn poll(
        &self,
        progress: &mut PhaseProgress<'_>,
        with_counters: bool,
        may_wait: bool,
    ) -> Result<Option<PhaseOutcome>, AdminError> {
        let request = progress.request;
        if progress.done.contains(&false) {
            let versions = self.versions(progress.deadline).await?;
            for (index, file) in request.awaited.iter().enumerate() {
                let reported = file.role().and_then(|role| versions.of(role));
                let confirms = request.writes.is_empty();
                let is_there = match file.version() {
                    Some(version) => reported == Some(version) && !progress.is_by_counter(index),
                    // Without a version there is nothing to ask for after the fact.
                    None => confirms,
                };
                if is_there {
                    progress.finish(index);
                }
            }
            if request.writes.is_empty() {
                progress.leave_out_unread(&versions);
            }
            if with_counters && progress.done.contains(&false) {
                let counters = self.counters(progress.deadline).await?;
                if let Some(outcome) = self
                    .judge_counters(progress, &versions, counters, may_wait)
                    .await?
                {
                    return Ok(Some(outcome));
                }
            }
        }
        if progress.done.contains(&false) {
            return Ok(None);
        }
        let has_warmed = self.has_warmed(progress).await?;
        Ok(has_warmed.then(|| progress.accepted()))
    }

    /// Judges files whose version is late by their counters.
    async fn judge_counters(
        &self,
        progress: &mut PhaseProgress<'_>,
        versions: &Versions,
        counters: Counters,
        may_wait: bool,
    ) -> Result<Option<PhaseOutcome>, AdminError> {
        let request = progress.request;
        for (index, file) in request.awaited.iter().enumerate() {
            let Some(role) = file.role() else { continue };
            if progress.is_done(index) {
                continue;
            }
            let is_up = |counter| ack::rose(role, counter, &progress.before, &counters);
            let rejected = is_up("update_rejected") || is_up("update_failure");
            if rejected && *role == FileRole::Listeners {
                let dump = self.admin.dump("dynamic_listeners").await?;
                if let Some(unbound) = only_unbound(&dump, &progress.old_errors) {
                    progress.unbound = Some(unbound);
                    progress.finish(index);
                    continue;
                }
            }
            if rejected {
                let reason = self
                    .rejection_reason(file, versions, &progress.old_errors)
                    .await;
                return Ok(Some(PhaseOutcome::Rejected { reason, counters }));
            }
            if progress.has_closed_listener() && versions.of(role).is_none_or(str::is_empty) {
                // Nobody reads the routes of a listener that is closed.
                progress.finish(index);
            } else if progress.is_by_counter(index) && is_up("update_success") {
                progress.finish(index);
            } else if request.writes.is_empty() && !may_wait {
                let reason = self
                    .rejection_reason(file, versions, &progress.old_errors)
                    .await;
                return Ok(Some(PhaseOutcome::Rejected { reason, counters }));
            }
        }
        progress.before = counters;
        Ok(None)
    }

    /// The time is over.
    async fn timed_out(
        &self,
        progress: &mut PhaseProgress<'_>,
        error: Option<AdminError>,
    ) -> PhaseOutcome {
        let seconds = self.timeout.as_secs_f64();
        let reason = match (progress.missing_file(), error) {
            (Some(file), Some(error)) => format!(
                "envoy did not report within {seconds} s whether it accepted {}: {error}",
                file.name()
            ),
            (None, Some(error)) => format!("envoy did not answer within {seconds} s: {error}"),
            (Some(file), None) if file.role().is_none_or(|role| *role == FileRole::Bootstrap) => {
                format!("envoy did not accept {} within {seconds} s", file.name())
            }
            (Some(file), None) => format!(
                "envoy did not accept {} within {seconds} s\n\
                 hint: see whether Envoy is overloaded, whether the file system reports changes (inotify), \
                 and whether a `stats_matcher` hides its `version_text`",
                file.name()
            ),
            (None, None) => {
                progress.warming_tolerated =
                    self.warming(progress.deadline).await.unwrap_or_default();
                self.warn_of_warming().await;
                return progress.accepted();
            }
        };
        PhaseOutcome::TimedOut { reason }
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
    async fn rejection_reason(
        &self,
        file: &File,
        versions: &Versions,
        old_errors: &BTreeSet<String>,
    ) -> String {
        if file.role().is_some_and(|role| versions.of(role).is_none()) {
            return format!(
                "envoy does not report which version of {} it has\n\
                 hint: its statistics `version_text` must not be hidden by a `stats_matcher`",
                file.name()
            );
        }
        let reason = match self.error_state(file, old_errors).await {
            Some(reason) => Some(on_one_line(&reason)),
            None => self.logged_error().await,
        };
        let reason = reason.unwrap_or_else(|| "it gave no reason; see its log".to_owned());
        format!("envoy refused {}: {reason}", file.name())
    }

    /// The log may come a little later than the counters that tell of the rejection.
    async fn logged_error(&self) -> Option<String> {
        let deadline = Instant::now() + LOG_TIMEOUT;
        while Instant::now() < deadline {
            sleep(Duration::from_millis(25)).await;
            let last_error = self.last_error.lock();
            let last_error = last_error.unwrap_or_else(PoisonError::into_inner).clone();
            if last_error.is_some() {
                return last_error;
            }
        }
        None
    }

    /// What the configuration dump says of a refused file.
    async fn error_state(&self, file: &File, old: &BTreeSet<String>) -> Option<String> {
        let resource = match file.role()? {
            FileRole::Listeners => "dynamic_listeners",
            FileRole::Clusters => "dynamic_active_clusters",
            _ => return None,
        };
        let dump = self.admin.dump(resource).await.ok()?;
        let mut reasons: Vec<String> = errors(&dump, old)
            .map(|(_, details)| details.to_owned())
            .collect();
        reasons.dedup();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Logs what a phase waits for.
    async fn log_wait(&self, progress: &PhaseProgress<'_>, waited: Duration) {
        let waited = waited.as_secs();
        if let Some(file) = progress.missing_file() {
            tracing::info!("envoy has not accepted {} after {waited} s", file.name());
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

fn clear(last_error: &LastError) {
    *last_error.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

#[cfg(test)]
mod tests;
