//! Commits and fetches at the same time.

use crate::{Store, file::version_of};
use std::{collections::BTreeMap, thread};

const ROUNDS: usize = 100;

/// A large document that says the same thing in many places.
fn document(committer: &str, round: usize) -> String {
    let field = format!("\"{committer} {round}\"");
    format!(
        "{{\"first\":{field},\"items\":[{}],\"last\":{field}}}",
        vec![field.as_str(); 10_000].join(",")
    )
}

#[test]
fn every_fetch_is_whole_and_of_one_version() {
    let store = Store::in_files().accepting_invalid();
    store.commit("discovery-map", &document("start", 0));
    let commit = |committer: &'static str| {
        let store = &store;
        move || {
            for round in 0..ROUNDS {
                let outcome = store.commit("discovery-map", &document(committer, round));
                assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
            }
        }
    };
    let read = || {
        let mut seen = BTreeMap::new();
        for _ in 0..ROUNDS {
            let outcome = store.fetch("discovery-map", "");
            assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
            let file = outcome.file.unwrap();
            let (author, round) = file.split('"').nth(7).unwrap().split_once(' ').unwrap();
            let committed = document(author, round.parse().unwrap());
            let version = version_of(&committed);
            let whole =
                committed.replacen('{', &format!("{{\"document-version\":\"{version}\","), 1);
            assert!(file == whole + "\n", "a mix was fetched: {author} {round}");
            seen.insert(version, author.to_owned());
        }
        seen.len()
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        scope.spawn(commit("one"));
        scope.spawn(commit("two"));
        for reader in readers {
            // The test is worth nothing if the readers were done before the first commit.
            assert!(reader.join().unwrap() > 1);
        }
    });
}
