//! What a fetch asks for and what it hands over.

use super::{MAP, Store, content, ended, fetch, large_map, map, one};
use e2e::aws::Fault;
use serde_json::{Value, json};

#[test]
fn an_unchanged_fetch_is_one_request_and_no_body() {
    let store = Store::with_map(&large_map("large", 600));
    let version = store.fetch().version().to_owned();
    assert_eq!(store.calls(), one("s3:GetObject"));

    assert_eq!(store.fetch_after(&version), ended(30, ""));
    let [request] = &store.aws.wire.requests()[..] else {
        panic!("more than one request: {:?}", store.aws.wire.calls());
    };
    assert_eq!(
        (request.call.as_str(), request.status),
        ("s3:GetObject", Some(304))
    );
    let condition = format!("\"{version}\"");
    assert_eq!(request.header("if-none-match"), Some(condition.as_str()));
    assert_eq!(request.body, b"");
}

#[test]
fn the_version_is_the_etag_and_the_rest_is_as_committed() {
    let given = json!({
        "document-version": "given", "schema-version": "v1", "namespaces": [],
        "unknown": {"document-version": 1.50, "text": "\u{1f}ä\"\\"},
    });
    let store = Store::with_map(&given);
    let head = json!({"Bucket": store.bucket, "Key": MAP});
    let head = store.aws.call("s3", "head_object", head);
    let etag = head["ETag"].as_str().unwrap();
    let fetched = store.fetch();
    assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
    assert_eq!(format!("\"{}\"", fetched.version()), etag);
    assert_eq!(content(fetched.document), content(Some(given)));
}

#[test]
fn a_changed_document_is_handed_over_by_one_request() {
    let store = Store::with_map(&map("one"));
    let version = store.fetch().version().to_owned();
    store.committed(&map("two"));
    store.aws.wire.forget();
    let fetched = store.fetch_after(&version);
    assert_eq!(store.calls(), one("s3:GetObject"));
    assert_eq!(fetched.document.unwrap()["name"], "two");
}

#[test]
fn a_missing_document_is_worth_another_try() {
    let store = Store::new();
    let message = format!("s3://BUCKET/{MAP} is not there yet");
    assert_eq!(store.fetch(), ended(31, &message));
    assert_eq!(
        store.fetch_after("7e10e7d25dc4581d89b9285be5f384fd"),
        ended(31, &message)
    );
    assert_eq!(store.aws.wire.count("s3:GetObject"), 2);
}

#[test]
fn a_document_that_is_deleted_is_missing_again() {
    let store = Store::with_map(&map("one"));
    let version = store.fetch().version().to_owned();
    let object = json!({"Bucket": store.bucket, "Key": MAP});
    store.aws.call("s3", "delete_object", object);
    let message = format!("s3://BUCKET/{MAP} is not there yet");
    assert_eq!(store.fetch_after(&version), ended(31, &message));
}

#[test]
fn every_document_and_every_base_path_is_a_store_of_its_own() {
    let store = Store::with_map(&map("default"));
    let other = || store.program().env("NJ_DSS3_BASE_PATH", "/teams/one/");
    assert_eq!(fetch(&other()).code, Some(31));
    let arguments = ["--document=certificates.v2", "--action=commit"];
    assert_eq!(other().give(&map("other"), &arguments).code, Some(0));
    let keys = store.keys();
    assert!(
        keys.contains(&"teams/one/certificates.v2/current.json".to_owned()),
        "{keys:?}"
    );
    assert_eq!(store.fetch().document.unwrap()["name"], "default");
}

#[test]
fn an_object_that_a_person_put_there_is_a_document_too() {
    let store = Store::new();
    store.put(MAP, b"\n { \"name\" :\t\"by hand\" }\n\n");
    let fetched = store.fetch();
    assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
    assert_eq!(content(fetched.document), json!({"name": "by hand"}));
}

/// `aws s3 cp` of a downloaded copy keeps the bytes and may lose the content encoding.
#[test]
fn gzip_is_known_without_its_header() {
    let store = Store::with_map(&map("small"));
    let large = large_map("large", 300);
    let packed = packed(&store, &large);
    store.put(MAP, &packed);
    assert_eq!(content(store.fetch().document), content(Some(large)));
}

