//! What a set of rendered files means to Envoy, and whether Envoy would take it.
//!
//! Templates may make any files. Which of them Envoy watches, and as what, stands in the files
//! themselves: the bootstrap names the cluster and listener files, listeners name route files,
//! clusters name endpoint files. [`Layout::read`] follows those names.

mod check;
mod fixed;
mod home;
mod layout;
mod shape;
mod union;

pub use check::{CheckError, EnvoyProgram, on_one_line};
pub use fixed::fixed_bootstrap;
pub use home::config_dir_of;
pub use layout::{Layout, LayoutError, Role, Subscribed};
pub use union::{union_of_clusters, union_of_static_clusters};

use std::collections::BTreeMap;

/// Rendered files: path relative to the configuration folder, and text.
pub type Files = BTreeMap<String, String>;
