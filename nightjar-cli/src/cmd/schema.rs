//! `nightjar schema`

use crate::{ExitStatus, output};
use anyhow::Context as _;
use clap::builder::{PossibleValue, PossibleValuesParser};
use nightjar_core::document;

/// Print the JSON Schema of a document
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar schema discovery-map > discovery-map.v1.json")]
pub(crate) struct Schema {
    /// Which document; the name of the schema's file will do too
    #[arg(value_parser = names())]
    name: String,
}

impl Schema {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let (_, schema) = document::schemas()
            .into_iter()
            .find(|(file, _)| *file == self.name || short(file) == self.name)
            .with_context(|| format!("there is no schema {}", self.name))?;
        output::json(&schema)?;
        Ok(ExitStatus::Success)
    }
}

/// `discovery-map` for `discovery-map.v1.json`.
fn short(file: &'static str) -> &'static str {
    file.split_once('.').map_or(file, |(name, _)| name)
}

fn names() -> PossibleValuesParser {
    let files = document::schemas().into_iter().map(|(file, _)| file);
    PossibleValuesParser::new(files.map(|file| PossibleValue::new(short(file)).alias(file)))
}
