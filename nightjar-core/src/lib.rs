//! The core of Nightjar: everything that its programs share and that needs no cloud.
//!
//! ```text
//! document   what programs hand to each other, and what makes it valid
//! context    discovery map -> what one proxy needs to know (pure)
//! template   Mustache templates -> the files that Envoy reads (pure)
//! envoy      what rendered files mean to Envoy; a real check of them
//! extension  the protocol between Nightjar and its extension points, both ends
//! env        settings from the environment, all faults at once
//! ```

pub mod backoff;
pub mod context;
pub mod document;
pub mod env;
pub mod envoy;
pub mod extension;
pub mod shutdown;
pub mod telemetry;
pub mod template;
