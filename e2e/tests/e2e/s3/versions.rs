//! Commits in place of one version, the list of versions, and older ones.

use super::{COPIES, MAP, Store, content, counts, done, ended, large_map, map, one};
use e2e::{aws::Fault, extension::Ending};
use serde_json::{Value, json};

fn too_late(version: &str) -> Ending {
    let message = format!("not committed: the current version is not {version}");
    ended(32, &message)
}

impl Store {
    fn list(&self) -> Ending {
        self.told(
            self.program()
                .call(&["--document=discovery-map", "--action=list"]),
        )
    }

    /// The versions that are listed, newest first.
    fn listed(&self) -> Vec<String> {
        let list = self.list();
        assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""));
        let document = list.document.unwrap();
        let version = |one: &Value| one["document-version"].as_str().unwrap().to_owned();
        let versions = document["versions"].as_array().unwrap().iter();
        versions.map(version).collect()
    }

    fn fetch_version(&self, version: &str) -> Ending {
        let version = format!("--document-version={version}");
        let arguments = ["--document=discovery-map", "--action=fetch", &version];
        self.told(self.program().call(&arguments))
    }
}

#[test]
fn a_commit_replaces_the_version_that_it_is_given_and_no_other() {
    let store = Store::new();
    // Nothing is there that could be replaced.
    assert_eq!(store.commit_over("abc", &map("one")), too_late("abc"));
    assert_eq!(store.keys(), [""; 0]);
    store.committed(&map("one"));
    let one = store.fetch().version().to_owned();
    store.aws.wire.forget();
    assert_eq!(store.commit_over(&one, &map("two")), done());
    let requests = store.aws.wire.requests();
    let etag = format!("\"{one}\"");
    assert_eq!(requests[0].header("if-match"), Some(etag.as_str()));
    assert_eq!(requests[1].header("if-match"), None);
    assert_eq!(
        store.calls(),
        counts(&[("s3:ListObjectsV2", 1), ("s3:PutObject", 2)])
    );
    // The version is another now.
    assert_eq!(store.commit_over(&one, &map("three")), too_late(&one));
    assert_eq!(
        store.calls(),
        counts(&[("s3:GetObject", 1), ("s3:PutObject", 1)])
    );
    assert_eq!(store.fetch().document.unwrap()["name"], "two");
    assert_eq!(store.copies().len(), 2);
    // What cannot be an ETag is not the current one, and is not asked for.
    store.aws.wire.forget();
    for version in ["two words", "\"quoted\"", "ä"] {
        assert_eq!(store.commit_over(version, &map("x")), too_late(version));
    }
    assert_eq!(store.calls(), counts(&[]));
}

fn refused(status: u16, code: &str) -> Fault {
    Fault::Answer {
        status,
        headers: Vec::new(),
        body: format!("<Error><Code>{code}</Code><Message>No.</Message></Error>"),
    }
}

#[test]
fn a_commit_that_is_under_way_elsewhere_is_a_conflict_too() {
    let store = Store::with_map(&map("one"));
    store
        .aws
        .wire
        .fail("s3:PutObject", refused(409, "ConditionalRequestConflict"));
    assert_eq!(store.commit_over("abc", &map("two")), too_late("abc"));
    // Without a version, it is S3 that asks for another try.
    assert_eq!(store.commit(&map("two")).code, Some(31));
    store.aws.wire.restore();
    store
        .aws
        .wire
        .fail("s3:PutObject", refused(409, "OperationAborted"));
    assert_eq!(store.commit_over("abc", &map("two")).code, Some(31));
    store.aws.wire.restore();
    store
        .aws
        .wire
        .fail("s3:PutObject", refused(404, "NoSuchBucket"));
    assert_eq!(store.commit_over("abc", &map("two")).code, Some(1));
}

