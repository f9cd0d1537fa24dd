//! What four tasks of a template author take: each is a recipe, and the tests of the recipes run them.

use e2e::root;
use std::process::Command;

#[test]
fn each_of_four_tasks_takes_at_most_15_lines() {
    let output = Command::new(root().join("e2e/template-tasks.sh"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let table = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<u32> = table
        .lines()
        .filter_map(|row| row.split('|').nth(2)?.trim().parse().ok())
        .collect();
    assert_eq!(lines.len(), 4, "{table}");
    assert!(
        lines.iter().all(|lines| (1..=15).contains(lines)),
        "{table}"
    );
}
