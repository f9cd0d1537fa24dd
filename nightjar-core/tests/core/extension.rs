//! The host against real processes: shell scripts that behave, and many that do not.

mod ending;
mod output;
mod protocol;
mod retry;

use nightjar_core::{
    env::CommandLine,
    extension::{
        CommitOutcome, DocumentName, ExtensionError, FetchOutcome, Host, ListedVersion,
        RetryPolicy, RunLimits,
    },
    shutdown::Shutdown,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::sleep;

/// Reads the arguments that a script needs.
const PRELUDE: &str = r#"
for argument in "$@"; do
    case $argument in
    --action-file=*) file=${argument#*=} ;;
    --previous-document-version=*) previous=${argument#*=} ;;
    esac
done
"#;

const LIMITS: RunLimits = RunLimits {
    timeout: Duration::from_mins(1),
    max_document_bytes: 1000,
};

const ONE_TRY: RetryPolicy = RetryPolicy {
    retries: 0,
    start: Duration::from_millis(1),
    max: Duration::from_millis(2),
};
const MANY_TRIES: RetryPolicy = RetryPolicy {
    retries: 5,
    ..ONE_TRY
};
/// Waits for so long that only a stop can end it.
const SLOW_TRIES: RetryPolicy = RetryPolicy {
    retries: 5,
    start: Duration::from_mins(10),
    max: Duration::from_mins(10),
};

/// A script as an extension, with two folders: one that the host uses, one for the test.
struct Scene {
    command: CommandLine,
    temp: TempDir,
    notes: TempDir,
}

impl Scene {
    fn new(script: &str) -> Self {
        let arguments = ["-c", &format!("{PRELUDE}{script}"), "script"];
        let command = CommandLine {
            program: "/bin/sh".into(),
            arguments: arguments.map(str::to_owned).into(),
        };
        Self {
            command,
            temp: TempDir::new().unwrap(),
            notes: TempDir::new().unwrap(),
        }
    }

    fn discovery_map(&self) -> Host {
        let host = Host::discovery_map(self.command.clone(), LIMITS, self.temp.path());
        host.with_retry(ONE_TRY)
            .with_variable("NOTES", self.notes.path())
    }

    fn data_store(&self) -> Host {
        let host = Host::data_store(self.command.clone(), LIMITS, self.temp.path());
        host.with_retry(ONE_TRY)
            .with_variable("NOTES", self.notes.path())
    }

    fn note(&self, name: &str) -> PathBuf {
        self.notes.path().join(name)
    }

    fn read_note(&self, name: &str) -> String {
        let text = fs::read_to_string(self.note(name)).unwrap();
        text.replace(self.temp.path().to_str().unwrap(), "TEMP")
    }

    /// Waits until a process that the script has noted is there, and returns its id.
    async fn noted_process(&self, name: &str) -> u32 {
        loop {
            let text = fs::read_to_string(self.note(name)).unwrap_or_default();
            if let Some(id) = text.strip_suffix('\n') {
                return id.parse().unwrap();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// No run leaves a file behind; the empty folder of one is kept for the next.
    fn assert_clean(&self) {
        let entries = |folder: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect()
        };
        let folders = entries(self.temp.path());
        let files: Vec<PathBuf> = folders.iter().flat_map(|folder| entries(folder)).collect();
        assert!(
            folders.len() <= 1 && files.is_empty(),
            "left behind: {folders:?} {files:?}"
        );
    }
}

async fn fetch(host: &Host, previous: Option<&str>) -> Result<FetchOutcome, ExtensionError> {
    host.fetch(&DocumentName::DISCOVERY_MAP, previous, &Shutdown::never())
        .await
}

/// The whole message of a run that has to fail, and whether it may be tried again.
async fn failure(scene: &Scene) -> (String, bool) {
    let error = fetch(&scene.discovery_map(), None).await.unwrap_err();
    scene.assert_clean();
    (error.to_string(), error.is_retry())
}

async fn gone(process: u32) {
    while is_running(process) {
        sleep(Duration::from_millis(5)).await;
    }
}

fn is_running(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // A dead process stays as a zombie until its parent, or the system, has taken note.
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}
