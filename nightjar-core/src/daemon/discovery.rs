//! Documents that are fetched and checked, and the discovery map that is believed.

use crate::{
    document::{self, Document, DocumentError, discovery_map::DiscoveryMap},
    extension::{DocumentName, ExtensionError, Fetched, Host},
    shutdown::Shutdown,
};

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The extension failed.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// What it handed over breaks a rule.
    #[error("{extension} handed over a document that is refused: {source}")]
    Document {
        /// The extension's file name.
        extension: String,
        /// Every fault.
        source: DocumentError,
    },
}

/// A document, and the text that it was read from.
#[derive(Debug)]
pub struct Read<D> {
    /// What the text says.
    pub document: D,
    /// The text, with whatever this version does not know.
    pub bytes: Vec<u8>,
}

/// Fetches a document and checks it; `None` if `previous` is its current version.
pub async fn fetch<D: Document>(
    host: &Host,
    name: &DocumentName,
    previous: Option<&str>,
    shutdown: &Shutdown,
) -> Result<Option<Read<D>>, FetchError> {
    let Fetched::New(bytes) = host.fetch(name, previous, shutdown).await? else {
        return Ok(None);
    };
    let document = document::read(&bytes).map_err(|source| FetchError::Document {
        extension: host.name().to_owned(),
        source,
    })?;
    Ok(Some(Read { document, bytes }))
}

/// The source of the discovery map, and what is known of the map that it gave last.
///
/// A map that loses its last endpoint is more often a fault of discovery than the truth, so it is
/// believed only when several fetches in a row have brought it.
#[derive(Debug)]
pub struct Discovery {
    host: Host,
    grace: u64,
    version: Option<String>,
    has_endpoints: bool,
    /// How many fetches in a row have brought an empty map.
    seen_empty: u64,
}

impl Discovery {
    /// A discovery that believes an empty map after `grace` fetches in a row. Its first map is
    /// believed as it is.
    pub fn new(host: Host, grace: u64) -> Self {
        Self {
            host,
            grace,
            version: None,
            has_endpoints: false,
            seen_empty: 0,
        }
    }

    /// Says whether the map that is in force has endpoints, where that is known from elsewhere.
    pub fn expect_endpoints(&mut self, has_endpoints: bool) {
        self.has_endpoints = has_endpoints;
    }

    /// The version of the map that was accepted last.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether the last fetch brought an empty map that is not believed yet. What was accepted before
    /// may then be old.
    pub fn is_in_doubt(&self) -> bool {
        self.seen_empty > 0
    }

    /// Fetches the map; `None` if it is the accepted one, or empty and not believed yet.
    ///
    /// # Errors
    /// [`FetchError`]; what was accepted before stays so.
    pub async fn fetch(
        &mut self,
        shutdown: &Shutdown,
    ) -> Result<Option<Read<DiscoveryMap>>, FetchError> {
        let name = DocumentName::DISCOVERY_MAP;
        let previous = self.version.as_deref();
        let fetched = fetch::<DiscoveryMap>(&self.host, &name, previous, shutdown).await;
        let seen_empty = std::mem::take(&mut self.seen_empty);
        let Some(read) = fetched? else {
            return Ok(None);
        };
        if self.has_endpoints && !read.document.has_endpoints() {
            self.seen_empty = seen_empty + 1;
            if self.seen_empty < self.grace {
                tracing::warn!(
                    "the discovery map lost its last endpoint, which is more often a fault of \
                     discovery than the truth; it is believed when {} refreshes in a row say so, \
                     and this was number {}",
                    self.grace,
                    self.seen_empty
                );
                return Ok(None);
            }
        }
        Ok(Some(read))
    }

    /// Makes a map that was fetched the accepted one. One that is not accepted comes again with
    /// the next fetch.
    pub fn accept(&mut self, map: &DiscoveryMap) {
        self.version = Some(map.document_version.to_string());
        self.has_endpoints = map.has_endpoints();
        self.seen_empty = 0;
    }
}
