//! `ext-store-s3`: a data store in Amazon S3.
//!
//! ```text
//! store      the data store: the actions of the protocol
//! settings   the store's settings
//! keys       the keys of a document's objects
//! fetch      object -> document, by one conditional GET; older versions
//! commit     document -> the object itself, by one PUT, then a copy for the history, then pruning
//! history    the names of the copies, and which of them are pruned
//! gzip       compression, with size limits
//! bucket     the client for one bucket
//! put        writes of objects, conditional or not
//! etag       ETags, which are the versions of documents
//! error      errors, and whether another try may help
//! ```

mod bucket;
mod commit;
mod error;
mod etag;
mod fetch;
mod gzip;
mod history;
mod keys;
mod put;
mod settings;
mod store;

use nightjar_core::extension::{ValidatingStore, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::data_store::<ValidatingStore<store::S3Store>>()
}
