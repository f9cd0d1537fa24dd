use super::*;
use crate::env::Setting;
use std::fs;

const MAP: Setting = Setting::required("MAP", "the map itself");
const FAILURE: Setting = Setting::optional("FAILURE", "it works", "how to fail");

/// A discovery map whose answers come from its settings.
struct Scripted {
    map: String,
    failure: Option<String>,
}

impl DiscoveryMapSource for Scripted {
    const ABOUT: About = About {
        name: "ext-scripted",
        version: "1.2.3",
        summary: "gives scripted answers",
        settings: &[MAP, FAILURE],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        Self {
            map: reader.text(&MAP),
            failure: reader.optional(&FAILURE, Reader::text),
        }
    }

    fn discover(&self, previous: Option<&str>) -> Result<FetchOutcome, ActionError> {
        let cause = || Box::new(io::Error::other("the cause"));
        match self.failure.as_deref() {
            Some("retry") => Err(ActionError::retry(cause())),
            Some("fatal") => Err(ActionError::fatal(Nested(cause()))),
            _ if previous == Some(&self.map) => Ok(FetchOutcome::Unchanged),
            _ => Ok(FetchOutcome::New(self.map.clone().into_bytes())),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot discover")]
struct Nested(#[source] Box<io::Error>);

/// Exit code, standard output, standard error, and the file if there is one.
type Outcome = (u8, String, String, Option<String>);

/// A store that keeps nothing, and knows only what every store has to.
struct Simple;

impl DataStore for Simple {
    const ABOUT: About = About {
        name: "ext-simple",
        settings: &[],
        ..Scripted::ABOUT
    };

    fn from_settings(_: &mut Reader<'_>) -> Self {
        Self
    }

    fn fetch(&self, _: &DocumentName, _: Option<&str>) -> Result<FetchOutcome, ActionError> {
        Ok(FetchOutcome::New(b"current".to_vec()))
    }

    fn commit(
        &self,
        _: &DocumentName,
        _: &Path,
        previous: Option<&str>,
    ) -> Result<CommitOutcome, ActionError> {
        Ok(match previous {
            None => CommitOutcome::Done,
            Some(_) => CommitOutcome::Conflict,
        })
    }
}

fn call(variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    called(variables, arguments, answer_as_discovery_map::<Scripted>)
}

fn call_store(arguments: &[&str]) -> Outcome {
    let protocol = ["--api-version=1", "--document=notes"];
    called(
        &[],
        &[&protocol, arguments].concat(),
        answer_as_data_store::<Simple>,
    )
}

fn called(
    variables: &[(&str, &str)],
    arguments: &[&str],
    answer: impl FnOnce(Invocation<'_>) -> u8,
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.json");
    let mut all = vec![OsString::from(format!("--action-file={}", file.display()))];
    all.extend(arguments.iter().map(OsString::from));
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = answer(Invocation {
        arguments: all,
        env: Env::from_pairs(variables.iter().copied()),
        stdout: &mut stdout,
        stderr: &mut stderr,
    });
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let names = fs::read_dir(folder.path()).unwrap().count();
    let file = fs::read_to_string(file).ok();
    assert_eq!(
        names,
        usize::from(file.is_some()),
        "temporary files are left"
    );
    (code, text(stdout), text(stderr), file)
}

fn ended(code: u8, stderr: &str) -> Outcome {
    (code, String::new(), stderr.to_owned(), None)
}

#[test]
fn a_map_is_handed_over_unless_it_is_the_previous_one() {
    let new = (0, String::new(), String::new(), Some("m1".to_owned()));
    let settings = [("MAP", "m1")];
    assert_eq!(call(&settings, &["--api-version=1"]), new);
    assert_eq!(
        call(
            &settings,
            &["--api-version=1", "--previous-document-version="]
        ),
        new
    );
    assert_eq!(
        call(
            &settings,
            &["--api-version=1", "--previous-document-version=m0"]
        ),
        new
    );
    let outcome = call(
        &settings,
        &["--api-version=1", "--previous-document-version=m1"],
    );
    assert_eq!(outcome, ended(30, ""));
}

#[test]
fn a_discovery_map_ignores_the_document_but_refuses_to_commit() {
    let settings = [("MAP", "m1")];
    let arguments = ["--api-version=1", "--document=templates", "--action=fetch"];
    assert_eq!(call(&settings, &arguments).0, 0);
    assert_eq!(
        call(&settings, &["--api-version=1", "--action=commit"]),
        ended(
            64,
            "ext-scripted: a discovery map can only be fetched, but was asked to commit\n"
        )
    );
    assert_eq!(
        call(&settings, &["--api-version=1", "--action=list"]),
        ended(
            64,
            "ext-scripted: a discovery map can only be fetched, but was asked to list\n"
        )
    );
    assert_eq!(
        call(&settings, &["--api-version=1", "--document-version=m1"]),
        ended(
            64,
            "ext-scripted: a discovery map has only its current version, but was called \
             with --document-version\n"
        )
    );
}

#[test]
fn errors_name_their_causes() {
    let outcome = call(&[("MAP", "m1"), ("FAILURE", "retry")], &["--api-version=1"]);
    assert_eq!(outcome, ended(31, "ext-scripted: the cause\n"));
    let outcome = call(&[("MAP", "m1"), ("FAILURE", "fatal")], &["--api-version=1"]);
    assert_eq!(
        outcome,
        ended(1, "ext-scripted: cannot discover: the cause\n")
    );
}

#[test]
fn invalid_settings_are_fatal() {
    assert_eq!(
        call(&[], &["--api-version=1"]),
        ended(
            64,
            "ext-scripted: invalid configuration:\nMAP: is required\n  hint: the map itself\n"
        )
    );
}

#[test]
fn help_and_version_need_no_settings() {
    let help = "ext-scripted: gives scripted answers\n\n\
        An extension point of Nightjar, api version 1. Other programs start it, or you by hand:\n  \
        ext-scripted --api-version=1 --action-file=PATH\n      \
        [--previous-document-version=V]\n\n\
        Environment:\n  MAP (required)\n      the map itself\n  \
        FAILURE (not set: it works)\n      how to fail\n";
    assert_eq!(
        call(&[], &["--help"]),
        (0, help.to_owned(), String::new(), None)
    );
    let version = "ext-scripted 1.2.3\n".to_owned();
    assert_eq!(call(&[], &["--version"]), (0, version, String::new(), None));
}

#[test]
fn a_commit_that_came_too_late_exits_with_32() {
    assert_eq!(call_store(&["--action=commit"]), ended(0, ""));
    assert_eq!(
        call_store(&["--action=commit", "--previous-document-version=v1"]),
        ended(
            32,
            "ext-simple: not committed: the current version is not v1\n"
        )
    );
}

#[test]
fn a_store_need_not_know_versions() {
    assert_eq!(
        call_store(&["--action=list"]),
        ended(
            1,
            "ext-simple: this store does not list the versions of notes\n"
        )
    );
    let version = "--document-version=v1";
    assert_eq!(
        call_store(&["--action=fetch", version]),
        ended(
            1,
            "ext-simple: this store hands over only the current notes, but was asked for version \
             \"v1\"\n"
        )
    );
    // A version does not change: a caller that has it needs no store.
    assert_eq!(
        call_store(&["--action=fetch", version, "--previous-document-version=v1"]),
        ended(30, "")
    );
    assert_eq!(
        call_store(&["--action=commit", version]),
        ended(
            64,
            "ext-simple: argument --document-version is not allowed with --action=commit\n"
        )
    );
}
