//! Messages that pages explain, held to the texts in the code.

use e2e::{
    markdown::{self, quoted, rows},
    root,
};
use std::{fs, path::Path};

/// Tables whose first column quotes messages: the page, and the text before the table. `…` in a message is
/// what differs.
const TABLES: [(&str, &str); 3] = [
    (
        "docs/discovery-aws-ecs-task-tags.md",
        "\nWhat to do about them:\n",
    ),
    ("docs/entry-standalone.md", "\n### What `/ready` says\n"),
    ("docs/entry-standalone.md", "\n## Logs\n"),
];

/// All source texts, with texts that go on in the next line as one.
fn sources() -> String {
    let mut all = String::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "tests", "e2e"].contains(&name) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push_str(&texts(&path));
            }
        }
    }
    all
}

fn texts(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut pieces = text.split("\\\n");
    let first = pieces.next().unwrap_or_default().to_owned();
    let whole = pieces.fold(first, |whole, piece| whole + piece.trim_start());
    whole.replace("\\\"", "\"")
}

#[test]
fn every_message_that_a_page_explains_is_one_of_the_code() {
    let sources = sources();
    let mut count = 0;
    let mut missing = Vec::new();
    for (page, heading) in TABLES {
        for row in rows(&markdown::page(page).text, heading) {
            for message in quoted(&row[0]) {
                let mut parts = message
                    .split('…')
                    .map(|part| part.trim_matches([' ', ':', ';', '?', '(', ')']));
                count += 1;
                if let Some(part) = parts.find(|part| !sources.contains(part)) {
                    missing.push(format!("{page}: {message:?}, as no text has {part:?}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(count > 50, "{count} messages");
}
