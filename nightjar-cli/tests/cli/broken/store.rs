//! The extension as a data store: a file for each commit, the last of which is current.

use super::{Call, Failure, Outcome};
use nightjar_core::extension::RawDocument;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::PathBuf,
    thread,
    time::Duration,
};

/// How many versions are listed.
const LISTED: usize = 6;

/// One document of the store.
struct Kept<'a> {
    call: &'a Call,
    name: &'a str,
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure(1, error.to_string())
}

impl Call {
    pub(super) fn keep(&self, document: &str) -> Outcome {
        let is_known = matches!(document, "templates" | "discovery-map");
        let name = match document {
            _ if self.is_broken("keeps-documents-apart") && is_known => "templates",
            _ if self.is_broken("unknown-document") && !is_known => "templates",
            _ if is_known => document,
            _ => return Err(Failure(1, format!("no document {document}"))),
        };
        let kept = Kept { call: self, name };
        match self.argument("action") {
            Some("fetch") => kept.fetch(),
            Some("commit") => kept.commit(),
            Some("list") if self.is_broken("list-or-refuse") => Ok(30),
            Some("list") => kept.list(),
            _ if self.is_broken("unknown-action") => kept.fetch(),
            other => Err(Failure(64, format!("no action {other:?}"))),
        }
    }
}

