//! What happens, and what is to be done about it.

use super::View;
use nightjar_core::{
    daemon::{EmptyMap, Outcome, Recovery},
    extension::ContentHash,
};
use std::{fmt, sync::Arc, time::Instant};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The pause between two refreshes is over.
    Due,
    /// SIGHUP came: somebody wants store and mesh to agree.
    Sighup,
    /// The next refresh is due at this time.
    Scheduled(Instant),
    /// A look found this in the store.
    Found {
        /// What the map there says.
        hash: ContentHash,
        /// Its version, as the store calls it.
        version: String,
        /// Whether it has endpoints.
        has_endpoints: bool,
    },
    /// A look found nothing, for this reason.
    LookFailed(Failure),
    /// Discovery gave a new map.
    Discovered(Arc<View>),
    /// The map is the one that discovery gave last.
    NothingNew,
    /// Discovery gave a map without endpoints, which is not believed yet.
    Empty(EmptyMap),
    /// Discovery gave no map, for this reason.
    DiscoveryFailed(Failure),
    /// The store took the map.
    Committed,
    /// The store holds another version than the commit was to replace, and is unchanged.
    Conflict,
    /// The store did not say that it took the map. It may have taken it all the same.
    CommitFailed(Failure),
    /// The program is to stop.
    Stop,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Only because the program is to stop.
    Stopped,
    /// For this reason.
    Because(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// To be logged.
    pub notes: Vec<Note>,
    /// To be done then.
    pub next: Next,
}

/// What is to be done next: one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the event was none for this state, and what is under way goes on.
    Continue,
    /// A look at the store.
    Look,
    /// A fetch of the map.
    Discover {
        /// Whether the map in the store has endpoints, if that is news.
        store_has_endpoints: Option<bool>,
    },
    /// A commit.
    Commit {
        /// Of this map.
        view: Arc<View>,
        /// In place of this version alone; if that is not known, of whatever is there.
        previous: Option<String>,
    },
    /// The refresh has ended: a pause until the next.
    Rest(Ended),
    /// The end of the program, and of the commit that it waited for.
    Exit(Option<Ended>),
}

/// How a refresh ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The store holds the view already.
    Unchanged,
    /// The store took the view.
    Published,
    /// The map is empty, and not believed yet.
    HeldBack,
    /// It did not come to its end, for this reason.
    Failed(String),
}

impl Ended {
    /// As metrics count it.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Unchanged | Self::HeldBack => Outcome::Unchanged,
            Self::Published => Outcome::Changed,
            Self::Failed(_) => Outcome::Failed,
        }
    }
}

/// Something for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A look found nothing.
    NoComparison(String),
    /// The store holds a map that this program has not seen.
    AnotherPublished,
    /// Another program has published since the last look.
    Conflict,
    /// The store holds this program's view, which it did not commit.
    PublishedAlready,
    /// A refresh succeeded after failures.
    Recovered(Recovery),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoComparison(reason) => {
                write!(f, "there is no published map to compare with: {reason}")
            }
            Self::AnotherPublished => f.write_str(
                "another program has published a map meanwhile: looking at the mesh again",
            ),
            Self::Conflict => f.write_str(
                "nothing is replaced: another program has published a map since the last look at \
                 the store",
            ),
            Self::PublishedAlready => f.write_str("another program has published this map already"),
            Self::Recovered(recovery) => recovery.fmt(f),
        }
    }
}
