//! `nightjar template rollback`

use super::{
    place,
    publish::{Candidate, Checks},
};
use crate::{
    ExitStatus, output,
    store::{Store, StoreArgs},
};
use nightjar_core::{document::templates::Templates, extension::DocumentName};

/// Commit an older version of the templates in a data store again
#[derive(clap::Args)]
#[command(after_help = "\
The older version becomes a new commit, so nothing is lost from the store's history. It is checked as push does, since
the map may be another one by now.

Example:
  nightjar template rollback --store prod --dry-run
  nightjar template rollback --store prod
  nightjar template rollback --store prod --to 9b2c…")]
pub(crate) struct Rollback {
    /// The version to go back to, as list --versions names it; the one before the current if not given
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    checks: Checks,
    #[command(flatten)]
    store: StoreArgs,
}

impl Rollback {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let document = DocumentName::TEMPLATES;
        let store = self.store.open()?;
        let now = store.current(&document)?;
        let to = match self.to {
            Some(version) => version,
            None => before(&store, &now.version)?,
        };
        let older = store.get(&document, Some(&to))?;
        output::message(&format!(
            "nightjar: {}: from version {} back to {to}",
            store.name, now.version
        ));
        let old = match store.read::<Templates>(&now) {
            Ok(templates) => place::set(&templates),
            // What is rolled back may be what is wrong.
            Err(error) => {
                output::warning(&error.to_string());
                place::Set::new()
            }
        };
        let candidate = Candidate {
            new: place::set(&store.read::<Templates>(&older)?),
            bytes: older.bytes,
            old,
            previous: Some(now.version),
        };
        self.checks.publish(&store, &candidate)
    }
}

/// The newest version that is not the current one.
fn before(store: &Store, current: &str) -> anyhow::Result<String> {
    let versions = store.versions(&DocumentName::TEMPLATES)?;
    let mut versions = versions.into_iter().map(|listed| listed.document_version);
    versions.find(|version| version != current).ok_or_else(|| {
        anyhow::anyhow!(
            "{} lists no version besides the current one, {current}",
            store.name
        )
    })
}
