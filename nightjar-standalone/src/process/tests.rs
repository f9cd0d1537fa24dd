use super::*;
use crate::fake::script;
use std::{
    os::unix::process::ExitStatusExt as _,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

/// What a log says, and what of it is a complaint.
async fn complaints(log: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    forward(log.as_bytes(), |error| {
        complaints.push(error);
    })
    .await;
    complaints
}

#[tokio::test]
async fn a_refusal_is_found_in_the_log_with_the_reason_of_its_last_line() {
    let log = "info main starting\n\
               warning config Filesystem config update rejected: error adding listener 'a': {\n\
               \x20 name: a\n\
               \n\
               no such filter\n\
               info main all right\n\
               a line that goes on\n";
    assert_eq!(
        complaints(log).await,
        [
            "Filesystem config update rejected: error adding listener 'a': {",
            "Filesystem config update rejected: error adding listener 'a': { … name: a",
            "Filesystem config update rejected: error adding listener 'a': { … no such filter",
        ]
    );
}

#[tokio::test]
async fn what_ends_a_start_is_found_in_the_log() {
    let log = "critical main error `no such file: /c/x` initializing config '/c/envoy.json'\n\
               error main unable to bind, see --base-id option\n\
               see --base-id option\n\
               previous envoy process is still initializing\n\
               debug main nothing\n";
    assert_eq!(
        complaints(log).await,
        [
            "no such file: /c/x",
            "see --base-id option",
            "previous envoy process is still initializing",
        ]
    );
    assert_eq!(reason_of("bad (a): {x: 1"), ("bad (a)".to_owned(), true));
}

fn launch(program: &Path) -> Launch {
    Launch {
        program: program.to_owned(),
        bootstrap: "/c/envoy.json".into(),
        log_level: "info".to_owned(),
        base_id: 7,
        drain_time: Duration::from_millis(1500),
        ..Launch::default()
    }
}

#[test]
fn envoy_is_told_what_the_settings_say() {
    let mut launch = launch(Path::new("envoy"));
    let grace = Duration::from_secs(1);
    assert_eq!(
        arguments(&launch, 3, grace).join(" "),
        "-c /c/envoy.json -l info --drain-time-s 2 --parent-shutdown-time-s 3 --restart-epoch 3 \
         --base-id 7 --log-format %l %n %v"
    );
    launch.restart_mode = RestartMode::Cold;
    launch.extra_args = vec!["--log-format=%v".to_owned(), "--concurrency".to_owned()];
    assert_eq!(
        arguments(&launch, 0, grace).join(" "),
        "-c /c/envoy.json -l info --drain-time-s 2 --parent-shutdown-time-s 3 --disable-hot-restart \
         --log-format=%v --concurrency"
    );
}

/// A process of this script, what it complains of, and how it ends.
fn started(
    text: &str,
) -> (
    Process,
    Arc<Mutex<Vec<String>>>,
    oneshot::Receiver<ExitStatus>,
) {
    let folder = tempfile::tempdir().unwrap();
    let program = script(folder.path(), "envoy", text);
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&complaints);
    let (ended, end) = oneshot::channel();
    let process = Process::spawn(
        &launch(&program),
        0,
        Duration::from_secs(1),
        move |line| sink.lock().unwrap().push(line),
        move |status| {
            drop(folder);
            let _ = ended.send(status);
        },
    );
    (process.unwrap(), complaints, end)
}

#[tokio::test]
async fn a_process_that_ends_has_its_last_words_told_first() {
    let (process, complaints, end) = started("echo 'critical main no memory' >&2; exit 3");
    let status = end.await.unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(*complaints.lock().unwrap(), ["no memory"]);
    assert_eq!(process.id(), None);
    // It is gone, and nobody else gets its signals.
    process.protect_from_oom();
    process.signal(Signal::KILL);
}

#[tokio::test]
async fn a_signal_reaches_the_process_and_what_it_started() {
    let (process, _, end) = started("sleep 600 & wait");
    assert!(process.id().is_some());
    process.protect_from_oom();
    process.signal(Signal::KILL);
    assert_eq!(end.await.unwrap().signal(), Some(9));
    assert_eq!(process.id(), None);
}

#[test]
fn what_is_to_become_envoy_has_to_be_complete() {
    let code = |arguments: &[&str]| {
        let arguments: Vec<std::ffi::OsString> = arguments.iter().map(Into::into).collect();
        format!("{:?}", shim(arguments.into_iter()))
    };
    let wrong = format!("{:?}", ExitCode::from(64));
    assert_eq!(code(&["1"]), wrong);
    assert_eq!(code(&["1", "much", "/bin/true"]), wrong);
}
