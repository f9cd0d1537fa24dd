//! `nightjar template …`

mod changes;
mod diff;
mod lint;
mod list;
mod place;
mod publish;
mod pull;
mod push;
mod render;
mod rollback;
mod trial;

use crate::ExitStatus;
use nightjar_core::template::folder;

/// Try out and check templates, and keep those in a data store
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar template lint templates/
  nightjar template pull --store prod --out templates
  nightjar template push --store prod templates")]
pub(crate) struct Template {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Render(render::Render),
    Lint(lint::Lint),
    List(list::List),
    Pull(pull::Pull),
    Push(push::Push),
    Diff(diff::Diff),
    Rollback(rollback::Rollback),
}

impl Template {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        match self.command {
            Command::Render(command) => command.run(),
            Command::Lint(command) => command.run(),
            Command::List(command) => command.run(),
            Command::Pull(command) => command.run(),
            Command::Push(command) => command.run(),
            Command::Diff(command) => command.run(),
            Command::Rollback(command) => command.run(),
        }
    }
}

/// What a template's file is called without the folders above it, and without its ending.
fn purpose(path: &std::path::Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(folder::SUFFIX)
        .unwrap_or(&name)
        .to_owned()
}
