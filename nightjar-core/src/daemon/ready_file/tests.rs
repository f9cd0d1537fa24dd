use super::{
    check::{Process, evaluate},
    *,
};
use crate::daemon::dir_lock;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::Instant,
};

fn ready() -> Readiness {
    Readiness::new(None, &[])
}

/// A folder that is owned, as by a running program.
struct Owned {
    dir: tempfile::TempDir,
    file: ReadyFile,
    lock: dir_lock::DirLock,
}

fn owned() -> Owned {
    let dir = tempfile::tempdir().unwrap();
    Owned {
        file: ReadyFile::within(dir.path()),
        lock: dir_lock::acquire(dir.path()).unwrap().unwrap(),
        dir,
    }
}

impl Owned {
    fn check(&self) -> Result<String, String> {
        let checked = check(self.dir.path()).map_err(|reason| reason.to_string());
        let dir = self.dir.path().display().to_string();
        checked.map_err(|reason| reason.replace(&dir, "DIR"))
    }

    fn put(&self, content: &Content) {
        fs::write(self.file.path(), serde_json::to_vec(content).unwrap()).unwrap();
    }
}

#[test]
fn what_is_published_is_what_is_told() {
    let owned = owned();
    owned.file.publish(&ready());
    assert_eq!(owned.check(), Ok("ready\n".to_owned()));
    owned.file.publish(&Readiness::new(Some("stopping"), &[]));
    assert_eq!(owned.check(), Err("not ready: stopping\n".to_owned()));
    drop(owned.lock);
    let reason = check(owned.dir.path()).unwrap_err();
    assert!(matches!(reason, NotReadyError::NoInstance(_)), "{reason}");
}

#[test]
fn the_file_is_written_for_news_and_for_each_heartbeat() {
    let owned = owned();
    let written_at = || read(owned.file.path()).unwrap().uptime_ms;
    owned.file.publish_at(&ready(), 1_000);
    owned.file.publish_at(&ready(), 5_999);
    assert_eq!(written_at(), 1_000);
    owned.file.publish_at(&ready(), 6_000);
    assert_eq!(written_at(), 6_000);
    owned
        .file
        .publish_at(&Readiness::new(Some("stopping"), &[]), 6_001);
    assert_eq!(written_at(), 6_001);
}

#[test]
fn a_file_that_is_missing_or_not_readable_is_not_believed() {
    let owned = owned();
    assert_eq!(
        owned.check().unwrap_err(),
        "not ready: the running instance has not written DIR/.nightjar-status.json\n\
         hint: it has just started, or its disk is full; see its log"
    );
    owned.file.publish(&ready());
    let text = fs::read(owned.file.path()).unwrap();
    for part in [&text[..0], &text[..20]] {
        fs::write(owned.file.path(), part).unwrap();
        let reason = owned.check().unwrap_err();
        assert!(
            reason.starts_with("not ready: DIR/.nightjar-status.json cannot be read: EOF while"),
            "{reason}"
        );
    }
    // As the last version wrote it, without a time.
    fs::write(
        owned.file.path(),
        r#"{"pid": 1, "ready": true, "reason": "ready"}"#,
    )
    .unwrap();
    assert!(owned.check().unwrap_err().contains("missing field"));
}

#[test]
fn an_old_file_is_not_believed_whatever_the_clock_says() {
    let content = |uptime_ms| Content {
        pid: 7,
        ready: true,
        reason: "ready\n".to_owned(),
        uptime_ms,
    };
    let judged = |written, now| {
        evaluate("DIR/f".into(), content(written), Process::Runs, now)
            .map_err(|reason| reason.to_string())
    };
    assert_eq!(judged(1_000, 31_000), Ok("ready\n".to_owned()));
    assert_eq!(
        judged(1_000, 46_000).unwrap_err(),
        "not ready: process 7 last wrote DIR/f 45 s ago, but should do so every 5 s\n\
         hint: it hangs, or its disk is full; see its log, and restart it"
    );
    // The machine was started anew since.
    assert!(judged(1_000_000, 10_000).is_err());
    // A program that hangs leaves a file that gets old.
    let owned = owned();
    owned.file.publish_at(&ready(), uptime_ms() - 31_000);
    assert!(owned.check().unwrap_err().contains("last wrote"));
    owned.file.publish(&ready());
    assert_eq!(owned.check(), Ok("ready\n".to_owned()));
}

#[test]
fn a_stopped_process_is_not_ready_at_once_and_one_that_ended_is_gone() {
    let owned = owned();
    let mut child = Command::new("sh")
        .args(["-c", "kill -STOP $$; read _"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    owned.put(&Content {
        pid,
        ready: true,
        reason: "ready\n".to_owned(),
        uptime_ms: uptime_ms(),
    });
    let eventually = |wanted: Result<String, String>| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while owned.check() != wanted {
            assert!(Instant::now() < deadline, "{:?}", owned.check());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    eventually(Err(format!(
        "not ready: process {pid} is stopped\nhint: `kill -CONT {pid}` resumes it"
    )));
    Command::new("kill")
        .args(["-CONT", &pid.to_string()])
        .status()
        .unwrap();
    eventually(Ok("ready\n".to_owned()));
    drop(child.stdin.take());
    // Before anybody waits for it, and after.
    eventually(Err(format!("not ready: process {pid} is gone")));
    child.wait().unwrap();
    eventually(Err(format!("not ready: process {pid} is gone")));
}

#[test]
fn a_file_that_cannot_be_replaced_is_overwritten_and_else_removed() {
    let owned = owned();
    owned.file.publish(&ready());
    // No other file can be made beside it, as on a full disk.
    let unfinished = crate::atomic_file::temp_path(owned.file.path());
    fs::create_dir(&unfinished).unwrap();
    let longer = Readiness::new(Some("no map is published yet"), &[]);
    owned.file.publish(&longer);
    assert_eq!(owned.check(), Err(longer.text));
    owned.file.publish(&Readiness::new(Some("stopping"), &[]));
    assert_eq!(owned.check(), Err("not ready: stopping\n".to_owned()));
    owned.file.publish(&ready());

    // Nor can it be overwritten.
    fs::set_permissions(owned.file.path(), fs::Permissions::from_mode(0o444)).unwrap();
    if fs::File::options()
        .write(true)
        .open(owned.file.path())
        .is_ok()
    {
        // Root may write it all the same: something else has to stand in the way.
        fs::remove_file(owned.file.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", owned.file.path()).unwrap();
    }
    owned.file.publish(&Readiness::new(Some("stopping"), &[]));
    assert!(owned.file.path().symlink_metadata().is_err());
    assert!(owned.check().unwrap_err().contains("has not written"));

    fs::remove_dir(unfinished).unwrap();
    owned.file.publish(&ready());
    assert_eq!(owned.check(), Ok("ready\n".to_owned()));
}
