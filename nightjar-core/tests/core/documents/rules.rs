//! The rules for a discovery map, each with a map that breaks it.

use super::{NAMESPACE, ROUTE, SERVICE_COLOR, full, said_of, with, without};
use serde_json::{Value, json};

/// Sets one value and compares all that is said with what is said about that very place.
#[track_caller]
fn breaks(pointer: &str, value: Value, message: &str) {
    let map = with(full(), pointer, value);
    assert_eq!(said_of(&map), [format!("{pointer}: {message}")]);
}

#[track_caller]
fn keeps(pointer: &str, value: Value) {
    assert_eq!(said_of(&with(full(), pointer, value)), [""; 0]);
}

#[test]
fn the_schema_version_is_v1() {
    breaks("/schema-version", json!("v2"), "\"v2\" is none of \"v1\"");
    breaks("/schema-version", json!(1), "1 is not of type \"string\"");
}

#[test]
fn members_that_have_to_be_there() {
    for (place, members) in [
        (
            "",
            &["schema-version", "document-version", "namespaces"][..],
        ),
        (
            NAMESPACE,
            &["namespace", "network-id", "gateways", "service-colors"],
        ),
        ("/namespaces/0/gateways", &["instances"]),
        (
            SERVICE_COLOR,
            &[
                "service",
                "color",
                "index",
                "instances",
                "routes",
                "namespace-egress",
            ],
        ),
        (
            ROUTE,
            &["path-match", "weight", "default-access", "namespace-access"],
        ),
        (&format!("{ROUTE}/path-match"), &["match-type", "value"]),
        (
            &format!("{ROUTE}/headers/0"),
            &["header-name", "match-type"],
        ),
        (
            &format!("{ROUTE}/query-parameters/0"),
            &["parameter-name", "match-type"],
        ),
        (
            &format!("{ROUTE}/namespace-access/0"),
            &["namespace", "access"],
        ),
        (
            &format!("{SERVICE_COLOR}/namespace-egress/0"),
            &["namespace", "interface"],
        ),
        (&format!("{SERVICE_COLOR}/instances/0"), &["port"]),
    ] {
        for member in members {
            let map = without(full(), &format!("{place}/{member}"));
            let place = if place.is_empty() {
                "(document)"
            } else {
                place
            };
            assert_eq!(said_of(&map), [format!("{place}: {member:?} is missing")]);
        }
    }
}

#[test]
fn members_of_a_wrong_type() {
    let object = "is not of type \"object\"";
    let list = "is not of type \"array\"";
    let text = "is not of type \"string\"";
    let truth = "is not of type \"boolean\"";
    for (pointer, value, message) in [
        ("/document-version", json!(1), format!("1 {text}")),
        ("/document-version", Value::Null, format!("null {text}")),
        ("/namespaces", json!({}), format!("an object {list}")),
        ("/namespaces/0", json!([1]), format!("a list {object}")),
        (
            "/namespaces/0/network-id",
            json!([]),
            format!("a list {text}"),
        ),
        (
            "/namespaces/0/properties",
            json!("x"),
            format!("\"x\" {object}"),
        ),
        (
            "/namespaces/0/properties",
            Value::Null,
            format!("null {object}"),
        ),
        (
            "/namespaces/0/properties/timeout",
            json!(5),
            format!("5 {text}"),
        ),
        (
            "/namespaces/0/gateways",
            Value::Null,
            format!("null {object}"),
        ),
        (
            "/namespaces/0/gateways/prefer-gateway",
            json!("yes"),
            format!("\"yes\" {truth}"),
        ),
        (
            "/namespaces/0/gateways/instances",
            json!({}),
            format!("an object {list}"),
        ),
        (
            "/namespaces/0/service-colors/0",
            json!(true),
            format!("true {object}"),
        ),
        (
            &format!("{ROUTE}/default-access"),
            json!(1),
            format!("1 {truth}"),
        ),
        (
            &format!("{ROUTE}/headers/0/value"),
            json!(1),
            "1 is not of types \"null\", \"string\"".to_owned(),
        ),
    ] {
        breaks(pointer, value, &message);
    }
}

