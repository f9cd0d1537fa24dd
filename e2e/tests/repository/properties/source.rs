//! The functions and constants of a test file, as far as it takes to see what a test sets.

use std::collections::BTreeMap;

/// The items of one file by their names; those of one name are one.
pub(super) struct Source(BTreeMap<String, Item>);

#[derive(Default)]
struct Item {
    text: String,
    is_test: bool,
}

impl Source {
    /// Reads a file that rustfmt has formatted: an item ends where its first line's indentation ends it.
    pub(super) fn read(text: &str) -> Self {
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        let mut is_test = false;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            is_test |= line.trim() == "#[test]" || line.trim().starts_with("#[tokio::test");
            let Some(name) = item_name(line) else {
                continue;
            };
            let item = items.entry(name.to_owned()).or_default();
            item.is_test |= std::mem::take(&mut is_test);
            item.text.push_str(line);
            let indent = &line[..line.len() - line.trim_start().len()];
            let is_whole = line.ends_with(';') || line.ends_with('}');
            let is_end = |line: &str| {
                let rest = line.strip_prefix(indent).unwrap_or_default();
                rest.starts_with(['}', ']', ')']) && rest.ends_with([';', '}'])
            };
            if is_whole {
                continue;
            }
            for line in lines.by_ref() {
                item.text.push_str(line);
                item.text.push('\n');
                if is_end(line) {
                    break;
                }
            }
        }
        Self(items)
    }

    /// The text of a test with what it uses of its file, directly or not.
    pub(super) fn test(&self, name: &str) -> Option<String> {
        let test = self.0.get(name).filter(|item| item.is_test)?;
        let mut used: BTreeMap<&str, &Item> = BTreeMap::from([(name, test)]);
        let mut next = vec![test];
        while let Some(item) = next.pop() {
            for word in words(&item.text) {
                if let Some((name, item)) = self.0.get_key_value(word)
                    && !item.is_test
                    && used.insert(name, item).is_none()
                {
                    next.push(item);
                }
            }
        }
        Some(used.values().map(|item| &*item.text).collect())
    }
}

/// The name of the function or constant that begins on a line.
fn item_name(line: &str) -> Option<&str> {
    let mut parts = line.split_whitespace().peekable();
    while parts
        .next_if(|part| part.starts_with("pub") || *part == "async")
        .is_some()
    {}
    parts.next_if(|part| ["fn", "const", "static"].contains(part))?;
    words(parts.next()?).next()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}
