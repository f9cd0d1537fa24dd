//! `nightjar`: the operator's tool.
//!
//! Every command calls what the sidecar calls, so that what it shows is what a proxy would get.

mod caller;
mod cmd;
mod color;
mod drawing;
mod format;
mod input;
mod output;
mod proxy;
mod proxy_templates;
mod store;
mod unified;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use cmd::Command;
use nightjar_core::env::{self, EXIT_CONFIGURATION};
use std::{ffi::OsString, process::ExitCode};
use store::StoreError;

/// Looks at a Nightjar mesh: checks its documents and templates, and shows what a proxy would get.
#[derive(Parser)]
#[command(
    name = "nightjar",
    version,
    after_help = "Exit codes: 0 good; 1 faults were found, or it failed; 64 wrong usage. Commands that ask a \
                  data store also have 31, another try may help, and 32, another committed first.\n\n\
                  To begin: nightjar init my-mesh"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// How a command ended that did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    /// Nothing is wrong.
    Success,
    /// Errors were found in what it looked at, and shown.
    Findings,
}

/// Arguments that are wrong in a way that only the command can tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Reads the arguments. `why` knows a line of the log without a proxy.
fn parsed(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, clap::Error> {
    let needs = |argument: clap::Arg| {
        let is_needed = argument.is_positional();
        argument.required(is_needed)
    };
    let mut command = Arguments::command().mut_subcommand("why", |why| why.mut_args(needs));
    let matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// What an error is to a program that reads exit codes.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<Usage>() {
        return ExitCode::from(EXIT_CONFIGURATION);
    }
    let of_store = error.downcast_ref::<StoreError>();
    of_store.map_or(ExitCode::FAILURE, |error| ExitCode::from(error.exit_code()))
}

fn main() -> ExitCode {
    let arguments = std::iter::once("nightjar".into()).chain(env::arguments());
    let arguments = match parsed(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match arguments.command.run() {
        Ok(ExitStatus::Success) => ExitCode::SUCCESS,
        Ok(ExitStatus::Findings) => ExitCode::FAILURE,
        Err(error) => {
            output::message(&format!("nightjar: {error:#}"));
            exit_code(&error)
        }
    }
}
