//! Which route takes a request.

use super::{gateway_of, having, seen, service};
use e2e::{
    maps::{namespace, prefix, with},
    mesh::{Backend, Proxy},
};
use serde_json::{Value, json};

/// A gateway whose services answer 200, whatever they are asked.
fn answering_all(service_colors: &[Value]) -> Proxy {
    let namespace = namespace("n1", service_colors);
    gateway_of(&having(namespace, json!({"prefix-rewrite": "/flaky/0/"})))
}

fn path(match_type: &str, value: &str, case_sensitive: bool) -> Value {
    let path = json!({"match-type": match_type, "value": value, "case-sensitive": case_sensitive});
    with(prefix(""), json!({ "path-match": path }))
}

#[test]
fn the_most_specific_path_answers() {
    // From the widest to the narrowest, which is not the order in which they must be tried.
    let routes = [
        ("root", path("prefix", "/", true)),
        ("prefix", path("prefix", "/shop/", true)),
        ("long-prefix", path("prefix", "/shop/cart/", true)),
        ("prefix-any-case", path("prefix", "/Help/", false)),
        ("regex", path("regex", "/shop/i.*", true)),
        ("long-regex", path("regex", r"/shop/item/\d{1,300}", true)),
        ("regex-any-case", path("regex", "/find/[a-f]+", false)),
        ("exact", path("exact", "/shop/list", true)),
        ("exact-any-case", path("exact", "/Shop/Cart", false)),
    ];
    let backends = routes
        .each_ref()
        .map(|(name, _)| Backend::start(name, "blue"));
    let services: Vec<Value> = routes
        .iter()
        .zip(&backends)
        .map(|((name, route), backend)| service(name, &[backend.port], std::slice::from_ref(route)))
        .collect();
    let proxy = answering_all(&services);
    let expected = [
        ("/", "root"),
        ("/shop", "root"),
        ("/shop/", "prefix"),
        ("/shop/other", "prefix"),
        ("/Shop/other", "root"),
        ("/shop/cart/", "long-prefix"),
        ("/shop/cart/1?and=more", "long-prefix"),
        ("/shop/Cart/1", "prefix"),
        ("/help/me", "prefix-any-case"),
        ("/HELP/", "prefix-any-case"),
        ("/shop/info", "regex"),
        ("/shop/item/12", "long-regex"),
        ("/shop/item/12?and=more", "long-regex"),
        // An expression has to match the whole path.
        ("/shop/item/12/photo", "regex"),
        ("/x/shop/item/12", "root"),
        ("/find/abc", "regex-any-case"),
        ("/Find/ABC", "regex-any-case"),
        ("/find/xyz", "root"),
        ("/shop/list", "exact"),
        ("/shop/list?and=more", "exact"),
        ("/shop/list/", "prefix"),
        ("/shop/List", "prefix"),
        ("/shop/cart", "exact-any-case"),
        ("/SHOP/cart", "exact-any-case"),
    ]
    // What a regular expression matched is not rewritten, and the services have no such paths.
    .map(|(path, name)| {
        let status = if name.contains("regex") { 404 } else { 200 };
        (path, format!("{status} by {name}-blue"))
    });
    let got = expected
        .each_ref()
        .map(|(path, _)| (*path, seen(&proxy.get(path))));
    assert_eq!(got, expected);
}

/// A condition on a header or a query parameter, and what it makes of values; `None` is a request
/// without it.
struct Condition {
    name: &'static str,
    match_type: &'static str,
    value: &'static str,
    case_sensitive: bool,
    holds: &'static [Option<&'static str>],
    fails: &'static [Option<&'static str>],
}

const fn condition(
    name: &'static str,
    (match_type, value, case_sensitive): (&'static str, &'static str, bool),
    holds: &'static [Option<&'static str>],
    fails: &'static [Option<&'static str>],
) -> Condition {
    Condition {
        name,
        match_type,
        value,
        case_sensitive,
        holds,
        fails,
    }
}

const CONDITIONS: [Condition; 9] = [
    condition(
        "exact",
        ("exact", "Blue", true),
        &[Some("Blue")],
        &[None, Some("blue"), Some("Blues"), Some("aBlue")],
    ),
    condition(
        "exact-any-case",
        ("exact", "Blue", false),
        &[Some("Blue"), Some("bLUE")],
        &[None, Some("Blues"), Some("aBlue")],
    ),
    condition(
        "regex",
        ("regex", "Bl.*e", true),
        &[Some("Blue"), Some("Ble")],
        &[None, Some("blue"), Some("Blues"), Some("aBlue")],
    ),
    condition(
        "regex-any-case",
        ("regex", "Bl.*e|green", false),
        &[Some("Blue"), Some("bLE"), Some("GREEN")],
        &[None, Some("Blues"), Some("aBlue"), Some("greens")],
    ),
    condition(
        "prefix",
        ("prefix", "Blu", true),
        &[Some("Blu"), Some("Blues")],
        &[None, Some("blues"), Some("aBlue"), Some("Bl")],
    ),
    condition(
        "prefix-any-case",
        ("prefix", "Blu", false),
        &[Some("Blu"), Some("bLUES")],
        &[None, Some("aBlue"), Some("Bl")],
    ),
    condition(
        "suffix",
        ("suffix", "Lue", true),
        &[Some("Lue"), Some("aLue")],
        &[None, Some("blue"), Some("Lues"), Some("ue")],
    ),
    condition(
        "suffix-any-case",
        ("suffix", "Lue", false),
        &[Some("Lue"), Some("BLUE")],
        &[None, Some("Lues"), Some("ue")],
    ),
    condition(
        "present",
        ("present", "", true),
        &[Some("Blue"), Some("x"), Some("")],
        &[None],
    ),
];

