//! Inotify instances: the kernel's limit for watched files, which all proxies of one user share.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What an Envoy with the shipped templates and a few listeners needs: one for each file that it
/// subscribes to.
const WANTED: usize = 8;

/// Says so if little is left. Envoy aborts when it gets no more.
///
/// Only what this process may see is counted, so in a container others may hold more.
pub(crate) fn warn_if_short() {
    let Some((limit, used)) = usage(&[]) else {
        return;
    };
    if limit.saturating_sub(used) < WANTED {
        tracing::warn!(
            "{used} of the {limit} inotify instances that one user may have are in use, and each \
             file that Envoy watches takes one; raise fs.inotify.max_user_instances"
        );
    }
}

/// Why an Envoy cannot have so many inotify instances, if it cannot. It would abort, the one that
/// serves too. What the processes `own` hold is theirs to use again.
pub(crate) fn shortage(wanted: usize, own: &[u32]) -> Option<String> {
    let (limit, used) = usage(own)?;
    (used + wanted > limit).then(|| {
        format!(
            "these files take {wanted} inotify instances, and {used} of the {limit} that one user may \
             have are in use by others: envoy would abort\n\
             hint: raise fs.inotify.max_user_instances, or have fewer listeners with files of their own"
        )
    })
}

/// How long metrics show the same count: counting looks at every descriptor of the user's processes.
const COUNT_PERIOD: Duration = Duration::from_secs(10);

/// How many inotify instances this user has left. Clones share what was counted last.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstancesLeft(Arc<Mutex<Option<Counted>>>);

#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Instant,
    left: Option<u64>,
}

impl InstancesLeft {
    /// By what this process may see, and counted at most once in [`COUNT_PERIOD`]; `None` if that is
    /// not known.
    pub(crate) fn get(&self) -> Option<u64> {
        self.get_at(Instant::now(), || {
            let (limit, used) = usage(&[])?;
            u64::try_from(limit.saturating_sub(used)).ok()
        })
    }

    fn get_at(&self, now: Instant, count: impl FnOnce() -> Option<u64>) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *counted {
            Some(Counted { at, left }) if now < at + COUNT_PERIOD => left,
            _ => {
                let left = count();
                *counted = Some(Counted { at: now, left });
                left
            }
        }
    }
}

/// How many inotify instances this user may have and others than `own` hold.
pub(crate) fn usage(own: &[u32]) -> Option<(usize, usize)> {
    // A user namespace may have a lower one.
    let limits = [
        "/proc/sys/fs/inotify/max_user_instances",
        "/proc/sys/user/max_inotify_instances",
    ];
    let limits = limits
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    let limit = limits.filter_map(|text| text.trim().parse().ok()).min()?;
    Some((limit, instances(Path::new("/proc"), own)))
}

/// The inotify instances that processes of this user hold.
fn instances(proc: &Path, own: &[u32]) -> usize {
    let Ok(user) = fs::metadata(proc.join("self")).map(|own| own.uid()) else {
        return 0;
    };
    let of_user = |path: &PathBuf| fs::metadata(path).is_ok_and(|process| process.uid() == user);
    let descriptors = entries(proc)
        .filter(|path| {
            let id = path
                .file_name()
                .and_then(|name| name.to_str()?.parse::<u32>().ok());
            id.is_some_and(|id| !own.contains(&id))
        })
        .filter(of_user)
        .flat_map(|process| entries(&process.join("fd")));
    let is_inotify = |path: &PathBuf| {
        fs::read_link(path).is_ok_and(|target| target.as_os_str() == "anon_inode:inotify")
    };
    descriptors.filter(is_inotify).count()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn counts_what_processes_of_this_user_hold() {
        let proc = tempfile::tempdir().unwrap();
        for (process, descriptors) in [
            ("12", ["anon_inode:inotify", "/dev/null"]),
            ("13", ["anon_inode:inotify", "anon_inode:inotify"]),
            ("self", ["anon_inode:inotify", "/dev/null"]),
        ] {
            let folder = proc.path().join(process).join("fd");
            fs::create_dir_all(&folder).unwrap();
            for (number, target) in descriptors.iter().enumerate() {
                symlink(target, folder.join(number.to_string())).unwrap();
            }
        }
        assert_eq!(instances(proc.path(), &[]), 3);
        assert_eq!(instances(proc.path(), &[13]), 1);
    }

    #[test]
    fn what_is_left_is_counted_at_most_once_in_ten_seconds() {
        let (left, now) = (InstancesLeft::default(), Instant::now());
        let again = left.clone();
        assert_eq!(left.get_at(now, || Some(7)), Some(7));
        let soon = now + Duration::from_millis(9_999);
        assert_eq!(again.get_at(soon, || panic!("counted again")), Some(7));
        assert_eq!(again.get_at(now + COUNT_PERIOD, || Some(5)), Some(5));
        assert_eq!(left.get_at(now + COUNT_PERIOD, || Some(3)), Some(5));
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_figures() {
        let Some((limit, _)) = usage(&[]) else { return };
        assert_eq!(shortage(0, &[]), None);
        let message = shortage(limit + 1, &[]).unwrap();
        let start = format!("these files take {} inotify instances, and ", limit + 1);
        assert!(message.starts_with(&start), "{message}");
        assert!(
            message.contains(&format!("of the {limit} that one user may have")),
            "{message}"
        );
    }
}
