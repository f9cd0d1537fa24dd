//! `nightjar init`

use crate::{ExitStatus, output};
use anyhow::Context as _;
use nightjar_core::template::{folder, shipped};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Make a starter: a map, a folder of templates, and how to run them
#[derive(clap::Args)]
#[command(after_help = "\
Nothing that is there already is touched.

Example:
  nightjar init my-mesh
  cat my-mesh/README.md")]
pub(crate) struct Init {
    /// The folder; it is made if need be
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Init {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let files = starter();
        let in_the_way = in_the_way(&self.folder, &files);
        if !in_the_way.is_empty() {
            let mut message = "nothing was written, because of what is there already:".to_owned();
            for path in &in_the_way {
                message.push_str("\n  ");
                message.push_str(&path.to_string_lossy());
            }
            anyhow::bail!(message);
        }
        for (name, text) in &files {
            let path = self.folder.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))
                .and_then(|()| fs::write(&path, text))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        output::lines(
            files
                .keys()
                .map(|name| self.folder.join(name).display().to_string()),
        )?;
        let readme = self.folder.join("README.md");
        output::message(&format!("nightjar: {} says how to go on", readme.display()));
        Ok(ExitStatus::Success)
    }
}

/// Path and text of each file.
fn starter() -> BTreeMap<String, String> {
    let map = include_str!("../../starter/discovery-map.json");
    let readme = include_str!("../../starter/README.md");
    let mut files = BTreeMap::from([
        ("discovery-map.json".to_owned(), map.to_owned()),
        ("README.md".to_owned(), readme.to_owned()),
    ]);
    for (path, text) in folder::files(&shipped()) {
        files.insert(format!("templates/{path}"), text);
    }
    files
}

/// What is where a file should be, or a file where its folder should be.
fn in_the_way(root: &Path, files: &BTreeMap<String, String>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for name in files.keys() {
        let path = root.join(name);
        if path.symlink_metadata().is_ok() {
            found.insert(path);
            continue;
        }
        let above = path
            .ancestors()
            .skip(1)
            .take_while(|it| it.starts_with(root));
        for folder in above {
            if folder.symlink_metadata().is_ok() && !folder.is_dir() {
                found.insert(folder.to_owned());
            }
        }
    }
    found
}
