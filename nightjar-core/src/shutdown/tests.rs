use super::*;
use rustix::process::{Signal as Kind, getpid, kill_process};
use std::fs;

#[tokio::test]
async fn the_trigger_stops_every_clone_and_the_first_reason_stays() {
    let (trigger, shutdown) = Shutdown::manual();
    let clone = shutdown.clone();
    assert!(!shutdown.requested());
    trigger.stop(StopReason::Asked("Envoy failed 10 times".to_owned()));
    trigger.stop(StopReason::Terminate);
    let expected = StopReason::Asked("Envoy failed 10 times".to_owned());
    assert_eq!(clone.wait().await, expected);
    assert_eq!(
        (shutdown.requested(), shutdown.reason()),
        (true, Some(expected))
    );
}

#[tokio::test]
async fn sleep_ends_by_itself_or_by_a_stop() {
    let (trigger, shutdown) = Shutdown::manual();
    assert!(shutdown.sleep(Duration::from_millis(1)).await);
    trigger.stop(StopReason::Interrupt);
    assert!(!shutdown.sleep(Duration::from_secs(1000)).await);
    // Without anybody who could ask for it, a stop never comes.
    assert!(Shutdown::never().sleep(Duration::from_millis(1)).await);
}

#[tokio::test]
async fn a_stop_file_is_seen_when_it_appears() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop.txt");
    let (trigger, shutdown) = Shutdown::manual();
    watch_stop_file(path.clone(), trigger);
    assert!(!shutdown.requested());
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
    let (trigger, shutdown) = Shutdown::manual();
    watch_stop_file(path.clone(), trigger);
    assert_eq!(
        shutdown.reason().unwrap().to_string(),
        format!(
            "the stop file {} was there before the start; remove it to run",
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
        let mut refreshes = shutdown.refreshes();
        // Either would end this process.
        for ignored in [Kind::USR1, Kind::USR2] {
            kill_process(getpid(), ignored).unwrap();
        }
        kill_process(getpid(), Kind::HUP).unwrap();
        refreshes.wait().await;
        assert!(!shutdown.requested());
        kill_process(getpid(), signal).unwrap();
        assert_eq!(shutdown.wait().await, expected);
    }
}

#[tokio::test]
async fn several_refreshes_in_between_count_as_one() {
    let (trigger, shutdown) = Shutdown::manual();
    trigger.refresh();
    let mut refreshes = shutdown.refreshes();
    let soon = Duration::from_millis(1);
    assert!(tokio::time::timeout(soon, refreshes.wait()).await.is_err());
    trigger.refresh();
    trigger.refresh();
    refreshes.wait().await;
    assert!(tokio::time::timeout(soon, refreshes.wait()).await.is_err());
}
