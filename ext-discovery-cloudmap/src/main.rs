//! Nightjar: the discovery map from AWS Cloud Map.
//!
//! ```text
//! source     settings, and the answer to the caller
//! discovery  from the first call to the map
//! calls      the calls to Cloud Map
//! endpoint   where calls for instances go if a custom endpoint is set
//! known      what earlier discoveries found out
//! registry   namespaces and services, as far as they matter
//! part       one service's part of the map
//! color      the colors that instances of one service tell apart
//! instance   where an instance listens
//! wanted     which services and instances make the map
//! ```

mod calls;
mod color;
mod discovery;
mod endpoint;
mod error;
mod instance;
mod known;
mod part;
mod registry;
mod source;
mod wanted;

use nightjar_core::extension::serve;
use std::process::ExitCode;

fn main() -> ExitCode {
    serve::discovery_map::<source::CloudMap>()
}
