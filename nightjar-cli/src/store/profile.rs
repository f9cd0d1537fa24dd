//! Profiles of stores: `nightjar.toml`.
//!
//! ```toml
//! [store.prod]
//! exec = "ext-store-s3"
//! env = { NJ_DSS3_BUCKET = "my-bucket" }
//! ```

use nightjar_core::{
    document::nearest,
    report::{printable, quoted},
};
use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    ops::Range,
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A store, and how it is started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Profile {
    /// The command line, as `DATA_STORE_EXEC` has it.
    pub(super) exec: String,
    /// The line that it is on.
    pub(super) line: usize,
    /// Variables on top of this program's environment.
    pub(super) env: BTreeMap<String, String>,
}

/// The stores of a file, by their names.
#[derive(Debug)]
pub(super) struct Profiles {
    pub(super) path: PathBuf,
    pub(super) stores: BTreeMap<String, Profile>,
}

/// What is wrong with a file of stores.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Mistakes, each with its place.
    #[error("invalid configuration:{}", .0.concat())]
    Invalid(Vec<String>),
    #[error("{} describes no store\n  hint: add a table, as in [store.prod]", .0.display())]
    None(PathBuf),
    #[error("{} describes several stores\n  hint: choose one with --store: {names}", .path.display())]
    Several { path: PathBuf, names: String },
    #[error("{} describes no store {}{}", .path.display(), quoted(.name), .hint)]
    Unknown {
        path: PathBuf,
        name: String,
        hint: String,
    },
}

impl Profiles {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = fs::read_to_string(path).map_err(|source| ProfileError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut reader = Reader {
            path,
            text: &text,
            errors: Vec::new(),
        };
        let stores = reader.stores();
        if reader.errors.is_empty() {
            return Ok(Self {
                path: path.to_owned(),
                stores,
            });
        }
        reader.errors.sort();
        let lines = reader.errors.into_iter().map(|(_, message)| message);
        Err(ProfileError::Invalid(lines.collect()))
    }

    /// The name of the only store.
    pub(super) fn only(&self) -> Result<String, ProfileError> {
        let mut names = self.stores.keys();
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.clone()),
            (None, _) => Err(ProfileError::None(self.path.clone())),
            (Some(_), Some(_)) => {
                let names: Vec<&str> = self.stores.keys().map(String::as_str).collect();
                Err(ProfileError::Several {
                    path: self.path.clone(),
                    names: names.join(", "),
                })
            }
        }
    }

    /// Takes a store out by its name.
    pub(super) fn take(mut self, name: &str) -> Result<Profile, ProfileError> {
        self.stores.remove(name).ok_or_else(|| {
            let known = self.stores.keys().map(String::as_str);
            let near = nearest(name, known.clone()).map(|near| format!("; did you mean {near:?}?"));
            let known: Vec<&str> = known.collect();
            let all = format!("\n  hint: it describes {}", known.join(", "));
            ProfileError::Unknown {
                hint: near.unwrap_or(if known.is_empty() { String::new() } else { all }),
                path: self.path,
                name: name.to_owned(),
            }
        })
    }
}

/// Reads a text, and gathers every mistake.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    /// By their lines.
    errors: Vec<(usize, String)>,
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

impl Reader<'_> {
    fn stores(&mut self) -> BTreeMap<String, Profile> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                self.reject(error.span().unwrap_or_default(), "", error.message());
                return BTreeMap::new();
            }
        };
        let mut stores = BTreeMap::new();
        for (key, value) in &table {
            if key.get_ref() != "store" {
                self.reject_key(key, "", &["store"]);
                continue;
            }
            for (name, value) in self.table(value, "store") {
                let place = format!("store.{}", printable(name.get_ref()));
                if let Some(profile) = self.profile(name, value, &place) {
                    stores.insert(name.get_ref().to_string(), profile);
                }
            }
        }
        stores
    }

    fn profile(&mut self, name: &Key<'_>, value: &Value<'_>, place: &str) -> Option<Profile> {
        let (mut exec, mut env, mut is_misspelt) = (None, BTreeMap::new(), false);
        for (key, value) in self.table(value, place) {
            match &**key.get_ref() {
                "exec" => {
                    let line = self.line(&key.span());
                    exec = self
                        .string(value, &format!("{place}.exec"))
                        .map(|text| (text, line));
                    // It is there, if wrong, which is reported once.
                    exec.as_ref()?;
                }
                "env" => env = self.variables(value, &format!("{place}.env")),
                _ => {
                    is_misspelt |= nearest(key.get_ref(), ["exec"]).is_some();
                    self.reject_key(key, place, &["exec", "env"]);
                }
            }
        }
        let Some((exec, line)) = exec else {
            if !is_misspelt {
                let message =
                    "has no exec: name the data store to start, as in exec = \"ext-store-s3\"";
                self.reject(name.span(), place, message);
            }
            return None;
        };
        Some(Profile { exec, line, env })
    }

    fn variables(&mut self, value: &Value<'_>, place: &str) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for (key, value) in self.table(value, place) {
            let name = key.get_ref();
            let place = format!("{place}.{}", printable(name));
            if name.is_empty() || name.contains(['=', '\0']) {
                self.reject(key.span(), &place, "is not the name of a variable");
            } else if let Some(text) = self.string(value, &place) {
                variables.insert(name.to_string(), text);
            }
        }
        variables
    }

    fn table<'v, 'i>(
        &mut self,
        value: &'v Value<'i>,
        place: &str,
    ) -> Vec<(&'v Key<'i>, &'v Value<'i>)> {
        if let DeValue::Table(table) = value.get_ref() {
            return table.iter().collect();
        }
        self.reject(value.span(), place, "is not a table");
        Vec::new()
    }

    fn string(&mut self, value: &Value<'_>, place: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if !text.contains('\0') => Some(text.to_string()),
            DeValue::String(_) => {
                self.reject(value.span(), place, "contains a zero byte");
                None
            }
            _ => {
                self.reject(value.span(), place, "is not a string in quotes");
                None
            }
        }
    }

    fn reject_key(&mut self, key: &Key<'_>, place: &str, known: &[&str]) {
        let name = key.get_ref();
        let near = nearest(name, known.iter().copied());
        let hint = near.map_or_else(
            || format!("; known: {}", known.join(", ")),
            |near| format!("; did you mean {near:?}?"),
        );
        self.reject(
            key.span(),
            place,
            format!("unknown key {}{hint}", quoted(name)),
        );
    }

    /// Values are not shown: they may be secret.
    fn reject(&mut self, span: Range<usize>, place: &str, message: impl Display) {
        let line = self.line(&span);
        let place = if place.is_empty() {
            String::new()
        } else {
            format!("{place}: ")
        };
        let path = self.path.display();
        self.errors
            .push((line, format!("\n  {path}:{line}: {place}{message}")));
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        1 + before.matches('\n').count()
    }
}

type Value<'i> = Spanned<DeValue<'i>>;
