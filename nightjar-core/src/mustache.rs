//! Mustache as it is written: its syntax, its faults, and the names that templates may have.
//!
//! ```text
//! syntax   text -> pieces, by the Mustache specification, or every fault with its place
//! fault    what can be wrong with a template
//! purpose  which file names are allowed
//! ```

pub(crate) mod fault;
pub(crate) mod purpose;
pub(crate) mod syntax;

/// What a template that exists only to be part of others is named like.
pub(crate) const PARTIAL_SUFFIX: &str = ".mustache";
