//! Small programs that do one thing wrong, or do exactly what they are told.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Hands over the map file as it is, whatever is in it, where `ext-store-local` would look first.
pub const COPY: &str = r#"cp "$NJ_DSLOCAL_FILE_DISCOVERY_MAP" "$file""#;

/// An extension's command line: a shell script that finds the path of its file in `$file`, and
/// the version that the caller has in `$version`.
pub fn extension(script: &str) -> String {
    let arguments = r"
        for argument; do
            case $argument in
                --action-file=*) file=${argument#*=} ;;
                --previous-document-version=*) version=${argument#*=} ;;
            esac
        done";
    assert!(!script.contains('\''), "it is quoted: {script}");
    format!("sh -c '{arguments}\n{script}' sh")
}

/// Makes an executable shell script.
///
/// Another process writes it: a file that this one has just written may still be open for writing
/// in a child that another thread is about to start, and then cannot be run.
pub fn executable(path: &Path, script: &str) -> PathBuf {
    let source = path.with_extension("source");
    std::fs::write(&source, format!("#!/bin/sh\n{script}\n")).unwrap();
    let installed = Command::new("install")
        .args(["-m", "755"])
        .args([&source, path])
        .status()
        .unwrap();
    assert!(installed.success());
    path.to_owned()
}
