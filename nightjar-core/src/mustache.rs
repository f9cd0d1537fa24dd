//! Mustache as it is written: its syntax, its errors, and the names that templates may have.
//!
//! ```text
//! syntax   text -> tokens, by the Mustache specification, or every error with its position
//! error    what can be wrong with a template
//! purpose  which file names are allowed
//! ```

pub(crate) mod error;
pub(crate) mod purpose;
pub(crate) mod syntax;

/// What a template that exists only to be part of others is named like.
pub(crate) const PARTIAL_SUFFIX: &str = ".mustache";
