//! The extension's end: all that an extension written in Rust needs.
//!
//! An extension is one struct, one trait implementation, and a `main` of one statement:
//!
//! ```no_run
//! use nightjar_core::{
//!     env::{Reader, Setting},
//!     extension::{About, Answer, DiscoveryMapSource, Failure, serve},
//! };
//! use std::process::ExitCode;
//!
//! const MESH_FILE: Setting = Setting::required("EXAMPLE_FILE", "where the map is");
//!
//! struct FromFile {
//!     path: std::path::PathBuf,
//! }
//!
//! impl DiscoveryMapSource for FromFile {
//!     const ABOUT: About = About {
//!         name: "ext-discovery-file",
//!         version: "1.0.0",
//!         summary: "hands over a file",
//!         settings: &[MESH_FILE],
//!     };
//!
//!     fn from_settings(reader: &mut Reader<'_>) -> Self {
//!         Self { path: reader.path(&MESH_FILE) }
//!     }
//!
//!     fn discover(&self, _previous: Option<&str>) -> Result<Answer, Failure> {
//!         std::fs::read(&self.path).map(Answer::New).map_err(Failure::retry)
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     serve::discovery_map::<FromFile>()
//! }
//! ```

use super::args::{
    Action, DocumentName, EXIT_DONE, EXIT_FATAL, EXIT_RETRY, EXIT_UNCHANGED, EXIT_USAGE, Request,
    UsageError,
};
use crate::{
    env::{self, ConfigurationFaults, Env, Reader, Setting},
    telemetry,
};
use std::{
    error::Error,
    ffi::OsString,
    fs::Permissions,
    io::{self, Write},
    os::unix::ffi::OsStrExt as _,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What `--help` and `--version` print.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The program.
    pub name: &'static str,
    /// Its own version.
    pub version: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The environment variables that it reads.
    pub settings: &'static [Setting],
}

/// What an extension has to hand over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The whole document.
    New(Vec<u8>),
    /// The caller's version is the current one.
    Unchanged,
}

type Cause = Box<dyn Error + Send + Sync>;

/// Why an extension could not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// Another try may succeed.
    Retry(Cause),
    /// Another try will not help.
    Fatal(Cause),
}

impl Failure {
    /// A failure that may pass.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// A failure that will not pass by itself.
    pub fn fatal(cause: impl Into<Cause>) -> Self {
        Self::Fatal(cause.into())
    }
}

/// An extension that finds out what the mesh looks like.
pub trait DiscoveryMapSource: Sized {
    /// What the program is.
    const ABOUT: About;

    /// Reads the settings. The caller reports what the reader found wrong.
    fn from_settings(reader: &mut Reader<'_>) -> Self;

    /// The whole discovery map, or that `previous` is still its version.
    fn discover(&self, previous: Option<&str>) -> Result<Answer, Failure>;
}

/// An extension that keeps documents.
pub trait DataStore: Sized {
    /// What the program is.
    const ABOUT: About;

    /// Reads the settings. The caller reports what the reader found wrong.
    fn from_settings(reader: &mut Reader<'_>) -> Self;

    /// The whole current document, or that `previous` is still its version.
    fn fetch(&self, document: &DocumentName, previous: Option<&str>) -> Result<Answer, Failure>;

    /// Keeps what is in the file as the current document. The file may be changed or deleted.
    fn commit(&self, document: &DocumentName, file: &Path) -> Result<(), Failure>;
}

/// The `main` of a discovery map. `--document` and `--action` mean nothing to it, except that it
/// refuses to commit.
pub fn discovery_map<X: DiscoveryMapSource>() -> ExitCode {
    main(answer_as_discovery_map::<X>)
}

/// The `main` of a data store.
pub fn data_store<X: DataStore>() -> ExitCode {
    main(answer_as_data_store::<X>)
}

/// What a data store is called with, and a discovery map is not.
const STORE_ARGUMENTS: &str = " --document=NAME --action=fetch|commit";

/// What an extension is called with.
struct Call<'a> {
    arguments: Vec<OsString>,
    env: Env,
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
}

fn main(answer: impl FnOnce(Call<'_>) -> u8) -> ExitCode {
    let env = Env::from_process();
    telemetry::init_extension(env.get("DEBUG").is_some_and(is_true));
    let arguments = env::arguments().collect();
    let call = Call {
        arguments,
        env,
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr(),
    };
    ExitCode::from(answer(call))
}

fn answer_as_discovery_map<X: DiscoveryMapSource>(call: Call<'_>) -> u8 {
    call.answer(&X::ABOUT, "", |request, env| {
        let source = settings(env, X::from_settings)?;
        if request.action == Some(Action::Commit) {
            return Err(Fault::NotAStore);
        }
        let answer = source.discover(request.previous_version.as_deref())?;
        hand_over(&answer, &request.action_file)
    })
}

fn answer_as_data_store<X: DataStore>(call: Call<'_>) -> u8 {
    call.answer(&X::ABOUT, STORE_ARGUMENTS, |request, env| {
        let (document, action) = (request.required_document()?, request.required_action()?);
        let store = settings(env, X::from_settings)?;
        match action {
            Action::Fetch => {
                let answer = store.fetch(document, request.previous_version.as_deref())?;
                hand_over(&answer, &request.action_file)
            }
            Action::Commit => {
                store.commit(document, &request.action_file)?;
                Ok(EXIT_DONE)
            }
        }
    })
}

/// Everything that ends an extension without success.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Usage(#[from] UsageError),
    #[error("the settings are faulty:\n{0}")]
    Settings(ConfigurationFaults),
    #[error("a discovery map can only be fetched, and was asked to commit")]
    NotAStore,
    #[error("cannot write {}", .path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("{}", chain(.0.as_ref()))]
    Retry(Cause),
    #[error("{}", chain(.0.as_ref()))]
    Fatal(Cause),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry(cause) => Self::Retry(cause),
            Failure::Fatal(cause) => Self::Fatal(cause),
        }
    }
}

