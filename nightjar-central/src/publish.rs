//! State of publishing: what is known of the mesh and of the store, and the next action.
//!
//! Several instances may publish in one store, and none waits for another. Four rules keep them
//! from undoing each other's work:
//!
//! - Each one publishes only when its *own* map of the mesh changes. One whose discovery fails or
//!   always gives the same map publishes nothing.
//! - It reads the store before it publishes. If the store already holds its map, there is nothing to
//!   do.
//! - If the store holds a map that it has never seen, another instance has published in the meantime
//!   and may know better. So it runs discovery again: what it then publishes is newer than what it
//!   replaces.
//! - A commit replaces only the version that was read. If another instance published first, store and
//!   mesh are read again. So a map never replaces one that was published after it was discovered, if
//!   the store compares versions. If the published map cannot be read, there is no version to compare
//!   with: then discovery runs once more before the commit.
//!
//! The content of the store is known from reading it, or from a successful commit; its version only
//! from reading it, because the store makes it. After a failed commit the content is unknown, because
//! the store may have taken the map anyway, and the next refresh reads the store first.
//!
//! Nothing here does I/O: [`step`] takes an event, and returns an action. The page
//! `states.md` of this crate lists what each event does in each state; a test holds the two together.

mod event;
mod step;

pub use event::{Action, Cause, Effects, Event, LogEntry, RefreshResult};
pub use step::step;

use nightjar_core::{
    daemon::RefreshProgress,
    extension::{ContentHash, RunStats},
};
use std::{sync::Arc, time::SystemTime};

/// A map that discovery gave.
#[derive(Debug, PartialEq, Eq)]
pub struct DiscoveredMap {
    /// A hash of its content without the version.
    pub hash: ContentHash,
    /// Its version, as discovery calls it.
    pub version: String,
    /// As discovery handed it over, with what only later versions know.
    pub bytes: Vec<u8>,
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoredMap {
    /// It has not been read, or a commit has failed since, or another program published first.
    #[default]
    Unknown,
    /// It was read.
    Fetched {
        /// What it says.
        hash: ContentHash,
        /// Its version, as the store calls it.
        version: String,
    },
    /// This program committed it: what it says. The version is the store's to make.
    Committed(ContentHash),
}

impl StoredMap {
    /// What the map there says, if that is known.
    pub fn hash(&self) -> Option<ContentHash> {
        match self {
            Self::Unknown => None,
            Self::Fetched { hash, .. } | Self::Committed(hash) => Some(*hash),
        }
    }

    /// Its version, if that is known.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Fetched { version, .. } => Some(version),
            Self::Unknown | Self::Committed(_) => None,
        }
    }
}

/// How often discovery has run in a refresh before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Once. If another instance published first, it runs again.
    First,
    /// Twice. If another instance published first again, the refresh has failed: a store that always
    /// reports a conflict must not keep discovery busy.
    Second,
}

/// What is under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing, until the next refresh is due.
    #[default]
    Idle,
    /// The store is read, because what it holds is unknown.
    FetchingStored,
    /// A fetch of the map.
    Discovering,
    /// The store is read before this map replaces what it holds, or after another instance
    /// published first.
    Comparing(Arc<DiscoveredMap>),
    /// A second fetch, as another program has published, or may have.
    Rediscovering,
    /// A commit of this map.
    Committing(Arc<DiscoveredMap>, Attempt),
    /// The commit that was in progress when the program was told to stop.
    FinishingCommit(Arc<DiscoveredMap>),
    /// Nothing, for good.
    Stopped,
}

/// How commits ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Commits {
    /// How many the store took.
    pub done: u64,
    /// How many failed, each after all its tries.
    pub failed: u64,
    /// How many were rejected, because another instance had published first.
    pub conflicts: u64,
    /// When the store last took one.
    pub last: Option<SystemTime>,
}

/// All that is known of the program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    phase: Phase,
    stored: StoredMap,
    map: Option<Arc<DiscoveredMap>>,
    has_published: bool,
    commits: Commits,
    progress: RefreshProgress,
    runs: [RunStats; 2],
}

impl State {
    /// How the runs of discovery and of the store went so far.
    pub fn runs(&self) -> [RunStats; 2] {
        self.runs
    }

    /// Notes how the runs of discovery and of the store went so far.
    pub fn note_runs(&mut self, runs: [RunStats; 2]) {
        self.runs = runs;
    }

    /// What is under way.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What the store holds.
    pub fn stored(&self) -> &StoredMap {
        &self.stored
    }

    /// The last good map.
    pub fn map(&self) -> Option<&Arc<DiscoveredMap>> {
        self.map.as_ref()
    }

    /// Whether there is a map that is not known to be in the store.
    pub fn is_pending(&self) -> bool {
        self.map
            .as_ref()
            .is_some_and(|map| self.stored.hash() != Some(map.hash))
    }

    /// Whether the store has held this program's map since it started.
    pub fn has_published(&self) -> bool {
        self.has_published
    }

    /// Whether the program is on its way out.
    pub fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::FinishingCommit(_) | Phase::Stopped)
    }

    /// How commits ended.
    pub fn commits(&self) -> Commits {
        self.commits
    }

    /// How refreshes went.
    pub fn progress(&self) -> &RefreshProgress {
        &self.progress
    }
}

#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;
