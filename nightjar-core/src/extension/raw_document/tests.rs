use super::*;

fn with_version(json: &str, version: &str) -> String {
    let document = RawDocument::read(json.as_bytes()).unwrap();
    String::from_utf8(document.with_version(version)).unwrap()
}

fn content(json: &str) -> ContentHash {
    RawDocument::read(json.as_bytes()).unwrap().content_hash()
}

#[test]
fn the_version_is_replaced_and_the_rest_stays() {
    let json = r#" {"b" : [ 1, 2.50 ],"document-version":"x", "a\"\n":{"document-version":7}, "document-version":8}"#;
    assert_eq!(
        with_version(json, "\"e\""),
        "{\"document-version\":\"\\\"e\\\"\",\"b\":[ 1, 2.50 ],\
         \"a\\\"\\n\":{\"document-version\":7}}\n"
    );
    assert_eq!(with_version("{}", "v"), "{\"document-version\":\"v\"}\n");
}

#[test]
fn the_version_is_the_last_one_and_a_string() {
    for (json, version) in [
        (r#"{"document-version": "a"}"#, Some("a")),
        (r#"{"document-version": "\u0061\n"}"#, Some("a\n")),
        (
            r#"{"document-version": "a", "document-version": "b"}"#,
            Some("b"),
        ),
        (r#"{"document-version": "a", "document-version": 1}"#, None),
        (r#"{"a": {"document-version": "a"}}"#, None),
        ("{}", None),
    ] {
        let document = RawDocument::read(json.as_bytes()).unwrap();
        assert_eq!(document.version(), version, "{json}");
    }
}

#[test]
fn only_one_whole_object_is_a_document() {
    for json in [
        "", "[]", "1", "\"x\"", "{\"a\":1", "{} {}", "{\"a\":}", "\u{1f}",
    ] {
        assert!(RawDocument::read(json.as_bytes()).is_err(), "{json}");
    }
    assert!(RawDocument::read(b"{\"a\":\"\xff\"}").is_err());
    assert!(RawDocument::read(b"[1, 2]").unwrap_err().is_data());
    assert!(!RawDocument::read(b"{\"a\": 1,}").unwrap_err().is_data());
}

#[test]
fn version_white_space_and_the_order_of_members_do_not_count() {
    assert_eq!(
        content(r#"{"document-version": "1", "a": {"x": 1, "y": [true, null]}}"#),
        content(r#"{"a":{"y":[true,null],"x":1},"document-version":"2"}"#)
    );
}

#[test]
fn everything_else_counts() {
    for (left, right) in [
        (r#"{"a": 1}"#, r#"{"a": 2}"#),
        (r#"{"a": 1}"#, r#"{"a": "1"}"#),
        (r#"{"a": 1}"#, r#"{"a": -1}"#),
        (r#"{"a": 1}"#, r#"{"a": 1.5}"#),
        (r#"{"a": null}"#, r#"{"a": false}"#),
        (r#"{"a": "b", "c": "d"}"#, r#"{"a": "d", "c": "b"}"#),
        (r#"{"a": 1}"#, r#"{"a": 1, "of-a-later-version": 1}"#),
        (r#"{"a": [1, 2]}"#, r#"{"a": [2, 1]}"#),
        (r#"{"a": ["bc"]}"#, r#"{"a": ["b", "c"]}"#),
        (r#"{"a": {}}"#, r#"{"a": []}"#),
        (
            r#"{"a": {"document-version": "1"}}"#,
            r#"{"a": {"document-version": "2"}}"#,
        ),
    ] {
        assert_ne!(content(left), content(right), "{left} {right}");
    }
}

#[test]
fn what_is_too_deep_to_walk_is_told_apart_too() {
    let deep = |text: &str| format!("{{\"a\": {}{text}{}}}", "[".repeat(500), "]".repeat(500));
    assert_eq!(content(&deep("1")), content(&deep("1")));
    assert_ne!(content(&deep("1")), content(&deep("2")));
}

#[test]
fn a_hash_is_shown_as_32_digits() {
    let shown = content("{}").to_string();
    assert_eq!(shown.len(), 32);
    assert!(
        shown.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{shown}"
    );
}
