//! Commands out of the text of a block.

use e2e::markdown::Block;

/// The programs of this workspace that people start.
const OURS: [&str; 7] = [
    "nightjar",
    "nightjar-standalone",
    "nightjar-central",
    "ext-store-local",
    "ext-store-s3",
    "ext-discovery-ecs",
    "ext-discovery-cloudmap",
];

/// What else is run, because later commands build on it.
const OF_SHELL: [&str; 7] = ["cd", "chmod", "cp", "export", "mkdir", "mv", "printf"];

/// One command of a shell: a line, or several that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// As it is written, each white space one blank.
    pub(super) text: String,
    /// As a shell is to run it.
    pub(super) script: String,
    /// What is written to a file in place of a command: its name.
    pub(super) file: Option<String>,
}

/// The commands of a block of a page; a block that is a file of its own is one that writes it.
pub(super) fn of_block(block: &Block) -> Vec<Command> {
    let is_name = !block.about.is_empty() && !block.about.contains(['/', ' ']);
    match block.language.as_str() {
        "sh" if block.about.is_empty() => of_lines(block.text.lines()),
        "console" => of_lines(typed(&block.text)),
        "python" | "jsonc" if is_name => vec![Command {
            text: format!("save {}", block.about),
            script: block.text.clone(),
            file: Some(block.about.clone()),
        }],
        _ => Vec::new(),
    }
}

/// The commands of the examples of a help, which are indented.
pub(super) fn of_examples(text: &str) -> Vec<Command> {
    let lines = text
        .lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line));
    of_lines(lines)
}

/// The lines that a person types, and not those that answer.
fn typed(text: &str) -> impl Iterator<Item = &str> {
    let mut goes_on = false;
    text.lines().filter_map(move |line| {
        let typed = line.strip_prefix("$ ").or(goes_on.then_some(line));
        goes_on = typed.is_some_and(|typed| typed.ends_with('\\'));
        typed
    })
}

fn of_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut open = String::new();
    for line in lines {
        if open.is_empty() && (line.trim().is_empty() || line.starts_with('#')) {
            continue;
        }
        open.push_str(line);
        open.push('\n');
        if !line.ends_with('\\') && shell_words::split(&open).is_ok() {
            let script = std::mem::take(&mut open);
            let text = script.replace("\\\n", " ");
            commands.push(Command {
                text: text.split_whitespace().collect::<Vec<_>>().join(" "),
                script,
                file: None,
            });
        }
    }
    assert!(open.is_empty(), "a command does not end: {open}");
    commands
}

impl Command {
    /// The words of each program that it starts.
    pub(super) fn programs(&self) -> Vec<Vec<String>> {
        if self.file.is_some() {
            return Vec::new();
        }
        let words = shell_words::split(&self.script).unwrap();
        let all = words.split(|word| ["|", "&&", ";", "do", "done"].contains(&word.as_str()));
        all.map(|words| {
            let words = words.iter().skip_while(|word| is_assignment(word));
            words.cloned().collect::<Vec<_>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
    }

    fn first_is_of(&self, names: &[&str]) -> bool {
        let programs = self.programs();
        let mut firsts = programs.iter().filter_map(|words| words.first());
        firsts.any(|first| names.contains(&first.as_str()))
    }

    /// Whether it starts a program of ours, or a sample of the documentation.
    pub(super) fn is_ours(&self) -> bool {
        let programs = self.programs();
        let mut firsts = programs.iter().filter_map(|words| words.first());
        let is_sample = |first: &String| {
            let samples = ["./", "$SAMPLES/", "examples/extensions/"];
            samples.iter().any(|folder| first.starts_with(folder))
        };
        self.first_is_of(&OURS) || firsts.any(is_sample)
    }

    /// Whether later commands may build on it.
    pub(super) fn is_of_shell(&self) -> bool {
        self.file.is_some() || self.first_is_of(&OF_SHELL)
    }

    /// The words of each program of ours in it.
    pub(super) fn ours(&self) -> Vec<Vec<String>> {
        let is_ours = |words: &Vec<String>| {
            let first = words.first().map(String::as_str);
            first.is_some_and(|first| OURS.contains(&first))
        };
        self.programs().into_iter().filter(is_ours).collect()
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[test]
fn lines_become_commands() {
    let text = "# a comment\nA=1 nightjar render \\\n    --out x\n\nb='one\ntwo' c\ncat x | nightjar validate -\n";
    let commands = of_lines(text.lines());
    let texts: Vec<&str> = commands.iter().map(|it| it.text.as_str()).collect();
    let expected = [
        "A=1 nightjar render --out x",
        "b='one two' c",
        "cat x | nightjar validate -",
    ];
    assert_eq!(texts, expected);
    let ours: Vec<bool> = commands.iter().map(Command::is_ours).collect();
    assert_eq!(ours, [true, false, true]);
    assert_eq!(commands[2].ours(), [["nightjar", "validate", "-"]]);
    let console = "$ nightjar init \\\n    x\nan answer\n$ ls\nx\n";
    let typed: Vec<Command> = of_lines(typed(console));
    assert_eq!(typed.len(), 2);
    assert_eq!(typed[0].text, "nightjar init x");
}
