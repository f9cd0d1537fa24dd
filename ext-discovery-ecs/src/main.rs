//! Nightjar: the discovery map from Amazon ECS.

mod calls;
mod described;
mod error;
mod model;
mod source;

use nightjar_core::extension::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::discovery_map::<source::EcsTasks>()
}
