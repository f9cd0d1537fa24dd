//! One refresh: the discovery map in, and out to the store if it has changed.
//!
//! Several programs may publish in one store, and none waits for another. Three rules keep them
//! from undoing each other's work:
//!
//! - Each publishes only when its *own* view of the mesh changes. One whose discovery fails or
//!   stands still publishes nothing.
//! - Before it publishes, it looks at what the store holds. If that is its view already, another
//!   was first.
//! - If the store holds something that it has never seen, another has published meanwhile, and may
//!   know better. So it looks at the mesh once more: what it then publishes is newer than what it
//!   publishes over.

use crate::{config::Config, fingerprint::Fingerprint};
use nightjar_core::{
    daemon::{Discovery, FetchError, fetch},
    document::discovery_map::DiscoveryMap,
    extension::{DocumentName, ExtensionError, Host, RetryPolicy},
    shutdown::Shutdown,
};
use std::path::Path;

/// Why a refresh failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(transparent)]
    Discovery(#[from] FetchError),
    #[error(transparent)]
    Commit(ExtensionError),
}

impl PublishError {
    /// Whether it failed only because this program is to stop.
    pub(crate) fn is_stop(&self) -> bool {
        match self {
            Self::Discovery(FetchError::Extension(error)) | Self::Commit(error) => error.is_stop(),
            Self::Discovery(FetchError::Document { .. }) => false,
        }
    }
}

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// The store holds the view already.
    Unchanged,
    /// The store took the view.
    Published,
    /// The map is empty, and not believed yet.
    HeldBack,
}

/// The way from discovery to the store, and what is known of both ends.
pub(crate) struct Publisher {
    discovery: Discovery,
    store: Host,
    /// The same store, asked only once: for what can do without the answer.
    glance: Host,
    view: Option<View>,
    /// What the store held when that was last known.
    published: Option<Fingerprint>,
}

/// The last good map.
struct View {
    print: Fingerprint,
    /// As discovery handed it over, with what only later versions know.
    bytes: Vec<u8>,
}

impl Publisher {
    pub(crate) fn new(config: &Config, temp_dir: &Path) -> Self {
        let daemon = &config.daemon;
        let host = |host: Host| host.with_variable("NJ_TEMP_DIR", temp_dir);
        let source = Host::discovery_map(daemon.discovery_map.clone(), daemon.limits, temp_dir);
        let store = Host::data_store(config.data_store.clone(), daemon.limits, temp_dir);
        let mut discovery = Discovery::new(host(source), daemon.empty_map_grace);
        // As long as nobody knows what the store holds, it may be a mesh that works.
        discovery.expect_endpoints(true);
        let once = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Self {
            discovery,
            glance: host(store.clone()).with_retry(once),
            store: host(store),
            view: None,
            published: None,
        }
    }

    /// The version of the last good map, as discovery calls it.
    pub(crate) fn map_version(&self) -> Option<&str> {
        self.discovery.version()
    }

    /// Whether there is a view that is not known to be in the store.
    pub(crate) fn is_pending(&self) -> bool {
        let print = self.view.as_ref().map(|view| view.print);
        print.is_some() && print != self.published
    }

    /// Lets the next refresh find out anew what the store holds.
    pub(crate) fn doubt(&mut self) {
        self.published = None;
    }

    /// Fetches the map, and publishes it if it differs from what the store is known to hold.
    ///
    /// # Errors
    /// [`PublishError`]; what is not published stays to be published.
    pub(crate) async fn refresh(&mut self, shutdown: &Shutdown) -> Result<Refreshed, PublishError> {
        if self.published.is_none() {
            self.look(shutdown).await;
        }
        self.discover(shutdown).await?;
        // What was seen before may be older than what the store holds.
        if self.discovery.is_in_doubt() {
            return Ok(Refreshed::HeldBack);
        }
        let known = self.published;
        if self.is_pending() && known.is_some() {
            self.look(shutdown).await;
            if self.is_pending() && self.published != known {
                tracing::info!(
                    "another program has published a map meanwhile: looking at the mesh again"
                );
                self.discover(shutdown).await?;
            }
            if !self.is_pending() {
                tracing::info!("another program has published this map already");
            }
        }
        match &self.view {
            _ if self.discovery.is_in_doubt() => Ok(Refreshed::HeldBack),
            Some(view) if self.is_pending() => {
                let name = DocumentName::DISCOVERY_MAP;
                let committed = self.store.commit(&name, &view.bytes, shutdown).await;
                committed.map_err(PublishError::Commit)?;
                self.published = Some(view.print);
                Ok(Refreshed::Published)
            }
            _ => Ok(Refreshed::Unchanged),
        }
    }

    async fn discover(&mut self, shutdown: &Shutdown) -> Result<(), FetchError> {
        if let Some(read) = self.discovery.fetch(shutdown).await? {
            self.discovery.accept(&read.document);
            self.view = Some(View {
                print: Fingerprint::of(&read.bytes),
                bytes: read.bytes,
            });
        }
        Ok(())
    }

    /// Finds out what the store holds. If it cannot be had, what was known before still counts.
    async fn look(&mut self, shutdown: &Shutdown) {
        let name = DocumentName::DISCOVERY_MAP;
        match fetch::<DiscoveryMap>(&self.glance, &name, None, shutdown).await {
            Ok(found) => {
                let Some(found) = found else { return };
                if self.view.is_none() {
                    let has_endpoints = found.document.has_endpoints();
                    self.discovery.expect_endpoints(has_endpoints);
                }
                self.published = Some(Fingerprint::of(&found.bytes));
            }
            Err(_) if shutdown.requested() => {}
            Err(error) => tracing::info!("there is no published map to compare with: {error}"),
        }
    }
}
