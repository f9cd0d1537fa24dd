//! The rules of older versions.

use super::super::{
    bench::{Bench, Caller},
    rule::{Check, Checked, Deviation, Rule, rules},
    run::{Fetched, Run, described_code, is_fatal},
};
use nightjar_core::extension::{
    Action, Versions,
    args::{EXIT_DONE, EXIT_UNCHANGED},
    host::Call,
};

pub(super) const RULES: &[Rule] = rules![
    "list-or-refuse" "older-versions"
        "--action=list ends with 0 and a list of versions, or with a fatal code in a store that does not offer it."
        => list_or_refuse;
    "list-begins-with-current" "older-versions"
        "The version that is current comes first in the list."
        => list_begins_with_current;
    "list-newest-first" "older-versions"
        "The list goes from the newest to the oldest."
        => list_newest_first;
    "list-times" "older-versions"
        "Times in the list are RFC 3339 in UTC, such as 2026-11-23T04:50:12Z."
        => list_times;
    "older-version" "older-versions"
        "A listed version comes back as it was when it was current, with the same document-version."
        => older_version;
    "older-version-30" "older-versions"
        "With the same version in --document-version and --previous-document-version the answer is 30."
        => older_version_30;
    "unknown-version" "older-versions"
        "A fetch of a version that is not there fails: another version would be taken for it."
        => unknown_version;
];

async fn listed(caller: &Caller<'_>) -> Result<Run, Deviation> {
    caller.run(&caller.task(Action::List), |all| all).await
}

/// The list of a store that has one.
async fn list(caller: &Caller<'_>) -> Result<(Run, Versions), Deviation> {
    let run = listed(caller).await?;
    if run.code != EXIT_DONE {
        return Deviation::not_tried("it does not list versions, as a store need not");
    }
    let bytes = run.observed.file.as_deref().unwrap_or_default();
    match serde_json::from_slice(bytes) {
        Ok(versions) => Ok((run, versions)),
        Err(_) => Deviation::not_tried("its list cannot be read"),
    }
}

async fn list_or_refuse(bench: &Bench) -> Checked {
    let run = listed(&bench.caller()?).await?;
    if is_fatal(run.code) {
        return Ok(());
    }
    if run.code != EXIT_DONE {
        return run.broken(format!(
            "{} instead of 0 or a fatal code",
            described_code(run.code)
        ));
    }
    let bytes = run.observed.file.as_deref().unwrap_or_default();
    match serde_json::from_slice::<Versions>(bytes) {
        Ok(_) => Ok(()),
        Err(error) => run.broken(format!("its file is not a list of versions: {error}")),
    }
}

async fn list_begins_with_current(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    caller.put("older").await?;
    let current = caller.put("current in the list").await?.version;
    let (run, list) = list(&caller).await?;
    let first = list.versions.first().map(|it| it.document_version.as_str());
    if first == Some(current.as_str()) {
        return Ok(());
    }
    run.broken(format!(
        "it begins with {first:?}, and {current:?} is current"
    ))
}

async fn list_newest_first(bench: &Bench) -> Checked {
    let (run, list) = list(&bench.caller()?).await?;
    if list.versions.len() < 2 {
        return Deviation::not_tried("it lists fewer than two versions");
    }
    if list.versions.is_sorted_by(|a, b| a.time >= b.time) {
        return Ok(());
    }
    run.broken("a time is later than the one before it")
}

async fn list_times(bench: &Bench) -> Checked {
    let (run, list) = list(&bench.caller()?).await?;
    let wrong = list.versions.iter().find(|it| !is_rfc3339(&it.time));
    match wrong {
        None => Ok(()),
        Some(wrong) => run.broken(format!("{:?} is not such a time", wrong.time)),
    }
}

/// `2026-11-23T04:50:12Z`, with or without a fraction.
fn is_rfc3339(time: &str) -> bool {
    let Some((head, rest)) = time.split_at_checked(19) else {
        return false;
    };
    let fits = head.bytes().zip(b"0000-00-00T00:00:00".iter());
    let mut fits = fits.map(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        form => byte == *form,
    });
    let fraction = rest.strip_suffix('Z').map(|rest| rest.strip_prefix('.'));
    let is_fraction = match fraction {
        None => false,
        Some(None) => rest == "Z",
        Some(Some(digits)) => digits.bytes().all(|byte| byte.is_ascii_digit()),
    };
    fits.all(|fits| fits) && is_fraction
}

/// A version that was current, and that is still listed.
async fn older(caller: &Caller<'_>) -> Result<Fetched, Deviation> {
    let older = caller.put("was current").await?;
    caller.put("is current").await?;
    let (_, list) = list(caller).await?;
    let mut versions = list.versions.iter();
    if versions.any(|it| it.document_version == older.version) {
        return Ok(older);
    }
    Deviation::not_tried("it does not list a version that was current")
}

async fn older_version(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let older = older(&caller).await?;
    let task = Call {
        version: Some(&older.version),
        ..caller.task(Action::Fetch)
    };
    let run = caller.run(&task, |all| all).await?;
    let found = run.document()?;
    if found.version != older.version {
        return run.broken(format!("its version is {:?}", found.version));
    }
    if found.hash != older.hash {
        return run.broken("it is not what was fetched when it was current");
    }
    Ok(())
}

async fn older_version_30(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let older = older(&caller).await?;
    let task = Call {
        version: Some(&older.version),
        previous: Some(&older.version),
        ..caller.task(Action::Fetch)
    };
    caller.run(&task, |all| all).await?.expect(EXIT_UNCHANGED)
}

async fn unknown_version(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    bench.current()?;
    let task = Call {
        version: Some("from-nowhere"),
        ..caller.task(Action::Fetch)
    };
    caller.run(&task, |all| all).await?.expect_fatal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        for time in ["2026-11-23T04:50:12Z", "2026-11-23T04:50:12.25Z"] {
            assert!(is_rfc3339(time), "{time}");
        }
        for time in [
            "",
            "yesterday",
            "2026-11-23 04:50:12Z",
            "2026-11-23T04:50:12",
            "2026-11-23T04:50:12+01:00",
        ] {
            assert!(!is_rfc3339(time), "{time}");
        }
    }
}
