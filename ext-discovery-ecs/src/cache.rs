//! What is kept in files from one run to the next.
//!
//! Each definition and each instance has a file of its own, written under a temporary name and
//! renamed, so that runs at the same time do not disturb each other. The files can be read by their
//! owner alone, and hold nothing of an environment but `NJ_` settings. A file that cannot be read is
//! as good as none, and one that cannot be written costs the next run a call: neither is a failure.

use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, DirBuilder},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use xxhash_rust::xxh3::xxh3_128;

/// How long a file is kept that nothing asks for.
const UNUSED: Duration = Duration::from_hours(24);

/// A folder of files, one for each ARN; or nothing is kept.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: Option<PathBuf>,
    used: HashSet<OsString>,
    is_writable: bool,
}

impl Cache {
    /// The folder `name` in `parent`. It is made when something is written.
    pub(crate) fn new(parent: Option<&Path>, name: &str) -> Self {
        Self {
            folder: parent.map(|parent| parent.join(name)),
            used: HashSet::new(),
            is_writable: true,
        }
    }

    /// What was kept for `arn`, unless it is older than `age`.
    pub(crate) fn get<T: DeserializeOwned>(
        &mut self,
        arn: &str,
        age: Option<Duration>,
    ) -> Option<T> {
        let (value, since) = self.kept(arn)?;
        age.is_none_or(|age| since < age).then_some(value)
    }

    /// What was kept for `arn`, and how long ago.
    pub(crate) fn kept<T: DeserializeOwned>(&mut self, arn: &str) -> Option<(T, Duration)> {
        let name = file_name(arn);
        let path = self.folder.as_ref()?.join(&name);
        let written = fs::metadata(&path).ok()?.modified().ok()?;
        // A time in the future comes from a clock that was set since, and tells nothing.
        let since = SystemTime::now().duration_since(written);
        let bytes = fs::read(&path).ok()?;
        let (of, value): (String, T) = serde_json::from_slice(&bytes).ok()?;
        self.used.insert(name.into());
        (of == arn).then_some((value, since.unwrap_or(Duration::MAX)))
    }

    /// Keeps `value` for `arn`.
    pub(crate) fn put<T: Serialize>(&mut self, arn: &str, value: &T) {
        let Some(folder) = &self.folder else { return };
        let name = file_name(arn);
        if let Err(error) = write(folder, &name, &(arn, value)) {
            // Told once: the others fail for the same reason.
            if std::mem::replace(&mut self.is_writable, false) {
                let folder = folder.display();
                tracing::warn!(
                    "nothing can be kept in {folder}, so all is asked for again at every run: {error}"
                );
            }
            return;
        }
        self.used.insert(name.into());
    }

    /// Removes what was neither used in this run nor written in the last day.
    pub(crate) fn sweep(&self) {
        let listed = self
            .folder
            .as_ref()
            .and_then(|folder| fs::read_dir(folder).ok());
        for entry in listed.into_iter().flatten().flatten() {
            if self.used.contains(&entry.file_name()) {
                continue;
            }
            let written = entry.metadata().and_then(|data| data.modified());
            let since = written
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok());
            if since.is_some_and(|since| since > UNUSED) {
                // It may be gone already, and it costs nothing if it stays.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn file_name(arn: &str) -> String {
    format!("{:032x}.json", xxh3_128(arn.as_bytes()))
}

fn write(folder: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    // Temporary files are made for their owner alone.
    let mut file = tempfile::Builder::new()
        .prefix(".nightjar-")
        .tempfile_in(folder)?;
    file.write_all(&serde_json::to_vec(value)?)?;
    file.persist(folder.join(name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{error::Error, fs::File, os::unix::fs::PermissionsExt};

    type Outcome = Result<(), Box<dyn Error>>;

    const ARN: &str = "arn:aws:ecs:eu-west-1:1:task-definition/shop:7";
    const MINUTE: Option<Duration> = Some(Duration::from_mins(1));

    fn kept(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
        let entry = fs::read_dir(folder.join("some"))?.next().ok_or("no file")?;
        Ok(entry?.path())
    }

    fn aged(path: &Path, age: Duration) -> io::Result<()> {
        File::options()
            .write(true)
            .open(path)?
            .set_modified(SystemTime::now() - age)
    }

    #[test]
    fn what_is_kept_is_there_for_its_time_and_for_its_owner_alone() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::new(Some(temp.path()), "some");
        assert_eq!(cache.get::<String>(ARN, None), None);
        cache.put(ARN, &"seven");
        assert_eq!(cache.get(ARN, MINUTE), Some("seven".to_owned()));

        let file = kept(temp.path())?;
        assert_eq!(fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
        let folder = fs::metadata(temp.path().join("some"))?;
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);

        aged(&file, Duration::from_secs(61))?;
        assert_eq!(cache.get::<String>(ARN, MINUTE), None);
        assert_eq!(cache.get(ARN, None), Some("seven".to_owned()));
        Ok(())
    }

    #[test]
    fn a_file_of_another_kind_or_of_another_arn_is_no_file() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::new(Some(temp.path()), "some");
        cache.put(ARN, &"seven");
        let file = kept(temp.path())?;
        for content in ["", "{", "[\"other\",\"seven\"]", "[1,2,3]"] {
            fs::write(&file, content)?;
            assert_eq!(cache.get::<String>(ARN, None), None, "{content}");
        }
        Ok(())
    }

    #[test]
    fn only_what_nobody_asked_for_is_swept_after_a_day() -> Outcome {
        let temp = tempfile::tempdir()?;
        let mut cache = Cache::new(Some(temp.path()), "some");
        cache.put(ARN, &"seven");
        let file = kept(temp.path())?;
        aged(&file, UNUSED * 2)?;
        assert_eq!(cache.get(ARN, None), Some("seven".to_owned()));
        cache.sweep();
        assert!(file.exists());

        Cache::new(Some(temp.path()), "some").sweep();
        assert!(!file.exists());
        Ok(())
    }

    #[test]
    fn without_a_folder_nothing_is_kept() {
        let mut cache = Cache::new(None, "some");
        cache.put(ARN, &"seven");
        assert_eq!(cache.get::<String>(ARN, None), None);
        cache.sweep();
    }
}
