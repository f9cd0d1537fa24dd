//! The program as its callers see it: arguments in, exit code, file and messages out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commits;
mod file;
mod folder;
mod protocol;
mod validation;
mod versions;

use std::{
    fs,
    path::{Path, PathBuf},
};
use test_kit::Folder;

/// A store in a folder of its own.
struct Store {
    root: Folder,
    variables: Vec<(&'static str, PathBuf)>,
}

/// What one call did. `TEMP` stands for the test's folder in messages.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    file: Option<String>,
}

impl Store {
    /// A store whose documents are in files.
    fn in_files() -> Self {
        let root = Folder::new();
        let variables = vec![
            ("NJ_DSLOCAL_FILE_TEMPLATES", root.path("templates.json")),
            ("NJ_DSLOCAL_FILE_DISCOVERY_MAP", root.path("map.json")),
        ];
        Self { root, variables }
    }

    /// A store whose templates are in a folder.
    fn in_folder() -> Self {
        let mut store = Self::in_files();
        store
            .variables
            .push(("NJ_DSLOCAL_DIR_TEMPLATES", store.path("templates")));
        store
    }

    /// The same, which keeps whatever it is given.
    fn accepting_invalid(mut self) -> Self {
        self.variables
            .push(("NJ_STORE_ACCEPT_INVALID", PathBuf::from("true")));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        self.root.write(name, content);
    }

    /// Runs the program with these arguments, and an action file that is read afterwards.
    fn run(&self, arguments: &[&str]) -> Outcome {
        let folder = tempfile::tempdir_in(self.root.root()).unwrap();
        self.run_with(&folder.path().join("action.json"), arguments)
    }

    fn run_with(&self, action_file: &Path, arguments: &[&str]) -> Outcome {
        let action_file_argument = format!("--action-file={}", action_file.display());
        let arguments: Vec<&str> = [action_file_argument.as_str()]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let mut command = self
            .root
            .command(env!("CARGO_BIN_EXE_ext-store-local"), &arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let run = test_kit::Outcome::of(&mut command);
        let text = |text: String| text.replace(self.root.root().to_str().unwrap(), "TEMP");
        Outcome {
            code: run.code,
            stdout: text(run.stdout),
            stderr: text(run.stderr),
            file: fs::read_to_string(action_file).ok(),
        }
    }

    fn fetch(&self, document: &str, previous: &str) -> Outcome {
        self.run(&[
            "--api-version=1",
            &format!("--document={document}"),
            "--action=fetch",
            &format!("--previous-document-version={previous}"),
        ])
    }

    fn commit(&self, document: &str, content: &str) -> Outcome {
        self.commit_over("", document, content)
    }

    /// Commits in place of one version alone, or of any if that is blank.
    fn commit_over(&self, previous: &str, document: &str, content: &str) -> Outcome {
        let folder = tempfile::tempdir_in(self.root.root()).unwrap();
        let action_file = folder.path().join("action.json");
        fs::write(&action_file, content).unwrap();
        let document = format!("--document={document}");
        let outcome = self.run_with(
            &action_file,
            &[
                "--api-version=1",
                &document,
                "--action=commit",
                &format!("--previous-document-version={previous}"),
            ],
        );
        Outcome {
            file: None,
            ..outcome
        }
    }
}

impl Outcome {
    fn done(file: &str) -> Self {
        Self {
            file: Some(file.to_owned()),
            ..Self::ended(0, "")
        }
    }

    /// An end without a file; `message` is what standard error says after the program's name.
    fn ended(code: i32, message: &str) -> Self {
        let stderr = match message {
            "" => String::new(),
            message => format!("ext-store-local: {message}\n"),
        };
        Self {
            code: Some(code),
            stdout: String::new(),
            stderr,
            file: None,
        }
    }
}
