//! The rules of fetching, for both kinds of extension.

use super::{
    bench::{Bench, Caller, Kind},
    rule::{Check, Checked, Deviation, Rule, rules},
    run::{Fetched, Run, described_code},
};
use nightjar_core::{
    env::CommandLine,
    extension::args::{EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED},
};
use std::ffi::{OsStr, OsString};

/// How often a source is looked at that may change by itself between two runs.
const TRIES: u32 = 3;

/// The rules that come first, as others need a document, and use the version that 30 refers to.
pub(super) const FIRST: &[Rule] = rules![
    "blank-previous-version" "how-it-is-called"
        "With a blank --previous-document-version the answer is the document: that is how a caller begins."
        => blank_previous_version;
    "unchanged-30" "how-it-ends"
        "With the version that is current the answer is exit code 30, so that an unchanged document costs callers nothing."
        => unchanged_30;
];

/// The rule that decides whether others may be tried at the same time.
pub(super) const AT_ONCE: &[Rule] = rules![
    "runs-at-once" "what-the-caller-does"
        "Several callers may run it at the same time, each with its own NJ_TEMP_DIR: all proxies of a host start at once."
        => runs_at_once;
];

pub(super) const RULES: &[Rule] = rules![
    "absent-previous-version" "how-it-is-called"
        "Without --previous-document-version the answer is the document, as with a blank one."
        => absent_previous_version;
    "other-version" "how-it-ends"
        "With a version that is not the current one the answer is the document, even if the version is from nowhere."
        => other_version;
    "version-is-opaque" "how-it-is-called"
        "A version is text that means nothing: quotes, blanks, letters beyond ASCII and 4096 bytes are one that is not current."
        => version_is_opaque;
    "arguments-in-any-order" "how-it-is-called"
        "Arguments come in any order: their names tell what they are."
        => arguments_in_any_order;
    "unknown-arguments" "how-it-is-called"
        "Arguments that it does not know are ignored: a later version of the protocol may pass more."
        => unknown_arguments;
    "no-abbreviations" "how-it-is-called"
        "An argument counts under its whole name alone: one that only begins like a known one is unknown."
        => no_abbreviations;
    "last-argument-counts" "how-it-is-called"
        "Of an argument that is repeated the last one counts: the words of the command line come first."
        => last_argument_counts;
    "path-of-the-file" "how-it-is-called"
        "The path of the action file may have blanks, quotes, = and letters beyond ASCII."
        => path_of_the_file;
    "other-api-version" "how-it-is-called"
        "Another --api-version than 1 ends with a fatal code: what it would mean is not known."
        => other_api_version;
    "unwritable-file" "how-it-ends"
        "Where the file cannot be written the exit code is not 0, which would say that it is there."
        => unwritable_file;
    "unknown-variables" "how-it-is-called"
        "Variables that it does not know change nothing: the environment is inherited, and a later version may add more."
        => unknown_variables;
    "setting-from-environment" "how-it-is-called"
        "Settings come from the environment: without one that it needs it ends with a fatal code and names it."
        => setting_from_environment;
    "same-content-same-version" "versions-and-commits"
        "As long as the content stays the version does: each new one makes every proxy render and compare its files."
        => same_content_same_version;
    "version-for-all" "versions-and-commits"
        "The version depends on the content alone, and not on what is kept in NJ_TEMP_DIR: another host has another folder."
        => version_for_all;
];

/// The arguments of a call as they are.
fn as_they_are(arguments: Vec<OsString>) -> Vec<OsString> {
    arguments
}

fn with(mut arguments: Vec<OsString>, more: &str) -> Vec<OsString> {
    arguments.push(more.into());
    arguments
}

fn is_named(argument: &OsStr, name: &str) -> bool {
    let argument = argument.as_encoded_bytes();
    let rest = argument.strip_prefix(name.as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b"="))
}

