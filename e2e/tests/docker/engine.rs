//! Docker's command line.

use nightjar_core::env::Env;
use serde_json::Value;
use std::{
    process::{Command, Output},
    sync::OnceLock,
};

/// An image that this repository builds, or is built from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Image {
    Standalone,
    Central,
    Sample,
    /// It has a shell, which the others have not.
    Rust,
}

impl Image {
    /// Its name, from the variables that `e2e/docker/test.sh` and the compose files share.
    pub(crate) fn name(self) -> String {
        let (variable, default) = match self {
            Self::Standalone => ("NIGHTJAR_STANDALONE_IMAGE", "nightjar-standalone"),
            Self::Central => ("NIGHTJAR_CENTRAL_IMAGE", "nightjar-central"),
            Self::Sample => ("SAMPLE_SERVICE_IMAGE", "sample-service"),
            Self::Rust => ("RUST_IMAGE", "rust"),
        };
        let environment = Env::from_process();
        let name = environment.get(variable).unwrap_or(default.as_ref());
        name.to_string_lossy().into_owned()
    }
}

/// Runs `docker` and gives back what became of it.
pub(crate) fn run(arguments: &[&str]) -> Output {
    output(Command::new("docker").args(arguments))
}

/// Runs `docker`, which has to succeed, and gives back its standard output.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(
        output.status.success(),
        "docker {} failed: {}",
        arguments.join(" "),
        complaint(&output)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// Runs a shell script beside the processes of a container, as their user, and gives back what it
/// prints. They have the numbers there that they have in the container.
pub(crate) fn beside(container: &str, script: &str) -> String {
    let user = inspect("container", container)["Config"]["User"].clone();
    docker(&[
        "run",
        "--rm",
        "--network=none",
        "--pid",
        &format!("container:{container}"),
        "--user",
        user.as_str().unwrap_or_default(),
        "--entrypoint=sh",
        &Image::Rust.name(),
        "-c",
        script,
    ])
}

/// What `docker inspect` knows of a container or image.
pub(crate) fn inspect(kind: &str, name: &str) -> Value {
    let all: Value = serde_json::from_str(&docker(&[kind, "inspect", name])).unwrap();
    all[0].clone()
}

/// Both logs of a container.
pub(crate) fn logs(container: &str) -> String {
    let output = run(&["logs", container]);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Compose: the engine's plugin where there is one, else the older program.
pub(crate) fn compose() -> Command {
    static PLUGIN: OnceLock<bool> = OnceLock::new();
    let plugin = PLUGIN.get_or_init(|| run(&["compose", "version"]).status.success());
    if *plugin {
        let mut command = Command::new("docker");
        command.arg("compose");
        command
    } else {
        Command::new("docker-compose")
    }
}

/// What a program wrote to standard error.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn output(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("docker cannot be run: {error}"))
}