#[test]
fn words_with_a_fixed_meaning() {
    let path = &format!("{ROUTE}/path-match/match-type");
    breaks(
        path,
        json!("suffix"),
        "\"suffix\" is none of \"exact\", \"regex\", \"prefix\"",
    );
    let header = &format!("{ROUTE}/headers/0/match-type");
    breaks(
        header,
        json!("PREFIX"),
        "\"PREFIX\" is none of \"exact\", \"regex\", \"prefix\", \"suffix\", \"present\"",
    );
    // What the value has to be cannot be known then.
    let map = without(
        with(full(), header, json!("like")),
        &format!("{ROUTE}/headers/0/value"),
    );
    assert_eq!(said_of(&map).len(), 1);
}

#[test]
fn hosts_have_exactly_one_name() {
    let place = &format!("{SERVICE_COLOR}/instances/0");
    let one = "needs exactly one of ipv4, ipv6 and hostname";
    breaks(place, json!({"port": 1}), one);
    breaks(
        place,
        json!({"port": 1, "ipv4": "10.0.0.1", "ipv6": "::1"}),
        one,
    );
    breaks(
        place,
        json!({"port": 1, "hostname": "a", "ipv6": "::1"}),
        one,
    );
    breaks(place, json!({"port": 1, "ip": "10.0.0.1"}), one);
    let egress = &format!("{SERVICE_COLOR}/namespace-egress/0/interface");
    breaks(egress, json!({"port": 1}), one);
    keeps(egress, json!({"port": 1, "hostname": "localhost"}));
}

#[test]
fn addresses_are_addresses() {
    let place = &format!("{SERVICE_COLOR}/instances/0");
    for text in [
        "",
        "10.0.0",
        "10.0.0.256",
        "010.0.0.1",
        "::1",
        "10.0.0.1:80",
        "a",
    ] {
        let map = with(full(), place, json!({"port": 1, "ipv4": text}));
        let fault = format!("{place}/ipv4: {text:?} is not an IPv4 address");
        assert_eq!(said_of(&map), [fault]);
    }
    for text in ["", "10.0.0.1", "::g", "1:2:3", "[::1]", "fe80::1%eth0"] {
        let map = with(full(), place, json!({"port": 1, "ipv6": text}));
        let fault = format!("{place}/ipv6: {text:?} is not an IPv6 address");
        assert_eq!(said_of(&map), [fault]);
    }
    let long = "a".repeat(64);
    for text in [
        "", "a b", "-a", "a-", "a..b", ".", "a:80", "http://a", "é", "a\nb: c", &long,
    ] {
        let map = with(full(), place, json!({"port": 1, "hostname": text}));
        let fault = format!("{place}/hostname: {text:?} is not a DNS name");
        assert_eq!(said_of(&map), [fault]);
    }
    for text in ["a", "a.", "_srv._tcp.example.com", "1.2", "xn--e1afmkfd"] {
        keeps(place, json!({"port": 1, "hostname": text}));
    }
}

#[test]
fn ports_are_from_1_to_65535() {
    let place = &format!("{SERVICE_COLOR}/instances/0/port");
    for port in [0, 65536, -1, 4_294_967_297_i64] {
        breaks(
            place,
            json!(port),
            &format!("{port} is not from 1 to 65535"),
        );
    }
    breaks(place, json!("80"), "\"80\" is not of type \"integer\"");
    breaks(place, json!(80.5), "80.5 is not of type \"integer\"");
    let gateway = "/namespaces/0/gateways/instances/0/port";
    breaks(gateway, json!(0), "0 is not from 1 to 65535");
}

#[test]
fn weights_are_from_1_to_32767() {
    let place = &format!("{ROUTE}/weight");
    for weight in [0, 32768, 65536, -1] {
        breaks(
            place,
            json!(weight),
            &format!("{weight} is not from 1 to 32767"),
        );
    }
    keeps(place, json!(1));
    keeps(place, json!(32767));
}

#[test]
fn a_namespace_appears_once() {
    breaks(
        "/namespaces/1/namespace",
        json!("n1"),
        "\"n1\" is already the name of /namespaces/0; a namespace appears once",
    );
}

