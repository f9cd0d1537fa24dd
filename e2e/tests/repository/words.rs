//! Names that were replaced by the field's own words, and do not come back.

use e2e::root;
use std::{collections::BTreeSet, fs};

/// A name of before, and what it is called now.
const REPLACED: [(&str, &str); 25] = [
    ("AtOnce", "Trigger::Sighup or Trigger::WakeUp"),
    ("Bearer", "Scope"),
    ("Due", "Trigger"),
    ("Fate", "Disposition"),
    ("INSTANT", "a name that ends with _TIMEOUT"),
    ("InTime", "Trigger::Interval"),
    ("LAST_WORDS", "LOG_DRAIN_TIMEOUT"),
    ("LONGEST_VISIT", "a name that ends with _TIMEOUT"),
    ("MOST_CLIENTS", "MAX_CLIENTS"),
    ("Offer", "Candidate"),
    ("PATIENCE", "a name that ends with _TIMEOUT"),
    ("Pace", "RefreshTimer or RateLimiter"),
    ("TOLD", "WARNING_REPEAT"),
    ("Verdict", "Ack"),
    ("Wound", "a type that validates itself"),
    ("clear_away", "reap_zombies"),
    ("give_again", "mark_dirty"),
    ("glance", "peek"),
    ("heal", "restore"),
    ("is_in_doubt", "is_empty_map_pending"),
    ("is_silent", "unresponsive"),
    ("leave_word", "publish"),
    ("orphans", "reaper"),
    ("seat", "instance_dir"),
    ("speaks_for", "applies_to"),
];

/// The names in a line of code, without its comment and its texts.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let code = code.split('"').step_by(2);
    code.flat_map(move |code| code.split(move |letter| !is_part(letter)))
}

#[test]
fn no_name_that_was_replaced_is_used() {
    let mut found = BTreeSet::new();
    let mut files = 0;
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let name = path.file_name().unwrap().to_str().unwrap();
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with(file!()) {
                files += 1;
                let text = fs::read_to_string(&path).unwrap();
                for (number, line) in text.lines().enumerate() {
                    for (old, new) in REPLACED {
                        if names(line).any(|name| name == old) {
                            let place = path.strip_prefix(root()).unwrap().display();
                            found.insert(format!("{place}:{}: {old} is now {new}", number + 1));
                        }
                    }
                }
            }
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(files > 500, "{files} files");
}

#[test]
fn names_are_found_in_code_and_not_in_comments() {
    let line = "let seat = glance(Verdict::Open); // a heal";
    let all: Vec<&str> = names(line).filter(|name| !name.is_empty()).collect();
    assert_eq!(all, ["let", "seat", "glance", "Verdict", "Open"]);
}
