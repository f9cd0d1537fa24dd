//! As much of Rust as it takes to see which modules a file names.

/// A path in a file that begins at the crate or at a module, without what is imported for tests.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    /// The module that names it, from the crate's root.
    pub(super) from: Vec<String>,
    /// The path itself, from the crate's root.
    pub(super) to: Vec<String>,
}

/// What a file says of modules.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) mentions: Vec<Mention>,
    /// Modules in files of their own that are compiled for tests alone.
    pub(super) test_modules: Vec<Vec<String>>,
}

/// Reads the file of a module.
pub(super) fn read(module: &[String], text: &str) -> Source {
    let tokens = tokens(text);
    let mut source = Source::default();
    let mut reader = Reader {
        tokens: &tokens,
        next: 0,
        source: &mut source,
    };
    reader.block(&mut module.to_vec());
    source
}

struct Reader<'a> {
    tokens: &'a [String],
    next: usize,
    source: &'a mut Source,
}

impl Reader<'_> {
    /// Reads what is in a module, up to its closing brace.
    fn block(&mut self, module: &mut Vec<String>) {
        let mut is_for_tests = false;
        let mut depth = 0_usize;
        while let Some(token) = self.take() {
            match token.as_str() {
                "#" => {
                    is_for_tests |= self.attribute() == "[cfg(test)]";
                    continue;
                }
                "pub" => {
                    if self.peek() == "(" {
                        self.group();
                    }
                    continue;
                }
                "mod" => self.module(module, is_for_tests),
                // Whatever else is for tests: an import, or an item with its body.
                _ if is_for_tests => self.item(),
                "{" => depth += 1,
                "}" if depth == 0 => return,
                "}" => depth -= 1,
                "crate" | "self" | "super" if self.is_path() => self.path(&token, module),
                _ => {}
            }
            is_for_tests = false;
        }
    }

    /// Reads a module after its `mod`, in place or in a file of its own.
    fn module(&mut self, module: &mut Vec<String>, is_for_tests: bool) {
        let name = self.take().unwrap_or_default();
        module.push(name);
        match self.take().as_deref() {
            Some("{") if is_for_tests => self.rest_of_group(),
            Some("{") => self.block(module),
            Some(";") if is_for_tests => self.source.test_modules.push(module.clone()),
            _ => {}
        }
        module.pop();
    }

    /// Skips the rest of an item.
    fn item(&mut self) {
        while let Some(token) = self.take() {
            match token.as_str() {
                ";" => return,
                "{" => return self.rest_of_group(),
                "(" | "[" => self.rest_of_group(),
                _ => {}
            }
        }
    }

    /// Whether the word before is the first of a path.
    fn is_path(&self) -> bool {
        let before = self.next.checked_sub(2).and_then(|at| self.tokens.get(at));
        self.peek() == "::" && before.is_none_or(|before| before != "::")
    }

    /// Reads a path after its first word.
    fn path(&mut self, first: &str, module: &[String]) {
        let mut path = match first {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            _ => parent(module),
        };
        self.rest_of_path(&mut path, module);
    }

    /// Reads the words of a path, and the paths in its braces; gives it back as it was.
    fn rest_of_path(&mut self, path: &mut Vec<String>, module: &[String]) {
        let length = path.len();
        let mut is_whole = true;
        while self.peek() == "::" {
            self.take();
            match self.take().as_deref() {
                Some("super") => *path = parent(path),
                Some("{") => {
                    is_whole = false;
                    self.paths(path, module);
                }
                Some(word) if is_word(word) => path.push(word.to_owned()),
                // What is generic, or all that a module has.
                _ => break,
            }
        }
        if is_whole {
            self.source.mentions.push(Mention {
                from: module.to_vec(),
                to: path.clone(),
            });
        }
        path.truncate(length);
    }

    /// Reads the paths between braces.
    fn paths(&mut self, path: &mut Vec<String>, module: &[String]) {
        while let Some(token) = self.take() {
            match token.as_str() {
                "}" => return,
                "," => {}
                "as" => drop(self.take()),
                "{" => self.paths(path, module),
                "self" | "*" => self.source.mentions.push(Mention {
                    from: module.to_vec(),
                    to: path.clone(),
                }),
                _ => {
                    path.push(token);
                    self.rest_of_path(path, module);
                    path.pop();
                }
            }
        }
    }

    /// Reads an attribute after its `#`, and gives its text.
    fn attribute(&mut self) -> String {
        if self.peek() == "!" {
            self.take();
        }
        let start = self.next;
        if self.peek() == "[" {
            self.group();
        }
        self.tokens.get(start..self.next).unwrap_or(&[]).concat()
    }

    /// Skips a group from its opening bracket to its closing one.
    fn group(&mut self) {
        self.take();
        self.rest_of_group();
    }

    fn rest_of_group(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.take().as_deref() {
                Some("{" | "(" | "[") => depth += 1,
                Some("}" | ")" | "]") => depth -= 1,
                Some(_) => {}
                None => return,
            }
        }
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.next).map_or("", String::as_str)
    }

    fn take(&mut self) -> Option<String> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }
}

fn parent(module: &[String]) -> Vec<String> {
    let length = module.len().saturating_sub(1);
    module.iter().take(length).cloned().collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Words and signs, without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = comment(rest).or_else(|| literal(rest)) {
            length
        } else if first.is_alphanumeric() || first == '_' {
            let length = length_of_word(rest);
            tokens.push(rest.chars().take(length).collect());
            rest.chars().take(length).map(char::len_utf8).sum()
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    tokens
}

/// How many characters a word has.
fn length_of_word(text: &str) -> usize {
    let is_part = |c: &char| c.is_alphanumeric() || *c == '_';
    text.chars().take_while(is_part).count()
}

/// The length of a comment at the start of a text.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let mut rest = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let end = rest.find("*/")?;
        if let Some(start) = rest.find("/*").filter(|start| *start < end) {
            depth += 1;
            rest = rest.get(start + 2..)?;
        } else {
            depth -= 1;
            rest = rest.get(end + 2..)?;
        }
    }
    Some(text.len() - rest.len())
}

/// The length of a string, a character or a lifetime at the start of a text.
fn literal(text: &str) -> Option<usize> {
    let start = text
        .bytes()
        .take_while(|byte| b"brc".contains(byte))
        .count();
    let (prefix, rest) = text.split_at(start);
    match prefix {
        "r" | "br" | "cr" => raw_string(rest).map(|length| start + length),
        "" | "b" | "c" if rest.starts_with('"') => quoted(rest, '"').map(|length| start + length),
        "" | "b" if rest.starts_with('\'') => {
            let second = rest.chars().nth(1)?;
            let is_character = second == '\\' || rest.chars().nth(2) == Some('\'');
            if is_character {
                quoted(rest, '\'').map(|length| start + length)
            } else {
                Some(start + 1 + length_of_word(rest.get(1..)?))
            }
        }
        _ => None,
    }
}

/// The length of a text between quotes, with both.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !is_escaped {
            return Some(at + 1);
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    None
}

/// The length of what follows the `r` of a raw string.
fn raw_string(text: &str) -> Option<usize> {
    let hashes = text.find('"')?;
    let end = format!("\"{}", text.get(..hashes)?);
    if !end.trim_start_matches(['"', '#']).is_empty() {
        return None;
    }
    let body = text.get(hashes + 1..)?;
    Some(hashes + 1 + body.find(&end)? + end.len())
}
