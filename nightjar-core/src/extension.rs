//! The extension-point protocol, version 1: both of its sides.
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
//! [`args`] and [`outcome`] are what both sides agree on, [`raw_document`] is a document as text,
//! [`serve`] is for extensions written in Rust, and [`host`] runs an extension written in
//! anything.

pub mod args;
mod cache;
#[cfg(feature = "host")]
pub mod host;
pub mod outcome;
pub mod raw_document;
pub mod serve;
#[cfg(feature = "template")]
mod validating_store;

pub use args::{Action, DocumentName, Request};
pub use cache::Cache;
#[cfg(feature = "host")]
pub use host::{ExtensionError, Host, RetryPolicy, RunLimits, RunStats, can_be_argument};
pub use outcome::{CommitOutcome, FetchOutcome, ListedVersion, Versions};
pub use raw_document::{ContentHash, RawDocument};
pub use serve::{About, ActionError, DataStore, Deadline, DiscoveryMapSource};
#[cfg(feature = "template")]
pub use validating_store::{NJ_STORE_ACCEPT_INVALID, ValidatingStore};