/// The first PUT took effect, and nobody was told so: the second one finds what it was to write.
#[test]
fn a_commit_that_finds_itself_is_done() {
    let store = Store::with_map(&map("one"));
    let one = store.fetch().version().to_owned();
    store.aws.wire.forget();
    let lost = || {
        store
            .aws
            .wire
            .fail_times(1, "s3:PutObject", Fault::ResetAfter);
    };
    lost();
    assert_eq!(store.commit_over(&one, &map("two")), done());
    assert_eq!(
        store.calls(),
        counts(&[
            ("s3:GetObject", 1),
            ("s3:ListObjectsV2", 1),
            ("s3:PutObject", 3)
        ])
    );
    let two = store.fetch().version().to_owned();
    assert_eq!(store.listed(), [two.as_str(), &one]);
    assert_eq!(store.copies().len(), 2);
    // The caller may try again too.
    assert_eq!(store.commit_over(&one, &map("two")), done());
    // A look that fails, or finds something else, leaves it a conflict.
    lost();
    store.aws.wire.fail("s3:GetObject", Fault::Denied);
    assert_eq!(store.commit_over(&two, &map("three")), too_late(&two));
    store.aws.wire.restore();
    assert_eq!(store.commit_over(&two, &large_map("x", 1)), too_late(&two));
}

/// What another has committed after the first PUT would be replaced by a second one.
#[test]
fn a_commit_without_a_version_is_tried_once() {
    let store = Store::with_map(&map("one"));
    for fault in [Fault::ResetAfter, Fault::Broken, Fault::Throttled] {
        store.aws.wire.fail("s3:PutObject", fault);
        assert_eq!(store.commit(&map("two")).code, Some(31));
        store.aws.wire.restore();
        assert_eq!(store.calls(), one("s3:PutObject"));
    }
    // A copy replaces nothing.
    let accepted = Fault::Answer {
        status: 200,
        headers: vec![("etag".to_owned(), "\"abc\"".to_owned())],
        body: String::new(),
    };
    store.aws.wire.fail_times(1, "s3:PutObject", accepted);
    store
        .aws
        .wire
        .fail_times(1, "s3:PutObject", Fault::ResetAfter);
    store.committed(&map("three"));
    assert_eq!(store.copies().len(), 2);
}

#[test]
fn a_server_without_conditional_writes_is_told_of_and_written_to() {
    let store = Store::with_map(&map("one"));
    let one = store.fetch().version().to_owned();
    let warning = format!(
        " WARN the server does not support conditional writes, so a commit to s3://BUCKET/{MAP} \
         by another program at the same moment is lost\n"
    );
    let done_so = Ending {
        stderr: warning,
        ..done()
    };
    store.aws.wire.forget();
    store
        .aws
        .wire
        .fail_times(1, "s3:PutObject", refused(501, "NotImplemented"));
    assert_eq!(store.commit_over(&one, &map("two")), done_so);
    assert_eq!(
        store.calls(),
        counts(&[
            ("s3:GetObject", 1),
            ("s3:ListObjectsV2", 1),
            ("s3:PutObject", 3)
        ])
    );
    // By a weak ETag no server compares.
    let fetched = store.fetch();
    assert_eq!(fetched.document.as_ref().unwrap()["name"], "two");
    let weak = format!("W/\"{}\"", fetched.version());
    store.aws.wire.forget();
    store
        .aws
        .wire
        .fail_times(1, "s3:PutObject", Fault::ResetAfter);
    assert_eq!(store.commit_over(&weak, &map("three")).code, Some(31));
    assert_eq!(
        store.calls(),
        counts(&[("s3:GetObject", 1), ("s3:PutObject", 1)])
    );
    // The caller tries again, and it finds itself.
    assert_eq!(store.commit_over(&weak, &map("three")), done());
    assert_eq!(store.fetch().document.unwrap()["name"], "three");
}

#[test]
fn a_server_without_conditional_writes_keeps_another_version() {
    let store = Store::with_map(&map("one"));
    let refuse = || {
        store
            .aws
            .wire
            .fail_times(1, "s3:PutObject", refused(501, "NotImplemented"));
    };
    for version in ["abc", "W/\"abc\""] {
        refuse();
        assert_eq!(store.commit_over(version, &map("two")), too_late(version));
        store.aws.wire.restore();
        let large = large_map("two", 1);
        refuse();
        assert_eq!(store.commit_over(version, &large), too_late(version));
        store.aws.wire.restore();
    }
    assert_eq!(store.fetch().document.unwrap()["name"], "one");
    let empty = Store::new();
    assert_eq!(
        empty.commit_over("W/\"abc\"", &map("one")),
        too_late("W/\"abc\"")
    );
    assert_eq!(empty.keys(), [""; 0]);
}

