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
fn of_members_with_one_name_the_last_counts() {
    for (twice, once) in [
        (r#"{"a": 1, "a": 2}"#, r#"{"a": 2}"#),
        (r#"{"a": 2, "a": 1}"#, r#"{"a": 1}"#),
        (
            r#"{"b": {"a": 1, "c": 0, "a": 2}}"#,
            r#"{"b": {"a": 2, "c": 0}}"#,
        ),
        (r#"{"b": {"a": 1.5, "a": 0.5}}"#, r#"{"b": {"a": 0.5}}"#),
    ] {
        assert_eq!(content(twice), content(once), "{twice}");
    }
}

#[test]
fn whole_numbers_are_the_same_however_they_are_written() {
    let number = |text: &str| content(&format!("{{\"a\": [{{\"b\": {text}}}]}}"));
    for (left, right) in [
        ("1", "1.0"),
        ("1", "1e0"),
        ("0", "-0"),
        ("0", "0.0"),
        ("-3", "-3.0"),
        ("9007199254740991", "9007199254740991.0"),
        ("0.5", "0.5"),
    ] {
        assert_eq!(number(left), number(right), "{left} {right}");
    }
    for (left, right) in [
        ("9007199254740992", "9007199254740993"),
        ("18446744073709551616", "18446744073709551617"),
        ("0.1", "0.1000000000000000055"),
        ("1e400", "1e401"),
        ("-1", "1"),
    ] {
        assert_ne!(number(left), number(right), "{left} {right}");
    }
    // White space and order do not count beside one that is exact only as text.
    assert_eq!(
        content(r#"{"a": {"x": 0.5, "y": [ 1, {"z": 2} ]}}"#),
        content(r#"{"a":{"y":[1,{"z":2.0}],"x":0.5}}"#)
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
