//! File of a secret, and the files of keys and certificates that it names.

use std::{
    fs,
    hash::{DefaultHasher, Hasher as _},
    os::unix::fs::MetadataExt as _,
};

/// The most that is read of a file to tell it from others.
const LARGEST_FILE: u64 = 4 << 20;

/// A file as it is at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileState {
    pub(super) hash: u64,
    /// When it was put there, in milliseconds since 1970.
    pub(super) since: u64,
    /// Which files are in the places that it names: another hash if one was renamed into its place.
    pub(super) named: u64,
}

/// Where files are read.
pub(super) trait FileSystem {
    /// A file as it is now, `None` if it cannot be read.
    fn read_state(&self, path: &str) -> Option<FileState>;
}

/// The file system.
pub(super) struct Disk;

impl FileSystem for Disk {
    fn read_state(&self, path: &str) -> Option<FileState> {
        // A pipe would hold the program up.
        let metadata = fs::metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILE {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let since = metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000;
        Some(FileState {
            hash: hash_of(&bytes),
            since: u64::try_from(since).ok()?,
            named: identities(&String::from_utf8_lossy(&bytes)),
        })
    }
}

fn hash_of(value: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A hash of which files are in the places that a text names. Envoy does not notice one that is written
/// in place, and that does not change it either.
fn identities(text: &str) -> u64 {
    let identity = |path: &str| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let named: Vec<_> = filenames(text).map(identity).collect();
    hash_of(&named)
}

/// The values of members `filename`, in JSON or YAML.
fn filenames(text: &str) -> impl Iterator<Item = &str> {
    let between = |letter: char| letter.is_whitespace() || "\"':".contains(letter);
    let ends = |letter: char| letter.is_whitespace() || "\"',}".contains(letter);
    let after = text.split("filename").skip(1);
    after.filter_map(move |rest| rest.trim_start_matches(between).split(ends).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_that_a_secret_names_are_read_of_json_and_yaml() {
        let json = r#"{"a": {"filename": "/k/chain.pem"}, "b": {"filename":"/k/key.pem"}}"#;
        let yaml = "a:\n  filename: /k/chain.pem\nb: {filename: '/k/key.pem'}\n";
        for text in [json, yaml] {
            let names: Vec<&str> = filenames(text).collect();
            assert_eq!(names, ["/k/chain.pem", "/k/key.pem"], "{text}");
        }
        assert_eq!(filenames("{}").count(), 0);
    }

    #[test]
    fn a_file_that_is_renamed_into_place_is_another_and_one_written_in_place_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (secret, key) = (path("sds.json"), path("key.pem"));
        assert_eq!(Disk.read_state(&secret), None);
        fs::write(&secret, format!(r#"{{"filename": "{key}"}}"#)).unwrap();
        let without = Disk.read_state(&secret).unwrap();
        fs::write(&key, "1").unwrap();
        let first = Disk.read_state(&secret).unwrap();
        assert_ne!(first.named, without.named);
        fs::write(&key, "22").unwrap();
        assert_eq!(Disk.read_state(&secret).unwrap(), first);
        fs::write(path("new"), "1").unwrap();
        fs::rename(path("new"), &key).unwrap();
        let renamed = Disk.read_state(&secret).unwrap();
        assert_ne!(renamed.named, first.named);
        assert_eq!(renamed.hash, first.hash);
        assert_eq!(
            Disk.read_state(&folder.path().display().to_string()),
            None,
            "a folder"
        );
    }
}
