//! What is not run and why, and what ends otherwise than with 0.
//!
//! What is not run is still read: its program says whether it knows the arguments.

/// Page, command, and why it is not run. A text that ends with `…` is how a command begins.
pub(super) const NOT_RUN: &[(&str, &str, &str)] = &[
    (
        "docs/entry-central.md",
        "nightjar-central",
        "runs until it is stopped; `e2e::central` runs it",
    ),
    (
        "nightjar template pull --help",
        "nightjar template pull --store prod --out templates.json --document-version 9b2c…",
        "9b2c… stands for a version",
    ),
    (
        "nightjar template diff --help",
        "nightjar template diff --store prod --document-version 9b2c…",
        "9b2c… stands for a version",
    ),
    (
        "nightjar template rollback --help",
        "nightjar template rollback --store prod --to 9b2c…",
        "9b2c… stands for a version",
    ),
    (
        "nightjar man --help",
        "nightjar man | man -l -",
        "needs man",
    ),
    (
        "nightjar man --help",
        "nightjar man --out ~/.local/share/man/man1 && man nightjar-template-push",
        "needs man",
    ),
    (
        "nightjar status --help",
        "nightjar status 10.0.0.7:9902 10.0.0.8:9902",
        "asks other hosts; `cli::status` asks ports of its own",
    ),
    (
        "nightjar status --help",
        "nightjar status --format json http://127.0.0.1:9902",
        "asks a proxy of this host",
    ),
];

/// Page and command of a proxy that would run until it is stopped: it makes a dry run instead.
pub(super) const DRY_RUN: &[(&str, &str)] = &[
    ("docs/entry-standalone.md", "nightjar-standalone"),
    ("docs/writing-an-extension.md", "nightjar-standalone"),
    (
        "nightjar-cli/starter/README.md",
        "DISCOVERY_MAP_EXEC=\"ext-store-local --document=discovery-map --action=fetch\" DATA_STORE_EXEC=…",
    ),
];

/// Page, command and exit code.
pub(super) const ENDS: &[(&str, &str, i32)] = &[
    (
        "docs/writing-an-extension.md",
        "nightjar conformance discovery-map -- ./my-discovery.py",
        1,
    ),
    (
        "nightjar diff --help",
        "nightjar diff before.json now.json --exit-code",
        1,
    ),
];

/// Whether a listed text means a command.
pub(super) fn means(listed: &str, command: &str) -> bool {
    match listed.strip_suffix('…') {
        Some(start) => command.starts_with(start),
        None => listed == command,
    }
}
