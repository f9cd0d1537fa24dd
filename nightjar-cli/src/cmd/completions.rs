//! `nightjar completions`

use crate::{Arguments, ExitStatus, output};
use clap::CommandFactory as _;
use clap_complete::Shell;

/// Print what makes a shell complete commands and options
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar completions bash >~/.local/share/bash-completion/completions/nightjar")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let mut script = Vec::new();
        clap_complete::generate(
            self.shell,
            &mut Arguments::command(),
            "nightjar",
            &mut script,
        );
        output::data(&String::from_utf8(script)?)?;
        Ok(ExitStatus::Success)
    }
}
