//! The rules that every run is held to.

use super::{
    rule::{Check, Circumstances, Rule, rules_of_every_run},
    run::{Look, described_code},
};
use nightjar_core::extension::{
    Action, RawDocument,
    args::{EXIT_CONFLICT, EXIT_DONE, EXIT_UNCHANGED},
    can_be_argument,
    host::{Observed, ProcessEnd, RunError},
};

type Observation = Option<Result<(), String>>;

pub(super) const RULES: &[Rule] = rules_of_every_run![
    "ends-in-time" "what-the-caller-does"
        "Each run ends within the time limit: the caller kills one that does not, and takes that as worth another try."
        => ends_in_time;
    "ends-by-itself" "how-it-ends"
        "Each run ends with an exit code: the end by a signal is a failure, whatever was done before."
        => ends_by_itself;
    "file-with-0" "how-it-ends"
        "Exit code 0 after a fetch or list means that the file is there and not empty."
        => file_with_0;
    "regular-file" "what-the-caller-does"
        "The file is a regular one: callers do not read pipes, folders or devices."
        => regular_file;
    "size-limit" "what-the-caller-does"
        "The file is not larger than NJ_MAX_DOCUMENT_SIZE_MB lets it be: callers refuse a larger one unread."
        => size_limit;
    "json-object" "what-the-caller-does"
        "The file holds one JSON object in UTF-8, whole: callers refuse what is cut off or something else."
        => json_object;
    "version-is-text" "versions-and-commits"
        "document-version is a string that can be an argument: not blank, at most 4096 bytes, no zero byte."
        => version_is_text;
    "no-file-with-30" "how-it-ends"
        "Exit code 30 says that the caller has the current version, so there is no file."
        => no_file_with_30;
    "no-file-on-failure" "how-it-ends"
        "A fetch or list that fails leaves no file, so that nobody takes half an answer for a whole one."
        => no_file_on_failure;
    "only-the-action-file" "how-it-is-called"
        "Nothing but the action file is left in its folder: what is kept from run to run goes to NJ_TEMP_DIR."
        => only_the_action_file;
    "failure-says-why" "how-it-ends"
        "A run that fails says why on standard error, because the caller's log quotes its last lines."
        => failure_says_why;
    "no-document-on-stdout" "how-it-is-called"
        "The document goes to the file alone: standard output is for people and goes to the caller's log, where a document may tell secrets."
        => no_document_on_stdout;
];

/// Each rule with how it looks at a run.
pub(super) fn looks() -> Vec<(&'static str, Look)> {
    let look = |rule: &Rule| match rule.check {
        Check::EveryRun(look) => Some((rule.name, look)),
        Check::Own(_) => None,
    };
    RULES.iter().filter_map(look).collect()
}

fn code(observed: &Observed) -> Option<u8> {
    match observed.end {
        ProcessEnd::Code(code) => Some(code),
        ProcessEnd::Signal(_) | ProcessEnd::TimedOut | ProcessEnd::Stopped => None,
    }
}

/// Whether the run says that there is a whole file to read.
fn has_output(observed: &Observed, circumstances: Circumstances) -> bool {
    circumstances.is_own_file
        && circumstances.action != Action::Commit
        && code(observed) == Some(EXIT_DONE)
}

fn ends_in_time(observed: &Observed, _: Circumstances) -> Observation {
    match observed.end {
        ProcessEnd::TimedOut => Some(Err(format!(
            "it was killed after {:.1?} without an answer",
            observed.took
        ))),
        ProcessEnd::Code(_) => Some(Ok(())),
        ProcessEnd::Signal(_) | ProcessEnd::Stopped => None,
    }
}

fn ends_by_itself(observed: &Observed, _: Circumstances) -> Observation {
    match observed.end {
        ProcessEnd::Signal(signal) => Some(Err(format!("it was killed by signal {signal}"))),
        ProcessEnd::Code(_) => Some(Ok(())),
        ProcessEnd::TimedOut | ProcessEnd::Stopped => None,
    }
}

