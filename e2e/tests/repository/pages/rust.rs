//! Which versions of Rust are named, and what is tried with each.

use super::images;
use e2e::{root, tables::table};
use std::fs;

/// The table of versions, with its name.
pub(super) fn tables() -> Vec<(String, String)> {
    let pinned = value("rust-toolchain.toml", "channel");
    let image = images::default_of("RUST_IMAGE");
    let (_, tag) = image.split_once(':').unwrap();
    let (of_image, _) = tag.split_once('-').unwrap();
    assert!(
        pinned == of_image || pinned.starts_with(&format!("{of_image}.")),
        "rust-toolchain.toml has {pinned}, and RUST_IMAGE is {image}"
    );
    let oldest = value("Cargo.toml", "rust-version");
    let rows = [
        (
            pinned.as_str(),
            "`rust-toolchain.toml`",
            "each change: lints, tests, demo, benchmarks",
        ),
        (
            of_image,
            "`RUST_IMAGE` of the Dockerfile",
            "each change, where a Docker Engine answers: the images",
        ),
        (
            oldest.as_str(),
            "`rust-version` in `Cargo.toml`",
            "never. It is what the AWS crates ask for",
        ),
    ];
    let rows = rows.map(|(version, place, tried)| [version, place, tried].map(str::to_owned));
    let table = table(["version", "named in", "tried"], rows);
    vec![("versions of Rust".to_owned(), table)]
}

/// What a TOML file says in a line of its own.
fn value(file: &str, key: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let start = format!("{key} = \"");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap().trim_end_matches('"').to_owned()
}
