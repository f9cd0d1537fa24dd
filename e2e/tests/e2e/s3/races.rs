//! Two committers and two readers at once.

use super::{Store, content, fetch, large_map};
use serde_json::Value;
use std::{collections::BTreeSet, thread};

const ROUNDS: usize = 100;

/// A compressed document that says the same thing in many places.
fn document(committer: &str, round: usize) -> Value {
    let mut document = large_map(committer, 260);
    document["round"] = round.into();
    document["last"] = format!("{committer} {round}").into();
    document
}

#[test]
fn every_fetch_is_whole_and_of_one_version() {
    let store = Store::with_map(&document("start", 0));
    let commit = |committer: &'static str| {
        let store = &store;
        move || {
            for round in 0..ROUNDS {
                // On a busy machine, to look for old copies may take longer than it is given.
                let ending = store.commit(&document(committer, round));
                assert_eq!(ending.code, Some(0), "{ending:?}");
            }
        }
    };
    let read = || {
        let mut seen = BTreeSet::new();
        let program = store.program();
        for _ in 0..ROUNDS {
            let fetched = fetch(&program);
            assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
            seen.insert(fetched.version().to_owned());
            let fetched = content(fetched.document);
            let (committer, round) = (fetched["name"].as_str(), fetched["round"].as_u64());
            let round = usize::try_from(round.unwrap()).unwrap();
            let whole = content(Some(document(committer.unwrap(), round)));
            assert!(fetched == whole, "a mix was fetched: {committer:?} {round}");
        }
        seen.len()
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let committers = ["one", "two"].map(|name| scope.spawn(commit(name)));
        for reader in readers {
            // The test is worth nothing if the readers were done before the first commit.
            assert!(reader.join().unwrap() > 10);
        }
        for committer in committers {
            committer.join().unwrap();
        }
    });
    assert_eq!(store.copies().len(), 2 * ROUNDS + 1);
}
