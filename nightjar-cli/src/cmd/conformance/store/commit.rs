//! The rules of commits, versions left out.

use super::{
    super::{
        bench::Bench,
        fetch::replaced,
        rule::{Check, Checked, Deviation, Finding, Rule, rules},
        run::{Fetched, Run, described_code, is_fatal},
    },
    sample::{are_same, sample, set},
};
use nightjar_core::extension::{
    Action, DocumentName,
    args::{EXIT_CONFLICT, EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED},
    host::Call,
};
use serde_json::{Value, json};

/// How large a large document is, in bytes: more than arguments, pipes and first buffers hold.
const LARGE: usize = 400 << 10;

/// The rules that begin.
pub(super) const FIRST: &[Rule] = rules![
    "empty-31" "how-it-ends"
        "A document that is not there yet is exit code 31: it may come, and callers wait for it."
        => empty_31;
    "commit-then-fetch" "versions-and-commits"
        "After a commit that ended with 0 a fetch hands over what was committed, its version aside."
        => commit_then_fetch;
    "read-only-says-so" "how-it-ends"
        "A store that takes no commits ends them with a fatal code, and not with one that asks for another try."
        => read_only_says_so;
];

pub(super) const RULES: &[Rule] = rules![
    "commit-replaces" "versions-and-commits"
        "With a blank --previous-document-version a commit replaces whatever is there."
        => commit_replaces;
    "commit-without-version" "versions-and-commits"
        "Without --previous-document-version a commit replaces whatever is there, as with a blank one."
        => commit_without_version;
    "version-of-its-own" "versions-and-commits"
        "The version in a committed document is ignored: two contents with one version in them get two versions."
        => version_of_its_own;
    "new-content-new-version" "versions-and-commits"
        "Another content has another version, however small the difference: callers compare versions alone."
        => new_content_new_version;
    "same-commit-same-version" "versions-and-commits"
        "The same document committed again keeps its version, so that no proxy does anything."
        => same_commit_same_version;
    "keeps-unknown-members" "documents"
        "Members that it does not know are kept: a later version of Nightjar may have written them."
        => keeps_unknown_members;
    "keeps-all-text" "documents"
        "Text comes back as it was committed: letters of all scripts, quotes and backslashes."
        => keeps_all_text;
    "keeps-large-documents" "documents"
        "A document of 400 kB comes back whole: maps of large meshes are larger still."
        => keeps_large_documents;
    "keeps-documents-apart" "how-it-is-called"
        "A commit to one document leaves the others alone."
        => keeps_documents_apart;
    "unknown-document" "how-it-is-called"
        "A fetch of a document that the store does not keep does not end with 0 or 30."
        => unknown_document;
    "unknown-action" "how-it-is-called"
        "An --action that it does not know ends with a fatal code: to do something else may destroy what is there."
        => unknown_action;
    "refuses-what-is-no-document" "versions-and-commits"
        "What is not a JSON object is refused with a fatal code, because nobody could fetch it."
        => refuses_what_is_no_document;
    "refused-commit-changes-nothing" "versions-and-commits"
        "A commit that is refused leaves what was there."
        => refused_commit_changes_nothing;
    "commit-without-file" "how-it-is-called"
        "A commit whose file is not there fails, and changes nothing."
        => commit_without_file;
];

async fn empty_31(bench: &Bench) -> Checked {
    let state = bench.store.borrow();
    let failed = |run: &&Run| !matches!(run.code, EXIT_DONE | EXIT_RETRY | EXIT_UNCHANGED);
    if let Some(run) = state.looks.iter().find(failed) {
        return run.expect(EXIT_RETRY);
    }
    let is_empty = |run: &Run| run.code == EXIT_RETRY;
    if state.looks.iter().any(is_empty) {
        return Ok(());
    }
    Deviation::not_tried("the store was not empty")
}

