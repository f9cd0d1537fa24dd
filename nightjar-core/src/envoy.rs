//! What a set of rendered files means to Envoy, and whether Envoy would take it.
//!
//! Templates may make any files. Which of them Envoy watches, and as what, stands in the files
//! themselves: the bootstrap names the cluster and listener files, listeners name route files,
//! clusters name endpoint files, and each of them may name files of secrets.
//! [`Configuration::read`] follows those names.
//!
//! A [`Configuration`] holds each file once, as text, with the places and hashes of its resources.
//! What changed between two is seen from the hashes; trees of JSON live as long as one resource is
//! looked at.

mod admin;
mod bootstrap;
mod changes;
mod check;
mod configuration;
mod error;
mod file;
mod fixed;
mod home;
mod message;
mod outline;
mod place;
mod reason;
mod same;
#[cfg(test)]
mod sample;
mod secrets;
mod shape;
#[cfg(test)]
mod tests;
mod union;
mod unique;
mod walk;

pub use admin::admin_interface;
pub use bootstrap::{BootstrapKey, bootstrap_key, union_of_bootstraps};
pub use changes::{Changes, Difference, changes};
pub use check::{CheckError, EnvoyProgram};
pub use configuration::Configuration;
pub use error::LayoutError;
pub use file::{File, Resource, Role};
pub use fixed::fixed_bootstrap;
pub use home::config_dir_of;
pub use reason::on_one_line;
pub use secrets::Secret;
pub use union::{covers, keeps_endpoints, union_of_clusters};

use std::collections::BTreeMap;

/// Rendered files: path relative to the configuration folder, and text.
pub type Files = BTreeMap<String, String>;
