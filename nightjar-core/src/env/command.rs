//! The command lines of extensions.

use super::{Fault, Reader, Setting};
use std::{ffi::OsStr, path::PathBuf};

/// A program that was found on `PATH`, and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The executable, as an absolute path.
    pub program: PathBuf,
    /// What it is started with.
    pub arguments: Vec<String>,
}

impl CommandLine {
    /// The program's file name, for messages.
    pub fn name(&self) -> String {
        self.program
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

impl Reader<'_> {
    /// A command line, split by shell rules without a shell; the program is looked up on `PATH`.
    pub fn command(&mut self, setting: &Setting) -> CommandLine {
        let Some(text) = self.value(setting) else {
            return CommandLine::default();
        };
        match self.command_line(setting, &text) {
            Ok(command) => command,
            Err(fault) => {
                self.faults.push(fault);
                CommandLine::default()
            }
        }
    }

    fn command_line(&self, setting: &Setting, text: &str) -> Result<CommandLine, Fault> {
        let words = shell_words::split(text).map_err(|_| {
            Fault::new(setting, Some(text), "has a quote that is never closed")
                .with_hint("words are split as a shell does, but no shell is run")
        })?;
        let mut words = words.into_iter();
        let Some(program) = words.next().filter(|word| !word.is_empty()) else {
            return Err(Fault::new(setting, Some(text), "names no program"));
        };
        let search = self.env().get("PATH");
        let found = which::which_in(&program, search, self.env().current_dir());
        let program = found.map_err(|_| not_found(setting, text, &program, search))?;
        Ok(CommandLine {
            program,
            arguments: words.collect(),
        })
    }
}

fn not_found(setting: &Setting, text: &str, program: &str, search: Option<&OsStr>) -> Fault {
    let shown = super::fault::printable(program);
    if program.contains('/') {
        return Fault::new(
            setting,
            Some(text),
            format!("\"{shown}\" is not an executable file"),
        );
    }
    let folders = search.into_iter().flat_map(std::env::split_paths);
    if let Some(file) = folders
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
    {
        let file = super::fault::printable(&file.to_string_lossy());
        let reason = format!("\"{file}\" is not executable for this user");
        let hint = "give everybody the right, with chmod 755";
        return Fault::new(setting, Some(text), reason).with_hint(hint);
    }
    let reason = format!("there is no executable \"{shown}\" on PATH");
    let folders = search.map_or_else(String::new, |search| {
        super::fault::printable(&search.to_string_lossy())
    });
    let hint = format!("give its full path, or add its folder to PATH, which is \"{folders}\"");
    Fault::new(setting, Some(text), reason).with_hint(hint)
}
