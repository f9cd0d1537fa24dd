//! Help and version of an extension.

use crate::env::{self, Setting};
use std::{ffi::OsString, os::unix::ffi::OsStrExt as _};

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

impl About {
    /// The help or the version, if these arguments ask for one.
    pub(super) fn help_or_version(
        &self,
        more_arguments: &str,
        arguments: &[OsString],
    ) -> Option<String> {
        let has = |long: &str, short: &str| arguments.iter().any(|a| a == long || a == short);
        let Self {
            name,
            version,
            summary,
            settings,
        } = self;
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
}
