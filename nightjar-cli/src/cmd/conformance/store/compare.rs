//! The rules of commits that compare.

use super::{
    super::{
        bench::{Bench, Caller},
        rule::{Check, Checked, Deviation, Rule, rules},
        run::described_code,
    },
    commit::same,
    sample::sample,
};
use nightjar_core::extension::args::{EXIT_CONFLICT, EXIT_DONE, EXIT_RETRY};

/// How often two commits are started at once.
const RACES: u32 = 3;

pub(super) const RULES: &[Rule] = rules![
    "conflict-32" "commits-that-compare"
        "A commit over a version that is not current ends with 32: another was first, and must not be overwritten."
        => conflict_32;
    "conflict-changes-nothing" "commits-that-compare"
        "A commit that ends with 32 changes nothing."
        => conflict_changes_nothing;
    "conflict-over-nothing" "commits-that-compare"
        "A commit over a version ends with 32 where there is no document at all."
        => conflict_over_nothing;
    "commit-over-current" "commits-that-compare"
        "A commit over the version that is current replaces it."
        => commit_over_current;
    "one-of-two-commits" "commits-that-compare"
        "Of two commits over one version at the same time one ends with 0 and the other with 32: it compares and replaces in one step."
        => one_of_two_commits;
    "commit-again" "commits-that-compare"
        "A commit that comes again after its answer got lost ends with 0 or 32: what is there is what was committed."
        => commit_again;
];

/// A caller that may commit to a store that compares.
fn comparer(bench: &Bench) -> Result<Caller<'_>, Deviation> {
    let caller = bench.committer()?;
    match bench.store.borrow().compares {
        Some(true) => Ok(caller),
        Some(false) => Deviation::not_tried("it does not compare versions, as a store need not"),
        None => Deviation::not_tried("whether it compares versions is not clear"),
    }
}

async fn conflict_32(bench: &Bench) -> Checked {
    let caller = bench.committer()?;
    let old = caller.put("before the conflict").await?;
    let current = caller.put("the winner").await?;
    if old.version == current.version {
        return Deviation::not_tried("two contents have one version");
    }
    let bytes = sample(&bench.document, "the loser").to_string();
    let run = caller.commit(bytes.as_bytes(), Some(&old.version)).await?;
    bench.store.borrow_mut().compares = match run.code {
        EXIT_DONE => Some(false),
        EXIT_CONFLICT => Some(true),
        _ => None,
    };
    if run.code == EXIT_DONE {
        return Deviation::not_tried("it does not compare versions, as a store need not");
    }
    run.expect(EXIT_CONFLICT)
}

async fn conflict_changes_nothing(bench: &Bench) -> Checked {
    let caller = comparer(bench)?;
    caller.put("stays").await?;
    let bytes = sample(&bench.document, "too late").to_string();
    let run = caller
        .commit(bytes.as_bytes(), Some("from-nowhere"))
        .await?;
    if run.code != EXIT_CONFLICT {
        return Deviation::not_tried(format!(
            "such a commit ended with {}",
            described_code(run.code)
        ));
    }
    let stays = sample(&bench.document, "stays").to_string();
    same(&caller.fetch(None).await?, stays.as_bytes())
}

async fn conflict_over_nothing(bench: &Bench) -> Checked {
    comparer(bench)?;
    match &bench.store.borrow().over_nothing {
        Some(run) => run.expect(EXIT_CONFLICT),
        None => Deviation::not_tried("the store was not empty"),
    }
}

async fn commit_over_current(bench: &Bench) -> Checked {
    let caller = comparer(bench)?;
    let current = caller.put("current").await?;
    let bytes = sample(&bench.document, "over the current one").to_string();
    let run = caller
        .commit(bytes.as_bytes(), Some(&current.version))
        .await?;
    run.expect(EXIT_DONE)?;
    same(&caller.fetch(None).await?, bytes.as_bytes())
}

async fn one_of_two_commits(bench: &Bench) -> Checked {
    let caller = comparer(bench)?;
    let other = bench.caller()?;
    if bench.is_alone.get() {
        return Deviation::not_tried("it cannot run several times at once");
    }
    for _ in 0..RACES {
        let current = caller.put("before the race").await?.version;
        let [a, b] = ["the one", "the other"];
        let [a, b] = [a, b].map(|text| sample(&bench.document, text).to_string());
        let (a, b) = tokio::join!(
            caller.commit(a.as_bytes(), Some(&current)),
            other.commit(b.as_bytes(), Some(&current)),
        );
        let (a, b) = (a?, b?);
        match (a.code, b.code) {
            (EXIT_DONE, EXIT_CONFLICT | EXIT_RETRY) | (EXIT_CONFLICT | EXIT_RETRY, EXIT_DONE) => {}
            (EXIT_DONE, EXIT_DONE) => return b.broken("both ended with 0, and one is lost"),
            (EXIT_CONFLICT | EXIT_RETRY, EXIT_CONFLICT | EXIT_RETRY) => {
                // Other rules say whether one alone is done.
                return Deviation::not_tried("neither was done");
            }
            (EXIT_DONE | EXIT_CONFLICT | EXIT_RETRY, code) => {
                return b.broken(format!("one ended with {}", described_code(code)));
            }
            (code, _) => return a.broken(format!("one ended with {}", described_code(code))),
        }
    }
    Ok(())
}

async fn commit_again(bench: &Bench) -> Checked {
    let caller = comparer(bench)?;
    let before = caller.put("before").await?.version;
    let bytes = sample(&bench.document, "committed twice").to_string();
    let first = caller.commit(bytes.as_bytes(), Some(&before)).await?;
    if first.code != EXIT_DONE {
        return Deviation::not_tried(format!(
            "the first try ended with {}",
            described_code(first.code)
        ));
    }
    let run = caller.commit(bytes.as_bytes(), Some(&before)).await?;
    if !matches!(run.code, EXIT_DONE | EXIT_CONFLICT) {
        return run.broken(format!(
            "the second try ended with {}",
            described_code(run.code)
        ));
    }
    same(&caller.fetch(None).await?, bytes.as_bytes())
}
