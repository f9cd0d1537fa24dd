//! Discovery and the store, run when a step asks for it.

use crate::{
    config::Config,
    fingerprint::Fingerprint,
    publish::{Event, Failure, View},
};
use nightjar_core::{
    daemon::{Discovery, FetchError, fetch},
    document::discovery_map::DiscoveryMap,
    extension::{DocumentName, ExtensionError, Host, RetryPolicy, Runs},
    report::in_full,
    shutdown::Shutdown,
};
use std::{path::Path, sync::Arc, time::Instant};

/// Both ends of the way that a map takes.
pub(crate) struct Extensions {
    discovery: Discovery,
    store: Host,
    /// The same store, asked only once: for what can do without the answer.
    peek: Host,
    shutdown: Shutdown,
}

impl Extensions {
    pub(crate) fn new(config: &Config, temp_dir: &Path, shutdown: &Shutdown) -> Self {
        let daemon = &config.daemon;
        let host = |host: Host| host.with_variable("NJ_TEMP_DIR", temp_dir);
        let source = Host::discovery_map(daemon.discovery_map.clone(), daemon.limits, temp_dir);
        let store = Host::data_store(config.data_store.clone(), daemon.limits, temp_dir);
        let (grace, refresh_time) = (daemon.empty_map_grace, daemon.refresh_time);
        let mut discovery = Discovery::new(host(source), grace, refresh_time);
        // As long as nobody knows what the store holds, it may be a mesh that works.
        discovery.expect_endpoints(true);
        let once = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Self {
            discovery,
            peek: host(store.clone()).with_retry(once),
            store: host(store),
            shutdown: shutdown.clone(),
        }
    }

    /// Changes how what failed is tried again.
    pub(crate) fn set_retry(&mut self, retry: RetryPolicy) {
        self.discovery.set_retry(retry);
        self.store.set_retry(retry);
    }

    /// How the runs of discovery and of the store went so far.
    pub(crate) fn runs(&self) -> [Runs; 2] {
        [self.discovery.runs(), self.store.runs()]
    }

    /// Finds out what the store holds.
    pub(crate) async fn look(&self) -> Event {
        let name = DocumentName::DISCOVERY_MAP;
        match fetch::<DiscoveryMap>(&self.peek, &name, None, &self.shutdown).await {
            Ok(Some(found)) => Event::Found {
                print: Fingerprint::of(&found.bytes),
                has_endpoints: found.document.has_endpoints(),
            },
            Ok(None) => Event::LookFailed(Failure::Because("it gave no map".to_owned())),
            Err(error) => Event::LookFailed(fetch_failure(&error)),
        }
    }

    /// Fetches the map. What the store is known to hold decides whether an empty one is a surprise.
    pub(crate) async fn discover(&mut self, store_has_endpoints: Option<bool>) -> Event {
        if let Some(has_endpoints) = store_has_endpoints {
            self.discovery.expect_endpoints(has_endpoints);
        }
        match self.discovery.fetch(Instant::now(), &self.shutdown).await {
            Ok(Some(read)) => {
                self.discovery.accept(&read.document);
                Event::Discovered(Arc::new(View {
                    print: Fingerprint::of(&read.bytes),
                    version: read.document.document_version.to_string(),
                    bytes: read.bytes,
                }))
            }
            Ok(None) => match self.discovery.empty_map() {
                Some(empty_map) => Event::Empty(empty_map),
                None => Event::NothingNew,
            },
            Err(error) => Event::DiscoveryFailed(fetch_failure(&error)),
        }
    }

    /// Hands a map to the store.
    pub(crate) async fn commit(&self, view: &View) -> Event {
        let name = DocumentName::DISCOVERY_MAP;
        match self.store.commit(&name, &view.bytes, &self.shutdown).await {
            Ok(()) => Event::Committed,
            Err(error) => Event::CommitFailed(failure(&error)),
        }
    }
}

fn fetch_failure(error: &FetchError) -> Failure {
    match error {
        FetchError::Extension(error) => failure(error),
        FetchError::Document { .. } => Failure::Because(in_full(error)),
    }
}

fn failure(error: &ExtensionError) -> Failure {
    if error.is_stop() {
        Failure::Stopped
    } else {
        Failure::Because(in_full(error))
    }
}
