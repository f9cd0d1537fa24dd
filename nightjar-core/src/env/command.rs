//! Command lines of extensions.

use super::{Reader, Setting, SettingError, error::quoted};
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
            Err(error) => {
                self.errors.push(error);
                CommandLine::default()
            }
        }
    }

    /// A command line that a shell has split already; the program is looked up on `PATH`.
    pub fn command_of_words(&mut self, setting: &Setting, words: Vec<String>) -> CommandLine {
        let text = shell_words::join(&words);
        self.find(setting, &text, words).unwrap_or_else(|error| {
            self.errors.push(error);
            CommandLine::default()
        })
    }

    fn command_line(&self, setting: &Setting, text: &str) -> Result<CommandLine, SettingError> {
        let words = shell_words::split(text).map_err(|_| {
            SettingError::new(setting, Some(text), "has an unclosed quote")
                .with_hint("the value is split into words by shell rules, but no shell runs")
        })?;
        self.find(setting, text, words)
    }

    fn find(
        &self,
        setting: &Setting,
        text: &str,
        words: Vec<String>,
    ) -> Result<CommandLine, SettingError> {
        let mut words = words.into_iter();
        let Some(program) = words.next().filter(|word| !word.is_empty()) else {
            return Err(SettingError::new(setting, Some(text), "names no program"));
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

fn not_found(setting: &Setting, text: &str, program: &str, search: Option<&OsStr>) -> SettingError {
    let error = |reason: String| SettingError::new(setting, Some(text), reason);
    let shown = quoted(program);
    if program.contains('/') {
        return error(format!("{shown} is not an executable file"));
    }
    let mut folders = search.into_iter().flat_map(std::env::split_paths);
    let file = folders.find_map(|folder| Some(folder.join(program)).filter(|path| path.is_file()));
    if let Some(file) = file {
        let file = quoted(&file.to_string_lossy());
        return error(format!("this user may not execute {file}"))
            .with_hint("make it executable for everyone with chmod 755");
    }
    let search = search.unwrap_or_default().to_string_lossy();
    error(format!("there is no executable {shown} on PATH")).with_hint(format!(
        "use its full path, or add its folder to PATH, which is {}",
        quoted(&search)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    const NAME: Setting = Setting::required("NAME", "what it is called");

    #[test]
    fn commands_are_split_by_shell_rules_and_found_on_path() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("ext-one");
        fs::write(&program, "").unwrap();
        fs::write(folder.path().join("not-executable"), "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let search = folder.path().to_str().unwrap();
        let command = |text: &str| {
            let env = Env::from_pairs([("NAME", text), ("PATH", search)]);
            let mut reader = Reader::new(&env);
            let command = reader.command(&NAME);
            reader
                .finish()
                .map(|()| command)
                .map_err(|errors| errors.to_string())
        };
        let found = command(r#"ext-one --file='a b' "c \" d" $HOME *"#).unwrap();
        assert_eq!(
            found,
            CommandLine {
                program: program.clone(),
                arguments: ["--file=a b", "c \" d", "$HOME", "*"]
                    .map(str::to_owned)
                    .to_vec(),
            }
        );
        assert_eq!(found.name(), "ext-one");
        assert_eq!(command(program.to_str().unwrap()).unwrap().program, program);

        let hint = format!(
            "\n  hint: use its full path, or add its folder to PATH, which is \"{search}\""
        );
        assert_eq!(
            command("ext-two --x").unwrap_err(),
            format!("NAME=\"ext-two --x\": there is no executable \"ext-two\" on PATH{hint}")
        );
        assert_eq!(
            command("not-executable").unwrap_err(),
            format!(
                "NAME=\"not-executable\": this user may not execute \"{}\"\n  \
                 hint: make it executable for everyone with chmod 755",
                program.with_file_name("not-executable").display()
            )
        );
        assert_eq!(
            command("/nonexistent/ext").unwrap_err(),
            "NAME=\"/nonexistent/ext\": \"/nonexistent/ext\" is not an executable file"
        );
        assert_eq!(command("''").unwrap_err(), "NAME=\"''\": names no program");
        assert_eq!(command("  ").unwrap_err(), "NAME=\"  \": names no program");
        assert_eq!(
            command("'open").unwrap_err(),
            "NAME=\"'open\": has an unclosed quote\n  \
             hint: the value is split into words by shell rules, but no shell runs"
        );
    }

    #[test]
    fn a_command_without_path_is_an_error() {
        let env = Env::from_pairs([("NAME", "ext-one")]);
        let mut reader = Reader::new(&env);
        reader.command(&NAME);
        assert_eq!(
            reader.finish().unwrap_err().to_string(),
            "NAME=\"ext-one\": there is no executable \"ext-one\" on PATH\n  \
             hint: use its full path, or add its folder to PATH, which is \"\""
        );
    }
}
