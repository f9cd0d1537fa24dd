//! The kernel's budget for file subscriptions, which every proxy of one user shares.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// What an Envoy with the shipped templates and a few listeners needs: one for each file that it
/// subscribes to.
const WANTED: usize = 8;

/// Says so if little is left. Envoy aborts when it gets no more.
///
/// Only what this process may see is counted, so in a container others may hold more.
pub(crate) fn warn_if_short() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances");
    let Some(limit) = limit
        .ok()
        .and_then(|text| text.trim().parse::<usize>().ok())
    else {
        return;
    };
    let used = instances(Path::new("/proc"));
    if limit.saturating_sub(used) < WANTED {
        tracing::warn!(
            "{used} of the {limit} inotify instances that one user may have are in use, and each \
             file that Envoy watches takes one; raise fs.inotify.max_user_instances"
        );
    }
}

/// The inotify instances that processes of this user hold.
fn instances(proc: &Path) -> usize {
    let Ok(user) = fs::metadata(proc.join("self")).map(|own| own.uid()) else {
        return 0;
    };
    let of_user = |path: &PathBuf| fs::metadata(path).is_ok_and(|process| process.uid() == user);
    let descriptors = entries(proc)
        .filter(|path| path.file_name().is_some_and(is_number))
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

fn is_number(name: &std::ffi::OsStr) -> bool {
    name.to_str()
        .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
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
        assert_eq!(instances(proc.path()), 3);
    }
}
