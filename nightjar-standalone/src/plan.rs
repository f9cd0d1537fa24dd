//! Plan of a rollout: the order in which files change, so that no request meets a route to a missing cluster.
//!
//! Pure: from what is known of each file, and the configuration that is wanted, it says what comes
//! next. Every step leaves a set of files that Envoy can serve, so a rollout may change its target
//! between any two of them: to a newer map, or back to what was in force.
//!
//! ```text
//! make      clusters old and new together, and whatever nothing leads to yet
//! restart   if the new bootstrap decides what clusters and listeners there are
//! switch    listeners and routes
//! finish    the new clusters alone
//! restart   if only the rest of the bootstrap changed
//! ```

use nightjar_core::envoy::{
    Configuration, File, FileRole, bootstrap_key, holds_all_clusters, loses_all_endpoints,
    union_of_bootstraps, union_of_clusters,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What is known of a file that Envoy reads.
#[derive(Debug, Clone)]
pub(crate) enum KnownFile {
    /// Envoy has this text.
    Confirmed(Arc<File>),
    /// It may have any of these.
    Unconfirmed(Vec<Arc<File>>),
}

impl KnownFile {
    /// What it may be.
    pub(crate) fn texts(&self) -> &[Arc<File>] {
        match self {
            Self::Confirmed(file) => std::slice::from_ref(file),
            Self::Unconfirmed(files) => files,
        }
    }

    pub(crate) fn is(&self, file: &File) -> bool {
        matches!(self, Self::Confirmed(known) if known.hash() == file.hash() && known.role() == file.role())
    }
}

/// What is known of all files, by name.
pub(crate) type KnownFiles = BTreeMap<String, KnownFile>;

/// What the running process was started with.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    pub(crate) bootstrap: Arc<File>,
    /// The files of clusters and listeners that it watches.
    pub(crate) top_level: BTreeSet<String>,
}

impl Running {
    /// A process that is started with a configuration.
    pub(crate) fn with(configuration: &Configuration) -> Self {
        let is_top = |file: &&Arc<File>| {
            matches!(file.role(), Some(FileRole::Clusters | FileRole::Listeners))
        };
        Self {
            bootstrap: Arc::clone(configuration.bootstrap()),
            top_level: configuration
                .iter()
                .filter(is_top)
                .map(|file| file.name().to_owned())
                .collect(),
        }
    }

    /// Whether this process, or one that it hands over to, has confirmed this file.
    pub(crate) fn watches(&self, file: &File) -> bool {
        match file.role() {
            None | Some(FileRole::Bootstrap) => false,
            Some(FileRole::Clusters | FileRole::Listeners) => self.top_level.contains(file.name()),
            Some(FileRole::Routes(_) | FileRole::Endpoints { .. } | FileRole::Secrets(_)) => true,
        }
    }
}

/// What a step is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Make,
    Switch,
    Finish,
}

impl Phase {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Switch => "switch",
            Self::Finish => "finish",
        }
    }
}

/// What comes next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The configuration is in force.
    Done,
    /// Write these in this order, and wait until Envoy has them.
    Write(Phase, Vec<Arc<File>>),
    /// Write this bootstrap, and replace the process.
    Restart {
        bootstrap: Arc<File>,
        /// Whether clusters and routes have to wait for it.
        blocking: bool,
    },
}

/// Whether clusters and routes have to wait for a process that reads this bootstrap.
pub(crate) fn blocks(running: &Running, bootstrap: &File) -> bool {
    bootstrap_key(&running.bootstrap) != bootstrap_key(bootstrap)
}

