//! Watched secrets of one name, which Envoy counts together.

use super::{
    Remaining, SecretProblem,
    file::{FileState, FileSystem},
};
use crate::ack::{self, Counters, Versions};
use nightjar_core::envoy::{FileRole, Secret};
use std::collections::BTreeMap;

/// What is known of the secrets of one name. Most often there is but one.
#[derive(Debug)]
pub(super) struct WatchedSecret {
    secrets: Vec<Secret>,
    role: FileRole,
    /// Counts at the last inspection: accepted, rejected, not renewed.
    counts: [u64; 3],
    /// Whether Envoy has reported a version of it.
    had_version: bool,
    /// The files at the last inspection.
    files: FileStates,
    rejection: Option<Rejection>,
    /// The files as they were when Envoy could not use what they name.
    unusable: Option<FileStates>,
}

/// Files by path.
type FileStates = BTreeMap<String, Option<FileState>>;

/// A file that Envoy rejected.
#[derive(Debug)]
struct Rejection {
    remaining: Remaining,
    /// The files that were rejected, or may have been. When Envoy reads the same again, it counts it as accepted.
    maybe_rejected: BTreeMap<String, Option<u64>>,
}

impl WatchedSecret {
    pub(super) fn new(group: &[Secret]) -> Self {
        let name = group.first().map(|secret| secret.name.clone());
        Self {
            secrets: Vec::new(),
            role: FileRole::Secrets(name.unwrap_or_default()),
            counts: [0; 3],
            had_version: false,
            files: FileStates::new(),
            rejection: None,
            unusable: None,
        }
    }

    /// Whether these are the same files under the same name.
    pub(super) fn is_of(&self, group: &[Secret]) -> bool {
        let name = |group: &[Secret]| group.first().map(|secret| secret.name.clone());
        name(&self.secrets) == name(group) && paths(&self.secrets) == paths(group)
    }

    pub(super) fn with(self, secrets: Vec<Secret>) -> Self {
        Self { secrets, ..self }
    }

    /// Whether Envoy ever took one.
    pub(super) fn was_accepted(&self) -> bool {
        self.counts.first() > Some(&0)
    }

    /// The problem, once for each file that names the secret.
    pub(super) fn problems(&self) -> Vec<SecretProblem> {
        let (maybe_rejected, remaining): (Vec<&String>, _) = match (&self.rejection, &self.unusable)
        {
            (Some(rejection), _) => (
                rejection.maybe_rejected.keys().collect(),
                rejection.remaining,
            ),
            (None, Some(files)) => (files.keys().collect(), Remaining::PreviousKeys),
            (None, None) => return Vec::new(),
        };
        // The want of a listener weighs more than that of a cluster.
        let mut secrets: Vec<&Secret> = self.secrets.iter().collect();
        secrets.retain(|secret| maybe_rejected.contains(&&secret.path));
        secrets.sort_by_key(|secret| secret.is_of_cluster);
        let Some(path) = secrets.first().map(|secret| secret.path.clone()) else {
            return Vec::new();
        };
        let others = maybe_rejected.into_iter().filter(|other| **other != path);
        let others: Vec<String> = others.cloned().collect();
        secrets.retain(|secret| secret.path == path);
        let problem = |secret: &Secret| SecretProblem {
            secret: secret.clone(),
            others: others.clone(),
            remaining,
        };
        secrets.into_iter().map(problem).collect()
    }

    /// Judges by what Envoy counts now. `renewed`: some secret is in use anew since the last look.
    pub(super) fn inspect(
        &mut self,
        versions: &Versions,
        counters: &Counters,
        renewed: bool,
        files: &impl FileSystem,
    ) {
        let total = |counter| ack::total(&self.role, counter, counters);
        let counts = [
            total("update_success"),
            total("update_rejected") + total("update_failure"),
            total("key_rotation_failed"),
        ];
        let accepted_at = ack::latest(&self.role, "update_time", counters);
        let mut before = std::mem::replace(&mut self.counts, counts);
        if counts.iter().zip(&before).any(|(now, before)| now < before) {
            // Another process counts.
            before = [0; 3];
            (self.rejection, self.unusable) = (None, None);
        }
        let mut rose = counts.iter().zip(&before).map(|(now, before)| now > before);
        let mut rose = || rose.next().unwrap_or_default();
        let (accepted, rejected, not_renewed) = (rose(), rose(), rose());
        let version = versions.of(&self.role);
        let has_version = version.is_some_and(|version| !version.is_empty());
        let see = |path: String| (path.clone(), files.read_state(&path));
        let seen: FileStates = paths(&self.secrets).into_iter().map(see).collect();
        if accepted || rejected {
            let newest = seen.values().flatten().map(|file| file.since).max();
            let is_last = newest.is_some_and(|since| accepted_at >= since);
            if rejected && !(accepted && is_last) {
                self.rejection = Some(Rejection {
                    remaining: self.remaining(has_version),
                    maybe_rejected: self.maybe_rejected(&seen),
                });
            } else if !self.is_refused_still(&seen) {
                self.rejection = None;
            }
        }
        self.had_version |= has_version;
        if accepted {
            self.unusable = None;
        }
        if not_renewed && !renewed {
            self.unusable = Some(seen.clone());
        } else if self
            .unusable
            .as_ref()
            .is_some_and(|unusable| !is_same(unusable, &seen))
        {
            // Other files are there, and Envoy has said nothing against them.
            self.unusable = None;
        }
        if not_renewed && renewed {
            // A certificate and its key that are renamed one after the other do not fit for a moment.
            tracing::warn!(
                "envoy could not load the files of {} at one moment, and renewed a secret since",
                self.role
            );
        }
        self.files = seen;
    }

    /// What Envoy is left with that refused the newest.
    ///
    /// A process that took over counts on from what the one before had counted.
    fn remaining(&self, has_version: bool) -> Remaining {
        match self.counts {
            [0, ..] if self.had_version => Remaining::Lost,
            [0, ..] => Remaining::Nothing,
            _ if self.had_version && !has_version => Remaining::Lost,
            _ => Remaining::Previous,
        }
    }

    /// The files that have changed since the last look, or all if none has.
    fn maybe_rejected(&self, seen: &FileStates) -> BTreeMap<String, Option<u64>> {
        let hash = |file: Option<FileState>| file.map(|file| file.hash);
        let hashes = seen.iter().map(|(path, file)| (path.clone(), hash(*file)));
        let (changed, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            hashes.partition(|(path, now)| {
                let before = self.files.get(path).copied().flatten();
                *now != hash(before)
            });
        if changed.is_empty() { others } else { changed }
    }

    fn is_refused_still(&self, seen: &FileStates) -> bool {
        let hash = |path: &String| seen.get(path).copied().flatten().map(|file| file.hash);
        self.rejection.as_ref().is_some_and(|rejection| {
            let mut maybe_rejected = rejection.maybe_rejected.iter();
            maybe_rejected.all(|(path, refused)| hash(path) == *refused)
        })
    }
}

/// Whether files hold the same and name the same files.
fn is_same(one: &FileStates, other: &FileStates) -> bool {
    let held = |(_, file): (&String, &Option<FileState>)| file.map(|file| (file.hash, file.named));
    one.len() == other.len() && one.iter().map(held).eq(other.iter().map(held))
}

/// The files of secrets, each once.
pub(super) fn paths(secrets: &[Secret]) -> Vec<String> {
    let mut paths: Vec<String> = secrets.iter().map(|secret| secret.path.clone()).collect();
    paths.sort();
    paths.dedup();
    paths
}
