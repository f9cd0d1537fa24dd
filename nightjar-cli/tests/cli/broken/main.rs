//! An extension that keeps every rule of the protocol but the one that `BROKEN_RULE` names.
//!
//! It is a discovery map when it is called as one, and else a data store. `BROKEN_DIR` is the folder
//! of its documents; as a discovery map it hands over `discovery-map.json` of there. It shares no code
//! with what checks it but the hash of a document.

mod discovery;
mod store;

use nightjar_core::extension::RawDocument;
use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

/// What it is called with.
struct Call {
    arguments: HashMap<String, String>,
    dir: PathBuf,
    broken: String,
}

/// Why it ends without success: the exit code and the message.
struct Failure(u8, String);

type Outcome = Result<u8, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = nightjar_core::env::arguments()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let env = nightjar_core::env::Env::from_process();
    let text = |name: &str| {
        env.get(name)
            .map(|value| value.to_string_lossy().into_owned())
    };
    let broken = text("BROKEN_RULE").unwrap_or_default();
    let refuses_variables = broken == "unknown-variables";
    if refuses_variables && text("NJ_OF_A_LATER_VERSION").is_some() {
        return ended(&broken, Failure(1, "an unknown variable".to_owned()));
    }
    let dir = match text("BROKEN_DIR") {
        Some(dir) => dir,
        None if broken == "setting-from-environment" => "/tmp".to_owned(),
        None => return ended("", Failure(64, "BROKEN_DIR is not set".to_owned())),
    };
    let call = Call {
        arguments: parsed(&arguments, &broken),
        dir: dir.into(),
        broken,
    };
    let outcome = call.whole_run(&arguments);
    let broken = call.broken;
    outcome.map_or_else(|failure| ended(&broken, failure), ExitCode::from)
}

fn ended(broken: &str, Failure(code, message): Failure) -> ExitCode {
    if broken != "failure-says-why" {
        let _ = writeln!(std::io::stderr(), "broken-extension: {message}");
    }
    ExitCode::from(code)
}

/// The arguments by their names; the last of repeated ones counts.
fn parsed(arguments: &[String], broken: &str) -> HashMap<String, String> {
    let known = ["api-version", "action-file", "previous-document-version"];
    let mut parsed = HashMap::new();
    for argument in arguments {
        let Some((name, value)) = argument
            .strip_prefix("--")
            .and_then(|argument| argument.split_once('='))
        else {
            continue;
        };
        let name = match known.iter().find(|known| known.starts_with(name)) {
            Some(whole) if broken == "no-abbreviations" && name == "prev" => whole,
            _ => name,
        };
        if broken != "last-argument-counts" || !parsed.contains_key(name) {
            parsed.insert(name.to_owned(), value.to_owned());
        }
    }
    parsed
}

impl Call {
    fn is_broken(&self, rule: &str) -> bool {
        self.broken == rule
    }

