//! Nightjar: a data store in Amazon S3.
//!
//! ```text
//! store      settings, and which object is which document
//! fetch      object -> document, by one conditional GET; older versions
//! commit     document -> the object itself, by one PUT, then a copy for the history, then pruning
//! history    what the copies are called, and which of them are old enough to go
//! packing    gzip, within bounds
//! bucket     the calls of S3
//! etag       ETags: what a document's version is
//! error      what can go wrong, and whether another try may help
//! ```

mod bucket;
mod commit;
mod error;
mod etag;
mod fetch;
mod history;
mod packing;
mod put;
mod store;

use nightjar_core::extension::{ValidatingStore, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::data_store::<ValidatingStore<store::S3Store>>()
}
