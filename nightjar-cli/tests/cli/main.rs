//! The program as its users see it: arguments in, exit code and both outputs out.

#[cfg(test)]
mod checks;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod mustache_spec;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod status;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod templates;
#[cfg(test)]
mod usage;

#[cfg(test)]
mod folder {
    use std::{
        fs,
        io::Write as _,
        path::PathBuf,
        process::{Command, Stdio},
    };
    use tempfile::TempDir;

    /// A folder to run the program in, so that its messages hold short paths.
    pub(crate) struct Folder(TempDir);

    /// What one run did.
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Outcome {
        pub(crate) code: Option<i32>,
        pub(crate) stdout: String,
        pub(crate) stderr: String,
    }

    impl Outcome {
        pub(crate) fn new(code: i32, stdout: &str, stderr: &str) -> Self {
            Self {
                code: Some(code),
                stdout: stdout.to_owned(),
                stderr: stderr.to_owned(),
            }
        }
    }

    impl Folder {
        pub(crate) fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        /// A folder with the starter in it.
        pub(crate) fn with_starter() -> Self {
            let folder = Self::new();
            assert_eq!(folder.run(&["init", "."]).code, Some(0));
            folder
        }

        pub(crate) fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }

        pub(crate) fn read(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        /// Every file in the folder, sorted.
        pub(crate) fn files(&self) -> Vec<String> {
            let mut files = Vec::new();
            let mut open = vec![self.0.path().to_owned()];
            while let Some(folder) = open.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        open.push(path);
                    } else {
                        let name = path.strip_prefix(self.0.path()).unwrap();
                        files.push(name.to_str().unwrap().to_owned());
                    }
                }
            }
            files.sort();
            files
        }

        pub(crate) fn command(&self, arguments: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_nightjar"));
            command
                .args(arguments)
                .env_clear()
                .current_dir(self.0.path())
                .stdin(Stdio::null());
            command
        }

        pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
            outcome(&self.command(arguments).output().unwrap())
        }

        pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
            let mut child = self
                .command(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(input.as_bytes()).unwrap();
            drop(stdin);
            outcome(&child.wait_with_output().unwrap())
        }
    }

    fn outcome(output: &std::process::Output) -> Outcome {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).unwrap();
        Outcome {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}