/// Each request and who answers it, where `name` takes those that the condition holds for.
fn rows<'a, R>(
    condition: &'a Condition,
    (holds, fails): (&'a str, &'a str),
    request: impl Fn(Option<&'static str>) -> R,
) -> Vec<(R, String)> {
    let row = |value, name| (request(value), format!("200 by {name}-blue"));
    let holding = condition.holds.iter().map(|value| row(*value, holds));
    holding
        .chain(condition.fails.iter().map(|value| row(*value, fails)))
        .collect()
}

/// Two services: `picky` with routes that have conditions, and `everybody`, which gets the rest.
fn picky(routes: &[Value]) -> (Proxy, [Backend; 2]) {
    let backends = ["picky", "everybody"].map(|name| Backend::start(name, "blue"));
    let [picky, everybody] = &backends;
    let proxy = answering_all(&[
        service("everybody", &[everybody.port], &[prefix("/")]),
        service("picky", &[picky.port], routes),
    ]);
    (proxy, backends)
}

#[test]
fn headers_decide() {
    let route = |condition: &Condition, path: String, invert: bool| {
        let header = json!({
            "header-name": "X-Color", "match-type": condition.match_type,
            "value": condition.value, "case-sensitive": condition.case_sensitive, "invert": invert,
        });
        with(prefix(&path), json!({ "headers": [header] }))
    };
    let mut routes = Vec::new();
    let mut expected = Vec::new();
    for condition in &CONDITIONS {
        let path = format!("/{}/", condition.name);
        routes.push(route(condition, path.clone(), false));
        let request = |value| (path.clone(), value);
        expected.extend(rows(condition, ("picky", "everybody"), request));
        // The opposite holds exactly where the condition does not, a missing header included.
        let path = format!("/not/{}/", condition.name);
        routes.push(route(condition, path.clone(), true));
        let request = |value| (path.clone(), value);
        expected.extend(rows(condition, ("everybody", "picky"), request));
    }
    let (proxy, _backends) = picky(&routes);
    let got: Vec<_> = expected
        .iter()
        .map(|((path, value), _)| {
            let header = value.map(|value| ("x-color", value));
            let answer = proxy.get_with(path, header.as_slice());
            ((path.clone(), *value), seen(&answer))
        })
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn query_parameters_decide() {
    let mut routes = Vec::new();
    let mut expected = Vec::new();
    for condition in &CONDITIONS {
        let path = format!("/{}/", condition.name);
        let parameter = json!({
            "parameter-name": "color", "match-type": condition.match_type,
            "value": condition.value, "case-sensitive": condition.case_sensitive,
        });
        routes.push(with(
            prefix(&path),
            json!({"query-parameters": [parameter]}),
        ));
        let request = |value: Option<&str>| match value {
            Some(value) => format!("{path}?first=1&color={value}&last=1"),
            None => format!("{path}?first=1&Color=Blue"),
        };
        expected.extend(rows(condition, ("picky", "everybody"), request));
    }
    let (proxy, _backends) = picky(&routes);
    let got: Vec<_> = expected
        .iter()
        .map(|(path, _)| (path.clone(), seen(&proxy.get(path))))
        .collect();
    assert_eq!(got, expected);
}

#[test]
fn the_route_that_asks_more_comes_first_and_all_it_asks_must_hold() {
    let header = |name: &str| json!({"header-name": name, "match-type": "present"});
    let query = json!({"parameter-name": "q", "match-type": "exact", "value": "1"});
    let route = |members| with(prefix("/x/"), members);
    let routes = [
        ("nothing", prefix("/x/")),
        ("query", route(json!({"query-parameters": [query]}))),
        ("one-header", route(json!({"headers": [header("a")]}))),
        (
            "header-and-query",
            route(json!({"headers": [header("a")], "query-parameters": [query]})),
        ),
        (
            "two-headers",
            route(json!({"headers": [header("a"), header("b")]})),
        ),
    ];
    let backends = routes
        .each_ref()
        .map(|(name, _)| Backend::start(name, "blue"));
    let services: Vec<Value> = routes
        .iter()
        .zip(&backends)
        .map(|((name, route), backend)| service(name, &[backend.port], std::slice::from_ref(route)))
        .collect();
    let proxy = answering_all(&services);
    let (a, b) = (("a", "1"), ("b", "1"));
    let expected = [
        ("/x/", vec![], "nothing"),
        ("/x/", vec![b], "nothing"),
        ("/x/?q=2", vec![], "nothing"),
        ("/x/?q=1", vec![], "query"),
        ("/x/?q=1", vec![b], "query"),
        ("/x/", vec![a], "one-header"),
        ("/x/?q=2", vec![a], "one-header"),
        ("/x/?q=1", vec![a], "header-and-query"),
        ("/x/", vec![a, b], "two-headers"),
        ("/x/?q=1", vec![b, a], "two-headers"),
    ]
    .map(|(path, headers, name)| (path, headers, format!("200 by {name}-blue")));
    let got = expected.clone().map(|(path, headers, _)| {
        let answer = seen(&proxy.get_with(path, &headers));
        (path, headers, answer)
    });
    assert_eq!(got, expected);
}
