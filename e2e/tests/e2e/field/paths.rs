//! Paths with escapes and letters beyond ASCII reach their routes in every spelling.

use super::{GATEWAY, Tool, by, exact, gateway, having, matching, service};
use ::regex::Regex;
use e2e::{
    maps::{map, namespace, prefix, with},
    mesh::Backend,
};
use serde_json::{Value, json};

/// A path in a map, and paths of requests that mean what is below it.
type Row = (&'static str, &'static [&'static str]);

const PREFIXES: [Row; 15] = [
    ("/café/", &["/caf%C3%A9/x", "/caf%c3%a9/x", "/caf%C3%a9/x"]),
    ("/größen/", &["/gr%C3%B6%C3%9Fen/x", "/gr%c3%b6%c3%9fen/x"]),
    ("/caf%c3%a8/", &["/caf%C3%A8/x", "/caf%c3%a8/x"]),
    (
        "/日本/",
        &["/%E6%97%A5%E6%9C%AC/x", "/%e6%97%a5%E6%9C%AC/x"],
    ),
    ("/a b/", &["/a%20b/x"]),
    ("/x%2Fy/", &["/x/y/z", "/x%2Fy/z", "/x%2fy/z", "/x//y/z"]),
    ("/v%5Cw/", &["/v/w/z", "/v%5Cw/z", "/v%5cw/z"]),
    ("/%61bc/", &["/abc/x", "/%61bc/x", "/ab%63/x"]),
    ("/%7Eann/", &["/~ann/x", "/%7Eann/x", "/%7eann/x"]),
    ("/a+b/", &["/a+b/x", "/a%2Bb/x", "/a%2bb/x"]),
    ("/c%2bd/", &["/c+d/x", "/c%2Bd/x", "/c%2bd/x"]),
    ("/e%40f/", &["/e@f/x", "/e%40f/x"]),
    ("/g(h)/", &["/g(h)/x", "/g%28h%29/x", "/g%28h)/x"]),
    ("/p//q/", &["/p/q/x", "/p//q/x"]),
    ("/d/../s/", &["/s/x"]),
];

const EXACT: [Row; 4] = [
    ("/User@Home", &["/User@Home", "/User%40Home"]),
    ("/naïve", &["/na%C3%AFve", "/na%c3%afve"]),
    ("/one//two", &["/one/two", "/one//two", "/one%2Ftwo"]),
    ("/three/./four", &["/three/four"]),
];

#[test]
fn a_path_is_reached_in_every_spelling() {
    let [rest, special] = ["rest", "special"].map(|name| Backend::start(name, "blue"));
    let any_case = json!({"path-match": {"match-type": "prefix", "value": "/Sum+Up/", "case-sensitive": false}});
    let mut routes: Vec<Value> = PREFIXES.iter().map(|(path, _)| prefix(path)).collect();
    routes.extend(EXACT.iter().map(|(path, _)| exact(path)));
    routes.push(with(prefix(""), any_case));
    let proxy = gateway(&[
        service("rest", &[rest.port], &[prefix("/")]),
        service("special", &[special.port], &routes),
    ]);
    let any_case: Row = (
        "/Sum+Up/",
        &["/sum+up/x", "/SUM%2BUP/x", "/Sum%2bup/x", "/s%75m%2bup/x"],
    );
    for (declared, sent) in PREFIXES.iter().chain(&EXACT).chain([&any_case]) {
        for path in *sent {
            let answer = proxy.get(path);
            assert_eq!(by(&answer), "special-blue", "{path} for {declared}");
        }
    }
    for path in [
        "/caf%C3%A8",
        "/caf/x",
        "/caf%25C3%25A9/x",
        "/gr%C3%B6%C3%9Cen/x",
        "/a%252Bb/x",
        "/A+b/x",
        "/aab/x",
        "/a%20b",
        "/ab/x",
        "/x/yz",
        "/User%40Home/",
        "/user@home",
        "/one/two/",
        "/d/x",
    ] {
        assert_eq!(by(&proxy.get(path)), "rest-blue", "{path}");
    }
}

#[test]
fn a_prefix_with_escapes_is_rewritten_as_any_other() {
    let shop = Backend::start("shop", "blue");
    let mounted = |path: &str| having(prefix(path), json!({"prefix-rewrite": "/in/"}));
    let proxy = gateway(&[service(
        "shop",
        &[shop.port],
        &[
            mounted("/a+b/"),
            mounted("/größen/"),
            mounted("/e%40f/"),
            mounted("/x%2Fy/"),
        ],
    )]);
    for path in [
        "/a+b/who?x=1",
        "/a%2Bb/who?x=1",
        "/a%2bb/who?x=1",
        "/gr%C3%B6%C3%9Fen/who?x=1",
        "/gr%c3%b6%c3%9fen/who?x=1",
        "/e@f/who?x=1",
        "/e%40f/who?x=1",
        "/x/y/who?x=1",
    ] {
        let answer = proxy.get(path);
        let seen = answer.header("x-sample-path");
        assert_eq!(seen, Some("/in/who?x=1"), "{path}");
    }
}

#[test]
fn the_context_keeps_kind_and_path_and_has_the_spellings_beside_them() {
    let routes = [prefix("/größen//a+b/"), exact("/u(1)"), prefix("/plain/")];
    let tool = Tool::with(&map(&[namespace(
        "n1",
        &[service("shop", &[4000], &routes)],
    )]));
    let (context, told) = tool.context(&GATEWAY);
    assert_eq!(told, "");
    let routes = context["listeners"][0]["routes"].as_array().unwrap();
    let route = |path: &str| {
        let found = routes.iter().find(|route| route["route_path"] == path);
        found.unwrap_or_else(|| panic!("{path} in {context:#}"))
    };
    let spelled = route("/gr%C3%B6%C3%9Fen/a+b/");
    assert_eq!(
        (&spelled["path_is_prefix"], &spelled["has_spellings"]),
        (&json!(true), &json!(true))
    );
    let matches = |route: &Value, path: &str| {
        let pattern = route["path_pattern"].as_str().unwrap();
        Regex::new(&format!("^(?:{pattern})$"))
            .unwrap()
            .is_match(path)
    };
    for path in [
        "/gr%C3%B6%C3%9Fen/a+b/",
        "/gr%c3%b6%c3%9Fen/a%2Bb/",
        "/gr%C3%B6%C3%9fen/a%2bb/",
    ] {
        assert!(matches(spelled, path), "{path}: {spelled:#}");
    }
    // It is the pattern of the prefix itself, not of what is below it.
    for path in ["/gr%C3%B6%C3%9Fen/a+b/x", "/gr%C3%B6%C3%9Fen/aab/"] {
        assert!(!matches(spelled, path), "{path}: {spelled:#}");
    }
    let spelled = route("/u(1)");
    assert_eq!(
        (&spelled["path_is_exact"], &spelled["has_spellings"]),
        (&json!(true), &json!(true))
    );
    assert!(matches(spelled, "/u%281)"), "{spelled:#}");
    assert_eq!(route("/plain/")["has_spellings"], false);
}

#[test]
fn a_pattern_in_a_prefix_is_literal() {
    let [rest, special] = ["rest", "special"].map(|name| Backend::start(name, "blue"));
    let proxy = gateway(&[
        service("rest", &[rest.port], &[prefix("/")]),
        service(
            "special",
            &[special.port],
            &[
                prefix("/orders/*"),
                prefix("/items/:id"),
                matching("regex", "/users/[0-9]+/.*"),
            ],
        ),
    ]);
    let expected = [
        ("/orders/*", "special-blue"),
        ("/orders/*/x", "special-blue"),
        ("/orders/%2A", "special-blue"),
        ("/items/:id", "special-blue"),
        ("/users/7/x", "special-blue"),
        ("/orders/7", "rest-blue"),
        ("/items/7", "rest-blue"),
    ];
    let got = expected.map(|(path, _)| (path, by(&proxy.get(path))));
    assert_eq!(got, expected.map(|(path, name)| (path, name.to_owned())));
}
