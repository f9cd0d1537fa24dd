//! Documents that are fetched and validated, and the discovery map that is accepted.

use super::refresh_timer::JITTER;
use crate::{
    document::{self, Document, DocumentError, discovery_map::DiscoveryMap},
    extension::{DocumentName, ExtensionError, FetchOutcome, Host, RetryPolicy, RunStats},
    shutdown::Shutdown,
};
use std::time::{Duration, Instant};

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The extension failed.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// The document breaks a rule.
    #[error("{extension} provided an invalid document: {source}")]
    Document {
        /// The extension's file name.
        extension: String,
        /// Every error in it.
        source: DocumentError,
    },
}

/// A fetched document, and the text that it was read from.
#[derive(Debug)]
pub struct Fetched<D> {
    /// The parsed document.
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
) -> Result<Option<Fetched<D>>, FetchError> {
    let FetchOutcome::New(bytes) = host.fetch(name, previous, shutdown).await? else {
        return Ok(None);
    };
    let document = document::read(&bytes).map_err(|source| FetchError::Document {
        extension: host.name().to_owned(),
        source,
    })?;
    Ok(Some(Fetched { document, bytes }))
}

/// A map without endpoints that is not accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmptyMap {
    /// How many refreshes in a row have brought it.
    pub seen: u64,
    /// How many have to bring it until it is accepted.
    pub grace: u64,
    /// When the first of them came.
    pub since: Instant,
    /// When the last one came that counted.
    counted: Instant,
}

impl EmptyMap {
    /// One that is seen for the first time.
    pub fn first(grace: u64, now: Instant) -> Self {
        Self {
            seen: 1,
            grace,
            since: now,
            counted: now,
        }
    }

    /// Describes it for people: how often it was seen, and since when.
    pub fn describe(&self, now: Instant) -> String {
        format!(
            "the newest map has no endpoints; the map before it stays in force until {} \
             refreshes in a row confirm it; {} so far, for {} s",
            self.grace,
            self.seen,
            now.saturating_duration_since(self.since).as_secs()
        )
    }
}

/// The source of the discovery map, and what is known of the map that it gave last.
///
/// A map that loses its last endpoint is more often an error of discovery than the truth, so it is
/// accepted only when several fetches in a row have brought it.
#[derive(Debug)]
pub struct Discovery {
    host: Host,
    grace: u64,
    /// Fetches that come sooner after one that counted do not count.
    count_interval: Duration,
    version: Option<String>,
    has_endpoints: bool,
    empty_map: Option<EmptyMap>,
}

impl Discovery {
    /// A discovery that accepts an empty map after `grace` fetches in a row, of which no more than one
    /// counts in `refresh_time` (give or take a timer's chance): a burst of SIGHUPs is no better proof
    /// than one. Its first map is accepted as it is.
    pub fn new(host: Host, grace: u64, refresh_time: Duration) -> Self {
        Self {
            host,
            grace,
            count_interval: refresh_time.mul_f64(1.0 - JITTER),
            version: None,
            has_endpoints: false,
            empty_map: None,
        }
    }

    /// Sets whether the map that is in force has endpoints, where that is known from elsewhere.
    pub fn expect_endpoints(&mut self, has_endpoints: bool) {
        self.has_endpoints = has_endpoints;
    }

    /// Changes how a fetch that failed is tried again.
    pub fn set_retry(&mut self, retry: RetryPolicy) {
        self.host.set_retry(retry);
    }

    /// How the runs of its extension went.
    pub fn runs(&self) -> RunStats {
        self.host.runs()
    }

    /// The version of the map that was accepted last.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The empty map that the last fetch brought, if it is not accepted yet. What was accepted before
    /// may then be old.
    pub fn empty_map(&self) -> Option<EmptyMap> {
        self.empty_map
    }

    /// Whether the last fetch brought an empty map that is not accepted yet.
    pub fn is_empty_map_pending(&self) -> bool {
        self.empty_map.is_some()
    }

    /// Fetches the map; `None` if it is the accepted one, or empty and not accepted yet. `now` is when
    /// the fetch begins.
    ///
    /// # Errors
    /// [`FetchError`]; what was accepted before stays so.
    pub async fn fetch(
        &mut self,
        now: Instant,
        shutdown: &Shutdown,
    ) -> Result<Option<Fetched<DiscoveryMap>>, FetchError> {
        let name = DocumentName::DISCOVERY_MAP;
        let previous = self.version.as_deref();
        let fetched = fetch::<DiscoveryMap>(&self.host, &name, previous, shutdown).await;
        let before = self.empty_map.take();
        let Some(read) = fetched? else {
            return Ok(None);
        };
        if self.has_endpoints && !read.document.has_endpoints() {
            let (empty_map, counts) = self.count(before, now);
            if empty_map.seen < self.grace {
                self.empty_map = Some(empty_map);
                if counts {
                    warn(&empty_map);
                }
                return Ok(None);
            }
        }
        Ok(Some(read))
    }

    /// Counts a fetch that brought an empty map, unless it came too soon after the last that counted.
    fn count(&self, before: Option<EmptyMap>, now: Instant) -> (EmptyMap, bool) {
        let Some(before) = before else {
            return (EmptyMap::first(self.grace, now), true);
        };
        if now.saturating_duration_since(before.counted) < self.count_interval {
            return (before, false);
        }
        let more = EmptyMap {
            seen: before.seen + 1,
            counted: now,
            ..before
        };
        (more, true)
    }

    /// Makes a map that was fetched the accepted one. One that is not accepted comes again with
    /// the next fetch.
    pub fn accept(&mut self, map: &DiscoveryMap) {
        self.version = Some(map.document_version.to_string());
        self.has_endpoints = map.has_endpoints();
        self.empty_map = None;
    }
}

fn warn(empty_map: &EmptyMap) {
    tracing::warn!(
        "the discovery map lost its last endpoint, which is usually an error of discovery; it is \
         accepted when {} refreshes in a row confirm it, and this was number {}",
        empty_map.grace,
        empty_map.seen
    );
}

#[cfg(test)]
mod tests;
