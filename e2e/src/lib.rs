//! What the end-to-end tests share: real programs, a real Envoy, real backends, real connections.
//!
//! ```text
//! aws        AWS on one machine, with a wire that counts calls and makes faults
//! central    nightjar-central, running
//! collector  servers that take telemetry and keep it
//! extension  one call of an extension
//! grpc       the least of a gRPC server
//! process    a started program that ends with its test, and its log
//! http       requests whose every byte the test decides
//! http2      connections whose every frame the test decides
//! load       requests without pause, and every one that failed
//! mesh       sample services, and proxies under nightjar-standalone
//! markdown   the pages of the documentation
//! status     what a long-running program says of itself
//! scripts    small programs that do one thing wrong
//! tables     tables of the documentation, and comparing them
//! templates  template folders that a test edits
//! told       what a proxy says of itself
//! ```
//!
//! What the tests of the other crates need too is in `kit/`.
//!
//! A test that cannot have what it needs fails; none is ever skipped.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this is test equipment: a panic is how a test fails"
)]

pub mod aws;
pub mod central;
pub mod collector;
pub mod extension;
mod grpc;
pub mod http;
pub mod http2;
pub mod load;
pub mod markdown;
pub mod mesh;
pub mod process;
pub mod scripts;
pub mod status;
pub mod tables;
pub mod templates;
mod told;

pub use test_kit::{WAIT_TIMEOUT, eventually, maps, ports};

use std::path::{Path, PathBuf};

/// The workspace's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a workspace")
}

/// A program of this workspace, built beside the running test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("tests are in target/<profile>/deps");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --workspace` first",
        path.display()
    );
    path
}

/// The real Envoy that `make setup` puts into the workspace.
pub fn envoy() -> PathBuf {
    let path = root().join(".venv/bin/envoy");
    assert!(
        path.exists(),
        "{} is missing: run `make setup` first",
        path.display()
    );
    path
}

/// The oldest Envoy that Nightjar runs, from the same place.
pub fn oldest_envoy() -> PathBuf {
    let path = root().join(".venv/bin/envoy-oldest");
    assert!(
        path.exists(),
        "{} is missing: run `make setup` first",
        path.display()
    );
    path
}
