//! The command lines of the documentation and of `nightjar --help`, run as they stand there.
//!
//! ```text
//! shell   commands out of the text of a block
//! scene   the folder that they are run in
//! lists   what is not run and why, and what ends otherwise than with 0
//! ```
//!
//! All commands of a page are one script, in the order of the page, so that a folder or a variable of
//! an earlier block holds for the later ones. A command of our programs that is neither run nor listed
//! cannot be; a list that names a command that is not there any more is a failure too.

mod lists;
mod scene;
mod shell;

use e2e::{markdown, program, root};
use lists::{DRY_RUN, ENDS, NOT_RUN, means};
use scene::Scene;
use shell::Command;
use std::{collections::BTreeSet, fs, thread};

/// A page, or what a program says of itself, with its commands.
struct Source {
    name: String,
    commands: Vec<Command>,
}

/// The pages of the documentation, and the README of a starter.
fn pages() -> Vec<Source> {
    let starter = "nightjar-cli/starter/README.md";
    let page = |name: String, text: String| {
        let blocks = markdown::Page {
            name: name.clone(),
            text,
        }
        .blocks();
        let commands = blocks.iter().flat_map(shell::of_block).collect();
        Source { name, commands }
    };
    let pages = markdown::pages().into_iter();
    let starter_text = fs::read_to_string(root().join(starter)).unwrap();
    pages
        .map(|one| page(one.name, one.text))
        .chain([page(starter.to_owned(), starter_text)])
        .collect()
}

/// The examples of a command of `nightjar`, and of those below it.
fn helps(verb: &str) -> Vec<Source> {
    let mut command = std::process::Command::new(program("nightjar"));
    let output = command
        .args(verb.split_whitespace())
        .arg("--help")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let after = |heading: &str| text.split_once(heading).map_or("", |(_, after)| after);
    let mut sources = vec![Source {
        name: format!("nightjar {verb} --help"),
        commands: shell::of_examples(after("\nExample:\n")),
    }];
    let below = after("\nCommands:\n")
        .lines()
        .take_while(|line| !line.is_empty());
    let below = below.filter_map(|line| line.split_whitespace().next());
    for name in below.filter(|name| *name != "help") {
        sources.extend(helps([verb, name].join(" ").trim()));
    }
    sources
}

fn sources() -> Vec<Source> {
    let all = pages().into_iter().chain(helps(""));
    all.filter(|source| source.commands.iter().any(Command::is_ours))
        .collect()
}

fn is_listed(source: &Source, command: &Command) -> bool {
    NOT_RUN
        .iter()
        .any(|(page, text, _)| *page == source.name && means(text, &command.text))
}

/// A command that would run until it is stopped, as a dry run; any other as it is.
fn dry(source: &Source, command: &Command) -> Command {
    let mut command = command.clone();
    let mut listed = DRY_RUN.iter();
    if listed.any(|(page, text)| *page == source.name && means(text, &command.text)) {
        command.script.truncate(command.script.trim_end().len());
        command.script.push_str(" --dry-run\n");
    }
    command
}

/// What the commands of a page did that they should not.
fn run(source: &Source) -> Vec<String> {
    let scene = Scene::new(&source.commands);
    let ours_or_shell = |command: &&Command| command.is_ours() || command.is_of_shell();
    let commands = source.commands.iter().filter(ours_or_shell);
    let (listed, run): (Vec<_>, Vec<_>) = commands.partition(|it| is_listed(source, it));
    let mut wrong: Vec<String> = listed.iter().filter_map(|it| scene.misread(it)).collect();
    let run: Vec<Command> = run.into_iter().map(|it| dry(source, it)).collect();
    for (command, ended) in run.iter().zip(scene.run(&run)) {
        let expected = ENDS
            .iter()
            .find(|(page, text, _)| *page == source.name && *text == command.text);
        let expected = expected.map_or(0, |(_, _, code)| *code);
        if ended.code != Some(expected) {
            wrong.push(format!(
                "{}: {}\n  exit code {:?} instead of {expected}: {}",
                source.name, command.text, ended.code, ended.said
            ));
        }
    }
    wrong
}

#[test]
fn every_command_line_does_what_its_page_says() {
    let sources = sources();
    let count: usize = sources.iter().map(|source| source.commands.len()).sum();
    println!("{count} commands in {} sources", sources.len());
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(source) =
                    sources.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let found = run(source);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A list says what is there, and nothing twice.
#[test]
fn every_listed_command_is_there() {
    let sources = sources();
    let is_there = |page: &str, text: &str| {
        let source = sources.iter().find(|source| source.name == page);
        source.is_some_and(|source| source.commands.iter().any(|it| means(text, &it.text)))
    };
    let listed = NOT_RUN.iter().map(|(page, text, _)| (*page, *text));
    let ends = ENDS.iter().map(|(page, text, _)| (*page, *text));
    for (page, text) in listed.clone().chain(ends).chain(DRY_RUN.iter().copied()) {
        assert!(is_there(page, text), "{page} does not have: {text}");
    }
    let different: BTreeSet<_> = listed.clone().collect();
    assert_eq!(different.len(), listed.count());
}
