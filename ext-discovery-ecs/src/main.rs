//! `ext-discovery-ecs`: the discovery map from Amazon ECS.
//!
//! ```text
//! source     settings, and one run from the first call to the map
//! aws        calls to ECS and EC2, and what is cached of them
//! resources  tasks, task definitions and container instances
//! model      from tasks to the discovery map, without I/O
//! error      errors, and whether another try may help
//! ```

mod aws;
mod error;
mod model;
mod resources;
mod source;

use nightjar_core::extension::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::discovery_map::<source::EcsTasks>()
}