/// The arguments with another value of one, which is left out for `None`.
pub(super) fn replaced(
    arguments: Vec<OsString>,
    name: &str,
    value: Option<&OsStr>,
) -> Vec<OsString> {
    let replace = |argument: OsString| match value {
        _ if !is_named(&argument, name) => Some(argument),
        None => None,
        Some(value) => {
            let mut argument = OsString::from(format!("{name}="));
            argument.push(value);
            Some(argument)
        }
    };
    arguments.into_iter().filter_map(replace).collect()
}

async fn blank_previous_version(bench: &Bench) -> Checked {
    let run = bench.caller()?.fetch(None).await?;
    if bench.kind == Kind::DataStore && run.code == EXIT_RETRY {
        return Deviation::not_tried("the store holds no document");
    }
    let document = run.document()?;
    *bench.first.borrow_mut() = Some(document);
    Ok(())
}

async fn runs_at_once(bench: &Bench) -> Checked {
    bench.current()?;
    let callers = [(); 4].map(|()| bench.caller());
    let fetch = async |caller: Result<Caller<'_>, Deviation>| caller?.fetch(None).await;
    let [a, b, c, d] = callers;
    let (a, b, c, d) = tokio::join!(fetch(a), fetch(b), fetch(c), fetch(d));
    for run in [a, b, c, d] {
        let run = run?;
        if run.code != EXIT_DONE {
            bench.is_alone.set(true);
            return run.broken(format!(
                "of four at once, one ended with {}",
                described_code(run.code)
            ));
        }
        run.document()?;
    }
    Ok(())
}

/// The answer to the version of a moment ago, unless the source changes each time.
async fn after_the_current(
    caller: &Caller<'_>,
    arrange: impl Fn(Vec<OsString>) -> Vec<OsString>,
) -> Result<Run, Deviation> {
    caller.bench.current()?;
    if !caller.bench.tells_unchanged.get() {
        return Deviation::not_tried("it does not answer 30 to the current version");
    }
    for _ in 0..TRIES {
        let before = caller.fetch(None).await?.document()?;
        let run = caller.fetch_with(Some(&before.version), &arrange).await?;
        let bytes = run.observed.file.as_ref().ok();
        let after = bytes.and_then(|bytes| Fetched::read(bytes));
        if run.code != EXIT_DONE || after.is_none_or(|after| after.hash == before.hash) {
            return Ok(run);
        }
    }
    Deviation::not_tried("the content changed with each run")
}

async fn absent_previous_version(bench: &Bench) -> Checked {
    bench.current()?;
    let without = |all| replaced(all, "--previous-document-version", None);
    let run = bench.caller()?.fetch_with(None, without).await?;
    run.expect(EXIT_DONE)
}

async fn unchanged_30(bench: &Bench) -> Checked {
    bench.current()?;
    let run = after_the_current(&bench.caller()?, as_they_are).await?;
    bench.tells_unchanged.set(run.code == EXIT_UNCHANGED);
    run.expect(EXIT_UNCHANGED)
}

async fn other_version(bench: &Bench) -> Checked {
    bench.current()?;
    let run = bench.caller()?.fetch(Some("from-nowhere")).await?;
    run.expect(EXIT_DONE)
}

async fn version_is_opaque(bench: &Bench) -> Checked {
    bench.current()?;
    let caller = bench.caller()?;
    let long = "v".repeat(4096);
    for version in ["a \"b' $(c) \\ ;|&= é 版", long.as_str()] {
        caller.fetch(Some(version)).await?.expect(EXIT_DONE)?;
    }
    Ok(())
}

async fn arguments_in_any_order(bench: &Bench) -> Checked {
    let reversed = |all: Vec<OsString>| all.into_iter().rev().collect();
    let caller = bench.caller()?;
    let run = after_the_current(&caller, reversed).await?;
    run.expect(EXIT_UNCHANGED)?;
    let run = caller.fetch_with(None, reversed).await?;
    run.expect(EXIT_DONE)
}

async fn unknown_arguments(bench: &Bench) -> Checked {
    bench.current()?;
    let more = |all| with(all, "--of-a-later-version=x");
    let run = bench.caller()?.fetch_with(None, more).await?;
    run.expect(EXIT_DONE)
}

