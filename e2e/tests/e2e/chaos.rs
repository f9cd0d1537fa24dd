//! A short run of the chaos campaign; `make chaos` has the long ones.

use e2e::{envoy, program, root};
use std::{
    io::Write as _,
    process::{Command, Output},
};

/// A schedule of all kinds, a commit among them that is done and reported as failed.
const SCHEDULE: [&str; 6] = ["--seed", "2580", "--seconds", "18", "--proxies", "6"];
/// How many faults that schedule has.
const FAULTS: usize = 13;

fn campaign(arguments: &[&str]) -> Output {
    Command::new(root().join(".venv/bin/python"))
        .arg(root().join("e2e/campaigns/chaos.py"))
        .args(SCHEDULE)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The number before a word in what was printed.
fn count(printed: &str, what: &str) -> u32 {
    let words: Vec<&str> = printed.split([' ', '\n', ',']).collect();
    let pairs = words.windows(2);
    let mut found = pairs
        .filter(|pair| pair[1] == what)
        .filter_map(|pair| pair[0].parse().ok());
    found
        .next_back()
        .unwrap_or_else(|| panic!("no number of {what}:\n{printed}"))
}

#[test]
fn a_seed_makes_the_same_schedule_each_time() {
    let plan = text(&campaign(&["--plan"]).stdout);
    assert_eq!(text(&campaign(&["--plan"]).stdout), plan);
    let faults = plan.lines().filter(|line| !line.contains(" map "));
    assert_eq!(faults.count(), FAULTS, "{plan}");
}

#[test]
fn a_small_mesh_outlives_a_short_time_of_faults() {
    let folder = tempfile::tempdir().unwrap();
    let programs = program("nightjar-standalone");
    let run = campaign(&[
        "--programs",
        programs.parent().unwrap().to_str().unwrap(),
        "--envoy",
        envoy().to_str().unwrap(),
        "--folder",
        folder.path().to_str().unwrap(),
    ]);
    let printed = text(&run.stdout);
    // Past the test harness, which would keep the figures of a test that passes to itself.
    let figures = printed.lines().filter(|line| line.contains(" requests, "));
    let _ = writeln!(std::io::stderr(), "{}", figures.collect::<String>());
    assert_eq!(
        (run.status.code(), text(&run.stderr).as_str()),
        (Some(0), ""),
        "{printed}"
    );
    assert_eq!(count(&printed, "violations"), 0, "{printed}");
    assert_eq!(count(&printed, "lost"), 0, "{printed}");
    assert!(count(&printed, "requests") > 1000, "{printed}");
    // A busy machine may not be in time for each.
    assert!(count(&printed, "faults") >= 7, "{printed}");
}
