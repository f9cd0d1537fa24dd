//! Which copies stay.

use super::{COPIES, MAP, Store, commit, counts, done, ended, map};
use e2e::{aws::Fault, extension::Extension};
use serde_json::json;
use std::{thread, time::Duration};

const HASH: &str = "0123456789abcdef0123456789abcdef";

impl Store {
    /// The program with other rules for the history.
    fn keeping(&self, count: usize, hours: &str) -> Extension {
        self.program()
            .env("NJ_DSS3_HISTORICAL_PRESERVE_COUNT", count)
            .env("NJ_DSS3_HISTORICAL_PRESERVE_HOURS", hours)
    }

    fn warned(&self, call: &str, what: &str) -> String {
        format!(
            " WARN the document is committed, but old copies were not deleted: {call} on \
             s3://{}/{COPIES}{what}\n",
            self.bucket
        )
    }
}

#[test]
fn young_copies_stay_whatever_their_number() {
    let store = Store::new();
    for number in 0..5 {
        let program = store.keeping(2, "12");
        assert_eq!(commit(&program, &map(&number.to_string())), done());
    }
    assert_eq!(store.copies().len(), 5);
    assert_eq!(store.aws.wire.count("s3:DeleteObjects"), 0);
}

#[test]
fn the_newest_copies_stay_whatever_their_age() {
    let store = Store::new();
    let mut committed = Vec::new();
    for number in 0..5 {
        let program = store.keeping(2, "0");
        assert_eq!(commit(&program, &map(&number.to_string())), done());
        committed.extend(store.copies().last().cloned());
        // S3 tells times in whole seconds.
        thread::sleep(Duration::from_millis(1100));
    }
    assert_eq!(store.copies(), committed[3..]);
    assert_eq!(
        store.calls(),
        counts(&[
            ("s3:DeleteObjects", 3),
            ("s3:ListObjectsV2", 5),
            ("s3:PutObject", 10)
        ])
    );
}

#[test]
fn copies_that_are_old_and_too_many_go() {
    let store = Store::new();
    let three_seconds = "0.000834";
    for number in 0..3 {
        let program = store.keeping(1, three_seconds);
        assert_eq!(commit(&program, &map(&number.to_string())), done());
    }
    assert_eq!(store.copies().len(), 3);
    thread::sleep(Duration::from_secs(5));
    let program = store.keeping(1, three_seconds);
    assert_eq!(commit(&program, &map("last")), done());
    assert_eq!(store.copies().len(), 1);
}

/// More than one page of the list, and more than one batch of deletions.
#[test]
fn a_thousand_and_one_copies_are_pruned_at_once() {
    let store = Store::new();
    for number in 0..1001 {
        let key = format!(
            "{COPIES}20260101T000000.{:03}Z-{number:032x}.json",
            number % 1000
        );
        let object = json!({"Bucket": store.bucket, "Key": key, "Body": "{}"});
        store.aws.call("s3", "put_object", object);
    }
    thread::sleep(Duration::from_millis(1100));
    store.aws.wire.forget();
    assert_eq!(commit(&store.keeping(1, "0"), &map("one")), done());
    assert_eq!(
        store.calls(),
        counts(&[
            ("s3:DeleteObjects", 2),
            ("s3:ListObjectsV2", 2),
            ("s3:PutObject", 2)
        ])
    );
    assert_eq!(store.copies().len(), 1);
    assert_eq!(store.fetch().code, Some(0));
}

#[test]
fn only_copies_are_deleted() {
    let store = Store::new();
    let others = [
        "nightjar-datastore/discovery-map/current.json.old".to_owned(),
        format!("{COPIES}README"),
        format!("{COPIES}20260101T000000.000Z-{HASH}.json.bak"),
        format!("{COPIES}20260101T000000.000Z-etag-a/b.json"),
        format!("{COPIES}good/20260101T000000.000Z-{HASH}.json"),
        format!("nightjar-datastore/templates/history/20260101T000000.000Z-{HASH}.json"),
    ];
    for key in &others {
        store.put(key, b"{}");
    }
    assert_eq!(commit(&store.keeping(0, "0"), &map("one")), done());
    let mut expected: Vec<String> = others.into();
    expected.push(MAP.to_owned());
    expected.sort();
    assert_eq!(store.keys(), expected);
}

