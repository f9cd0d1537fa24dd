//! `nightjar template push`

use super::{
    place::{self, Place, Set},
    publish::{Candidate, Checks},
};
use crate::{
    ExitStatus, Usage, input, output,
    store::{Store, StoreArgs, Stored},
};
use anyhow::Context as _;
use nightjar_core::{
    document::{self, templates::Templates},
    env::Env,
    extension::DocumentName,
    report::printable,
    template::folder,
};
use std::path::{Component, Path, PathBuf};

/// Commit templates to a data store, once they are checked
#[derive(clap::Args)]
#[command(after_help = "\
Templates of the store that PATH does not have stay, unless --replace is given. Before anything is committed, the
difference is printed, every template is linted, the files of each proxy that gets something else are rendered
for the current map, and Envoy is asked about them. The commit replaces the version that was compared with, and no
other: if another commits meanwhile, nothing changes, and the exit code is 32.

Example:
  nightjar template push --store prod templates --dry-run
  nightjar template push --store prod templates
  nightjar template push --store prod templates/gateway/_default/cds.json.mustache
  nightjar template push --store prod cds.json --as service/store/shop/_default/cds.json
  nightjar template push --store prod --replace templates.json")]
pub(crate) struct Push {
    /// A folder of templates, a templates document, or one template; - is a document on standard input
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// PATH is this one template: gateway/NAMESPACE/PURPOSE or service/NAMESPACE/SERVICE/COLOR/PURPOSE
    #[arg(long = "as", value_name = "TEMPLATE")]
    place: Option<String>,
    /// Remove the store's templates that PATH does not have
    #[arg(long, conflicts_with = "place")]
    replace: bool,
    /// The store holds no templates yet
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    checks: Checks,
    #[command(flatten)]
    store: StoreArgs,
}

impl Push {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let place = self.place.as_deref().map(place_of).transpose()?;
        let pushed = pushed(&self.path, place)?;
        if self.replace && !pushed.is_whole {
            let message = "--replace takes a folder or a document, and not one template";
            return Err(Usage(message.to_owned()).into());
        }
        let store = self.store.open()?;
        let held = held(&store, self.create, self.checks.force)?;
        let old = match &held {
            Some(held) => old(&store, held, self.replace)?,
            None => Set::new(),
        };
        let mut new = pushed.set.clone();
        if !self.replace {
            let staying = old
                .iter()
                .filter(|(place, _)| !pushed.set.contains_key(*place));
            let staying: Set = staying
                .map(|(place, text)| (place.clone(), text.clone()))
                .collect();
            if !staying.is_empty() && pushed.is_whole {
                let (count, path) = (
                    output::counted(staying.len(), "template"),
                    self.path.display(),
                );
                output::message(&format!(
                    "nightjar: {count} of {} not in {path} will stay; --replace removes them",
                    store.name
                ));
            }
            new.extend(staying);
        }
        let candidate = Candidate {
            bytes: serde_json::to_vec(&place::document(&new))?,
            old,
            new,
            previous: held.map(|held| held.version),
        };
        self.checks.publish(&store, &candidate)
    }
}

fn place_of(text: &str) -> Result<Place, Usage> {
    text.parse()
        .map_err(|reason| Usage(format!("--as {text:?} {reason}")))
}

/// What is to be committed.
struct Pushed {
    set: Set,
    /// Whether it is a folder or document, and not one template.
    is_whole: bool,
}

