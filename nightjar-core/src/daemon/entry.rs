//! Entry of a long-running program: arguments, settings, `--check-ready`, the log and the exit code.

use super::{
    Settings, block_on, misspelt_settings,
    ready_file::{self, NotReadyError},
};
use crate::{
    env::{self, ConfigurationError, EXIT_CONFIGURATION, Env, Setting},
    report::error_chain,
    telemetry,
};
use std::{
    error::Error,
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

/// What ends a program with exit code 1.
pub type EntryError = Box<dyn Error + Send + Sync>;

/// A long-running program, by its arguments.
pub trait EntryPoint: clap::Parser {
    /// Every variable that the program reads.
    const SETTINGS: &'static [Setting];
    /// The settings, read and checked.
    type Config;

    /// Reads the settings.
    ///
    /// # Errors
    /// Every invalid or missing one.
    fn configure(&self, env: &Env) -> Result<Self::Config, ConfigurationError>;

    /// The settings that all long-running programs have.
    fn settings(config: &Self::Config) -> &Settings;

    /// Whether a running instance is ready, if `--check-ready` asks for that.
    fn check_ready(&self, config: &Self::Config) -> Option<Result<String, NotReadyError>>;

    /// Runs the program to its end.
    fn run(self, config: Self::Config) -> impl Future<Output = Result<ExitCode, EntryError>>;
}

/// The `main` of a program, with its arguments but without its name.
pub fn main<P: EntryPoint>(arguments: impl IntoIterator<Item = OsString>, env: &Env) -> ExitCode {
    let name = P::command().get_name().to_owned();
    let program = match P::try_parse_from(std::iter::once(name.as_str().into()).chain(arguments)) {
        Ok(program) => program,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_CONFIGURATION)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let config = match program.configure(env) {
        Ok(config) => config,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{name}: invalid configuration\n{error}");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    if let Some(checked) = program.check_ready(&config) {
        return ready_file::report(&checked);
    }
    let settings = P::settings(&config);
    let _log = telemetry::init(settings.debug, settings.log_format);
    for line in misspelt_settings(env, P::SETTINGS) {
        tracing::warn!("{line}");
    }
    match block_on(program.run(config))
        .map_err(EntryError::from)
        .flatten()
    {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}", error_chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// The end of a program's `--help`: its exit codes and its settings.
pub fn after_help(settings: &[Setting]) -> String {
    format!(
        "Exit codes: 0 done or stopped; 1 failed; 64 invalid settings or arguments.\n\n\
         Environment:\n{}",
        env::describe(settings)
    )
}
