//! As much of Markdown as the tests of the documentation need.

use crate::root;
use std::{fs, path::Path};

/// A page of the documentation.
pub struct Page {
    /// Its path from the root of the repository.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// A block between fences. What stands behind the opening one is its language, and what it is.
pub struct Block {
    /// Where its opening fence is, counted from 1.
    pub line: usize,
    /// The first word behind that fence.
    pub language: String,
    /// The other words.
    pub about: String,
    /// Its lines, each with its end.
    pub text: String,
}

/// The front pages, everything in `docs/`, and the pages of the examples.
pub fn pages() -> Vec<Page> {
    let front = ["CONTRIBUTING.md", "README.md", "SECURITY.md"];
    let mut names = front.map(ToOwned::to_owned).to_vec();
    for folder in [
        "docs",
        "examples/aws-ecs-tags",
        "examples/central-and-s3",
        "examples/extensions",
        "examples/simple-mesh",
    ] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.extend(
            files
                .filter(|file| Path::new(file).extension().is_some_and(|end| end == "md"))
                .map(|file| format!("{folder}/{file}")),
        );
    }
    names.sort();
    let read = |name: String| Page {
        text: fs::read_to_string(root().join(&name)).unwrap(),
        name,
    };
    names.into_iter().map(read).collect()
}

/// A page by its path from the root of the repository.
pub fn page(name: &str) -> Page {
    let mut pages = pages().into_iter();
    let page = pages.find(|page| page.name == name);
    page.unwrap_or_else(|| panic!("there is no {name}"))
}

/// The rows of the first table below a heading or comment, each in its cells.
pub fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = text.split_once(heading).unwrap();
    let rows = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

/// What a text has between backticks.
pub fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

impl Page {
    /// The tables below a comment with their name, as `(name, lines)`.
    pub fn tables(&self) -> Vec<(String, String)> {
        let mut tables = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            let name = line
                .strip_prefix("<!-- table: ")
                .and_then(|rest| rest.strip_suffix(" -->"));
            if let Some(name) = name {
                let rows = lines.by_ref().take_while(|line| line.starts_with('|'));
                let table = rows.flat_map(|row| [row, "\n"]).collect();
                tables.push((name.to_owned(), table));
            }
        }
        tables
    }

    /// Its blocks, in order.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(info), None) => {
                    let (language, about) = info.split_once(' ').unwrap_or((info, ""));
                    open = Some(Block {
                        line: index + 1,
                        language: language.to_owned(),
                        about: about.to_owned(),
                        text: String::new(),
                    });
                }
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block is not closed", self.name);
        blocks
    }

    /// The lines that are not in a block.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut inside = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.starts_with("```");
            inside ^= is_fence;
            !inside && !is_fence
        })
    }

    /// Where links and pictures lead, other sites left out.
    pub fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for line in self.prose() {
            for piece in line.split("](").skip(1) {
                let link = piece.split(')').next().unwrap_or_default();
                if !link.contains("://") {
                    links.push(link.to_owned());
                }
            }
        }
        links
    }

    /// Its pictures: the words for those who do not see them, and where they lead.
    pub fn pictures(&self) -> Vec<(String, String)> {
        let pieces = self.prose().flat_map(|line| line.split("![").skip(1));
        let pictures = pieces.filter_map(|piece| {
            let (words, rest) = piece.split_once("](")?;
            let (path, _) = rest.split_once(')')?;
            Some((words.to_owned(), path.to_owned()))
        });
        pictures.collect()
    }

    /// The path from the root of what this page calls `path`.
    pub fn resolve(&self, path: &str) -> String {
        if path.is_empty() {
            return self.name.clone();
        }
        let mut parts: Vec<&str> = self.name.split('/').collect();
        parts.pop();
        for part in path.trim_end_matches('/').split('/') {
            match part {
                ".." => drop(parts.pop()),
                "." => {}
                part => parts.push(part),
            }
        }
        parts.join("/")
    }

    /// The names by which headings can be linked to.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings
            .map(|line| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                let kept = title
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
                kept.map(|c| if c == ' ' { '-' } else { c }).collect()
            })
            .collect()
    }

    /// Words that look like the variables of our programs.
    pub fn variables(&self) -> Vec<String> {
        let of_variable = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let words = self.text.split(|c: char| !of_variable(c));
        words
            .filter(|word| {
                ["NJ_", "ENVOY_", "DISCOVERY_MAP_", "DATA_STORE_"]
                    .iter()
                    .any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
            })
            .map(ToOwned::to_owned)
            .collect()
    }
}
