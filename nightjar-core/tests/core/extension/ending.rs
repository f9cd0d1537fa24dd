//! However a run ends, nothing of it is left.

use super::*;
use nightjar_core::shutdown::StopReason;
use std::path::Path;

#[tokio::test]
async fn one_that_hangs_is_killed_with_its_children() {
    let scene =
        Scene::new(r#"trap '' TERM; sleep 600 & echo $! >"$NOTES/child"; echo waiting >&2; wait"#);
    let limits = RunLimits {
        timeout: Duration::from_secs(2),
        ..LIMITS
    };
    let host = Host::discovery_map(scene.command.clone(), limits, scene.temp.path())
        .with_retry(ONE_TRY)
        .with_variable("NOTES", scene.notes.path());
    let error = fetch(&host, None).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.is_retry()),
        (
            "fetch of discovery-map by sh failed: it was killed after running for 2s; \
             its standard error ends with:\n  | waiting",
            true
        )
    );
    gone(scene.noted_process("child").await).await;
    scene.assert_clean();
}

#[tokio::test]
async fn a_child_left_behind_is_killed_and_not_waited_for() {
    // One holds the streams open, the other does not.
    for redirect in ["", ">/dev/null 2>&1"] {
        let scene = Scene::new(&format!(
            r#"sleep 600 {redirect} & echo $! >"$NOTES/child"; printf '{{}}' >"$file""#
        ));
        let fetched = fetch(&scene.discovery_map(), None).await.unwrap();
        assert_eq!(fetched, FetchOutcome::New(b"{}".to_vec()));
        gone(scene.noted_process("child").await).await;
        scene.assert_clean();
    }
}

#[tokio::test]
async fn a_child_that_left_the_group_does_not_hold_the_caller() {
    let scene = Scene::new(
        r#"setsid sh -c 'echo $$ >"$NOTES/child"; exec sleep 600' &
           while [ ! -s "$NOTES/child" ]; do sleep 0.01; done; printf '{}' >"$file""#,
    );
    let fetched = fetch(&scene.discovery_map(), None).await.unwrap();
    assert_eq!(fetched, FetchOutcome::New(b"{}".to_vec()));
    let child = scene.noted_process("child").await;
    assert!(is_running(child));
    let child = rustix::process::Pid::from_raw(child.cast_signed()).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_stop_ends_a_run_and_kills_it() {
    let scene = Scene::new(r#"sleep 600 & echo $! >"$NOTES/child"; wait"#);
    let (handle, shutdown) = Shutdown::manual();
    let host = scene.discovery_map().with_retry(MANY_TRIES);
    let stop = async {
        let child = scene.noted_process("child").await;
        handle.stop(StopReason::Terminate);
        child
    };
    let (result, child) = tokio::join!(
        host.fetch(&DocumentName::DISCOVERY_MAP, None, &shutdown),
        stop
    );
    let error = result.unwrap_err();
    assert_eq!(
        (
            error.to_string().as_str(),
            error.is_stop(),
            error.is_retry()
        ),
        (
            "fetch of discovery-map by sh failed: \
             it was stopped because this program is shutting down",
            true,
            false
        )
    );
    gone(child).await;
    scene.assert_clean();
}

#[tokio::test]
async fn a_stop_lets_a_commit_end_that_has_begun() {
    let scene = Scene::new(
        r#"echo $$ >"$NOTES/process"; while ! [ -e "$NOTES/stopped" ]; do sleep 0.01; done
           sleep 0.3; cp "$file" "$NOTES/kept""#,
    );
    let (handle, shutdown) = Shutdown::manual();
    let host = scene.data_store();
    let stop = async {
        scene.noted_process("process").await;
        handle.stop(StopReason::Terminate);
        fs::write(scene.note("stopped"), "").unwrap();
    };
    let (result, ()) = tokio::join!(
        host.commit(&DocumentName::DISCOVERY_MAP, b"{}", None, &shutdown),
        stop
    );
    assert_eq!(result.unwrap(), CommitOutcome::Done);
    assert_eq!(scene.read_note("kept"), "{}");
    scene.assert_clean();
}

#[tokio::test]
async fn a_stop_ends_a_commit_that_does_not_end_by_itself() {
    let scene = Scene::new(r#"sleep 600 & echo $! >"$NOTES/child"; wait"#);
    let (handle, shutdown) = Shutdown::manual();
    let host = scene.data_store();
    let stop = async {
        let child = scene.noted_process("child").await;
        handle.stop(StopReason::Terminate);
        (child, std::time::Instant::now())
    };
    let (result, (child, asked)) = tokio::join!(
        host.commit(&DocumentName::DISCOVERY_MAP, b"{}", None, &shutdown),
        stop
    );
    assert!(result.unwrap_err().is_stop());
    let took = asked.elapsed().as_secs();
    assert!((5..8).contains(&took), "{took} s");
    gone(child).await;
    scene.assert_clean();
}

#[tokio::test]
async fn a_stop_ends_the_waiting_between_tries_and_prevents_new_runs() {
    let scene = Scene::new(r#"echo $$ >"$NOTES/process"; exit 31"#);
    let (handle, shutdown) = Shutdown::manual();
    let host = scene.discovery_map().with_retry(SLOW_TRIES);
    let stop = async {
        gone(scene.noted_process("process").await).await;
        handle.stop(StopReason::Terminate);
    };
    let (result, ()) = tokio::join!(
        host.fetch(&DocumentName::DISCOVERY_MAP, None, &shutdown),
        stop
    );
    assert!(result.unwrap_err().is_stop());

    fs::remove_file(scene.note("process")).unwrap();
    let error = host
        .fetch(&DocumentName::DISCOVERY_MAP, None, &shutdown)
        .await
        .unwrap_err();
    assert!(error.is_stop());
    assert!(!scene.note("process").exists());
}

#[tokio::test]
async fn a_run_that_the_caller_gives_up_is_killed() {
    let scene = Scene::new(r#"sleep 600 & echo $! >"$NOTES/child"; wait"#);
    let host = scene.discovery_map();
    let child = tokio::select! {
        result = fetch(&host, None) => panic!("ended: {result:?}"),
        child = scene.noted_process("child") => child,
    };
    gone(child).await;
    scene.assert_clean();
}

#[tokio::test]
async fn what_cannot_be_started_is_fatal() {
    let scene = Scene::new("");
    let command = CommandLine {
        program: "/nonexistent/ext".into(),
        arguments: Vec::new(),
    };
    let host = Host::discovery_map(command, LIMITS, scene.temp.path()).with_retry(SLOW_TRIES);
    let error = fetch(&host, None).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "fetch of discovery-map by ext failed: \
         it could not be started: No such file or directory (os error 2)\n  \
         hint: the program exists, so what is missing is probably the interpreter of a script or \
         the loader of a binary"
    );
    scene.assert_clean();

    let nowhere = Path::new("/dev/null/temp");
    let host = Host::discovery_map(scene.command.clone(), LIMITS, nowhere).with_retry(SLOW_TRIES);
    let error = fetch(&host, None).await.unwrap_err();
    let message = error.to_string();
    let expected = "fetch of discovery-map by sh failed: \
                    cannot create a folder for its file in /dev/null/temp: \
                    Not a directory (os error 20)";
    assert_eq!(message.split(" at path").next().unwrap(), expected);
}
