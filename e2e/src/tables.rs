//! Tables that pages have below a comment such as `<!-- table: ext-store-local settings -->`, made
//! from the code.

use crate::markdown;
use std::collections::BTreeMap;

/// Who makes a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The types and files of the repository.
    Sources,
    /// Programs that run.
    Programs,
}

impl Maker {
    fn of(name: &str) -> Self {
        let is_told = name.ends_with(" settings")
            || ["calls of ext-", "exit codes of nightjar-", "metrics"]
                .iter()
                .any(|start| name.starts_with(start));
        if is_told {
            Self::Programs
        } else {
            Self::Sources
        }
    }

    /// Compares all tables of a maker with those of the pages. Neither side may have a row or a table that
    /// the other lacks.
    pub fn compare(self, mut made: BTreeMap<String, String>) {
        let mut wrong = Vec::new();
        for page in markdown::pages() {
            let mut tables = page.tables();
            tables.retain(|(name, _)| Self::of(name) == self);
            for (name, table) in tables {
                let expected = made.remove(&name).unwrap_or_else(|| {
                    panic!("{}: table {name:?} is unknown, or twice", page.name)
                });
                if table != expected {
                    wrong.push(format!(
                        "{}: table {name:?} should be\n\n{expected}\nand is\n\n{table}",
                        page.name
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let missing: Vec<String> = made
            .iter()
            .map(|(name, table)| format!("<!-- table: {name} -->\n{table}"))
            .collect();
        assert!(missing.is_empty(), "no page has\n\n{}", missing.join("\n"));
    }
}

/// A table in Markdown.
pub fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        let cells = row.map(|cell| escaped(&cell));
        text.push_str(&["| ", &cells.join(" | "), " |\n"].concat());
    }
    text
}

/// Markdown takes `<name>` for a tag, and `|` for the end of a cell.
fn escaped(cell: &str) -> String {
    let mut text = String::new();
    for (index, part) in cell.split('`').enumerate() {
        let is_code = index % 2 == 1;
        if index > 0 {
            text.push('`');
        }
        let part = part.replace('|', "\\|");
        text.push_str(&if is_code {
            part
        } else {
            part.replace('<', "&lt;")
        });
    }
    text
}

/// A number with a comma after each thousand.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
