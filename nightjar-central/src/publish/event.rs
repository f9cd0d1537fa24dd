//! What happens, and what is to be done about it.

use super::DiscoveredMap;
use nightjar_core::{
    daemon::{EmptyMap, Recovery, RefreshOutcome},
    extension::ContentHash,
};
use std::{fmt, sync::Arc, time::Instant};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The pause between two refreshes is over.
    Interval,
    /// SIGHUP came: somebody wants store and mesh to agree.
    Sighup,
    /// The next refresh is due at this time.
    Scheduled(Instant),
    /// The store was read, and holds this.
    StoreFetched {
        /// What the map there says.
        hash: ContentHash,
        /// Its version, as the store calls it.
        version: String,
        /// Whether it has endpoints.
        has_endpoints: bool,
    },
    /// The store could not be read, for this reason.
    StoreFetchFailed(Cause),
    /// Discovery gave a new map.
    Discovered(Arc<DiscoveredMap>),
    /// The map is the one that discovery gave last.
    MapUnchanged,
    /// Discovery gave a map without endpoints, which has not been confirmed yet.
    EmptyMapPending(EmptyMap),
    /// Discovery gave no map, for this reason.
    DiscoveryFailed(Cause),
    /// The store took the map.
    Committed,
    /// The store holds another version than the commit was to replace, and is unchanged.
    CommitConflict,
    /// The store did not acknowledge the map. It may have taken it all the same.
    CommitFailed(Cause),
    /// The program has to stop.
    Shutdown,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The program is shutting down.
    Shutdown,
    /// It failed, for this reason.
    Error(String),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// Lines to log.
    pub log: Vec<LogEntry>,
    /// What to do then.
    pub next: Action,
}

/// What is to be done next: one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the event means nothing in this state, and what is under way goes on.
    None,
    /// Read what the store holds.
    FetchStored,
    /// Fetch the map from discovery.
    Discover {
        /// Whether the map in the store has endpoints, if that is news.
        store_has_endpoints: Option<bool>,
    },
    /// Commit a map.
    Commit {
        /// The map.
        map: Arc<DiscoveredMap>,
        /// The only version that it may replace; if it is not known, whatever is there.
        previous: Option<String>,
    },
    /// Wait for the next refresh: this one has ended.
    Wait(RefreshResult),
    /// Exit, with the result of the commit that it waited for.
    Exit(Option<RefreshResult>),
}

/// How a refresh ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshResult {
    /// The store holds the map already.
    Unchanged,
    /// The store took the map.
    Published,
    /// The map is empty, and has not been confirmed yet.
    EmptyMapPending,
    /// It failed, for this reason.
    Failed(String),
}

impl RefreshResult {
    /// As metrics count it.
    pub fn outcome(&self) -> RefreshOutcome {
        match self {
            Self::Unchanged | Self::EmptyMapPending => RefreshOutcome::Unchanged,
            Self::Published => RefreshOutcome::Changed,
            Self::Failed(_) => RefreshOutcome::Failed,
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// The published map could not be read.
    NotCompared(String),
    /// The store holds a map that this program has not seen.
    PublishedByAnother,
    /// Another program has published since the last look.
    CommitConflict,
    /// The store holds this program's map, which it did not commit.
    AlreadyPublished,
    /// A refresh succeeded after failures.
    Recovered(Recovery),
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCompared(reason) => {
                write!(f, "cannot compare with the published map: {reason}")
            }
            Self::PublishedByAnother => f.write_str(
                "another program has published a map in the meantime; running discovery again",
            ),
            Self::CommitConflict => f.write_str(
                "the commit was rejected: another program has published a map since this one read the \
                 store",
            ),
            Self::AlreadyPublished => f.write_str("another program has already published this map"),
            Self::Recovered(recovery) => recovery.fmt(f),
        }
    }
}
