//! Envoy configurations: what a set of rendered files means to Envoy, and whether Envoy accepts it.
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
mod config_dir;
mod configuration;
mod discovery_response;
mod endpoint_changes;
mod error;
mod error_location;
mod error_text;
mod file;
mod held;
mod parsed_file;
mod proto_json;
mod resource;
mod resource_scan;
mod role;
mod secrets;
mod static_bootstrap;
#[cfg(test)]
mod test_files;
#[cfg(test)]
mod tests;
mod union;

pub use admin::admin_interface;
pub use bootstrap::{BootstrapKey, bootstrap_key, union_of_bootstraps};
pub use changes::{Changes, Difference, changes};
pub use check::{CheckError, EnvoyProgram};
pub use config_dir::config_dir_of;
pub use configuration::Configuration;
pub use error::FilesError;
pub use error_text::on_one_line;
pub use file::{File, Files};
pub use held::longest_hold;
pub use resource::Resource;
pub use role::FileRole;
pub use secrets::Secret;
pub use static_bootstrap::static_bootstrap;
pub use union::{
    holds_all_clusters, lose_all_endpoints, loses_all_endpoints, removed_clusters,
    union_of_clusters, union_of_kept_clusters,
};
