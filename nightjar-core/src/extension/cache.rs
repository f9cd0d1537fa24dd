//! Values that an extension keeps from one run to the next.
//!
//! Each key has a file of its own, written under a temporary name and renamed. So neither runs at the
//! same time nor two programs that share a folder spoil each other's, and nothing has to be locked.
//! The files can be read by their owner alone. A file that cannot be read is as good as none, and
//! one that cannot be written costs the next run a call: neither is an error.

use crate::atomic_file;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, DirBuilder, File, FileTimes, Metadata},
    io::{self, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use xxhash_rust::xxh3::xxh3_128;

/// How long a file is kept that nothing asks for.
const MAX_UNUSED: Duration = Duration::from_hours(24);
/// How often a file is marked as used, at the most.
const TOUCH_INTERVAL: Duration = Duration::from_hours(1);
/// How long warnings that stay the same are not repeated.
const WARNING_REPEAT: Duration = Duration::from_hours(1);

/// A folder of values, each under its key; or nothing is kept.
///
/// ```
/// use nightjar_core::extension::Cache;
/// use std::time::Duration;
///
/// # let temp = tempfile::tempdir()?;
/// let mut cache = Cache::open(Some(temp.path()), "addresses");
/// cache.put("i-1", &"10.0.0.7");
/// let minute = Some(Duration::from_secs(60));
/// assert_eq!(cache.get("i-1", minute), Some("10.0.0.7".to_owned()));
/// cache.sweep();
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Cache {
    dir: Option<PathBuf>,
    used: HashSet<OsString>,
    is_writable: bool,
}

impl Cache {
    /// The folder `name` in `parent`, such as one's own in `NJ_TEMP_DIR`. It is made when something
    /// is written. Without a parent nothing is kept.
    pub fn open(parent: Option<&Path>, name: &str) -> Self {
        Self {
            dir: parent.map(|parent| parent.join(name)),
            used: HashSet::new(),
            is_writable: true,
        }
    }

    /// The value of a key, unless it was written longer than `max_age` ago.
    pub fn get<T: DeserializeOwned>(&mut self, key: &str, max_age: Option<Duration>) -> Option<T> {
        let (value, age) = self.get_with_age(key)?;
        max_age.is_none_or(|max| age < max).then_some(value)
    }

    /// The value of a key, and how long ago it was written.
    pub fn get_with_age<T: DeserializeOwned>(&mut self, key: &str) -> Option<(T, Duration)> {
        let name = file_name(key);
        let path = self.dir.as_ref()?.join(&name);
        let mut file = File::open(path).ok()?;
        let data = file.metadata().ok()?;
        // A time in the future comes from a clock that was set since, and means nothing.
        let age = SystemTime::now().duration_since(data.modified().ok()?);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (of, value): (String, T) = serde_json::from_slice(&bytes).ok()?;
        if unused(&data).is_some_and(|age| age > TOUCH_INTERVAL) {
            // So another program that shares the folder does not sweep it. It still was written when
            // it was.
            let _ = file.set_times(FileTimes::new().set_accessed(SystemTime::now()));
        }
        self.used.insert(name.into());
        (of == key).then_some((value, age.unwrap_or(Duration::MAX)))
    }

    /// Keeps a value for a key. Only the first error of writing is logged.
    pub fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        let Some(dir) = &self.dir else { return };
        let name = file_name(key);
        if let Err(error) = write(dir, &name, &(key, value)) {
            // The others fail for the same reason.
            if std::mem::replace(&mut self.is_writable, false) {
                let dir = dir.display();
                tracing::warn!(
                    "cannot cache anything in {dir}, so every run asks for everything again: {error}"
                );
            }
            return;
        }
        self.used.insert(name.into());
    }

    /// Forgets the value of a key.
    pub fn remove(&mut self, key: &str) {
        let path = self.dir.as_ref().map(|dir| dir.join(file_name(key)));
        // It may be gone already.
        let _ = path.map(fs::remove_file);
    }

    /// Logs warnings, unless they are those that were logged under this key last, within the hour.
    /// Without a folder they are logged at each run.
    pub fn warn_once(&mut self, key: &str, warnings: &[String]) {
        if self.have_changed(key, warnings) {
            for line in warnings {
                tracing::warn!("{line}");
            }
        } else {
            tracing::debug!("{} warnings have not changed", warnings.len());
        }
    }

    fn have_changed(&mut self, key: &str, warnings: &[String]) -> bool {
        let last: Option<Vec<String>> = self.get(key, Some(WARNING_REPEAT));
        let have_changed = last.as_deref().unwrap_or_default() != warnings;
        if have_changed {
            self.put(key, warnings);
        }
        have_changed
    }

    /// Removes what was neither used nor written in the last day, by this program or another one.
    pub fn sweep(&self) {
        let listed = self.dir.as_ref().and_then(|dir| fs::read_dir(dir).ok());
        for entry in listed.into_iter().flatten().flatten() {
            if self.used.contains(&entry.file_name()) {
                continue;
            }
            let age = entry.metadata().ok().and_then(|data| unused(&data));
            if age.is_some_and(|age| age > MAX_UNUSED) {
                // It may be gone already, and it costs nothing if it stays.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// How long ago a file was written or used last.
fn unused(data: &Metadata) -> Option<Duration> {
    let last = data.modified().ok()?.max(data.accessed().ok()?);
    SystemTime::now().duration_since(last).ok()
}

fn file_name(key: &str) -> String {
    format!("{:032x}.json", xxh3_128(key.as_bytes()))
}

fn write(dir: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    atomic_file::replace(&dir.join(name), &serde_json::to_vec(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{error::Error, os::unix::fs::PermissionsExt};

    type Outcome = Result<(), Box<dyn Error>>;

    const KEY: &str = "arn:aws:ecs:eu-west-1:1:task-definition/shop:7";
    const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

    fn kept(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
        let entry = fs::read_dir(folder.join("some"))?.next().ok_or("no file")?;
        Ok(entry?.path())
    }

    fn aged(path: &Path, age: Duration) -> io::Result<()> {
        File::options().write(true).open(path)?.set_times(
            FileTimes::new()
                .set_modified(SystemTime::now() - age)
                .set_accessed(SystemTime::now() - age),
        )
    }

    #[test]
    fn what_is_kept_is_there_for_its_time_and_for_its_owner_alone() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::open(Some(temp.path()), "some");
        assert_eq!(cache.get::<String>(KEY, None), None);
        cache.put(KEY, &"seven");
        assert_eq!(cache.get(KEY, MINUTE), Some("seven".to_owned()));

        let file = kept(temp.path())?;
        assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
        let folder = fs::metadata(temp.path().join("some"))?;
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);

        aged(&file, Duration::from_secs(61))?;
        assert_eq!(cache.get::<String>(KEY, MINUTE), None);
        assert_eq!(cache.get(KEY, None), Some("seven".to_owned()));
        Ok(())
    }

    #[test]
    fn a_file_of_another_kind_or_of_another_key_is_no_file() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::open(Some(temp.path()), "some");
        cache.put(KEY, &"seven");
        let file = kept(temp.path())?;
        for content in ["", "{", "[\"other\",\"seven\"]", "[1,2,3]"] {
            fs::write(&file, content)?;
            assert_eq!(cache.get::<String>(KEY, None), None, "{content}");
        }
        Ok(())
    }

    #[test]
    fn only_what_nobody_asked_for_is_swept_after_a_day() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::open(Some(temp.path()), "some");
        cache.put(KEY, &"seven");
        let file = kept(temp.path())?;
        aged(&file, MAX_UNUSED * 2)?;
        assert_eq!(cache.get(KEY, None), Some("seven".to_owned()));
        cache.sweep();
        assert!(file.exists());

        let other = || Cache::open(Some(temp.path()), "some");
        other().sweep();
        assert!(file.exists(), "another program has just used it");
        let used: Option<(String, Duration)> = other().get_with_age(KEY);
        assert!(
            used.is_some_and(|(_, age)| age > MAX_UNUSED),
            "it is as old"
        );
        aged(&file, MAX_UNUSED * 2)?;
        other().sweep();
        assert!(!file.exists());
        Ok(())
    }

    #[test]
    fn what_is_removed_is_not_there() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::open(Some(temp.path()), "some");
        cache.put(KEY, &"seven");
        cache.remove(KEY);
        cache.remove(KEY);
        assert_eq!(cache.get::<String>(KEY, None), None);
        Ok(())
    }

    #[test]
    fn warnings_are_logged_again_when_they_change_and_after_an_hour() -> Outcome {
        let temp = tempfile::tempdir()?;
        let have_changed = |warnings: &[&str]| {
            let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            Cache::open(Some(temp.path()), "some").have_changed(KEY, &warnings)
        };
        assert!(have_changed(&["a"]));
        assert!(!have_changed(&["a"]));
        assert!(have_changed(&["a", "b"]));
        aged(&kept(temp.path())?, WARNING_REPEAT + Duration::from_secs(1))?;
        assert!(have_changed(&["a", "b"]), "an hour is over");
        have_changed(&[]);
        assert!(have_changed(&["a", "b"]), "they were gone in between");
        Ok(())
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let mut cache = Cache::open(None, "some");
        cache.put(KEY, &"seven");
        assert_eq!(cache.get::<String>(KEY, None), None);
        cache.sweep();
    }
}
