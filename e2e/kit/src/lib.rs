//! What the tests of all crates share. It knows nothing of Nightjar but the form of its documents.
//!
//! ```text
//! folder  a folder of a test's own, and programs that run in it
//! maps    discovery maps in few words
//! ports   ports that nobody else takes
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "this is test equipment: a panic is how a test fails"
)]

mod folder;
pub mod maps;
pub mod ports;

pub use folder::{Folder, Outcome};

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take that a test waits for; far more than it should.
pub const WAIT_TIMEOUT: Duration = Duration::from_mins(1);

/// Waits until `seen` gives something; fails with `what` if it does not in time.
pub fn eventually<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "not within {WAIT_TIMEOUT:?}: {what}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}