async fn commit_then_fetch(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    if bench.store.borrow().is_new(&bench.document) {
        let bytes = sample(&bench.document, "over nothing").to_string();
        let run = caller
            .commit(bytes.as_bytes(), Some("from-nowhere"))
            .await?;
        bench.store.borrow_mut().over_nothing = Some(run);
    }
    let bytes = sample(&bench.document, "first").to_string();
    let run = caller.commit(bytes.as_bytes(), None).await?;
    bench.take_first_commit(&run);
    if is_fatal(run.code) || run.code == EXIT_RETRY {
        return Deviation::not_tried(format!("it takes no commits: {}", described_code(run.code)));
    }
    run.expect(EXIT_DONE)?;
    let run = caller.fetch(None).await?;
    if run.code == EXIT_UNCHANGED {
        let mut state = bench.store.borrow_mut();
        state.closed = Some("a fetch without a version ends with 30".to_owned());
        return Deviation::not_tried("a fetch without a version ends with 30");
    }
    let checked = run
        .expect(EXIT_DONE)
        .and_then(|()| same(&run, bytes.as_bytes()));
    if checked.is_err() {
        bench.store.borrow_mut().closed = Some("commits do not last".to_owned());
    }
    checked
}

async fn read_only_says_so(bench: &Bench) -> Checked {
    let Some(reason) = bench.store.borrow().closed.clone() else {
        return Deviation::not_tried("it takes commits");
    };
    if !reason.starts_with("it takes no commits") {
        return Deviation::not_tried(reason);
    }
    let bytes = sample(&bench.document, "again").to_string();
    let run = bench.caller()?.commit(bytes.as_bytes(), None).await?;
    run.expect_fatal()
}

/// The rule is broken unless the run handed over this, versions aside.
pub(super) fn same(run: &Run, bytes: &[u8]) -> Checked {
    let fetched = run.document()?;
    if are_same(&fetched.bytes, bytes) {
        return Ok(());
    }
    run.broken("what is fetched is not what was committed")
}

async fn commit_replaces(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    for text in ["to be replaced", "replaced"] {
        let bytes = sample(&bench.document, text).to_string();
        caller
            .commit(bytes.as_bytes(), None)
            .await?
            .expect(EXIT_DONE)?;
        same(&caller.fetch(None).await?, bytes.as_bytes())?;
    }
    Ok(())
}

async fn commit_without_version(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    caller.put("with a blank version").await?;
    let bytes = sample(&bench.document, "without a version").to_string();
    let task = Call {
        input: Some(bytes.as_bytes()),
        ..caller.task(Action::Commit)
    };
    let without = |all| replaced(all, "--previous-document-version", None);
    caller.run(&task, without).await?.expect(EXIT_DONE)?;
    same(&caller.fetch(None).await?, bytes.as_bytes())
}

async fn version_of_its_own(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let given = |text: &str| {
        let mut sample = sample(&bench.document, text);
        set(&mut sample, "document-version", "given".into());
        sample.to_string()
    };
    let one = caller.put_bytes(given("one").as_bytes()).await?;
    let other = caller.put_bytes(given("other").as_bytes()).await?;
    different(&one, &other)
}

async fn new_content_new_version(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let one = caller.put("content 1").await?;
    let other = caller.put("content 2").await?;
    different(&one, &other)
}

fn different(one: &Fetched, other: &Fetched) -> Checked {
    if one.version != other.version {
        return Ok(());
    }
    Err(Deviation::Broken(Box::new(Finding {
        what: format!("two contents have the version {:?}", one.version),
        seen: None,
    })))
}

async fn same_commit_same_version(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let before = caller.put("again").await?;
    let after = caller.put("again").await?;
    if before.version == after.version {
        return Ok(());
    }
    let (before, after) = (before.version, after.version);
    caller.fetch(None).await?.broken(format!(
        "the same document had the version {before:?}, and has {after:?}"
    ))
}

/// What is committed comes back.
async fn comes_back(bench: &Bench, document: &Value) -> Checked {
    let caller = bench.committer()?;
    let bytes = document.to_string();
    let run = caller.commit(bytes.as_bytes(), None).await?;
    if run.code == EXIT_CONFLICT {
        return Deviation::not_tried(format!(
            "a plain commit ended with {}",
            described_code(run.code)
        ));
    }
    run.expect(EXIT_DONE)?;
    same(&caller.fetch(None).await?, bytes.as_bytes())
}

