//! The extension-point protocol, version 1, both of its ends.
//!
//! An extension point is an executable that hands over one JSON document. The caller starts it
//! with `--name=value` arguments, among them the path of the file to write, and reads the exit
//! code:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; on a fetch, the file is complete |
//! | 30 | nothing newer than the version that the caller has; no file |
//! | 31 | failed, but worth another try |
//! | other | failed, and trying again will not help |
//!
//! [`args`] is what both ends agree on, [`serve`] is for extensions written in Rust, and
//! [`host`] runs an extension written in anything.

pub mod args;
mod cache;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "template")]
mod judged;
pub mod serve;

pub use args::{Action, DocumentName, Request};
pub use cache::Cache;
#[cfg(feature = "host")]
pub use host::{ExtensionError, Fetched, Host, Limits, RetryPolicy, Runs};
#[cfg(feature = "template")]
pub use judged::{Judged, NJ_STORE_ACCEPT_INVALID};
pub use serve::{About, Answer, DataStore, DiscoveryMapSource, Failure};
