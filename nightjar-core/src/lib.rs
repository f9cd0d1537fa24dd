//! The core of Nightjar: everything that its programs share and that needs no cloud.
//!
//! ```text
//! document   what programs hand to each other, and what makes it valid
//! context    discovery map -> what one proxy needs to know (pure)
//! template   Mustache templates -> the files that Envoy reads (pure)
//! envoy      what rendered files mean to Envoy; a real check of them
//! extension  the protocol between Nightjar and its extension points, both ends
//! workload   what a service or gateway declares about itself in `NJ_` settings -> discovery map (pure)
//! re2        which regular expressions Envoy takes
//! env        settings from the environment, all faults at once
//! oom        which process the kernel ends first when memory runs out
//! daemon     what surrounds the refreshes of the long-running programs
//! ```

pub mod backoff;
pub mod context;
pub mod daemon;
pub mod document;
pub mod env;
pub mod envoy;
pub mod extension;
pub mod oom;
mod re2;
pub mod review;
pub mod shutdown;
pub mod telemetry;
pub mod template;
pub mod workload;