/// Two committers prune the same copies: what is gone already is no fault.
#[test]
fn a_copy_that_is_deleted_between_list_and_deletion_is_no_fault() {
    let store = Store::new();
    for number in 0..3 {
        store.put(
            &format!("{COPIES}20260101T00000{number}.000Z-{HASH}.json"),
            b"{}",
        );
    }
    // The list that the other one saw is the one that this one acts on.
    let seen = |number: u8| {
        format!(
            "<Contents><Key>{COPIES}20260101T00000{number}.000Z-{HASH}.json</Key>\
             <LastModified>2026-01-01T00:00:0{number}.000Z</LastModified></Contents>"
        )
    };
    let seen: Vec<String> = (0..5).map(seen).collect();
    let listing = format!(
        "<ListBucketResult><Name>{}</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
        store.bucket,
        seen.concat()
    );
    let answer = Fault::Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/xml".to_owned())],
        body: listing,
    };
    store.aws.wire.fail("s3:ListObjectsV2", answer);
    assert_eq!(commit(&store.keeping(0, "0"), &map("one")), done());
    assert_eq!(
        store.copies().len(),
        1,
        "the commit's own copy was not in the list"
    );
}

#[test]
fn a_commit_is_done_even_if_pruning_is_not_allowed() {
    let store = Store::with_map(&map("one"));
    store.aws.wire.fail("s3:ListObjectsV2", Fault::Denied);
    let ending = commit(&store.keeping(0, "0"), &map("two"));
    let user = "arn:aws:sts::000000000000:assumed-role/test/task";
    let said = store.warned(
        "s3:ListBucket",
        &format!(
            " is not allowed: AccessDenied: User: {user} is not authorized to perform: \
             s3:ListObjectsV2\n  hint: allow s3:ListBucket on it in the IAM role's policy"
        ),
    );
    assert_eq!((ending.code, ending.stderr), (Some(0), said));
    assert_eq!(store.fetch().document.unwrap()["name"], "two");

    store.aws.wire.restore();
    store.aws.wire.fail("s3:DeleteObjects", Fault::Denied);
    let ending = commit(&store.keeping(0, "0"), &map("three"));
    assert_eq!(ending.code, Some(0));
    let start = store.warned("s3:DeleteObject", "");
    assert!(
        ending.stderr.starts_with(start.trim_end()),
        "{}",
        ending.stderr
    );
    assert_eq!(store.fetch().document.unwrap()["name"], "three");
}

/// `DeleteObjects` answers 200 and names what it did not delete.
#[test]
fn copies_that_may_not_be_deleted_are_told() {
    let store = Store::with_map(&map("one"));
    let refused = |number: u8| {
        format!(
            "<Error><Key>{COPIES}{number}.json</Key><Code>AccessDenied</Code>\
             <Message>Access Denied</Message></Error>"
        )
    };
    let answer = Fault::Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/xml".to_owned())],
        body: format!("<DeleteResult>{}{}</DeleteResult>", refused(1), refused(2)),
    };
    store.aws.wire.fail("s3:DeleteObjects", answer);
    let ending = commit(&store.keeping(0, "0"), &map("two"));
    let said = store.warned(
        "s3:DeleteObject",
        "1.json was rejected: AccessDenied (and 1 more)",
    );
    assert_eq!((ending.code, ending.stderr), (Some(0), said));
}

#[test]
fn a_commit_is_done_even_if_its_copy_is_not() {
    let store = Store::with_map(&map("one"));
    // A key's prefix cannot be told apart on the wire: the first PUT is the document's.
    let accepted = Fault::Answer {
        status: 200,
        headers: vec![("etag".to_owned(), "\"abc\"".to_owned())],
        body: String::new(),
    };
    store.aws.wire.fail_times(1, "s3:PutObject", accepted);
    store.aws.wire.fail("s3:PutObject", Fault::Denied);
    let ending = store.commit(&map("two"));
    let start = format!(
        " WARN the document is committed, but has no copy in its history: s3:PutObject on \
         s3://BUCKET/{COPIES}20"
    );
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert!(
        ending.stderr.contains("Z-etag-abc.json is not allowed"),
        "{}",
        ending.stderr
    );
    assert_eq!(ending.code, Some(0));
    let requests = store.aws.wire.requests();
    assert!(requests[0].target.contains(MAP), "{requests:?}");
    assert_eq!(store.calls(), counts(&[("s3:PutObject", 2)]));
}

/// By hand, as the documentation says: a copy is put in the document's place.
#[test]
fn a_copy_can_be_put_back() {
    let store = Store::with_map(&map("good"));
    let version = store.fetch().version().to_owned();
    let [copy] = &store.copies()[..] else {
        panic!("{:?}", store.keys());
    };
    store.committed(&map("bad"));
    let source = format!("{}/{COPIES}{copy}", store.bucket);
    let parameters = json!({"Bucket": store.bucket, "Key": MAP, "CopySource": source});
    store.aws.call("s3", "copy_object", parameters);
    let fetched = store.fetch();
    assert_eq!(fetched.version(), version);
    assert_eq!(fetched.document.unwrap()["name"], "good");
    assert_eq!(store.fetch_after(&version), ended(30, ""));
}
