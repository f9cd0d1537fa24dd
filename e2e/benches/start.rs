//! How soon the operator's tool answers: its start and its end, with hardly any work between.
//!
//! Run it with `make bench`, which builds the programs as they are shipped.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and may fail as it likes"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How often each command is run.
const RUNS: usize = 200;

fn main() {
    let nightjar = e2e::program("nightjar");
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("cds.json.mustache");
    std::fs::write(&template, "{}").unwrap();
    let template = template.display().to_string();
    for (program, arguments) in [
        (Path::new("true"), &[][..]),
        (&nightjar, &["--version"]),
        (&nightjar, &["template", "--help"]),
        (&nightjar, &["template", "lint", &template]),
    ] {
        let name = program.file_name().unwrap_or_default().display();
        let shown = arguments.join(" ").replace(&template, "FILE");
        let (median, worst) = timed(program, arguments);
        println!("start, {name} {shown}: median {median:.1?}, longest {worst:.1?} ({RUNS} runs)");
    }
}

/// The median and the longest of many runs, from the start of the process to its end.
fn timed(program: &Path, arguments: &[&str]) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            let status = Command::new(program)
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.unwrap().success());
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let median = times.get(RUNS / 2).copied().unwrap_or_default();
    (median, times.last().copied().unwrap_or_default())
}
