//! A small HTTP service to put behind Envoy: it answers keys it was given, forwards requests to
//! other services, says who it is, and misbehaves on request.
//!
//! It is configured by its environment alone; `settings.rs` lists the variables and `answers.rs`
//! the paths. Every response carries `x-sample-service: <name>-<color>`, so that whoever asks
//! through a mesh can tell who answered, and `x-sample-path`, the path that reached the service.

mod answers;
mod forward;
mod server;
mod settings;

use settings::Settings;
use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    process::ExitCode,
};

/// The exit code for wrong settings: `EX_USAGE` of `sysexits.h`.
const WRONG_SETTINGS: u8 = 64;

fn main() -> ExitCode {
    let settings = match Settings::read(&environment()) {
        Ok(settings) => settings,
        Err(faults) => {
            for fault in &faults {
                say(fault);
            }
            return ExitCode::from(WRONG_SETTINGS);
        }
    };
    match run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(server::serve(settings))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an example to copy from reads its own settings, without Nightjar's library"
)]
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Writes one line for people; a closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "sample-service: {line}");
}
