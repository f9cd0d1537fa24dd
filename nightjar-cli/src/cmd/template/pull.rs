//! `nightjar template pull`

use super::place::{self, Place, Set};
use crate::{
    ExitStatus, Usage, output,
    store::{Store, StoreArgs, Stored},
};
use anyhow::Context as _;
use nightjar_core::{
    atomic_file::replace_durably,
    document::{nearest, templates::Templates},
    extension::DocumentName,
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Write the templates of a data store into a folder or a file
#[derive(clap::Args)]
#[command(after_help = "\
The folder is one that ext-store-local takes, and that push reads: gateway/NAMESPACE/PURPOSE.mustache and
service/NAMESPACE/SERVICE/COLOR/PURPOSE.mustache, with _default for any. A file that holds something else is
not overwritten without --force, and then nothing is written at all.

Example:
  nightjar template pull --store prod --out templates
  nightjar template pull --store prod --out templates.json --document-version 9b2c…
  nightjar template pull --store prod gateway/_default/cds.json")]
pub(crate) struct Pull {
    /// The templates to take, as gateway/NAMESPACE/PURPOSE or service/NAMESPACE/SERVICE/COLOR/PURPOSE; all if not given
    #[arg(value_name = "TEMPLATE")]
    templates: Vec<String>,
    /// A folder, or a file that ends in .json for one document; standard output if not given
    #[arg(long, value_name = "DIR|FILE")]
    out: Option<PathBuf>,
    /// An older version, as list --versions names it
    #[arg(long, value_name = "VERSION")]
    document_version: Option<String>,
    /// Overwrite files that hold something else
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    store: StoreArgs,
}

impl Pull {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let store = self.store.open()?;
        let version = self.document_version.as_deref();
        let held = store.get(&DocumentName::TEMPLATES, version)?;
        let all = place::set(&store.read::<Templates>(&held)?);
        let chosen = chosen(&store, all, &self.templates)?;
        let Some(out) = &self.out else {
            return print(&held, &self.templates, &chosen);
        };
        let is_file = !out.is_dir() && out.extension().is_some_and(|ending| ending == "json");
        let files = if is_file {
            let json = document(&held, &self.templates, &chosen)?;
            BTreeMap::from([(out.clone(), json)])
        } else {
            let mut files = BTreeMap::new();
            for (place, text) in &chosen {
                place
                    .check_as_file()
                    .map_err(|reason| not_a_file(place, &reason))?;
                files.insert(out.join(place.path()), text.clone().into_bytes());
            }
            files
        };
        write(&files, self.force)?;
        output::lines(files.keys().map(|path| path.display().to_string()))?;
        let count = output::counted(chosen.len(), "template");
        output::message(&format!(
            "nightjar: {}: {count} of version {}",
            store.name, held.version
        ));
        Ok(ExitStatus::Success)
    }
}

/// The templates that a person has named; all if none is named.
fn chosen(store: &Store, all: Set, names: &[String]) -> anyhow::Result<Set> {
    if names.is_empty() {
        return Ok(all);
    }
    let known: BTreeMap<String, &Place> =
        all.keys().map(|place| (place.to_string(), place)).collect();
    let mut chosen = Set::new();
    for name in names {
        let Some((place, text)) = known.get(name).and_then(|place| all.get_key_value(*place))
        else {
            let near = nearest(name, known.keys().map(String::as_str));
            let hint = near.map_or_else(
                || "\n  hint: nightjar template list lists them".to_owned(),
                |near| format!("; did you mean {near}?"),
            );
            anyhow::bail!("{} has no template {name:?}{hint}", store.name);
        };
        chosen.insert(place.clone(), text.clone());
    }
    Ok(chosen)
}

/// The whole document as the store handed it over, or one of the chosen templates.
fn document(held: &Stored, names: &[String], chosen: &Set) -> anyhow::Result<Vec<u8>> {
    if names.is_empty() {
        return Ok(held.bytes.clone());
    }
    let mut json = serde_json::to_vec_pretty(&place::document(chosen))?;
    json.push(b'\n');
    Ok(json)
}

fn print(held: &Stored, names: &[String], chosen: &Set) -> anyhow::Result<ExitStatus> {
    if let ([_], Some(text)) = (names, chosen.values().next()) {
        output::data(text)?;
    } else {
        output::data(&String::from_utf8(document(held, names, chosen)?)?)?;
    }
    Ok(ExitStatus::Success)
}

fn not_a_file(place: &Place, reason: &str) -> Usage {
    Usage(format!(
        "{place} cannot be a file in a folder: {reason}\n  hint: pull into a file that ends in .json"
    ))
}

/// Writes files, each as a whole, unless one of them is there with another content.
fn write(files: &BTreeMap<PathBuf, Vec<u8>>, overwrites: bool) -> anyhow::Result<()> {
    let mut others = Vec::new();
    for (path, content) in files {
        match fs::read(path) {
            Ok(found) if found == *content || overwrites => {}
            Ok(_) => others.push(format!("\n  {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        }
    }
    if !others.is_empty() {
        anyhow::bail!(
            "nothing was written, because these files hold something else:{}\n  \
             hint: nightjar template diff shows what, and --force overwrites them",
            others.concat()
        );
    }
    for (path, content) in files {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        fs::create_dir_all(folder.unwrap_or(Path::new(".")))
            .and_then(|()| replace_durably(path, content, 0o644))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
