//! `nightjar template diff`

use super::{
    changes::Changes,
    place::{self, Set},
};
use crate::{ExitStatus, format::Format, input, output, store::StoreArgs};
use nightjar_core::{document::templates::Templates, extension::DocumentName, template::shipped};
use std::path::{Path, PathBuf};

/// Compare templates: those in a data store, in a folder or file, and the shipped ones
#[derive(clap::Args)]
#[command(after_help = "\
On the left is what the store holds, an older version of it, or the shipped set. On the right is PATH, or else what the
store holds. With --shipped and PATH no store is asked.

Example:
  nightjar template diff --store prod templates
  nightjar template diff --store prod --document-version 9b2c…
  nightjar template diff --store prod --shipped
  nightjar template diff --shipped templates --exit-code")]
pub(crate) struct Diff {
    /// A folder of templates, or a templates document
    #[arg(value_name = "PATH", required_unless_present_any = ["document_version", "shipped"])]
    path: Option<PathBuf>,
    /// Compare with an older version, as list --versions names it
    #[arg(long, value_name = "VERSION", conflicts_with = "shipped")]
    document_version: Option<String>,
    /// Compare with the templates that come with Nightjar
    #[arg(long)]
    shipped: bool,
    /// Exit with 1 if anything differs
    #[arg(long)]
    exit_code: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    store: StoreArgs,
}

impl Diff {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let (old, new) = match (self.path.as_deref(), self.shipped) {
            (Some(path), true) => (place::set(&shipped()), read(path)?),
            (path, is_shipped) => {
                let new = path.map(read).transpose()?;
                let store = self.store.open()?;
                let held = |version: Option<&str>| -> anyhow::Result<Set> {
                    let held = store.get(&DocumentName::TEMPLATES, version)?;
                    Ok(place::set(&store.read::<Templates>(&held)?))
                };
                let old = if is_shipped {
                    place::set(&shipped())
                } else {
                    held(self.document_version.as_deref())?
                };
                (old, new.map_or_else(|| held(None), Ok)?)
            }
        };
        let changes = Changes::between(&old, &new);
        match self.format {
            Format::Text => output::diff(&changes.diff())?,
            Format::Json => output::json(&changes.rows())?,
        }
        output::message(&format!("nightjar: {changes}"));
        Ok(if self.exit_code && !changes.is_empty() {
            ExitStatus::Findings
        } else {
            ExitStatus::Success
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Set> {
    let (templates, notes) = input::templates(path)?;
    for note in &notes {
        output::warning(note);
    }
    Ok(place::set(&templates))
}