impl Fault {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Settings(_) | Self::NotAStore => EXIT_USAGE,
            Self::Retry(_) => EXIT_RETRY,
            Self::Output { .. } | Self::Fatal(_) => EXIT_FATAL,
        }
    }
}

impl Call<'_> {
    /// Serves one request, or prints what the program is. Returns the exit code.
    fn answer(
        self,
        about: &About,
        more_arguments: &str,
        serve: impl FnOnce(&Request, &Env) -> Result<u8, Fault>,
    ) -> u8 {
        // Whoever closes one of the streams has read enough.
        if let Some(text) = asked_about(about, more_arguments, &self.arguments) {
            let _ = self.stdout.write_all(text.as_bytes());
            return EXIT_DONE;
        }
        let result = Request::parse(self.arguments)
            .map_err(Fault::from)
            .and_then(|request| serve(&request, &self.env));
        result.unwrap_or_else(|fault| {
            let _ = writeln!(self.stderr, "{}: {}", about.name, chain(&fault));
            fault.exit_code()
        })
    }
}

fn settings<X>(env: &Env, read: impl FnOnce(&mut Reader<'_>) -> X) -> Result<X, Fault> {
    let mut reader = Reader::new(env);
    let extension = read(&mut reader);
    reader.finish().map_err(Fault::Settings)?;
    Ok(extension)
}

fn is_true(value: &std::ffi::OsStr) -> bool {
    value.to_str().and_then(env::truth) == Some(true)
}

fn asked_about(about: &About, more_arguments: &str, arguments: &[OsString]) -> Option<String> {
    let has = |long: &str, short: &str| arguments.iter().any(|a| a == long || a == short);
    let About {
        name,
        version,
        summary,
        settings,
    } = about;
    // A call of the protocol ignores what it does not know, these among it.
    let is_call = arguments
        .iter()
        .any(|argument| argument.as_bytes().starts_with(b"--api-version="));
    if is_call {
        None
    } else if has("--help", "-h") {
        let settings = env::describe(settings);
        Some(format!(
            "{name}: {summary}\n\nAn extension point of Nightjar, api version 1. Other programs start it, or you by hand:\n  \
             {name} --api-version=1 --action-file=PATH{more_arguments}\n      \
             [--previous-document-version=V]\n\nEnvironment:\n{settings}"
        ))
    } else if has("--version", "-V") {
        Some(format!("{name} {version}\n"))
    } else {
        None
    }
}

/// Writes the document under a temporary name in the same folder and renames it, so that the
/// caller never sees a part of it.
fn hand_over(answer: &Answer, path: &Path) -> Result<u8, Fault> {
    let Answer::New(document) = answer else {
        return Ok(EXIT_UNCHANGED);
    };
    let write = || {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::Builder::new()
            .prefix(".nightjar-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(document)?;
        file.persist(path)?;
        Ok(EXIT_DONE)
    };
    write().map_err(|source| Fault::Output {
        path: path.to_owned(),
        source,
    })
}

/// An error with its causes, joined by colons.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
