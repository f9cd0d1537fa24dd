//! One path, several service-colors, or none that may or can answer.

use super::{gateway, heard, in_turn, seen, service};
use e2e::{
    http::Answer,
    maps::{prefix, service_color, with},
    mesh::Backend,
};
use serde_json::json;

#[test]
fn colors_share_a_path_by_weight() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let weighted = |weight: u32| with(prefix("/who"), json!({ "weight": weight }));
    let proxy = gateway(&[
        service_color("shop", "blue", &[blue.port], &[weighted(1)]),
        service_color("shop", "green", &[green.port], &[weighted(2)]),
        // It has most of the weight and no endpoint.
        service_color("shop", "red", &[], &[weighted(100)]),
    ]);
    let answers = in_turn(&proxy, "/who", 600);
    let count = |who: &str| answers.iter().filter(|answer| *answer == who).count();
    let (blue, green) = (count("200 by shop-blue"), count("200 by shop-green"));
    assert_eq!(blue + green, 600, "{answers:?}");
    // 200 are expected; the bound is five standard deviations of the binomial distribution,
    // 5 * sqrt(600 * 1/3 * 2/3), which chance breaks less than once in a million runs.
    assert!(blue.abs_diff(200) <= 58, "blue {blue}, green {green}");
}

#[test]
fn a_path_without_endpoints_is_503_and_falls_to_nobody() {
    let root = Backend::start("root", "blue");
    let proxy = gateway(&[
        service("root", &[root.port], &[prefix("/")]),
        service_color("shop", "blue", &[], &[prefix("/who")]),
        service_color("shop", "green", &[], &[prefix("/who")]),
        service("alone", &[], &[prefix("/echo")]),
    ]);
    let got = ["/who", "/echo", "/"].map(|path| seen(&proxy.get(path)));
    assert_eq!(got, ["503 by Envoy", "503 by Envoy", "200 by root-blue"]);
    assert_eq!(
        heard(&proxy.get("/who")),
        "503 by Envoy: no healthy upstream"
    );
}

#[test]
fn what_is_denied_looks_as_if_it_were_not_there() {
    let shop = Backend::start_with("shop", "blue", &[("PATH_PREFIX", "/shop")]);
    let private = |path: &str| with(prefix(path), json!({"default-access": false}));
    let routes = [
        prefix("/shop/"),
        private("/shop/key/"),
        prefix("/shop/key/public/"),
    ];
    let proxy = gateway(&[service("shop", &[shop.port], &routes)]);
    let got = ["/shop/who", "/shop/key/x", "/shop/key/public/", "/nowhere"]
        .map(|path| seen(&proxy.get(path)));
    assert_eq!(
        got,
        [
            "200 by shop-blue",
            "404 by Envoy",
            // The service has no such key: the request did reach it.
            "404 by shop-blue",
            "404 by Envoy",
        ]
    );
    let without_date = |mut answer: Answer| {
        answer.headers.retain(|(name, _)| name != "date");
        answer
    };
    let answers = ["/shop/key/x", "/nowhere"].map(|path| without_date(proxy.get(path)));
    let plain = Answer {
        status: 404,
        headers: [
            ("server", "envoy"),
            ("connection", "close"),
            ("content-length", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        body: String::new(),
    };
    assert_eq!(answers, [plain.clone(), plain]);
}
