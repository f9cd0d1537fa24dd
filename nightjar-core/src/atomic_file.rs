//! Files that are replaced in one step: a reader finds the old content or the new, and never a part.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// Ends the names of files that are being written beside the file that they will replace.
pub const TEMP_SUFFIX: &str = ".nightjar-new";
/// Begins the names of files that are being written where several processes may write at once.
const TEMP_PREFIX: &str = ".nightjar-";

/// Replaces a file by one that only its owner may read. Processes may do so at the same time.
///
/// # Errors
/// If the folder is not there or cannot be written.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    new_beside(path, content)?.persist(path)?;
    Ok(())
}

/// [`replace`] that survives a crash once it has returned; `mode` says who may read the file.
///
/// # Errors
/// As [`replace`].
pub fn replace_durably(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let file = new_beside(path, content)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder(path))?.sync_all()
}

/// Replaces a file that only this process writes. What a crash leaves of it has the name of
/// [`temp_path`].
///
/// # Errors
/// As [`replace`].
pub fn replace_own(path: &Path, content: &[u8]) -> io::Result<()> {
    let temp = temp_path(path);
    fs::write(&temp, content)?;
    fs::rename(&temp, path)
}

/// The path of the file that [`replace_own`] writes before it replaces another.
pub fn temp_path(path: &Path) -> PathBuf {
    let mut temp = OsString::from(path);
    temp.push(TEMP_SUFFIX);
    temp.into()
}

fn new_beside(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new()
        .prefix(TEMP_PREFIX)
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder(path))?;
    file.write_all(content)?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.json");
        let check = |content: &str, mode: u32| {
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{content}");
            assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        };
        replace(&path, b"one").unwrap();
        check("one", 0o600);
        replace_durably(&path, b"two", 0o644).unwrap();
        check("two", 0o644);
        replace(&path, b"three").unwrap();
        check("three", 0o600);
        replace_own(&path, b"four").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "four");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
        replace(&folder.path().join("absent/map.json"), b"").unwrap_err();
    }
}
