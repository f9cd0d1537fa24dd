//! `ext-store-local`: a data store in local files.

mod error;
mod file;
mod folder;
mod lock;
mod store;

use nightjar_core::extension::{ValidatingStore, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::data_store::<ValidatingStore<store::LocalStore>>()
}
