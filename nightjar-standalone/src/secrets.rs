//! Secrets that Envoy reads by SDS from files of their own, watched while it runs.
//!
//! Such a file, and the files of keys and certificates that it names, may be replaced at any moment and
//! by anybody. Envoy loads the new ones by itself, or rejects them and goes on with the previous ones,
//! which only its statistics show.

mod file;
mod watched;

use crate::{
    ack::{self, Counters, Versions},
    admin::{Admin, AdminError},
};
use nightjar_core::envoy::Secret;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use watched::WatchedSecret;

/// How often Envoy is asked. It looks through all of its counters for that.
const POLL_INTERVAL: Duration = Duration::from_secs(3);

/// The path of what Envoy counts of secrets, and of when it took one last.
const COUNTERS: &str = "/stats?filter=%28%28%5E%7C%5C.%29sds%5C..*%5C.%28update_success%7Cupdate_rejected%7C\
                        update_failure%7Cupdate_time%7Ckey_rotation_failed%29%7C\
                        %5C.ssl_context_update_by_sds%29$";

/// A secret of which Envoy refused the newest file, or the files that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretProblem {
    pub(crate) secret: Secret,
    /// Other files with a secret of this name, each of which may be the refused one.
    pub(crate) others: Vec<String>,
    pub(crate) remaining: Remaining,
}

/// What Envoy has after it rejected a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remaining {
    /// The previous secret.
    Previous,
    /// The secret that it has, with the previous keys and certificates.
    PreviousKeys,
    /// Nothing: it never had one.
    Nothing,
    /// Nothing: the process before had one.
    Lost,
}

/// What a look at the secrets gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SecretReport {
    pub(crate) problems: Vec<SecretProblem>,
    /// Whether Envoy has a secret of each name.
    pub(crate) has_all: bool,
}

impl fmt::Display for SecretProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Secret {
            name,
            path,
            named_by,
            ..
        } = &self.secret;
        let paths: Vec<&str> = [path]
            .into_iter()
            .chain(&self.others)
            .map(String::as_str)
            .collect();
        let paths = paths.join(" or ");
        match self.remaining {
            Remaining::PreviousKeys => write!(
                f,
                "envoy cannot use the files that {paths} names for secret {name:?} of {named_by}, and \
                 uses the previous ones"
            ),
            Remaining::Previous => write!(
                f,
                "envoy refused secret {name:?} of {named_by} from {paths}, and uses the previous one"
            ),
            Remaining::Nothing | Remaining::Lost => write!(
                f,
                "envoy refused secret {name:?} of {named_by} from {paths}, and has none: connections \
                 that need it fail"
            ),
        }
    }
}

/// Secrets by name: those that share one have one set of Envoy's counters.
fn by_name(secrets: Vec<Secret>) -> BTreeMap<String, Vec<Secret>> {
    let mut groups: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
    for secret in secrets {
        groups.entry(secret.name.clone()).or_default().push(secret);
    }
    groups
}

/// The names that secrets in several files have, each with what to do about it.
pub(crate) fn shared_names(secrets: &[Secret]) -> Vec<String> {
    let messages = by_name(secrets.to_vec())
        .into_iter()
        .filter_map(|(name, group)| {
            let paths = watched::paths(&group);
            (paths.len() > 1).then(|| {
                format!(
                    "secret {name:?} is in several files, which envoy counts together: {}\n\
                 hint: give each a name of its own, so that the refused one is certain",
                    paths.join(", ")
                )
            })
        });
    messages.collect()
}

/// What is known of the secrets of a configuration.
#[derive(Debug, Default)]
pub(crate) struct SecretWatch {
    secrets: Vec<WatchedSecret>,
    /// How often Envoy made a context of secrets that had changed.
    renewals: u64,
}

impl SecretWatch {
    /// Watches these from now on, and keeps what is known of those among them.
    pub(crate) fn follow(&mut self, secrets: Vec<Secret>) {
        let mut before = std::mem::take(&mut self.secrets);
        let known = |group: Vec<Secret>| {
            let at = before.iter().position(|known| known.is_of(&group));
            at.map_or_else(|| WatchedSecret::new(&group), |at| before.swap_remove(at))
                .with(group)
        };
        self.secrets = by_name(secrets).into_values().map(known).collect();
    }

    /// Judges by what Envoy counts now.
    fn inspect(
        &mut self,
        versions: &Versions,
        counters: &Counters,
        files: &impl file::FileSystem,
    ) -> SecretReport {
        let renewals = renewals(counters);
        let renewed = renewals > std::mem::replace(&mut self.renewals, renewals);
        for known in &mut self.secrets {
            known.inspect(versions, counters, renewed, files);
        }
        SecretReport {
            problems: self
                .secrets
                .iter()
                .flat_map(WatchedSecret::problems)
                .collect(),
            has_all: self.secrets.iter().all(WatchedSecret::was_accepted),
        }
    }
}

/// How often Envoy made a context of secrets that had changed, of all listeners and clusters.
fn renewals(counters: &Counters) -> u64 {
    let own = counters
        .iter()
        .filter(|(name, _)| name.ends_with(".ssl_context_update_by_sds"));
    own.map(|(_, count)| count).sum()
}

/// Watches secrets, and reports the first look and each change.
pub(crate) async fn watch(
    admin: Admin,
    watch: Arc<Mutex<SecretWatch>>,
    report: impl Fn(SecretReport),
) {
    let mut reported = None;
    loop {
        // An Envoy that starts, or is too busy to answer, is asked again.
        if let Ok((versions, counters)) = ask(&admin).await {
            let mut watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            let report_now = watch.inspect(&versions, &counters, &file::Disk);
            if reported.as_ref() != Some(&report_now) {
                reported = Some(report_now.clone());
                report(report_now);
            }
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn ask(admin: &Admin) -> Result<(Versions, Counters), AdminError> {
    let deadline = Instant::now() + POLL_INTERVAL;
    let versions = admin.get_until(ack::VERSIONS, deadline).await?;
    let counters = admin.get_until(COUNTERS, deadline).await?;
    Ok((Versions::read(&versions), ack::read_counters(&counters)))
}

#[cfg(test)]
mod tests;
