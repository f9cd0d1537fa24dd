//! The extension's side of the protocol, for extensions that are written in Rust.
//!
//! An extension is one struct, one trait implementation, and a `main` of one statement:
//!
//! ```no_run
//! use nightjar_core::{
//!     env::{Reader, Setting},
//!     extension::{About, FetchOutcome, DiscoveryMapSource, ActionError, serve},
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
//!     fn discover(&self, _previous: Option<&str>) -> Result<FetchOutcome, ActionError> {
//!         std::fs::read(&self.path).map(FetchOutcome::New).map_err(ActionError::retry)
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     serve::discovery_map::<FromFile>()
//! }
//! ```

mod about;
mod deadline;
mod error;

pub use about::About;
pub use deadline::{Deadline, NJ_DEADLINE};
pub use error::ActionError;

use super::{
    CommitOutcome, FetchOutcome, Versions,
    args::{Action, DocumentName, EXIT_DONE, EXIT_UNCHANGED, Request},
};
use crate::{
    atomic_file,
    env::{self, Env, Reader},
    report::error_chain,
    telemetry,
};
use error::ServeError;
use std::{
    ffi::OsString,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// An extension that finds out what the mesh looks like.
pub trait DiscoveryMapSource: Sized {
    /// What the program is.
    const ABOUT: About;

    /// Reads the settings. The caller reports what the reader found wrong.
    fn from_settings(reader: &mut Reader<'_>) -> Self;

    /// The whole discovery map, or that `previous` is still its version.
    fn discover(&self, previous: Option<&str>) -> Result<FetchOutcome, ActionError>;
}

/// An extension that keeps documents.
pub trait DataStore: Sized {
    /// What the program is.
    const ABOUT: About;

    /// Reads the settings. The caller reports what the reader found wrong.
    fn from_settings(reader: &mut Reader<'_>) -> Self;

    /// The whole current document, or that `previous` is still its version.
    fn fetch(
        &self,
        document: &DocumentName,
        previous: Option<&str>,
    ) -> Result<FetchOutcome, ActionError>;

    /// Keeps what is in the file as the current document: in place of version `previous` alone,
    /// or of whatever is there if that is `None`. A store that cannot compare ignores `previous`.
    /// The file may be changed or deleted.
    fn commit(
        &self,
        document: &DocumentName,
        file: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, ActionError>;

    /// The versions that [`DataStore::fetch_version`] hands over, newest first.
    fn list(&self, document: &DocumentName) -> Result<Versions, ActionError> {
        Err(ActionError::fatal(format!(
            "this store does not list the versions of {document}"
        )))
    }

    /// The whole document of one version, current or not.
    fn fetch_version(
        &self,
        document: &DocumentName,
        version: &str,
    ) -> Result<Vec<u8>, ActionError> {
        Err(ActionError::fatal(format!(
            "this store hands over only the current {document}, but was asked for version \
             {version:?}"
        )))
    }
}

/// The `main` of a discovery map. `--document` and `--action` mean nothing to it, except that it
/// refuses what only a data store can do.
pub fn discovery_map<X: DiscoveryMapSource>() -> ExitCode {
    main(answer_as_discovery_map::<X>)
}

/// The `main` of a data store.
pub fn data_store<X: DataStore>() -> ExitCode {
    main(answer_as_data_store::<X>)
}

/// What a data store is called with, and a discovery map is not.
const STORE_ARGUMENTS: &str = " --document=NAME --action=fetch|commit|list\n      \
     [--document-version=V]";

/// What an extension is called with.
struct Invocation<'a> {
    arguments: Vec<OsString>,
    env: Env,
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
}

fn main(answer: impl FnOnce(Invocation<'_>) -> u8) -> ExitCode {
    let env = Env::from_process();
    telemetry::init_extension(env.get("DEBUG").is_some_and(is_true));
    let arguments = env::arguments().collect();
    let invocation = Invocation {
        arguments,
        env,
        stdout: &mut io::stdout(),
        stderr: &mut io::stderr(),
    };
    ExitCode::from(answer(invocation))
}

fn answer_as_discovery_map<X: DiscoveryMapSource>(invocation: Invocation<'_>) -> u8 {
    invocation.answer(&X::ABOUT, "", |request, env| {
        let source = settings(env, X::from_settings)?;
        if let Some(action @ (Action::Commit | Action::List)) = request.action {
            return Err(ServeError::NotAStore(action));
        }
        if request.version.is_some() {
            return Err(ServeError::NoVersions);
        }
        let outcome = source.discover(request.previous_version.as_deref())?;
        write_outcome(&outcome, &request.action_file)
    })
}

fn answer_as_data_store<X: DataStore>(invocation: Invocation<'_>) -> u8 {
    invocation.answer(&X::ABOUT, STORE_ARGUMENTS, |request, env| {
        let (document, action) = (request.required_document()?, request.required_action()?);
        let store = settings(env, X::from_settings)?;
        let (file, previous) = (&request.action_file, request.previous_version.as_deref());
        match (action, request.version.as_deref()) {
            (Action::Fetch, None) => write_outcome(&store.fetch(document, previous)?, file),
            (Action::Fetch, Some(version)) if previous == Some(version) => Ok(EXIT_UNCHANGED),
            (Action::Fetch, Some(version)) => write(&store.fetch_version(document, version)?, file),
            (Action::List, _) => {
                let versions = store.list(document)?;
                write(
                    &serde_json::to_vec(&versions).map_err(ServeError::Encode)?,
                    file,
                )
            }
            (Action::Commit, _) => match store.commit(document, file, previous)? {
                CommitOutcome::Done => Ok(EXIT_DONE),
                CommitOutcome::Conflict => {
                    Err(ServeError::Conflict(request.previous_version.clone()))
                }
            },
        }
    })
}

impl Invocation<'_> {
    /// Serves one request, or prints what the program is. Returns the exit code.
    fn answer(
        self,
        about: &About,
        more_arguments: &str,
        serve: impl FnOnce(&Request, &Env) -> Result<u8, ServeError>,
    ) -> u8 {
        // A reader that closes one of the streams has read enough.
        if let Some(text) = about.help_or_version(more_arguments, &self.arguments) {
            let _ = self.stdout.write_all(text.as_bytes());
            return EXIT_DONE;
        }
        let result = Request::parse(self.arguments)
            .map_err(ServeError::from)
            .and_then(|request| serve(&request, &self.env));
        result.unwrap_or_else(|error| {
            let _ = writeln!(self.stderr, "{}: {}", about.name, error_chain(&error));
            error.exit_code()
        })
    }
}

fn settings<X>(env: &Env, read: impl FnOnce(&mut Reader<'_>) -> X) -> Result<X, ServeError> {
    let mut reader = Reader::new(env);
    let extension = read(&mut reader);
    reader.finish().map_err(ServeError::Settings)?;
    Ok(extension)
}

fn is_true(value: &std::ffi::OsStr) -> bool {
    value.to_str().and_then(env::parse_bool) == Some(true)
}

fn write_outcome(outcome: &FetchOutcome, path: &Path) -> Result<u8, ServeError> {
    match outcome {
        FetchOutcome::New(document) => write(document, path),
        FetchOutcome::Unchanged => Ok(EXIT_UNCHANGED),
    }
}

/// Writes a file so that the caller never sees a part of it.
fn write(document: &[u8], path: &Path) -> Result<u8, ServeError> {
    atomic_file::replace(path, document).map_err(|source| ServeError::Output {
        path: path.to_owned(),
        source,
    })?;
    Ok(EXIT_DONE)
}

#[cfg(test)]
mod tests;