fn file_with_0(observed: &Observed, circumstances: Circumstances) -> Observation {
    has_output(observed, circumstances).then(|| match &observed.file {
        Err(error @ (RunError::NoFile | RunError::EmptyFile)) => Err(error.to_string()),
        _ => Ok(()),
    })
}

fn regular_file(observed: &Observed, circumstances: Circumstances) -> Observation {
    has_output(observed, circumstances).then(|| match &observed.file {
        Err(error @ (RunError::NotAFile | RunError::Unreadable { .. })) => Err(error.to_string()),
        _ => Ok(()),
    })
}

fn size_limit(observed: &Observed, circumstances: Circumstances) -> Observation {
    has_output(observed, circumstances).then(|| match &observed.file {
        Err(error @ RunError::TooLarge { .. }) => Err(error.to_string()),
        _ => Ok(()),
    })
}

fn json_object(observed: &Observed, circumstances: Circumstances) -> Observation {
    let bytes = observed.file.as_ref().ok()?;
    has_output(observed, circumstances).then(|| match RawDocument::read(bytes) {
        Err(error) => Err(format!("its file is not a JSON object: {error}")),
        Ok(_) => Ok(()),
    })
}

fn version_is_text(observed: &Observed, circumstances: Circumstances) -> Observation {
    let document = RawDocument::read(observed.file.as_ref().ok()?).ok()?;
    let is_document = circumstances.action == Action::Fetch;
    (is_document && has_output(observed, circumstances)).then(|| match document.version() {
        None => Err("its document has no document-version that is a string".to_owned()),
        Some(version) if !can_be_argument(version) => {
            Err("its document-version cannot be an argument".to_owned())
        }
        Some(_) => Ok(()),
    })
}

fn no_file(observed: &Observed, code: u8) -> Result<(), String> {
    match observed.file {
        Err(RunError::NoFile) => Ok(()),
        _ => Err(format!("{}, and there is a file", described_code(code))),
    }
}

fn no_file_with_30(observed: &Observed, circumstances: Circumstances) -> Observation {
    let is_read = circumstances.action != Action::Commit && circumstances.is_own_file;
    let code = code(observed).filter(|code| is_read && *code == EXIT_UNCHANGED)?;
    Some(no_file(observed, code))
}

fn no_file_on_failure(observed: &Observed, circumstances: Circumstances) -> Observation {
    let is_read = circumstances.action != Action::Commit && circumstances.is_own_file;
    let code = code(observed).filter(|_| is_read)?;
    (!matches!(code, EXIT_DONE | EXIT_UNCHANGED)).then(|| no_file(observed, code))
}

fn only_the_action_file(observed: &Observed, _: Circumstances) -> Observation {
    code(observed)?;
    let names = observed.others.iter().filter_map(|path| path.file_name());
    let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
    Some(if names.is_empty() {
        Ok(())
    } else {
        Err(format!("it left beside the file: {}", names.join(", ")))
    })
}

fn failure_says_why(observed: &Observed, _: Circumstances) -> Observation {
    let code = code(observed)?;
    let is_failure = !matches!(code, EXIT_DONE | EXIT_UNCHANGED | EXIT_CONFLICT);
    is_failure.then(|| {
        if observed.stderr.is_empty() {
            Err(format!(
                "{} without a word on standard error",
                described_code(code)
            ))
        } else {
            Ok(())
        }
    })
}

fn no_document_on_stdout(observed: &Observed, _: Circumstances) -> Observation {
    code(observed)?;
    let is_json = |line: &String| {
        line.trim_start().starts_with(['{', '}']) || line.contains("\"document-version\"")
    };
    Some(if observed.stdout.iter().any(is_json) {
        Err("it printed JSON to standard output".to_owned())
    } else {
        Ok(())
    })
}