#[test]
fn names_are_plain() {
    let rule = "is not a name: 1 to 128 letters, digits, dots, underscores and hyphens";
    let access = &format!("{ROUTE}/namespace-access/0/namespace");
    let egress = &format!("{SERVICE_COLOR}/namespace-egress/0/namespace");
    let service = &format!("{SERVICE_COLOR}/service");
    let color = &format!("{SERVICE_COLOR}/color");
    for place in ["/namespaces/0/namespace", service, color, access, egress] {
        for name in [
            "", "a b", "a/b", "a\n", "a\tb", "a: b", "\"a\"", "{a}", "#", "é", "a\u{0}",
        ] {
            breaks(place, json!(name), &format!("{name:?} {rule}"));
        }
        let long = "x".repeat(129);
        breaks(
            place,
            json!(long),
            &format!("\"{}…\" {rule}", "x".repeat(119)),
        );
        keeps(place, json!("x".repeat(128)));
        keeps(place, json!("A-z_0.9"));
    }
}

#[test]
fn no_string_holds_control_characters() {
    for place in [
        "/document-version",
        "/namespaces/0/network-id",
        "/namespaces/0/properties/timeout",
        &format!("{SERVICE_COLOR}/properties/lb-policy"),
        &format!("{ROUTE}/path-match/value"),
        &format!("{ROUTE}/headers/0/header-name"),
        &format!("{ROUTE}/headers/0/value"),
        &format!("{ROUTE}/query-parameters/0/parameter-name"),
        &format!("{ROUTE}/query-parameters/0/value"),
        &format!("{ROUTE}/properties/a~1b~0c"),
    ] {
        for (character, code) in [
            ('\n', "000A"),
            ('\0', "0000"),
            ('\u{7f}', "007F"),
            ('\u{85}', "0085"),
        ] {
            let text = format!("a{character}b");
            let mut map = full();
            *map.pointer_mut(place).unwrap() = json!(text);
            let message = format!("{place}: {text:?} holds the control character U+{code}");
            assert_eq!(said_of(&map), [message]);
        }
    }
    let map = with(
        full(),
        "/namespaces/0/properties",
        json!({"a\tb": "c", "": "d"}),
    );
    assert_eq!(
        said_of(&map),
        [
            "/namespaces/0/properties/: the name of a property is empty",
            "/namespaces/0/properties/a\\tb: \"a\\tb\" holds the control character U+0009",
        ]
    );
}

const BEYOND_BYTES: &str = "Envoy compares bytes, so there is no \\x{…} beyond \\x{FF}";
const NO_CATEGORY: &str = "RE2 knows \\p{…} with the short name of a general category, such as \\p{Lu}, or with a \
     script, such as \\p{Greek}";

