//! `nightjar diff`

use crate::{
    ExitStatus,
    color::{Color, Paint},
    format::Format,
    input, output,
};
use nightjar_core::{
    diff::{self, Change, Effect},
    document::discovery_map::DiscoveryMap,
};
use serde::Serialize;
use std::path::PathBuf;

/// Tell what changed between two discovery maps
#[derive(clap::Args)]
#[command(after_help = "\
What was lost comes first: whatever is gone, and endpoints of which half or more are gone. Then comes what was
opened to somebody who could not reach it.

Example:
  nightjar diff before.json after.json
  ext-store-s3 --api-version=1 --document=discovery-map --action=fetch --action-file=now.json
  nightjar diff before.json now.json --exit-code")]
pub(crate) struct Diff {
    /// The map before; - is standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The map after; - is standard input
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Exit with 1 if anything changed
    #[arg(long)]
    exit_code: bool,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    change: &'a Change,
    text: String,
}

impl Diff {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let old: DiscoveryMap = input::document(&self.old)?;
        let new: DiscoveryMap = input::document(&self.new)?;
        let changes = diff::changes(&old, &new);
        match self.format {
            Format::Text if changes.is_empty() => {
                output::lines(["no change: both maps describe the same mesh"])?;
            }
            Format::Text => output::lines(lines(&changes, Paint::for_output()))?,
            Format::Json => {
                let rows = changes.iter().map(|change| Row {
                    change,
                    text: change.to_string(),
                });
                output::json(&rows.collect::<Vec<_>>())?;
            }
        }
        Ok(if self.exit_code && !changes.is_empty() {
            ExitStatus::Findings
        } else {
            ExitStatus::Success
        })
    }
}

fn lines(changes: &[Change], paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for (effect, title, color) in [
        (Effect::Lost, "LOST", Some(Color::Red)),
        (Effect::Opened, "OPENED", Some(Color::Yellow)),
        (Effect::Changed, "changed", None),
    ] {
        let all: Vec<&Change> = changes.iter().filter(|it| it.effect == effect).collect();
        if !all.is_empty() {
            let painted = |text: &str| {
                color.map_or_else(|| text.to_owned(), |color| paint.paint(color, text))
            };
            lines.push(painted(&format!("{title} ({})", all.len())));
            lines.extend(all.iter().map(|change| painted(&format!("  {change}"))));
        }
    }
    lines
}