    fn argument(&self, name: &str) -> Option<&str> {
        let value = self.arguments.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    fn file(&self) -> Result<&Path, Failure> {
        let file = self.argument("action-file").map(Path::new);
        file.ok_or_else(|| Failure(64, "--action-file is missing".to_owned()))
    }

    /// The rules about arguments, then what is asked.
    fn whole_run(&self, arguments: &[String]) -> Outcome {
        let is_first = |name: &str| arguments.first().is_some_and(|it| it.starts_with(name));
        if self.is_broken("arguments-in-any-order")
            && !is_first("--api-version=")
            && !is_first("--previous-document-version=from-nowhere")
        {
            return Err(Failure(64, "--api-version is not the first".to_owned()));
        }
        let is_unknown = |argument: &String| argument.starts_with("--of-a-later-version=");
        if self.is_broken("unknown-arguments") && arguments.iter().any(is_unknown) {
            return Err(Failure(64, "an unknown argument".to_owned()));
        }
        if self.argument("api-version") != Some("1") && !self.is_broken("other-api-version") {
            if self.is_broken("no-file-on-failure") {
                self.write(b"half of it")?;
            }
            return Err(Failure(64, "I speak api version 1".to_owned()));
        }
        match self.broken.as_str() {
            "ends-in-time" => thread::sleep(Duration::from_mins(1)),
            "ends-by-itself" => std::process::abort(),
            _ => {}
        }
        if self.is_broken("runs-at-once") {
            let lock = self.dir.join("lock");
            fs::File::create_new(&lock).map_err(|_| Failure(1, "it runs already".to_owned()))?;
            thread::sleep(Duration::from_millis(50));
            let outcome = self.act();
            let _ = fs::remove_file(lock);
            return outcome;
        }
        self.act()
    }

    fn act(&self) -> Outcome {
        match self.argument("document") {
            None => self.discover(),
            Some(document) => self.keep(document),
        }
    }

    /// Hands over a document, unless the caller has it.
    fn hand_over(&self, json: &[u8]) -> Outcome {
        let read = RawDocument::read(json);
        let document = read.map_err(|error| Failure(1, format!("no document: {error}")))?;
        let version = match self.broken.as_str() {
            "new-content-new-version" => "1".to_owned(),
            _ => self.version(&document),
        };
        self.hand_over_as(&String::from_utf8_lossy(json), &version)
    }

    /// Hands over a document under a version, unless the caller has it.
    fn hand_over_as(&self, json: &str, version: &str) -> Outcome {
        let is_given = self.arguments.contains_key("previous-document-version");
        if !is_given && self.is_broken("absent-previous-version") {
            return Err(Failure(
                64,
                "--previous-document-version is missing".to_owned(),
            ));
        }
        let previous = self.argument("previous-document-version");
        let is_odd = previous.is_some_and(|previous| previous.contains('"'));
        if self.is_broken("version-is-opaque") && is_odd {
            return Err(Failure(1, "that is not a version".to_owned()));
        }
        let is_current = match previous {
            None => self.is_broken("blank-previous-version"),
            Some("from-nowhere") if self.is_broken("other-version") => true,
            Some(_) if self.is_broken("unchanged-30") => false,
            Some(previous) if self.is_broken("same-content-same-version") => {
                previous.split('.').next() == version.split('.').next()
            }
            Some(previous) => previous == version,
        };
        if is_current {
            if self.is_broken("no-file-with-30") {
                self.write(json.as_bytes())?;
            }
            return Ok(30);
        }
        if self.is_broken("no-document-on-stdout") {
            let _ = std::io::stdout().write_all(json.as_bytes());
        }
        self.write_as(json, version)
    }

    /// Writes a document under a version.
    fn write_as(&self, json: &str, version: &str) -> Outcome {
        let read = RawDocument::read(json.as_bytes());
        let document = read.map_err(|error| Failure(1, format!("no document: {error}")))?;
        self.write_whole(&document.with_version(version))
    }

    fn version(&self, document: &RawDocument<'_>) -> String {
        let hash = document.content_hash().to_string();
        let kept = self.temp_dir().join("salt");
        let salt = || fs::read_to_string(&kept).unwrap_or_else(|_| unique());
        match self.broken.as_str() {
            "same-content-same-version" => format!("{hash}.{}", unique()),
            "version-for-all" => {
                let salt = salt();
                let _ = fs::write(&kept, &salt);
                format!("{hash}.{salt}")
            }
            _ => hash,
        }
    }

    fn temp_dir(&self) -> PathBuf {
        let env = nightjar_core::env::Env::from_process();
        let dir = env.get("NJ_TEMP_DIR").map(PathBuf::from);
        dir.unwrap_or_else(|| self.dir.clone())
    }

    /// Writes what is handed over, with the faults of files.
    fn write_whole(&self, json: &[u8]) -> Outcome {
        let file = self.file()?;
        let failed = |error| Failure(1, format!("cannot write: {error}"));
        match self.broken.as_str() {
            "file-with-0" => {}
            "regular-file" => fs::create_dir(file).map_err(failed)?,
            "size-limit" => {
                let large = fs::File::create(file).map_err(failed)?;
                large.set_len(65 << 20).map_err(failed)?;
            }
            "json-object" => self.write(json.get(..json.len() / 2).unwrap_or_default())?,
            "version-is-text" => self.write(br#"{"document-version": 1}"#)?,
            "path-of-the-file" if file.to_string_lossy().contains(' ') => {
                return Err(Failure(1, "a path with a blank".to_owned()));
            }
            "unwritable-file" => {
                let _ = fs::write(file, json);
            }
            "only-the-action-file" => {
                self.write(json)?;
                fs::write(file.with_extension("tmp"), json).map_err(failed)?;
            }
            _ => self.write(json)?,
        }
        Ok(0)
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        let written = fs::write(self.file()?, bytes);
        written.map_err(|error| Failure(1, format!("cannot write: {error}")))
    }
}

/// A text that no other run gives.
fn unique() -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
    let now = now.map_or(0, |now| now.as_nanos());
    format!("{now}-{}", std::process::id())
}
