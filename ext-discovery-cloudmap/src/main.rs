//! Nightjar: the discovery map from AWS Cloud Map.
//!
//! ```text
//! source              settings, and the answer to the caller
//! discovery           from the first call to the map
//! calls               the calls to Cloud Map
//! endpoint            where calls for instances go if a custom endpoint is set
//! discovery_cache     what earlier discoveries found out
//! registry            namespaces and services, as far as they matter
//! registered_service  one Cloud Map service as a workload of the map
//! color               the colors that instances of one service tell apart
//! instance            where an instance listens
//! wanted              which services and instances make the map
//! ```

mod calls;
mod color;
mod discovery;
mod discovery_cache;
mod endpoint;
mod error;
mod instance;
mod registered_service;
mod registry;
mod source;
mod wanted;

use nightjar_core::extension::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::discovery_map::<source::CloudMap>()
}
