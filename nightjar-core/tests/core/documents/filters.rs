//! What headers, query parameters and paths are compared with.

use super::{ROUTE, breaks, full, keeps, said_of, with, without};
use nightjar_core::document::discovery_map::ValueMatchType;
use serde_json::{Value, json};

const BEYOND_BYTES: &str = "Envoy compares bytes, so \\x{…} must not exceed \\x{FF}";
const NO_CATEGORY: &str = "RE2 supports \\p{…} only with the short name of a general category, such as \\p{Lu}, or with a \
     script, such as \\p{Greek}";

/// Patterns that are refused, with the reason.
const REFUSED: [(&str, &str); 30] = [
    ("(", "unclosed group"),
    ("a)", "unopened group"),
    ("[a", "unclosed character class"),
    ("*", "repetition operator missing expression"),
    (
        "a{2,1}",
        "invalid repetition count range, the start must be <= the end",
    ),
    ("\\q", "unrecognized escape sequence"),
    (
        "(?=a)",
        "look-around, including look-ahead and look-behind, is not supported",
    ),
    ("(a)\\1", "backreferences are not supported"),
    (
        "[a&&b]",
        "RE2 does not support set operations in a character class",
    ),
    (
        "[a[b]]",
        "RE2 does not support a character class inside another",
    ),
    ("(?x)a", "RE2 supports only the flags i, m, s and U"),
    ("(?u:a)", "RE2 supports only the flags i, m, s and U"),
    (
        "\\b{start}a",
        "RE2 supports only the word boundaries \\b and \\B",
    ),
    ("\\<a", "RE2 supports only the word boundaries \\b and \\B"),
    ("\\u0041", "RE2 does not support \\u and \\U; write \\x{…}"),
    (
        "[\\U00000041]",
        "RE2 does not support \\u and \\U; write \\x{…}",
    ),
    (
        "[\\u0041-\\u0042]",
        "RE2 does not support \\u and \\U; write \\x{…}",
    ),
    ("\\x{100}", BEYOND_BYTES),
    ("[a-\\x{2028}]", BEYOND_BYTES),
    ("\\p{Grek}", NO_CATEGORY),
    ("[\\p{Letter}]", NO_CATEGORY),
    ("\\p{gc=L}", NO_CATEGORY),
    ("\\p{lu}", NO_CATEGORY),
    (
        "(?P<a.b>c)",
        "RE2 supports only letters, digits and underscores in group names",
    ),
    (
        "a**",
        "RE2 does not repeat a repetition that is not in a group",
    ),
    (
        "a++",
        "RE2 does not repeat a repetition that is not in a group",
    ),
    (
        "a{2}{3}",
        "RE2 does not repeat a repetition that is not in a group",
    ),
    (
        "a{1001}",
        "RE2 does not repeat anything more than 1000 times",
    ),
    (
        "(?:a{100}){11}",
        "RE2 does not repeat anything more than 1000 times",
    ),
    (
        "\\w{100000}",
        "RE2 does not repeat anything more than 1000 times",
    ),
];

#[test]
fn regular_expressions_compile_here_and_in_re2() {
    let path = &format!("{ROUTE}/path-match/value");
    for (pattern, reason) in REFUSED {
        let message = format!("{pattern:?} is not a regular expression: {reason}");
        breaks(path, json!(pattern), &message);
    }
    breaks(
        path,
        json!(""),
        "is empty; a regular expression is required",
    );
    for pattern in [
        "/a/[0-9]+",
        "(?i)a",
        "(?P<n>a)",
        "\\x{41}\\pL\\p{Lu}[\\PL\\x{FF}]",
        "(?:a+?)*",
        "a{1000}",
        "[^/]*?",
        "(?s).*",
    ] {
        keeps(path, json!(pattern));
    }
    for list in ["headers", "query-parameters"] {
        let mut map = with(
            full(),
            &format!("{ROUTE}/{list}/0/match-type"),
            json!("regex"),
        );
        map = with(map, &format!("{ROUTE}/{list}/0/value"), json!("("));
        let fault =
            format!("{ROUTE}/{list}/0/value: \"(\" is not a regular expression: unclosed group");
        assert_eq!(said_of(&map), [fault]);
    }
    // Only where it is one.
    let map = with(
        full(),
        &format!("{ROUTE}/path-match/match-type"),
        json!("exact"),
    );
    assert_eq!(said_of(&with(map, path, json!("/("))), [""; 0]);
}

#[test]
fn filters_have_what_they_compare_with() {
    for (list, name) in [
        ("headers", "header-name"),
        ("query-parameters", "parameter-name"),
    ] {
        let place = &format!("{ROUTE}/{list}/0");
        let value = &format!("{place}/value");
        let name = &format!("{place}/{name}");
        breaks(name, json!(""), "is empty");
        breaks(
            name,
            json!("é".repeat(1025)),
            "has 2050 bytes; at most 1024 are allowed",
        );
        keeps(name, json!("é".repeat(512)));
        breaks(
            name,
            json!("é".repeat(513)),
            "has 1026 bytes; at most 1024 are allowed",
        );
        let needs_value = |kind: &ValueMatchType| *kind != ValueMatchType::Present;
        for kind in ValueMatchType::ALL.into_iter().filter(needs_value) {
            let map = with(full(), &format!("{place}/match-type"), json!(kind));
            let missing = format!("{place}: \"value\" is missing");
            assert_eq!(said_of(&without(map.clone(), value)), [missing]);
            let null = format!("{value}: null is not of type \"string\"");
            assert_eq!(said_of(&with(map, value, Value::Null)), [null]);
        }
        for kind in ["prefix", "suffix"] {
            let map = with(full(), &format!("{place}/match-type"), json!(kind));
            let fault = format!("{value}: is empty");
            assert_eq!(said_of(&with(map, value, json!(""))), [fault]);
        }
        let map = with(full(), &format!("{place}/match-type"), json!("present"));
        assert_eq!(said_of(&map), [""; 0]);
        assert_eq!(said_of(&without(map, value)), [""; 0]);
        let map = with(full(), &format!("{place}/match-type"), json!("exact"));
        assert_eq!(said_of(&with(map, value, json!(""))), [""; 0]);
    }
}

/// Where a route is denied, or the condition is on the host, more is put around an expression.
#[test]
fn expressions_of_headers_compile_with_what_is_put_around_them() {
    let hosts: Vec<String> = (0..6000)
        .map(|number| format!(r"shop{number:04}\.example\.com$"))
        .collect();
    for (name, expression) in [
        (":authority", hosts.join("|")),
        ("x", format!("^{}c?", "ab".repeat(60_000))),
    ] {
        let place = format!("{ROUTE}/headers/0");
        let header = json!({"header-name": name, "match-type": "regex", "value": expression});
        let said = said_of(&with(full(), &place, header));
        assert_eq!(said.len(), 1, "{name}");
        assert!(
            said[0]
                .contains("instructions; at most 90000 are allowed, because Envoy accepts 100000"),
            "{said:?}"
        );
    }
}
