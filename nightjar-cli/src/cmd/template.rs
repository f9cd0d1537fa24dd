//! `nightjar template …`

mod lint;
mod render;

use crate::Verdict;

/// Try out and check templates
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar template lint templates/")]
pub(crate) struct Template {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Render(render::Render),
    Lint(lint::Lint),
}

impl Template {
    pub(crate) fn run(self) -> anyhow::Result<Verdict> {
        match self.command {
            Command::Render(command) => command.run(),
            Command::Lint(command) => command.run(),
        }
    }
}

/// Ends the name of a template's file. What stands before it is the name of the file it makes.
const SUFFIX: &str = ".mustache";

/// What a template's file is called without the folders above it, and without its ending.
fn purpose(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(SUFFIX).unwrap_or(&name).to_owned()
}