async fn keeps_unknown_members(bench: &Bench) -> Checked {
    let mut document = sample(&bench.document, "unknown members");
    let later = json!({"list": [1, 2.5, null, true], "text": "x"});
    set(&mut document, "x-later", later);
    for list in ["namespaces", "gateway-templates"] {
        if let Some(first) = document.get_mut(list).and_then(|list| list.get_mut(0)) {
            set(first, "x-later", json!([{"x": "y"}]));
        }
    }
    comes_back(bench, &document).await
}

async fn keeps_all_text(bench: &Bench) -> Checked {
    let text = "é ß Ω Ж 版 🌙 \u{2028} e\u{301} \\ \" ' < > & % $ \\u0041 \\n";
    comes_back(bench, &sample(&bench.document, text)).await
}

async fn keeps_large_documents(bench: &Bench) -> Checked {
    let line = "a line of a large document, which is as long as lines are; ";
    let text = line.repeat(LARGE / 2 / line.len());
    comes_back(bench, &sample(&bench.document, &text)).await
}

async fn keeps_documents_apart(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let other = bench.other_document()?;
    caller.put("apart").await?;
    let bytes = sample(&other, "the other one").to_string();
    let commit = Call {
        input: Some(bytes.as_bytes()),
        ..Call::new(Action::Commit, &other)
    };
    caller.run(&commit, |all| all).await?.expect(EXIT_DONE)?;
    let apart = sample(&bench.document, "apart").to_string();
    same(&caller.fetch(None).await?, apart.as_bytes())?;
    let fetch = Call::new(Action::Fetch, &other);
    same(&caller.run(&fetch, |all| all).await?, bytes.as_bytes())
}

async fn unknown_document(bench: &Bench) -> Checked {
    let Some(name) = DocumentName::new("of-a-later-version") else {
        return Ok(());
    };
    let caller = bench.caller()?;
    let run = caller
        .run(&Call::new(Action::Fetch, &name), |all| all)
        .await?;
    if matches!(run.code, EXIT_DONE | EXIT_UNCHANGED) {
        return run.broken(format!(
            "{} for a document that nobody committed",
            described_code(run.code)
        ));
    }
    Ok(())
}

async fn unknown_action(bench: &Bench) -> Checked {
    let caller = bench.caller()?;
    let other = |all| replaced(all, "--action", Some("of-a-later-version".as_ref()));
    caller.fetch_with(None, other).await?.expect_fatal()
}

/// What is no document.
fn bad(bench: &Bench) -> [String; 3] {
    let whole = sample(&bench.document, "cut off").to_string();
    let half = whole.chars().take(whole.len() / 2).collect();
    ["[]".to_owned(), half, String::new()]
}

async fn refuses_what_is_no_document(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    for bad in bad(bench) {
        caller.commit(bad.as_bytes(), None).await?.expect_fatal()?;
    }
    Ok(())
}

async fn refused_commit_changes_nothing(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    caller.put("stays").await?;
    for bad in bad(bench) {
        let run = caller.commit(bad.as_bytes(), None).await?;
        if run.code == EXIT_DONE {
            return Deviation::not_tried("it refuses nothing");
        }
    }
    let stays = sample(&bench.document, "stays").to_string();
    let run = caller.fetch(None).await?;
    run.expect(EXIT_DONE)?;
    same(&run, stays.as_bytes())
}

async fn commit_without_file(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    caller.put("stays").await?;
    let run = caller.run(&caller.task(Action::Commit), |all| all).await?;
    if matches!(run.code, EXIT_DONE | EXIT_UNCHANGED | EXIT_CONFLICT) {
        return run.broken(format!(
            "{}, and there was no file",
            described_code(run.code)
        ));
    }
    let stays = sample(&bench.document, "stays").to_string();
    same(&caller.fetch(None).await?, stays.as_bytes())
}
