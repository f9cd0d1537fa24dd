//! What an extension prints, and how its failures are told.

use super::*;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// Collects what this thread logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn start(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || log.clone())
            .without_time()
            .with_target(false)
            .with_ansi(false);
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failure_is_reported_with_code_and_last_lines() {
    let scene = Scene::new(
        r#"for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $n" >&2; done
           echo "not quoted"; printf 'bad \377 byte \033[31m' >&2; exit 3"#,
    );
    let expected = "fetch of discovery-map by sh failed: it exited with code 3; \
                    its standard error ends with:\n  | line 4\n  | line 5\n  | line 6\n  \
                    | line 7\n  | line 8\n  | line 9\n  | line 10\n  | line 11\n  | line 12\n  \
                    | bad \u{fffd} byte \\u{1b}[31m";
    assert_eq!(failure(&scene).await, (expected.to_owned(), false));
}

#[tokio::test]
async fn a_crash_names_the_signal() {
    let expected = "fetch of discovery-map by sh failed: it was killed by signal 11; \
                    its standard error ends with:\n  | about to crash";
    let scene = Scene::new("echo about to crash >&2; kill -SEGV $$");
    assert_eq!(failure(&scene).await, (expected.to_owned(), false));
}

#[tokio::test]
async fn megabytes_of_output_neither_block_nor_fill_the_log() {
    let scene = Scene::new(
        r#"head -c 5000000 /dev/zero | tr '\0' x &
           yes 'the same line again and again' | head -n 200000 >&2
           wait; printf '{}' >"$file""#,
    );
    let log = Log::default();
    let guard = log.start();
    let fetched = fetch(&scene.discovery_map(), None).await.unwrap();
    drop(guard);
    assert_eq!(fetched, FetchOutcome::New(b"{}".to_vec()));
    let text = log.text();
    // 4 KiB of the endless line, then 256 KiB of lines of 29 bytes, then a line about the rest.
    let repeated = "INFO the same line again and again extension=\"sh\"";
    let cut_line = format!("INFO {} extension=\"sh\"", "x".repeat(4096));
    let logged = (256 * 1024_usize).div_ceil(29);
    assert_eq!(
        text.lines().filter(|line| line.trim() == repeated).count(),
        logged
    );
    assert_eq!(
        text.lines().filter(|line| line.trim() == cut_line).count(),
        1
    );
    let rest: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| *line != repeated && *line != cut_line)
        .collect();
    let left_out = 200_000 - logged;
    assert_eq!(
        rest,
        [format!(
            "WARN {left_out} more lines of output were not logged extension=\"sh\""
        )]
    );
}

#[tokio::test]
async fn output_is_passed_on_line_by_line() {
    let scene = Scene::new(
        r#"echo "to standard output"; echo; echo "to standard error" >&2; printf x >"$file""#,
    );
    let log = Log::default();
    let guard = log.start();
    fetch(&scene.discovery_map(), None).await.unwrap();
    drop(guard);
    let text = log.text();
    let mut lines: Vec<&str> = text.lines().collect();
    // Two streams: which line comes first is left to chance.
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            " INFO to standard error extension=\"sh\"",
            " INFO to standard output extension=\"sh\""
        ]
    );
}
