//! `nightjar man`

use crate::{Arguments, ExitStatus, output};
use anyhow::Context as _;
use clap::CommandFactory as _;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Print the manual page, or write one for each command
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  nightjar man | man -l -
  nightjar man --out ~/.local/share/man/man1 && man nightjar-template-push")]
pub(crate) struct Man {
    /// The folder for a page of each command; it is made if need be
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        // `nightjar help COMMAND` is each page again.
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        let Some(out) = &self.out else {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            output::data(&String::from_utf8(page)?)?;
            return Ok(ExitStatus::Success);
        };
        let mut paths = Vec::new();
        fs::create_dir_all(out)
            .and_then(|()| write(command, out, &mut paths))
            .with_context(|| format!("cannot write to {}", out.display()))?;
        output::lines(paths.iter().map(|path| path.display()))?;
        Ok(ExitStatus::Success)
    }
}

/// Writes the page of a command, and those of the commands below it.
fn write(command: clap::Command, out: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let below: Vec<clap::Command> = command.get_subcommands().cloned().collect();
    paths.push(clap_mangen::Man::new(command).generate_to(out)?);
    for command in below {
        write(command, out, paths)?;
    }
    Ok(())
}
