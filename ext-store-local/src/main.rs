//! Nightjar: a data store in local files.

mod error;
mod file;
mod folder;
mod lock;
mod store;

use nightjar_core::extension::{Judged, serve};
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::data_store::<Judged<store::LocalStore>>()
}