/// The next step from what is known to what is wanted.
pub(crate) fn next(known: &KnownFiles, running: &Running, wanted: &Configuration) -> Step {
    let blocking = blocks(running, wanted.bootstrap());
    let changed: Vec<&Arc<File>> = wanted
        .iter()
        .filter(|file| known.get(file.name()).is_none_or(|known| !known.is(file)))
        .collect();
    let make = to_make(known, running, wanted, &changed, blocking);
    if !make.is_empty() {
        return Step::Write(Phase::Make, make);
    }
    if blocking {
        let bootstrap = union_of_bootstraps(&running.bootstrap, wanted.bootstrap());
        if bootstrap.hash() != running.bootstrap.hash() {
            return Step::Restart {
                bootstrap,
                blocking: true,
            };
        }
    }
    let mut switch: Vec<Arc<File>> = changed
        .iter()
        .filter(|file| matches!(file.role(), Some(FileRole::Routes(_) | FileRole::Listeners)))
        .map(|file| Arc::clone(file))
        .collect();
    switch.sort_by_key(|file| {
        (
            file.role() == Some(&FileRole::Listeners),
            known.contains_key(file.name()),
        )
    });
    if !switch.is_empty() {
        return Step::Write(Phase::Switch, switch);
    }
    let finish: Vec<Arc<File>> = changed
        .iter()
        .filter(|file| file.role() != Some(&FileRole::Bootstrap))
        .map(|file| Arc::clone(file))
        .collect();
    if !finish.is_empty() {
        return Step::Write(Phase::Finish, finish);
    }
    if running.bootstrap.hash() != wanted.bootstrap().hash() {
        return Step::Restart {
            bootstrap: Arc::clone(wanted.bootstrap()),
            blocking: false,
        };
    }
    Step::Done
}

/// What is written before routes and listeners change: what others name comes before what names it.
fn to_make(
    known: &KnownFiles,
    running: &Running,
    wanted: &Configuration,
    changed: &[&Arc<File>],
    blocking: bool,
) -> Vec<Arc<File>> {
    let of_clusters = |file: &&Arc<File>| file.role() == Some(&FileRole::Clusters);
    // What an earlier process watched, and nobody will again, does not count.
    let counts = |file: &&Arc<File>| running.watches(file) || wanted.get(file.name()).is_some();
    let now: Vec<Arc<File>> = known
        .values()
        .flat_map(KnownFile::texts)
        .filter(of_clusters)
        .filter(counts)
        .cloned()
        .collect();
    let wanted_clusters: Vec<Arc<File>> = wanted.iter().filter(of_clusters).cloned().collect();
    // The running process has what it is sure to have; the others might be all that it has.
    let sure = known.iter().all(|(_, known)| {
        matches!(known, KnownFile::Confirmed(_))
            || !known.texts().iter().any(|file| of_clusters(&file))
    });
    let clusters_change = !sure || !holds_all_clusters(&now, &wanted_clusters);
    // What a new process starts with has to hold the clusters of the routes that are in force, also
    // where the file itself has stood unread and unchanged since an earlier process.
    let is_unread = |file: &File| {
        blocking
            && file.role() == Some(&FileRole::Clusters)
            && !running.top_level.contains(file.name())
    };
    let unread = wanted.iter().filter(|file| is_unread(file));
    let unread = unread.filter(|file| !changed.iter().any(|it| it.name() == file.name()));
    let mut make: Vec<(u8, Arc<File>)> = Vec::new();
    for file in changed.iter().copied().chain(unread) {
        let was = known.get(file.name());
        let is_new = was.is_none_or(|was| was.texts().iter().all(|was| was.role() != file.role()));
        match file.role() {
            None | Some(FileRole::Secrets(_)) => make.push((0, Arc::clone(file))),
            Some(FileRole::Endpoints { .. }) => {
                let loses = was.is_some_and(|was| {
                    was.texts().iter().any(|was| loses_all_endpoints(was, file))
                });
                if !loses {
                    make.push((1, Arc::clone(file)));
                }
            }
            // A new process needs it, and the old one does not know it.
            Some(FileRole::Routes(_)) if blocking && is_new => make.push((1, Arc::clone(file))),
            Some(FileRole::Listeners) if blocking && !running.top_level.contains(file.name()) => {
                make.push((2, Arc::clone(file)));
            }
            Some(FileRole::Clusters) if clusters_change || is_new || is_unread(file) => {
                let union = union_of_clusters(&now, file);
                if was.is_none_or(|was| !was.is(&union)) {
                    make.push((2, union));
                }
            }
            Some(
                FileRole::Clusters
                | FileRole::Routes(_)
                | FileRole::Listeners
                | FileRole::Bootstrap,
            ) => {}
        }
    }
    make.sort_by_key(|(order, _)| *order);
    make.into_iter().map(|(_, file)| file).collect()
}

#[cfg(test)]
mod tests;
