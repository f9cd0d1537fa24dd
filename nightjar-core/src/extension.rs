//! The extension-point protocol, version 1, both of its ends.
//!
//! An extension point is an executable that hands over one JSON document. The caller starts it
//! with `--name=value` arguments, among them the path of the file to write, and reads the exit
//! code:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; on a fetch or list, the file is complete |
//! | 30 | nothing newer than the version that the caller has; no file |
//! | 31 | failed, but worth another try |
//! | 32 | not committed: the current version is not the one that was given |
//! | other | failed, and trying again will not help |
//!
//! [`args`] and [`answer`] are what both ends agree on, [`raw_document`] is a document as text,
//! [`serve`] is for extensions written in Rust, and [`host`] runs an extension written in
//! anything.

pub mod answer;
pub mod args;
mod cache;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "template")]
mod judged;
pub mod raw_document;
pub mod serve;

pub use answer::{Answer, CommitOutcome, ListedVersion, Versions};
pub use args::{Action, DocumentName, Request};
pub use cache::Cache;
#[cfg(feature = "host")]
pub use host::{ExtensionError, Host, Limits, RetryPolicy, Runs, can_be_named};
#[cfg(feature = "template")]
pub use judged::{Judged, NJ_STORE_ACCEPT_INVALID};
pub use raw_document::{ContentHash, RawDocument};
pub use serve::{About, DataStore, Deadline, DiscoveryMapSource, Failure};