impl Kept<'_> {
    fn path(&self, end: &str) -> PathBuf {
        self.call.dir.join(format!("{}.{end}", self.name))
    }

    /// How many commits there were.
    fn count(&self) -> usize {
        let text = fs::read_to_string(self.path("count")).unwrap_or_default();
        text.parse().unwrap_or_default()
    }

    fn content(&self, number: usize) -> Option<String> {
        fs::read_to_string(self.path(&number.to_string())).ok()
    }

    fn current(&self) -> Option<String> {
        fs::read_to_string(self.path("json")).ok()
    }

    fn version(&self, content: &str, number: usize) -> Option<String> {
        let document = RawDocument::read(content.as_bytes()).ok()?;
        let version = self.call.version(&document);
        Some(match self.call.broken.as_str() {
            "same-commit-same-version" => format!("{version}-{number}"),
            "version-of-its-own" => document.version()?.to_owned(),
            "new-content-new-version" => {
                let text = content.replace("content 1", "content 2");
                let text = RawDocument::read(text.as_bytes()).ok()?;
                text.content_hash().to_string()
            }
            _ => version,
        })
    }

    fn fetch(&self) -> Outcome {
        let call = self.call;
        let noted = fs::read_to_string(self.path("version")).ok();
        if call.is_broken("one-version-one-content") {
            thread::sleep(Duration::from_millis(20));
        }
        let nothing = if call.is_broken("empty-31") { 1 } else { 31 };
        let content = self
            .current()
            .ok_or_else(|| Failure(nothing, format!("no {} yet", self.name)))?;
        let version = match noted.filter(|_| call.is_broken("one-version-one-content")) {
            Some(noted) => noted,
            None => self
                .version(&content, self.count())
                .ok_or_else(|| failed("torn"))?,
        };
        let Some(asked) = call.argument("document-version") else {
            return call.hand_over_as(&content, &version);
        };
        let numbers = (1..=self.count()).rev().take(LISTED);
        let mut all = numbers.filter_map(|number| Some((number, self.content(number)?)));
        let is_asked = |(number, content): &(usize, String)| {
            self.version(content, *number).as_deref() == Some(asked)
        };
        match all.find(is_asked) {
            Some((_, older)) => {
                let has_it = call.argument("previous-document-version") == Some(asked);
                if has_it && !call.is_broken("older-version-30") {
                    return Ok(30);
                }
                if call.is_broken("older-version") {
                    return call.write_as(&content, &version);
                }
                call.write_as(&older, asked)
            }
            None if call.is_broken("unknown-version") => call.write_as(&content, &version),
            None => Err(Failure(1, format!("no version {asked}"))),
        }
    }

    fn list(&self) -> Outcome {
        let call = self.call;
        let skipped = usize::from(call.is_broken("list-begins-with-current"));
        let numbers = (1..=self.count()).rev().skip(skipped).take(LISTED);
        let versions: Vec<Value> = numbers
            .filter_map(|number| {
                let version = self.version(&self.content(number)?, number)?;
                let at = if call.is_broken("list-newest-first") {
                    3599 - number
                } else {
                    number
                };
                let time = if call.is_broken("list-times") {
                    "yesterday".to_owned()
                } else {
                    format!("2026-11-23T04:{:02}:{:02}Z", at / 60, at % 60)
                };
                Some(json!({"document-version": version, "time": time}))
            })
            .collect();
        call.write(json!({"versions": versions}).to_string().as_bytes())?;
        Ok(0)
    }

    fn commit(&self) -> Outcome {
        let call = self.call;
        if call.is_broken("read-only-says-so") {
            return Err(Failure(31, "read-only".to_owned()));
        }
        let is_given = call.arguments.contains_key("previous-document-version");
        if call.is_broken("commit-without-version") && !is_given {
            return Err(Failure(
                64,
                "--previous-document-version is missing".to_owned(),
            ));
        }
        let text = match fs::read_to_string(call.file()?) {
            Err(_) if call.is_broken("commit-without-file") => return Ok(0),
            read => read.map_err(failed)?,
        };
        if RawDocument::read(text.as_bytes()).is_err() {
            if call.is_broken("refuses-what-is-no-document") {
                return Ok(0);
            }
            if call.is_broken("refused-commit-changes-nothing") {
                let _ = fs::remove_file(self.path("json"));
            }
            return Err(Failure(1, "that is not a document".to_owned()));
        }
        let lock = File::create(self.path("lock")).map_err(failed)?;
        if !call.is_broken("one-of-two-commits") {
            lock.lock().map_err(failed)?;
        }
        let code = self.compared(&text)?;
        let is_race = call.is_broken("one-of-two-commits") && code.is_none();
        if is_race && call.argument("previous-document-version").is_some() {
            thread::sleep(Duration::from_millis(100));
        }
        let writes =
            code.is_none() || (code == Some(32) && call.is_broken("conflict-changes-nothing"));
        if writes && !call.is_broken("commit-then-fetch") {
            self.replace(&self.changed(&text))?;
        }
        Ok(code.unwrap_or_default())
    }

    /// The code to end with, if nothing is to be replaced.
    fn compared(&self, text: &str) -> Result<Option<u8>, Failure> {
        let call = self.call;
        let there = self.current();
        let Some(previous) = call.argument("previous-document-version") else {
            let conflicts = call.is_broken("commit-replaces") && there.is_some();
            return Ok(conflicts.then_some(32));
        };
        let is_there = there.as_deref() == Some(text);
        match there.and_then(|there| self.version(&there, self.count())) {
            None if call.is_broken("conflict-over-nothing") => Ok(None),
            Some(current) if current == previous => {
                Ok(call.is_broken("commit-over-current").then_some(32))
            }
            Some(_) if is_there && call.is_broken("commit-again") => {
                Err(Failure(1, "it is there already".to_owned()))
            }
            Some(_) if is_there => Ok(Some(0)),
            _ if call.is_broken("conflict-32") => Err(Failure(1, "another was first".to_owned())),
            _ => Ok(Some(32)),
        }
    }

    /// What a broken store makes of a document.
    fn changed(&self, text: &str) -> String {
        let spoil = |text: &str| text.replace("a line of a", "a line of");
        match self.call.broken.as_str() {
            "keeps-unknown-members" => {
                let mut value: Value = serde_json::from_str(text).unwrap_or_default();
                drop_unknown(&mut value);
                value.to_string()
            }
            "keeps-all-text" => text.replace(|c: char| !c.is_ascii(), "?"),
            "keeps-large-documents" => spoil(text),
            _ => text.to_owned(),
        }
    }

    fn replace(&self, text: &str) -> Result<(), Failure> {
        let number = self.count() + 1;
        fs::write(self.path(&number.to_string()), text).map_err(failed)?;
        if self.call.is_broken("whole-under-commits") && text.len() > 5_000 {
            let mut mixed: Value = serde_json::from_str(text).map_err(failed)?;
            if let Some(members) = mixed.as_object_mut() {
                members.insert("service-templates".to_owned(), json!([]));
            }
            self.place("json", &mixed.to_string())?;
            thread::sleep(Duration::from_millis(50));
        }
        self.place("json", text)?;
        let version = self.version(text, number).unwrap_or_default();
        fs::write(self.path("count"), number.to_string()).map_err(failed)?;
        self.place("version", &version)
    }

    /// Replaces a file in one step.
    fn place(&self, end: &str, text: &str) -> Result<(), Failure> {
        let new = self.path(&format!("new-{}", std::process::id()));
        fs::write(&new, text).map_err(failed)?;
        fs::rename(new, self.path(end)).map_err(failed)
    }
}

fn drop_unknown(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("x-later");
            members.values_mut().for_each(drop_unknown);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_unknown),
        _ => {}
    }
}