#[test]
fn older_versions_are_listed_and_fetched_as_they_were() {
    let store = Store::new();
    assert_eq!(store.listed(), [""; 0]);
    let mut fetched = Vec::new();
    for name in ["one", "two", "three"] {
        store.committed(&large_map(name, if name == "two" { 300 } else { 1 }));
        fetched.push(store.fetch());
    }
    store.aws.wire.forget();
    let versions = store.listed();
    assert_eq!(store.calls(), counts(&[("s3:ListObjectsV2", 1)]));
    let newest_first: Vec<&str> = fetched.iter().rev().map(Ending::version).collect();
    assert_eq!(versions, newest_first);
    for ending in &fetched {
        assert_eq!(store.fetch_version(ending.version()), *ending);
        assert_eq!(
            store.calls(),
            counts(&[("s3:GetObject", 1), ("s3:ListObjectsV2", 1)])
        );
    }
    let times = store.list().document.unwrap();
    let time = times["versions"][0]["time"].as_str().unwrap();
    let shape = regex::Regex::new(r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$").unwrap();
    assert!(shape.is_match(time), "{time}");

    let message =
        format!("s3://BUCKET/{MAP} has no version abc\n  hint: --action=list shows the versions");
    assert_eq!(store.fetch_version("abc"), ended(1, &message));
}

/// An ETag under SSE-KMS is no hash of the bytes, and a copy has another one than its document.
#[test]
fn a_copy_is_listed_by_the_version_that_was_current() {
    let store = Store::new();
    let copy = format!("{COPIES}20260101T000000.000Z-etag-0123abcd.json");
    store.put(&copy, br#"{"document-version":"x","name":"old"}"#);
    // One of an earlier version of the program: its own ETag is all that is known.
    let hash = "0123456789abcdef0123456789abcdef";
    let older = format!("{COPIES}20250101T000000.000Z-{hash}.json");
    store.put(&older, br#"{"name":"older"}"#);
    store.put(&format!("{COPIES}README"), b"not a copy");
    store.put(&format!("{MAP}.bak"), b"not a document");
    let versions = store.listed();
    assert_eq!((versions.len(), versions[0].as_str()), (2, "0123abcd"));
    let fetched = store.fetch_version("0123abcd");
    assert_eq!(fetched.version(), "0123abcd");
    assert_eq!(content(fetched.document), json!({"name": "old"}));
    let fetched = store.fetch_version(&versions[1]);
    assert_eq!(content(fetched.document), json!({"name": "older"}));

    // Of two copies, it is the newer one; and one that is pruned meanwhile is asked for again.
    let copy = format!("{COPIES}20260102T000000.000Z-etag-0123abcd.json");
    store.put(&copy, br#"{"name":"newer"}"#);
    let fetched = store.fetch_version("0123abcd");
    assert_eq!(content(fetched.document), json!({"name": "newer"}));
    store
        .aws
        .wire
        .fail_times(1, "s3:GetObject", refused(404, "NoSuchKey"));
    let message = format!("s3://BUCKET/{copy} was replaced while it was being read");
    assert_eq!(store.fetch_version("0123abcd"), ended(31, &message));

    // A document that nobody has copied is fetched itself.
    store.put(MAP, br#"{"name":"by hand"}"#);
    let current = store.fetch();
    assert_eq!(store.listed()[0], current.version());
    assert_eq!(store.fetch_version(current.version()), current);
    // A proxy that compresses has made its ETag weak, and a list has it as it is.
    let weak = format!("W/\"{}\"", current.version());
    let fetched = store.fetch_version(&weak);
    assert_eq!(fetched.version(), weak);
    assert_eq!(content(fetched.document), json!({"name": "by hand"}));
}