fn pushed(path: &Path, place: Option<Place>) -> anyhow::Result<Pushed> {
    let whole = |templates: &Templates| Pushed {
        set: place::set(templates),
        is_whole: true,
    };
    if place.is_none() && path.is_dir() {
        let (templates, notes) = input::templates(path)?;
        for note in &notes {
            output::warning(note);
        }
        return Ok(whole(&templates));
    }
    let is_template = path.to_string_lossy().ends_with(folder::SUFFIX);
    if place.is_some() || is_template {
        let place = place.map_or_else(|| place_of_file(path), Ok)?;
        return Ok(Pushed {
            set: Set::from([(place, input::text(path)?)]),
            is_whole: false,
        });
    }
    let bytes = input::bytes(path).with_context(|| input::cannot_read(path))?;
    let (templates, unknown) = document::inspect::<Templates>(&bytes);
    let templates = templates.map_err(|error| {
        let hint = "name the template that it is with --as, if it is no document";
        anyhow::anyhow!("{}: {error}\n  hint: {hint}", path.display())
    })?;
    for finding in unknown {
        output::warning(&format!(
            "{}: {finding}, and is not committed",
            path.display()
        ));
    }
    Ok(whole(&templates))
}

/// The place of a file that stands in a folder of templates.
fn place_of_file(path: &Path) -> Result<Place, Usage> {
    let whole = Env::from_process().current_dir().join(path);
    let names: Vec<_> = whole
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    let tails = (0..names.len()).filter_map(|start| names.get(start..));
    let mut places: Vec<Place> = tails
        .filter_map(|tail| Place::of_path(&tail.join("/")).ok()?)
        .collect();
    match (places.pop(), places.as_slice()) {
        (Some(place), []) => Ok(place),
        (place, others) => {
            let known: Vec<String> = others
                .iter()
                .chain(&place)
                .map(ToString::to_string)
                .collect();
            let reason = match known.as_slice() {
                [] => "does not stand in a folder of templates".to_owned(),
                known => format!("may be any of {}", known.join(", ")),
            };
            Err(Usage(format!(
                "{} {reason}\n  hint: say what it is with --as, as in --as gateway/_default/cds.json",
                path.display()
            )))
        }
    }
}

/// What a store that answers neither a fetch nor a list may be.
const OUT_OF_REACH: &str = "the store may be out of reach, and hold templates; if it certainly holds none, push with --create and --force";

/// What the store holds; nothing if it is to hold its first templates.
fn held(store: &Store, creates: bool, is_sure: bool) -> anyhow::Result<Option<Stored>> {
    let document = DocumentName::TEMPLATES;
    match store.current(&document) {
        Ok(held) if creates => Err(already(store, &held.version).into()),
        Ok(held) => Ok(Some(held)),
        Err(error) if creates && error.is_retry() => {
            // The code for "not there yet" is that of a store that is out of reach.
            match store.versions(&document) {
                Ok(listed) => {
                    if let Some(newest) = listed.first() {
                        return Err(already(store, &newest.document_version).into());
                    }
                }
                Err(list) if list.is_retry() && !is_sure => {
                    return Err(error.with_hint(OUT_OF_REACH).into());
                }
                // A store need not offer a list.
                Err(_) => {}
            }
            output::warning(&format!("treated as a store without templates: {error}"));
            Ok(None)
        }
        Err(error) if error.is_retry() => Err(error
            .with_hint("if the store holds no templates yet, push with --create")
            .into()),
        Err(error) => Err(error.into()),
    }
}

fn already(store: &Store, version: &str) -> Usage {
    Usage(format!(
        "{} holds templates already: version {}\n  hint: push without --create",
        store.name,
        printable(version)
    ))
}

/// The templates that are there. What is replaced as a whole may be invalid.
fn old(store: &Store, held: &Stored, is_replaced: bool) -> anyhow::Result<Set> {
    let (_, unknown) = document::inspect::<Templates>(&held.bytes);
    for finding in unknown {
        output::warning(&format!("{}: {finding}, and is lost by a push", store.name));
    }
    match store.read::<Templates>(held) {
        Ok(templates) => Ok(place::set(&templates)),
        Err(error) if is_replaced => {
            output::warning(&error.to_string());
            Ok(Set::new())
        }
        Err(error) => {
            let message = "nothing can be added to what the store holds; --replace replaces it";
            Err(anyhow::Error::from(error).context(message))
        }
    }
}