/// The bytes that a large map is kept as.
fn packed(store: &Store, map: &Value) -> Vec<u8> {
    store.aws.wire.forget();
    store.committed(map);
    let requests = store.aws.wire.requests();
    let put = requests
        .iter()
        .find(|request| request.call == "s3:PutObject");
    let body = put.unwrap().body.clone();
    assert_eq!(body.get(..2), Some(&[0x1f, 0x8b][..]), "it is gzip");
    body
}

#[test]
fn what_is_no_document_is_a_fault_that_names_the_object() {
    let store = Store::new();
    let packed = packed(&store, &large_map("large", 300));
    let hint = "\n  hint: commit the document again, or restore a copy from its history\n";
    let gzip = format!("s3://BUCKET/{MAP} is not complete gzip data: ");
    let json = format!("s3://BUCKET/{MAP} is not a JSON object: ");
    for (bytes, message) in [
        (&packed[..packed.len() / 2], gzip.as_str()),
        (&packed[..3], &gzip),
        (b"", &json),
        (b"{\"namespaces\":[", &json),
        (b"[]", &json),
        (b"<html>not here</html>", &json),
        (b"{\"a\":\"\xff\"}", &json),
    ] {
        store.put(MAP, bytes);
        let ending = store.fetch();
        let start = ended(1, message).stderr;
        let start = start.trim_end();
        assert_eq!((ending.code, ending.document), (Some(1), None));
        assert!(ending.stderr.starts_with(start), "{}", ending.stderr);
        assert!(ending.stderr.ends_with(hint), "{}", ending.stderr);
        assert_eq!(store.calls(), one("s3:GetObject"));
    }
}

#[test]
fn what_is_too_large_is_not_read_to_its_end() {
    let store = Store::with_map(&large_map("large", 3 << 10));
    let program = || store.program().env("NJ_DSS3_MAX_DOCUMENT_SIZE_MB", "2");
    let message = format!(
        "s3://BUCKET/{MAP} is larger than 2097152 bytes\n  hint: \
         NJ_DSS3_MAX_DOCUMENT_SIZE_MB sets the limit for commits and fetches"
    );
    // As it is kept, it is far smaller.
    assert_eq!(store.told(fetch(&program())), ended(1, &message));
    store.put(MAP, &vec![b' '; (2 << 20) + 1]);
    assert_eq!(store.told(fetch(&program())), ended(1, &message));
    store.put(MAP, &[vec![b' '; (2 << 20) - 2], b"{}".to_vec()].concat());
    assert_eq!(fetch(&program()).code, Some(0));
}

#[test]
fn a_version_that_is_no_etag_is_not_asked_for() {
    let store = Store::with_map(&map("one"));
    for version in ["two words", "\"quoted\"", "ä", "a\nb"] {
        let fetched = store.fetch_after(version);
        assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
        let requests = store.aws.wire.requests();
        assert_eq!(requests.last().unwrap().header("if-none-match"), None);
    }
}

#[test]
fn a_server_without_conditions_is_understood() {
    let store = Store::with_map(&map("one"));
    let answer = |etag: &[&str]| Fault::Answer {
        status: 200,
        headers: etag
            .iter()
            .map(|etag| ("etag".to_owned(), (*etag).to_owned()))
            .collect(),
        body: "{}".to_owned(),
    };
    for (etag, version) in [
        ("\"abc\"", "abc"),
        ("W/\"abc\"", "W/\"abc\""),
        ("abc", "abc"),
    ] {
        store.aws.wire.fail("s3:GetObject", answer(&[etag]));
        assert_eq!(store.fetch_after(version), ended(30, ""));
        assert_eq!(store.fetch_after("other").version(), version);
        store.aws.wire.restore();
    }
    store.aws.wire.fail("s3:GetObject", answer(&[]));
    let message =
        format!("the response for s3://BUCKET/{MAP} has no ETag, which is the document's version");
    assert_eq!(store.fetch(), ended(1, &message));
}
