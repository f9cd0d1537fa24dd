//! The core of Nightjar: everything that its programs share and that needs no cloud.
//!
//! ```text
//! extension  the protocol between Nightjar and its extension points, both ends
//! env        settings from the environment; every invalid one is reported at once
//! digits     numbers in decimal digits alone
//! atomic_file  files that are replaced in one step
//! telemetry  logs
//! access_log lines of the shipped access log, and what Envoy's flags mean (pure)
//! report     text in messages: escaped, shortened, listed, errors with their causes
//!                                                                          feature `document`
//! document   what programs hand to each other, and what makes it valid
//! context    discovery map -> what one proxy needs to know (pure)
//! workload   what a service or gateway declares about itself in `NJ_` settings -> discovery map (pure)
//! proxy      a proxy as settings or flags describe it
//! review     what is doubtful in a valid map
//! diff       what changed between two discovery maps (pure)
//! picture    discovery map -> services, gateways and who calls whom, to be drawn (pure)
//! routing    discovery map and a request -> who answers it, and why (pure)
//! mustache   how templates are written, and what their files may be called
//! re2        which regular expressions Envoy takes
//!                                                                          feature `template`
//! template   Mustache templates -> the files that Envoy reads (pure)
//!                                                                          feature `host`
//! extension::host  runs extensions; backoff, shutdown, timing and oom are what that needs
//! config_text  JSON and YAML as Envoy reads them; also of feature `envoy`
//!                                                                          feature `envoy`
//! envoy      what rendered files mean to Envoy; a real check of them
//!                                                                          feature `daemon`
//! daemon     what surrounds the refreshes of the long-running programs
//! ```
//!
//! Without features this crate is what an extension needs that speaks the protocol and nothing else.

pub mod access_log;
pub mod atomic_file;
#[cfg(feature = "host")]
pub mod backoff;
#[cfg(any(feature = "envoy", feature = "template"))]
mod config_text;
#[cfg(feature = "document")]
pub mod context;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "document")]
pub mod diff;
pub mod digits;
#[cfg(feature = "document")]
pub mod document;
pub mod env;
#[cfg(feature = "envoy")]
pub mod envoy;
pub mod extension;
#[cfg(feature = "document")]
#[cfg_attr(
    not(feature = "template"),
    expect(
        dead_code,
        unreachable_pub,
        reason = "feature `template` uses and exports the rest"
    )
)]
mod mustache;
#[cfg(feature = "host")]
pub mod oom;
#[cfg(feature = "document")]
pub mod picture;
#[cfg(feature = "document")]
pub mod proxy;
#[cfg(all(feature = "envoy", feature = "template"))]
pub mod proxy_files;
#[cfg(feature = "document")]
mod re2;
pub mod report;
#[cfg(feature = "document")]
pub mod review;
#[cfg(feature = "document")]
pub mod routing;
#[cfg(feature = "host")]
pub mod shutdown;
pub mod telemetry;
#[cfg(feature = "template")]
pub mod template;
#[cfg(feature = "host")]
pub mod timing;
#[cfg(feature = "document")]
pub mod workload;
