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
    use std::{ops::Deref, process::Command};
    pub(crate) use test_kit::Outcome;

    /// A folder to run the program in, so that its messages hold short paths.
    pub(crate) struct Folder(test_kit::Folder);

    impl Deref for Folder {
        type Target = test_kit::Folder;

        fn deref(&self) -> &test_kit::Folder {
            &self.0
        }
    }

    impl Folder {
        pub(crate) fn new() -> Self {
            Self(test_kit::Folder::new())
        }

        /// A folder with the starter in it.
        pub(crate) fn with_starter() -> Self {
            let folder = Self::new();
            assert_eq!(folder.run(&["init", "."]).code, Some(0));
            folder
        }

        pub(crate) fn command(&self, arguments: &[&str]) -> Command {
            self.0.command(env!("CARGO_BIN_EXE_nightjar"), arguments)
        }

        pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
            Outcome::of(&mut self.command(arguments))
        }

        pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
            Outcome::with_input(&mut self.command(arguments), input)
        }
    }
}