async fn no_abbreviations(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    let unknown = ["--api=2", "--action-f=/nowhere", "--prev=from-nowhere"];
    let more = |all: Vec<OsString>| all.into_iter().chain(unknown.map(OsString::from)).collect();
    let run = after_the_current(&caller, more).await?;
    run.expect(EXIT_UNCHANGED)
}

async fn last_argument_counts(bench: &Bench) -> Checked {
    let earlier = |mut all: Vec<OsString>| {
        all.insert(0, "--previous-document-version=from-nowhere".into());
        all
    };
    let run = after_the_current(&bench.caller()?, earlier).await?;
    run.expect(EXIT_UNCHANGED)
}

async fn path_of_the_file(bench: &Bench) -> Checked {
    bench.current()?;
    let folder = bench.folder(" = \"it's\" $HOME é")?;
    let run = bench.caller_in(&folder).fetch(None).await?;
    run.expect(EXIT_DONE)?;
    if run.observed.file.is_err() {
        return run.broken("it wrote its file somewhere else");
    }
    Ok(())
}

async fn other_api_version(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    for version in ["2", "10"] {
        let other = |all| replaced(all, "--api-version", Some(version.as_ref()));
        caller.fetch_with(None, other).await?.expect_fatal()?;
    }
    Ok(())
}

async fn unwritable_file(bench: &Bench) -> Checked {
    bench.current()?;
    let caller = bench.caller()?;
    let nowhere = bench.folder("")?.join("not-there/document.json");
    let elsewhere = |all| replaced(all, "--action-file", Some(nowhere.as_os_str()));
    let task = caller.task(nightjar_core::extension::Action::Fetch);
    let run = caller.run_seeing(&task, false, elsewhere).await?;
    if matches!(run.code, EXIT_DONE | EXIT_UNCHANGED) {
        return run.broken(format!(
            "{}, and no file can be there",
            described_code(run.code)
        ));
    }
    Ok(())
}

async fn unknown_variables(bench: &Bench) -> Checked {
    bench.current()?;
    let caller = bench.caller()?;
    let caller = caller.with_variable("NJ_OF_A_LATER_VERSION", "x");
    caller.fetch(None).await?.expect(EXIT_DONE)
}

async fn setting_from_environment(bench: &Bench) -> Checked {
    let Some(setting) = &bench.hooks.setting else {
        return Deviation::not_tried("no --setting names a variable that it needs");
    };
    let program = bench.command.program.to_string_lossy().into_owned();
    let own = ["-u".to_owned(), setting.clone(), program];
    let without = CommandLine {
        program: "/usr/bin/env".into(),
        arguments: own
            .into_iter()
            .chain(bench.command.arguments.clone())
            .collect(),
    };
    let caller = bench.caller_of(without, &bench.folder("")?);
    let run = caller.fetch(None).await?;
    run.expect_fatal()?;
    if run
        .observed
        .stderr
        .iter()
        .any(|line| line.contains(setting))
    {
        return Ok(());
    }
    run.broken(format!("standard error does not name {setting}"))
}

async fn same_content_same_version(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    same_version(bench, &caller, &caller).await
}

async fn version_for_all(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    if same_version(bench, &caller, &caller).await.is_err() {
        return Deviation::not_tried("the version changes by itself in one folder too");
    }
    same_version(bench, &caller, &bench.caller()?).await
}

/// The rule is broken if two runs give one content under two versions.
async fn same_version(bench: &Bench, one: &Caller<'_>, other: &Caller<'_>) -> Checked {
    bench.current()?;
    for _ in 0..TRIES {
        let first = one.fetch(None).await?.document()?;
        let run = other.fetch(None).await?;
        let second = run.document()?;
        if first.hash != second.hash {
            continue;
        }
        if first.version == second.version {
            return Ok(());
        }
        let (a, b) = (first.version, second.version);
        return run.broken(format!("the same content has the versions {a:?} and {b:?}"));
    }
    Deviation::not_tried("the content changed with each run")
}
