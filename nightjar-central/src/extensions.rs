//! Runs of discovery and of the data store, as the steps ask for them.

use crate::{
    config::Config,
    publish::{Cause, DiscoveredMap, Event},
};
use nightjar_core::{
    daemon::{Discovery, FetchError, fetch},
    document::discovery_map::DiscoveryMap,
    extension::{
        CommitOutcome, ContentHash, DocumentName, ExtensionError, Host, RawDocument, RetryPolicy,
        RunStats, can_be_argument,
    },
    report::error_chain,
    shutdown::Shutdown,
};
use std::{path::Path, sync::Arc, time::Instant};

/// Discovery, and the data store that its maps go to.
pub(crate) struct Extensions {
    discovery: Discovery,
    store: Host,
    /// The same store, asked only once: for what can do without the answer, and for what must not
    /// come late.
    once: Host,
    shutdown: Shutdown,
}

impl Extensions {
    pub(crate) fn new(config: &Config, temp_dir: &Path, shutdown: &Shutdown) -> Self {
        let daemon = &config.daemon;
        let source = Host::discovery_map(daemon.discovery_map.clone(), daemon.limits, temp_dir);
        let store = Host::data_store(config.data_store.clone(), daemon.limits, temp_dir);
        let (grace, refresh_time) = (daemon.empty_map_grace, daemon.refresh_time);
        let mut discovery = Discovery::new(source, grace, refresh_time);
        // As long as nobody knows what the store holds, it may be a mesh that works.
        discovery.expect_endpoints(true);
        let once = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Self {
            discovery,
            once: store.clone().with_retry(once),
            store,
            shutdown: shutdown.clone(),
        }
    }

    /// Changes how what failed is tried again.
    pub(crate) fn set_retry(&mut self, retry: RetryPolicy) {
        self.discovery.set_retry(retry);
        self.store.set_retry(retry);
    }

    /// How the runs of discovery and of the store went so far.
    pub(crate) fn runs(&self) -> [RunStats; 2] {
        [self.discovery.runs(), self.store.runs()]
    }

    /// Finds out what the store holds. A commit that needs the answer insists on it: without it,
    /// nothing would hold that back.
    pub(crate) async fn fetch_stored(&self, insist: bool) -> Event {
        let name = DocumentName::DISCOVERY_MAP;
        let store = if insist { &self.store } else { &self.once };
        match fetch::<DiscoveryMap>(store, &name, None, &self.shutdown).await {
            Ok(Some(found)) => match hash_of(&found.bytes) {
                Ok(hash) => Event::StoreFetched {
                    hash,
                    version: found.document.document_version.to_string(),
                    has_endpoints: found.document.has_endpoints(),
                },
                Err(cause) => Event::StoreFetchFailed(cause),
            },
            Ok(None) => {
                Event::StoreFetchFailed(Cause::Error("the data store gave no map".to_owned()))
            }
            Err(error) => Event::StoreFetchFailed(fetch_cause(&error)),
        }
    }

    /// Fetches the map. What the store is known to hold decides whether an empty one is a surprise.
    pub(crate) async fn discover(&mut self, store_has_endpoints: Option<bool>) -> Event {
        if let Some(has_endpoints) = store_has_endpoints {
            self.discovery.expect_endpoints(has_endpoints);
        }
        match self.discovery.fetch(Instant::now(), &self.shutdown).await {
            Ok(Some(read)) => match hash_of(&read.bytes) {
                Ok(hash) => {
                    self.discovery.accept(&read.document);
                    Event::Discovered(Arc::new(DiscoveredMap {
                        hash,
                        version: read.document.document_version.to_string(),
                        bytes: read.bytes,
                    }))
                }
                Err(cause) => Event::DiscoveryFailed(cause),
            },
            Ok(None) => match self.discovery.empty_map() {
                Some(empty_map) => Event::EmptyMapPending(empty_map),
                None => Event::MapUnchanged,
            },
            Err(error) => Event::DiscoveryFailed(fetch_cause(&error)),
        }
    }

    /// Hands a map to the store, to keep in place of one version, or of whatever is there. The
    /// latter is tried only once: what another has published when it is tried again would be lost.
    /// A version that cannot be an argument of a store counts as none.
    pub(crate) async fn commit(&self, map: &DiscoveredMap, previous: Option<&str>) -> Event {
        let name = DocumentName::DISCOVERY_MAP;
        let previous = previous.filter(|version| can_be_argument(version));
        let store = match previous {
            Some(_) => &self.store,
            None => &self.once,
        };
        let commit = store.commit(&name, &map.bytes, previous, &self.shutdown);
        match commit.await {
            Ok(CommitOutcome::Done) => Event::Committed,
            Ok(CommitOutcome::Conflict) => Event::CommitConflict,
            Err(error) => Event::CommitFailed(cause(&error)),
        }
    }
}

/// The hash of a document that was found valid, and so is one JSON object.
fn hash_of(document: &[u8]) -> Result<ContentHash, Cause> {
    let document = RawDocument::read(document);
    let document = document.map_err(|error| Cause::Error(error_chain(&error)))?;
    Ok(document.content_hash())
}

fn fetch_cause(error: &FetchError) -> Cause {
    match error {
        FetchError::Extension(error) => cause(error),
        FetchError::Document { .. } => Cause::Error(error_chain(error)),
    }
}

fn cause(error: &ExtensionError) -> Cause {
    if error.is_stop() {
        Cause::Shutdown
    } else {
        Cause::Error(error_chain(error))
    }
}
