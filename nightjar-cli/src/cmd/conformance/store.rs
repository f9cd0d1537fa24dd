//! The rules of data stores, and how a store is left as it was found.

mod commit;
mod compare;
mod concurrent;
mod sample;
mod state;
mod versions;

pub(crate) use state::Access;

use super::{
    bench::Bench,
    fetch,
    report::Report,
    rule::{Deviation, Rule},
    tell, try_fetches, try_in_turn,
};

/// The rules of stores alone, in the order in which they are tried.
pub(super) const RULES: &[&[Rule]] = &[
    commit::FIRST,
    commit::RULES,
    compare::RULES,
    versions::RULES,
    concurrent::RULES,
];

/// Tries all rules. At the end the store holds what it held, or what says that it comes from here.
pub(super) async fn check(
    bench: &mut Bench,
    access: Access,
    report: &mut Report,
) -> anyhow::Result<()> {
    state::look(bench, access).await?;
    let tried = try_all(bench, report).await;
    let left = state::put_back(bench).await;
    tried.and(left)
}

async fn try_all(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    try_in_turn(bench, report, commit::FIRST).await?;
    let may_fetch = {
        let state = bench.store.borrow();
        state.holds(&bench.document) || state.has_unasked_30()
    };
    if may_fetch {
        try_fetches(bench, report, &[]).await?;
    } else {
        let all = [fetch::FIRST, fetch::AT_ONCE, fetch::RULES];
        for rule in all.into_iter().flatten() {
            let reason = "the store holds no document that could be fetched";
            tell(bench, report, rule, Deviation::not_tried(reason))?;
        }
    }
    let others = RULES.iter().skip(1).copied().flatten();
    try_in_turn(bench, report, others).await
}
