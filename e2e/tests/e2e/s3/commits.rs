//! What a commit writes.

use super::{COPIES, MAP, Store, commit, content, counts, done, ended, large_map, map};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};

#[test]
fn a_commit_writes_the_document_and_then_the_copy() {
    let store = Store::new();
    store.committed(&map("one"));
    let requests = store.aws.wire.requests();
    let calls: Vec<&str> = requests
        .iter()
        .map(|request| request.call.as_str())
        .collect();
    assert_eq!(calls, ["s3:PutObject", "s3:PutObject", "s3:ListObjectsV2"]);
    let [copy] = &store.copies()[..] else {
        panic!("{:?}", store.keys());
    };
    let path = |key: &str| format!("/{}/{key}?x-id=PutObject", store.bucket);
    assert_eq!(requests[0].target, path(MAP));
    assert_eq!(requests[1].target, path(&format!("{COPIES}{copy}")));
    for put in &requests[..2] {
        assert_eq!(put.header("if-match"), None);
    }
    // The copy is named after the version that a fetch reports.
    let version = store.fetch().version().to_owned();
    let shape = format!(r"^20\d{{6}}T\d{{6}}\.\d{{3}}Z-etag-{version}\.json$");
    assert!(regex::Regex::new(&shape).unwrap().is_match(copy), "{copy}");

    let text = store.object(MAP);
    assert_eq!(store.object(&format!("{COPIES}{copy}")), text);
    let shape = r#"^\{"document-version":"[0-9a-f]{32}","name":"one","#;
    assert!(regex::Regex::new(shape).unwrap().is_match(&text), "{text}");
}

#[test]
fn equal_content_is_an_equal_version_whatever_was_given() {
    let store = Store::with_map(&map("one"));
    let version = store.fetch().version().to_owned();
    let mut same = map("one");
    same["document-version"] = json!("another");
    store.committed(&same);
    assert_eq!(store.fetch_after(&version), ended(30, ""));
    store.committed(&map("two"));
    assert_ne!(store.fetch().version(), version);
}

#[test]
fn large_documents_are_compressed_and_small_ones_are_not() {
    let store = Store::new();
    for (kilobytes, encoding) in [
        (1, None),
        (250, None),
        (257, Some("gzip")),
        (9000, Some("gzip")),
    ] {
        store.aws.wire.forget();
        let map = large_map("some", kilobytes);
        store.committed(&map);
        for put in store.aws.wire.requests().iter().take(2) {
            assert_eq!(put.header("content-encoding"), encoding, "{kilobytes}");
            assert_eq!(put.header("content-type"), Some("application/json"));
            assert!(put.body.len() < 260 << 10, "{}", put.body.len());
        }
        let fetched = store.fetch();
        assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
        assert_eq!(content(fetched.document), content(Some(map)));
    }
}

/// Servers other than Amazon's know no checksums in trailers.
#[test]
fn bodies_are_sent_plainly() {
    let store = Store::new();
    store.committed(&map("one"));
    let requests = store.aws.wire.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let names = request.headers.iter().map(|(name, _)| name.as_str());
        let added: Vec<&str> = names
            .filter(|name| {
                [
                    "x-amz-trailer",
                    "x-amz-sdk-checksum",
                    "x-amz-checksum",
                    "transfer-encoding",
                ]
                .iter()
                .any(|start| name.starts_with(start))
            })
            .collect();
        assert_eq!(added, [""; 0], "{}", request.call);
        let hash = request.header("x-amz-content-sha256").unwrap();
        assert_eq!(hash.len(), 64, "the signature covers the body: {hash}");
    }
}

/// Whoever wants more, as for a bucket with Object Lock, says so by the SDK's own setting.
#[test]
fn checksums_are_sent_where_they_are_asked_for() {
    let store = Store::new();
    let program = store
        .program()
        .env("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_SUPPORTED");
    assert_eq!(commit(&program, &map("one")), done());
    for put in &store.aws.wire.requests()[..2] {
        assert_eq!(put.call, "s3:PutObject");
        assert!(put.header("x-amz-checksum-crc32").is_some(), "{put:?}");
        let hash = put.header("x-amz-content-sha256").unwrap();
        assert_eq!(hash.len(), 64, "the body is sent plainly: {hash}");
    }
    assert_eq!(content(store.fetch().document), content(Some(map("one"))));
}

