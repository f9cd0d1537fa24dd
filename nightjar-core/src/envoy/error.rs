//! Errors for files that make no configuration.

/// Why files make no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// The bootstrap is not among the files.
    #[error(
        "no template makes the bootstrap {name:?}; the templates make {made}\n\
         hint: name one of them in ENVOY_CONFIGURATION_TEMPLATE, or add a template with that purpose"
    )]
    NoBootstrap {
        /// The file that was looked for.
        name: String,
        /// The files there are.
        made: String,
    },
    /// A file that Envoy would read is not what its name says.
    #[error("the rendered file {file:?} cannot be parsed: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// The parser's message.
        reason: String,
    },
    /// A file that Envoy would subscribe to is not what it has to be.
    #[error("envoy would refuse the rendered file {file:?}: {reason}")]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file is named by another one, and no template makes it.
    #[error("the rendered file {by:?} names the file {path:?}, which no template makes")]
    Missing {
        /// The file that names.
        by: String,
        /// The path that is named.
        path: String,
    },
}
