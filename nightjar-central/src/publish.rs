//! What is known of the mesh and of the store, and what is to be done next: a state and its steps.
//!
//! Several programs may publish in one store, and none waits for another. Four rules keep them
//! from undoing each other's work:
//!
//! - Each publishes only when its *own* view of the mesh changes. One whose discovery fails or
//!   stands still publishes nothing.
//! - Before it publishes, it looks at what the store holds. If that is its view already, another
//!   was first.
//! - If the store holds something that it has never seen, another has published meanwhile, and may
//!   know better. So it looks at the mesh once more: what it then publishes is newer than what it
//!   publishes over.
//! - It commits in place of the version that it has seen, and of no other. If another was first, it
//!   looks at store and mesh once more. So a view never replaces what was published after it was
//!   taken, if the store compares. One that cannot be read cannot be compared with: then the mesh is
//!   looked at once more before the commit.
//!
//! What the store holds is known from a look or from a commit that went well, and in which version
//! from a look alone: the store makes it. After a commit that
//! failed it is unknown, for the store may have done it all the same, and the next refresh looks first.
//!
//! Nothing here does I/O: [`step`] takes what happened, and gives what is to be done. The page
//! `states.md` of this crate lists what each event does in each state; a test holds the two together.

mod event;
mod step;

pub use event::{Effects, Ended, Event, Failure, Next, Note};
pub use step::step;

use nightjar_core::{
    daemon::Progress,
    extension::{ContentHash, Runs},
};
use std::{sync::Arc, time::SystemTime};

/// A map that discovery gave.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    /// A hash of what it says, its version aside.
    pub hash: ContentHash,
    /// Its version, as discovery calls it.
    pub version: String,
    /// As discovery handed it over, with what only later versions know.
    pub bytes: Vec<u8>,
}

/// What the store holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Store {
    /// Nobody has looked, or a commit failed since, or another was first.
    #[default]
    Unknown,
    /// A look found it.
    Seen {
        /// What it says.
        hash: ContentHash,
        /// Its version, as the store calls it.
        version: String,
    },
    /// This program committed it: what it says. The version is the store's to make.
    Committed(ContentHash),
}

impl Store {
    /// What the map there says, if that is known.
    pub fn hash(&self) -> Option<ContentHash> {
        match self {
            Self::Unknown => None,
            Self::Seen { hash, .. } | Self::Committed(hash) => Some(*hash),
        }
    }

    /// Its version, if that is known.
    pub fn version(&self) -> Option<&str> {
        match self {
            Self::Seen { version, .. } => Some(version),
            Self::Unknown | Self::Committed(_) => None,
        }
    }
}

/// How often the mesh was looked at in a refresh before a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Once. If another was first, it is looked at again.
    First,
    /// Twice. If another was first again, the refresh has failed: a store that always says so must
    /// not keep discovery busy.
    Second,
}

/// What is under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing, until the next refresh is due.
    #[default]
    Resting,
    /// A look at the store, as nobody knows what it holds.
    Looking,
    /// A fetch of the map.
    Discovering,
    /// A look at the store before this map is published over what it is known to hold, or after
    /// another was first.
    Comparing(Arc<View>),
    /// A second fetch, as another program has published, or may have.
    Rediscovering,
    /// A commit of this map.
    Committing(Arc<View>, Round),
    /// The commit that was under way when the program was told to stop.
    Finishing(Arc<View>),
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
    /// How many changed nothing, as another was first.
    pub conflicts: u64,
    /// When the store last took one.
    pub last: Option<SystemTime>,
}

/// All that is known of the program.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    phase: Phase,
    store: Store,
    view: Option<Arc<View>>,
    has_published: bool,
    commits: Commits,
    progress: Progress,
    runs: [Runs; 2],
}

impl State {
    /// How the runs of discovery and of the store went so far.
    pub fn runs(&self) -> [Runs; 2] {
        self.runs
    }

    /// Notes how the runs of discovery and of the store went so far.
    pub fn note_runs(&mut self, runs: [Runs; 2]) {
        self.runs = runs;
    }

    /// What is under way.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// What the store holds.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The last good map.
    pub fn view(&self) -> Option<&Arc<View>> {
        self.view.as_ref()
    }

    /// Whether there is a map that is not known to be in the store.
    pub fn is_pending(&self) -> bool {
        self.view
            .as_ref()
            .is_some_and(|view| self.store.hash() != Some(view.hash))
    }

    /// Whether the store has held this program's view since it started.
    pub fn has_published(&self) -> bool {
        self.has_published
    }

    /// Whether the program is on its way out.
    pub fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Finishing(_) | Phase::Stopped)
    }

    /// How commits ended.
    pub fn commits(&self) -> Commits {
        self.commits
    }

    /// How refreshes went.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
}

#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;