#[test]
fn what_is_no_document_is_refused_before_any_call() {
    let store = Store::with_map(&map("one"));
    let refused = "the document to commit is not a JSON object: ";
    for given in [json!([]), json!("x"), Value::Null] {
        let ending = store.commit(&given);
        assert_eq!(ending.code, Some(1));
        let start = format!("ext-store-s3: {refused}");
        assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    }
    let small = store.program().env("NJ_DSS3_MAX_DOCUMENT_SIZE_MB", "1");
    let message = "the document to commit is larger than 1048576 bytes\n  hint: \
                   NJ_DSS3_MAX_DOCUMENT_SIZE_MB sets the limit for commits and \
                   fetches";
    assert_eq!(commit(&small, &large_map("large", 1024)), ended(1, message));
    assert_eq!(commit(&small, &large_map("fits", 1000)), done());
    store.aws.wire.forget();

    let nowhere = "--action-file=/nowhere/map.json";
    let arguments = ["--document=discovery-map", "--action=commit", nowhere];
    let message = "cannot read /nowhere/map.json: No such file or directory (os error 2)";
    assert_eq!(store.program().call(&arguments), ended(1, message));
    assert_eq!(store.calls(), []);
}

#[test]
fn half_a_document_is_refused() {
    let store = Store::new();
    let program = store.program();
    let file = program.folder().join("half.json");
    fs::write(&file, "{\"namespaces\":[").unwrap();
    let file = format!("--action-file={}", file.display());
    let ending = program.call(&["--document=templates", "--action=commit", &file]);
    let message = "the document to commit is not a JSON object: EOF while parsing a list at line \
                   1 column 15";
    assert_eq!(ending, ended(1, message));
    assert_eq!(store.calls(), []);
}

#[test]
fn settings_that_are_wrong_are_told_at_once() {
    let store = Store::new();
    let program = store
        .program()
        .env("NJ_DSS3_BUCKET", "s3://mesh/path")
        .env("NJ_DSS3_BASE_PATH", "a/../b")
        .env("NJ_DSS3_MAX_DOCUMENT_SIZE_MB", "0")
        .env("NJ_DSS3_HISTORICAL_PRESERVE_COUNT", "-1")
        .env("NJ_DSS3_HISTORICAL_PRESERVE_HOURS", "1e3")
        .env("NJ_DSS3_FORCE_PATH_STYLE", "maybe");
    let ending = super::fetch(&program);
    assert_eq!((ending.code, store.calls()), (Some(64), counts(&[])));
    insta::assert_snapshot!(ending.stderr);
}

/// The permissions in the documentation are those of the calls, and one that is explained there.
#[test]
fn the_documented_permissions_are_those_of_the_calls() {
    let store = Store::new();
    let program = store
        .program()
        .env("NJ_DSS3_HISTORICAL_PRESERVE_COUNT", 0)
        .env("NJ_DSS3_HISTORICAL_PRESERVE_HOURS", 0);
    assert_eq!(commit(&program, &map("one")), done());
    let mut committing = actions(store.calls());
    // S3 wants it of a PUT that compares.
    committing.insert("s3:GetObject".to_owned());
    assert_eq!(store.fetch().code, Some(0));
    let mut fetching = actions(store.calls());
    fetching.insert("s3:ListBucket".to_owned());

    let page = fs::read_to_string(e2e::root().join("docs/store-aws-s3.md")).unwrap();
    let policies: Vec<BTreeSet<String>> = page
        .split("```jsonc\n")
        .skip(1)
        .map(|rest| {
            let policy: Value = serde_json::from_str(rest.split("```").next().unwrap()).unwrap();
            let statements = policy["Statement"].as_array().unwrap().clone();
            let action = |statement: &Value| statement["Action"].as_str().unwrap().to_owned();
            statements.iter().map(action).collect()
        })
        .collect();
    assert_eq!(policies, [fetching, committing]);
}

/// The IAM actions that calls need.
fn actions(calls: Vec<(String, u64)>) -> BTreeSet<String> {
    let action = |call: String| match call.as_str() {
        "s3:ListObjectsV2" => "s3:ListBucket".to_owned(),
        "s3:DeleteObjects" => "s3:DeleteObject".to_owned(),
        _ => call,
    };
    calls.into_iter().map(|(call, _)| action(call)).collect()
}
