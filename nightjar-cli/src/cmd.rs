//! The commands, one module each.

mod check;
mod completions;
mod conformance;
mod context;
mod diff;
mod graph;
mod init;
mod man;
mod render;
mod route;
mod schema;
mod status;
mod template;
mod validate;
mod why;

use crate::ExitStatus;

/// What to do.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    Validate(validate::Validate),
    Context(context::Context),
    Render(render::Render),
    Check(check::Check),
    Route(route::Route),
    Diff(diff::Diff),
    Graph(graph::Graph),
    Why(why::Why),
    Status(status::Status),
    Template(template::Template),
    Conformance(conformance::Conformance),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        match self {
            Self::Init(command) => command.run(),
            Self::Validate(command) => command.run(),
            Self::Context(command) => command.run(),
            Self::Render(command) => command.run(),
            Self::Check(command) => command.run(),
            Self::Route(command) => command.run(),
            Self::Diff(command) => command.run(),
            Self::Graph(command) => command.run(),
            Self::Why(command) => command.run(),
            Self::Status(command) => command.run(),
            Self::Template(command) => command.run(),
            Self::Conformance(command) => command.run(),
            Self::Schema(command) => command.run(),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(),
        }
    }
}
