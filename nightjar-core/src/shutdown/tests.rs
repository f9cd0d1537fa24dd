use super::*;
use rustix::process::{Signal as Kind, getpid, kill_process};
use std::fs;

#[tokio::test]
async fn the_handle_stops_every_clone_and_the_first_reason_stays() {
    let (handle, shutdown) = Shutdown::manual();
    let clone = shutdown.clone();
    assert!(!shutdown.is_requested());
    handle.stop(StopReason::Requested("Envoy failed 10 times".to_owned()));
    handle.stop(StopReason::Terminate);
    let expected = StopReason::Requested("Envoy failed 10 times".to_owned());
    assert_eq!(clone.wait().await, expected);
    assert_eq!(
        (shutdown.is_requested(), shutdown.reason()),
        (true, Some(expected))
    );
}

#[tokio::test]
async fn sleep_ends_by_itself_or_by_a_stop() {
    let (handle, shutdown) = Shutdown::manual();
    assert!(shutdown.sleep(Duration::from_millis(1)).await);
    handle.stop(StopReason::Interrupt);
    assert!(!shutdown.sleep(Duration::from_secs(1000)).await);
    // Without a handle, a stop never comes.
    assert!(Shutdown::never().sleep(Duration::from_millis(1)).await);
}

#[tokio::test]
async fn a_stop_file_is_seen_when_it_appears() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop.txt");
    let (handle, shutdown) = Shutdown::manual();
    watch_stop_file(path.clone(), handle);
    assert!(!shutdown.is_requested());
    fs::write(&path, "").unwrap();
    let reason = shutdown.wait().await;
    assert_eq!(reason, StopReason::StopFile(path.clone()));
    assert_eq!(
        reason.to_string(),
        format!("the stop file {} appeared", path.display())
    );
}

#[tokio::test]
async fn a_stop_file_from_before_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop.txt");
    fs::write(&path, "").unwrap();
    let (handle, shutdown) = Shutdown::manual();
    watch_stop_file(path.clone(), handle);
    assert_eq!(
        shutdown.reason().unwrap().to_string(),
        format!(
            "the stop file {} existed before the start; remove it to run",
            path.display()
        )
    );
}

/// Signals reach the whole process, so this is the only test here that sends any.
#[tokio::test]
async fn signals_refresh_and_stop() {
    for (signal, expected) in [
        (Kind::TERM, StopReason::Terminate),
        (Kind::INT, StopReason::Interrupt),
    ] {
        let shutdown = Shutdown::listen(None).unwrap();
        let mut refreshes = shutdown.refresh_requests();
        // Either would end this process.
        for ignored in [Kind::USR1, Kind::USR2] {
            kill_process(getpid(), ignored).unwrap();
        }
        kill_process(getpid(), Kind::HUP).unwrap();
        refreshes.wait().await;
        assert!(!shutdown.is_requested());
        kill_process(getpid(), signal).unwrap();
        assert_eq!(shutdown.wait().await, expected);
    }
}

#[tokio::test]
async fn several_refreshes_in_between_count_as_one() {
    let (handle, shutdown) = Shutdown::manual();
    handle.refresh();
    let mut refreshes = shutdown.refresh_requests();
    let soon = Duration::from_millis(1);
    assert!(tokio::time::timeout(soon, refreshes.wait()).await.is_err());
    handle.refresh();
    handle.refresh();
    refreshes.wait().await;
    assert!(tokio::time::timeout(soon, refreshes.wait()).await.is_err());
}
