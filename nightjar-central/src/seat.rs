//! Where a running instance leaves word of its readiness.
//!
//! This program has no folder of its own, so it takes one beside the temporary files, whose name
//! follows from the environment: whoever has the same environment finds it. Instances that share
//! an environment and a file system take one each.

use nightjar_core::daemon::word::{self, Lock, Place};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// How many instances with one environment find a folder.
const SEATS: usize = 16;

/// A folder that this instance owns, and removes at its end.
pub(crate) struct Seat {
    folder: PathBuf,
    place: Place,
    _lock: Lock,
}

impl Seat {
    /// Takes the first folder that nobody owns; `None` if there is none left. One that cannot be had,
    /// as an instance of another user left it behind, is passed over.
    ///
    /// # Errors
    /// If a folder cannot be made or written, and there is no other.
    pub(crate) fn take(seats: &Path) -> io::Result<Option<Self>> {
        let mut fault = None;
        for folder in folders(seats) {
            match own(&folder) {
                Ok(Some(lock)) => {
                    return Ok(Some(Self {
                        place: Place::within(&folder),
                        folder,
                        _lock: lock,
                    }));
                }
                Ok(None) => {}
                Err(error) => fault = Some(error),
            }
        }
        fault.map_or(Ok(None), Err)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }
}

fn own(folder: &Path) -> io::Result<Option<Lock>> {
    fs::create_dir_all(folder)?;
    match word::own(folder) {
        // Its owner ended just now, and removed it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(folder)?;
            word::own(folder)
        }
        owned => owned,
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // What is left costs a few bytes, and the next instance with these settings takes it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether an instance says that it is ready, and all that it says.
///
/// # Errors
/// What stands against it, for people.
pub(crate) fn check(seats: &Path) -> Result<String, String> {
    let mut reason = None;
    for folder in folders(seats).filter(|folder| word::is_owned(folder)) {
        match word::check(&folder) {
            Ok(text) => return Ok(text),
            Err(other) => reason = reason.or(Some(other)),
        }
    }
    Err(reason.unwrap_or_else(|| "not ready: no instance runs with these settings".to_owned()))
}

fn folders(seats: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=SEATS).map(|number| {
        let mut name = seats.to_owned().into_os_string();
        name.push(format!("-{number}"));
        name.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_core::daemon::{Readiness, word::Word};

    fn says(seat: &Seat, obstacle: Option<&str>) {
        let word = Word::of(Readiness::new(obstacle, &[]));
        seat.place().leave(&word).unwrap();
    }

    #[test]
    fn one_of_several_instances_that_is_ready_is_enough() {
        let folder = tempfile::tempdir().unwrap();
        let seats = folder.path().join("seats");
        let nobody = Err("not ready: no instance runs with these settings".to_owned());
        assert_eq!(check(&seats), nobody);
        let first = Seat::take(&seats).unwrap().unwrap();
        let second = Seat::take(&seats).unwrap().unwrap();
        says(&first, Some("no map yet"));
        says(&second, Some("stopping"));
        assert_eq!(check(&seats), Err("not ready: no map yet\n".to_owned()));
        says(&second, None);
        assert_eq!(check(&seats), Ok("ready\n".to_owned()));
        drop(second);
        assert_eq!(check(&seats), Err("not ready: no map yet\n".to_owned()));
        drop(first);
        assert_eq!(check(&seats), nobody);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_had_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let seats = folder.path().join("seats");
        fs::write(folder.path().join("seats-1"), "").unwrap();
        let seat = Seat::take(&seats).unwrap().unwrap();
        says(&seat, None);
        assert_eq!(check(&seats), Ok("ready\n".to_owned()));
    }
}
