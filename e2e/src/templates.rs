//! Template folders that a test edits while proxies run.

use crate::program;
use nightjar_core::template::SHIPPED;
use std::{collections::BTreeMap, net::UdpSocket, path::Path};
use tempfile::TempDir;

/// A folder of templates for every gateway, or for every sidecar, as a person would edit it.
pub struct Templates {
    folder: TempDir,
    /// Whose templates they are, as a folder.
    of: &'static str,
}

const GATEWAYS: &str = "gateway/_default";
const SIDECARS: &str = "service/_default/_default/_default";

impl Templates {
    /// A folder with these purposes and texts, for gateways.
    pub fn new(templates: &[(&str, &str)]) -> Self {
        Self::of(GATEWAYS, templates)
    }

    fn of(of: &'static str, templates: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Self { folder, of };
        for (purpose, text) in templates {
            made.set(purpose, text);
        }
        made
    }

    /// A copy of a folder of templates, with other texts in place of some.
    pub fn copied(from: &Path, places: &[(&str, String)]) -> Self {
        let made = Self::of(GATEWAYS, &[]);
        copy(from, made.path(), places);
        made
    }

    /// The templates that Nightjar comes with, for gateways.
    pub fn shipped() -> Self {
        Self::new(&SHIPPED)
    }

    /// The same for sidecars.
    pub fn shipped_for_sidecars() -> Self {
        Self::of(SIDECARS, &SHIPPED)
    }

    /// The same, and Envoy resolves names at a port that never answers, for so many seconds.
    pub fn without_dns(silent: &UdpSocket, seconds: u32) -> Self {
        let templates = Self::shipped();
        let port = silent.local_addr().unwrap().port();
        let silence = format!(
            "query_timeout_seconds: {seconds}\n    \
             resolvers: [{{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}]"
        );
        let bootstrap = "envoy-config.yaml";
        templates.edit(bootstrap, "query_timeout_seconds: 1", &silence);
        templates.edit(bootstrap, "query_tries: 2", "query_tries: 1");
        templates
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a template.
    pub fn text(&self, purpose: &str) -> String {
        std::fs::read_to_string(self.file(purpose)).unwrap()
    }

    /// Replaces a template, in one step.
    pub fn set(&self, purpose: &str, text: &str) {
        let unfinished = self.path().join("unfinished");
        let file = self.file(purpose);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(unfinished, file).unwrap();
    }

    /// Replaces a part of a template that has to be there.
    pub fn edit(&self, purpose: &str, old: &str, new: &str) {
        let text = self.text(purpose);
        assert!(text.contains(old), "{purpose} has no {old:?}:\n{text}");
        self.set(purpose, &text.replace(old, new));
    }

    /// Gives the bootstrap a mark, which makes it another one.
    pub fn mark_bootstrap(&self, mark: &str) {
        let text = self.text("envoy-config.yaml");
        self.set("envoy-config.yaml", &format!("{text}# {mark}\n"));
    }

    /// The environment that makes a proxy use them.
    pub fn env(&self) -> BTreeMap<String, String> {
        let store = program("ext-store-local").display().to_string();
        let folder = self.path().display().to_string();
        BTreeMap::from([
            ("DATA_STORE_EXEC".to_owned(), store),
            ("NJ_DSLOCAL_DIR_TEMPLATES".to_owned(), folder),
        ])
    }

    fn file(&self, purpose: &str) -> std::path::PathBuf {
        let name = format!("{}/{purpose}.mustache", self.of);
        self.path().join(name)
    }
}

/// Copies the files of a folder, and what links lead to.
fn copy(from: &Path, to: &Path, places: &[(&str, String)]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &to, places);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(to, in_places(&text, places)).unwrap();
        }
    }
}

/// A text with other texts in place of some.
pub fn in_places(text: &str, places: &[(&str, String)]) -> String {
    let mut text = text.to_owned();
    for (place, own) in places {
        text = text.replace(place, own);
    }
    text
}