#[test]
fn regular_expressions_compile_here_and_in_re2() {
    let path = &format!("{ROUTE}/path-match/value");
    for (pattern, reason) in [
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
            "RE2 knows no set operation within a character class",
        ),
        ("[a[b]]", "RE2 knows no character class within another"),
        ("(?x)a", "RE2 knows no flag but i, m, s and U"),
        ("(?u:a)", "RE2 knows no flag but i, m, s and U"),
        ("\\b{start}a", "RE2 knows no word boundary but \\b and \\B"),
        ("\\<a", "RE2 knows no word boundary but \\b and \\B"),
        ("\\u0041", "RE2 knows no \\u and \\U; write \\x{…}"),
        ("[\\U00000041]", "RE2 knows no \\u and \\U; write \\x{…}"),
        (
            "[\\u0041-\\u0042]",
            "RE2 knows no \\u and \\U; write \\x{…}",
        ),
        ("\\x{100}", BEYOND_BYTES),
        ("[a-\\x{2028}]", BEYOND_BYTES),
        ("\\p{Grek}", NO_CATEGORY),
        ("[\\p{Letter}]", NO_CATEGORY),
        ("\\p{gc=L}", NO_CATEGORY),
        ("\\p{lu}", NO_CATEGORY),
        (
            "(?P<a.b>c)",
            "RE2 knows no group names but of letters, digits and underscores",
        ),
        ("a**", "RE2 repeats no repetition but in a group"),
        ("a++", "RE2 repeats no repetition but in a group"),
        ("a{2}{3}", "RE2 repeats no repetition but in a group"),
        ("a{1001}", "RE2 repeats nothing more than 1000 times"),
        ("(?:a{100}){11}", "RE2 repeats nothing more than 1000 times"),
        (
            "\\w{100000}",
            "Compiled regex exceeds size limit of 10485760 bytes.",
        ),
    ] {
        let message = format!("{pattern:?} is not a regular expression: {reason}");
        breaks(path, json!(pattern), &message);
    }
    breaks(
        path,
        json!(""),
        "is empty, and a regular expression is needed",
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
    assert_eq!(said_of(&with(map, path, json!("("))), [""; 0]);
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
            json!("é".repeat(513)),
            "has 1026 bytes, and 1024 are allowed",
        );
        keeps(name, json!("x".repeat(1024)));
        for kind in ["exact", "regex", "prefix", "suffix"] {
            let map = with(full(), &format!("{place}/match-type"), json!(kind));
            let fault = format!("{value}: is missing, and match-type {kind} needs it");
            assert_eq!(said_of(&without(map.clone(), value)), [fault.as_str()]);
            assert_eq!(said_of(&with(map, value, Value::Null)), [fault]);
        }
        for kind in ["prefix", "suffix"] {
            let map = with(full(), &format!("{place}/match-type"), json!(kind));
            let fault = format!("{value}: is empty; use match-type present to accept any value");
            assert_eq!(said_of(&with(map, value, json!(""))), [fault]);
        }
        let map = with(full(), &format!("{place}/match-type"), json!("present"));
        assert_eq!(said_of(&map), [""; 0]);
        assert_eq!(said_of(&without(map, value)), [""; 0]);
        let map = with(full(), &format!("{place}/match-type"), json!("exact"));
        assert_eq!(said_of(&with(map, value, json!(""))), [""; 0]);
    }
}

#[test]
fn every_fault_is_listed_and_in_order() {
    let mut map = full();
    for (pointer, value) in [
        ("/schema-version", json!("v9")),
        ("/document-version", json!("a\nb")),
        ("/namespaces/0/gateways/instances/0", json!({"port": 0})),
        (&format!("{SERVICE_COLOR}/service"), json!("a b")),
        (&format!("{SERVICE_COLOR}/index"), json!("x")),
        (&format!("{ROUTE}/weight"), json!(70000)),
        (&format!("{ROUTE}/path-match/value"), json!("(")),
        (&format!("{ROUTE}/headers/0"), json!("x")),
        (&format!("{ROUTE}/properties/a~1b~0c"), json!(1)),
        ("/namespaces/1/namespace", json!("n1")),
    ] {
        *map.pointer_mut(pointer).unwrap() = value;
    }
    let map = without(map, "/namespaces/1/network-id");
    assert_eq!(
        said_of(&map),
        [
            "/document-version: \"a\\nb\" holds the control character U+000A",
            "/namespaces/0/gateways/instances/0: needs exactly one of ipv4, ipv6 and hostname",
            "/namespaces/0/gateways/instances/0/port: 0 is not from 1 to 65535",
            "/namespaces/0/service-colors/0/index: \"x\" is not of type \"integer\"",
            "/namespaces/0/service-colors/0/routes/0/headers/0: \"x\" is not of type \"object\"",
            "/namespaces/0/service-colors/0/routes/0/path-match/value: \"(\" is not a regular expression: unclosed group",
            "/namespaces/0/service-colors/0/routes/0/properties/a~1b~0c: 1 is not of type \"string\"",
            "/namespaces/0/service-colors/0/routes/0/weight: 70000 is not from 1 to 32767",
            "/namespaces/0/service-colors/0/service: \"a b\" is not a name: 1 to 128 letters, digits, dots, underscores and hyphens",
            "/namespaces/1: \"network-id\" is missing",
            "/namespaces/1/namespace: \"n1\" is already the name of /namespaces/0; a namespace appears once",
            "/schema-version: \"v9\" is none of \"v1\"",
        ]
    );
}
