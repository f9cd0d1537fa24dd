//! The rules of fetches while others commit.

use super::{
    super::{
        bench::{Bench, Caller},
        rule::{Check, Checked, Deviation, Rule, rules},
        run::{Fetched, Run, described_code},
    },
    sample::sample,
};
use nightjar_core::extension::{
    ContentHash, RawDocument,
    args::{EXIT_DONE, EXIT_RETRY},
};
use std::cell::Cell;

/// What is committed one after another; long enough that a write takes its time.
const TEXTS: [&str; 4] = ["a", "b", "c", "d"];
const REPEATED: usize = 5_000;

pub(super) const RULES: &[Rule] = rules![
    "whole-under-commits" "versions-and-commits"
        "A fetch hands over a whole document of one version, never a mix, whatever commits run at the same time."
        => whole_under_commits;
    "one-version-one-content" "versions-and-commits"
        "A version names one content, also while others commit: a wrong pair would hide a change from a caller."
        => one_version_one_content;
];

/// What was seen while others committed: what was there and then committed, and what each fetch got.
struct Traffic {
    committed: Vec<Fetched>,
    fetches: Vec<Run>,
}

async fn traffic(bench: &Bench) -> Result<Traffic, Deviation> {
    let committer = bench.committer()?;
    if bench.is_alone.get() {
        return Deviation::not_tried("it cannot run several times at once");
    }
    let mut all = vec![committer.put("quiet").await?];
    let is_over = Cell::new(false);
    let commits = async {
        let mut done = Vec::new();
        for text in TEXTS {
            let put = committer.put(&text.repeat(REPEATED)).await;
            match put {
                Ok(fetched) => done.push(fetched),
                Err(deviation) => {
                    is_over.set(true);
                    return Err(deviation);
                }
            }
        }
        is_over.set(true);
        Ok(done)
    };
    let (one, other) = (bench.caller()?, bench.caller()?);
    let (done, one, other) = tokio::join!(commits, reads(&one, &is_over), reads(&other, &is_over));
    all.extend(done?);
    let mut fetches = one?;
    fetches.extend(other?);
    Ok(Traffic {
        committed: all,
        fetches,
    })
}

async fn reads(caller: &Caller<'_>, is_over: &Cell<bool>) -> Result<Vec<Run>, Deviation> {
    let mut runs = Vec::new();
    while !is_over.get() {
        runs.push(caller.fetch(None).await?);
    }
    Ok(runs)
}

fn hash(bench: &Bench, text: &str) -> Option<ContentHash> {
    let bytes = sample(&bench.document, text).to_string();
    let document = RawDocument::read(bytes.as_bytes()).ok()?;
    Some(document.content_hash())
}

async fn whole_under_commits(bench: &Bench) -> Checked {
    let traffic = Box::pin(traffic(bench)).await?;
    let texts = TEXTS.map(|text| text.repeat(REPEATED));
    let texts = texts.iter().map(String::as_str).chain(["quiet"]);
    let whole: Vec<ContentHash> = texts.filter_map(|text| hash(bench, text)).collect();
    for run in &traffic.fetches {
        match run.code {
            EXIT_DONE if whole.contains(&run.document()?.hash) => {}
            EXIT_DONE => return run.broken("it handed over what nobody committed"),
            EXIT_RETRY => {}
            code => return run.broken(format!("{} while others committed", described_code(code))),
        }
    }
    Ok(())
}

async fn one_version_one_content(bench: &Bench) -> Checked {
    let traffic = Box::pin(traffic(bench)).await?;
    for run in traffic.fetches.iter().filter(|run| run.code == EXIT_DONE) {
        let fetched = run.document()?;
        let mut committed = traffic.committed.iter();
        if let Some(other) =
            committed.find(|it| it.version == fetched.version && it.hash != fetched.hash)
        {
            return run.broken(format!(
                "another content has its version {:?}",
                other.version
            ));
        }
    }
    Ok(())
}
