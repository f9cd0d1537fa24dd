//! Reaping of zombies in a container whose first process this is.
//!
//! When a process ends before its children do, the first process of the container (of its PID
//! namespace, to be exact) becomes their parent. Such a child stays in the process table after its
//! end until its parent asks how it ended, and the table has a limit.

use rustix::process::{Pid, WaitOptions, waitpid};
use std::{collections::BTreeSet, fs, io, path::Path, time::Duration};

/// How often zombies are looked for.
const PERIOD: Duration = Duration::from_secs(5);

/// Reaps zombies for as long as the runtime lives, if this is a container's first process.
///
/// A child of our own is waited for where it was started, and not here, or that place would never
/// learn how it ended. It is reaped within milliseconds of its end. So a zombie that is there
/// at two looks in a row was left to this process by somebody else.
pub(super) async fn reap_zombies() {
    if std::process::id() != 1 {
        return;
    }
    let mut zombies_before = BTreeSet::new();
    loop {
        tokio::time::sleep(PERIOD).await;
        let zombies = match zombie_children(Path::new("/proc"), std::process::id()) {
            Ok(zombies) => zombies,
            Err(error) => {
                tracing::debug!("/proc cannot be read: {error}");
                return;
            }
        };
        for pid in zombies.intersection(&zombies_before) {
            // Fails if somebody waited for it in between, which is as good.
            let _ = waitpid(Pid::from_raw(*pid), WaitOptions::NOHANG);
        }
        zombies_before = zombies;
    }
}

/// The children of a process that have ended and not been waited for.
fn zombie_children(proc: &Path, parent: u32) -> io::Result<BTreeSet<i32>> {
    let mut zombies = BTreeSet::new();
    for entry in fs::read_dir(proc)? {
        let Some(pid) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that is gone by now needs no more looking at.
        let stat = fs::read_to_string(proc.join(format!("{pid}/stat"))).unwrap_or_default();
        if state_and_parent(&stat) == Some(("Z", parent)) {
            zombies.insert(pid);
        }
    }
    Ok(zombies)
}

/// Both from `/proc/<pid>/stat`: `7 (a name) Z 1 …`, where a name may hold parentheses (`proc(5)`).
pub(super) fn state_and_parent(stat: &str) -> Option<(&str, u32)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    Some((fields.next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process::Command, thread, time::Instant};

    #[test]
    fn a_child_is_dead_from_its_end_until_it_is_waited_for() {
        let children = || zombie_children(Path::new("/proc"), std::process::id()).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "read _"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(!children().contains(&pid), "it lives");
        drop(child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(30);
        while !children().contains(&pid) {
            assert!(Instant::now() < deadline, "it does not die");
            thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!children().contains(&pid), "it was waited for");
    }

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        assert_eq!(state_and_parent("7 (sh) S 1 (x) Z 1 7 0"), Some(("Z", 1)));
        assert_eq!(state_and_parent("7 (a) Z 9 7) S 12 7 7 0"), Some(("S", 12)));
        assert_eq!(state_and_parent(""), None);
    }
}
