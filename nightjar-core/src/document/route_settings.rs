//! What the properties of a route say, taken apart for templates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Changes of the headers of requests or of responses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderChanges {
    /// Whether `set` has any item.
    pub has_set: bool,
    /// The headers that are set, each in place of any that has its name.
    pub set: Vec<HeaderToSet>,
    /// Whether `remove` has any item.
    pub has_remove: bool,
    /// The headers that are removed.
    pub remove: Vec<HeaderToRemove>,
}

/// A header that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderToSet {
    /// The header's name, in lower case.
    pub name: String,
    /// Its value, with each `%` doubled, because Envoy formats it.
    pub value: String,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// A header that is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeaderToRemove {
    /// The header's name, in lower case.
    pub name: String,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// Where requests are redirected to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redirect {
    /// The status of the answer: 301, 302, 303, 307 or 308.
    pub status: u16,
    /// Envoy's word for the status, such as `FOUND`.
    pub response_code: String,
    /// Whether `scheme` is set; else it stays as it was.
    pub has_scheme: bool,
    /// `http` or `https`; else empty.
    pub scheme: String,
    /// Whether `host` is set; else it stays as it was.
    pub has_host: bool,
    /// The host, with a port if it has one; else empty.
    pub host: String,
    /// Whether `path` is set; else the path stays as it was.
    pub has_path: bool,
    /// What takes the place of the prefix, or of the whole path where the route is none of a prefix; else
    /// empty.
    pub path: String,
}

/// Which pages may read the responses from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cors {
    /// The origins of these pages; `*` is any.
    pub origins: Vec<CorsOrigin>,
}

/// The origin of pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CorsOrigin {
    /// Scheme, host and port, as browsers send them, or `*`.
    pub origin: String,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// How many requests are let through, as a bucket of tokens. Each request takes one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateLimit {
    /// The most tokens that the bucket holds, and holds at first.
    pub max_tokens: u64,
    /// How many tokens are added in a `fill_interval`.
    pub tokens_per_fill: u64,
    /// `1s`, `60s` or `3600s`.
    pub fill_interval: String,
}

/// Faults that are made on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// Whether requests are answered by the proxy itself.
    pub has_abort: bool,
    /// The status of these answers; else 0.
    pub abort_status: u16,
    /// How many of a million requests are answered so.
    pub abort_per_million: u64,
    /// Whether requests are delayed.
    pub has_delay: bool,
    /// How long; else empty.
    pub delay: String,
    /// How many of a million requests are delayed.
    pub delay_per_million: u64,
}

/// The cluster that gets a copy of each request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mirror {
    /// The name of an item of the root's `clusters`.
    pub cluster_name: String,
    /// How many of a million requests are copied.
    pub per_million: u64,
}

/// A status that is tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetryStatus {
    /// The status.
    pub status: u16,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// How long a proxy waits between tries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetryBackOff {
    /// The most before the first retry; it grows with each further one.
    pub base: String,
    /// Whether `max` is set; else it is ten times `base`.
    pub has_max: bool,
    /// The most before any retry; else empty.
    pub max: String,
}
