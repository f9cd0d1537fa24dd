//! Envoy takes strings that look like more than strings, and takes them for strings.

use e2e::{
    http,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

/// What a request can carry as the value of a header.
const HEADER: &str = r#""}], 'x': {{{version}}} %REQ(X)% ${x} #&*!|> \" \u0022 `- [{"#;
/// What can be part of a path as it stands.
const PATH: &str = "/%25REQ(X)%25/$&'*!=:@,/";
/// What a path cannot hold unless it is escaped.
const ODD_PATH: &str = "/\": }],\u{2028}\u{feff}💡 - a: &b *c !d %START_TIME% {{x}}/";
/// What Envoy would make something of, where it formats.
const FORMAT: &str = r#"%ENVIRONMENT(PATH)% %% %REQ(:path)% %"}, {{x}} {{{version}}} 50%"#;
/// The same as far as a path can hold it.
const FORMAT_PATH: &str = "/%ENVIRONMENT(PATH)%/%%/%REQ(x)%/{{x}}/\"}/";
/// What no request can carry, but a file can.
const TEXT: &str = "\": }],\u{2028}\u{2029}\u{feff}\u{202e}💡 - a: &b *c !d #e %START_TIME% {{x}}";

/// A map with such strings wherever it can have one, and with names that YAML knows.
fn hostile(backend: &Backend, egress_port: u16) -> Value {
    let filter = |key: &str, name: &str, kind: &str, value: &str| json!({key: name, "match-type": kind, "value": value});
    let mut properties = json!({
        TEXT: TEXT, "timeout": TEXT, "lb-policy": TEXT, "host-rewrite": TEXT, "retry-on": TEXT,
        "health-check-path": "/who?%REQ(x)%\"}]", "response-header-set-x-hostile": FORMAT,
        "request-header-set-x-hostile": TEXT, (format!("request-header-set-{TEXT}")): TEXT,
        (format!("response-header-set-{HEADER}")): TEXT,
    });
    for name in [
        "retry-statuses",
        "retry-back-off",
        "request-header-remove",
        "response-header-remove",
        "redirect-to",
        "cors-origins",
        "rate-limit",
        "abort-status",
        "abort-percent",
        "delay",
        "delay-percent",
        "mirror-to",
        "mirror-percent",
    ] {
        properties[name] = TEXT.into();
    }
    let headers = [filter("header-name", "x", "exact", HEADER)];
    let odd = [
        filter("header-name", TEXT, "exact", TEXT),
        filter("header-name", "{{x}}", "suffix", TEXT),
        filter("header-name", "\"", "regex", "\\{\\{\"\u{2028}"),
    ];
    let odd_queries = [
        filter("parameter-name", TEXT, "prefix", TEXT),
        filter("parameter-name", HEADER, "present", ""),
    ];
    let path =
        |kind: &str, value: &str| json!({"path-match": {"match-type": kind, "value": value}});
    let routes = [
        with(
            prefix("/rewritten/"),
            json!({"properties": {"prefix-rewrite": "/%REQ(x)%/%START_TIME%/", TEXT: TEXT}}),
        ),
        with(prefix("/header/"), json!({"headers": headers})),
        prefix(PATH),
        with(
            prefix("/moved/"),
            json!({"properties": {"redirect-to": FORMAT_PATH}}),
        ),
        with(
            prefix(TEXT),
            json!({"headers": odd, "query-parameters": odd_queries}),
        ),
        with(prefix(""), path("exact", TEXT)),
        with(prefix(""), path("regex", "/\\{\\{\"\u{2028}💡\\\\\\}")),
        with(prefix(ODD_PATH), json!({"default-access": false})),
    ];
    let egress = json!([{
        "namespace": "...", "interface": {"ipv4": "127.0.0.1", "port": egress_port}
    }]);
    let service = with(
        service_color("null", "1e3", &[backend.port], &routes),
        json!({"properties": properties, "namespace-egress": egress}),
    );
    let of = |name: &str| {
        with(
            namespace(name, std::slice::from_ref(&service)),
            json!({"network-id": TEXT, "properties": properties}),
        )
    };
    let mut map = map(&[of("-.inf"), of("...")]);
    map["document-version"] = TEXT.into();
    map
}

fn ask(port: u16, path: &str, headers: &[(&str, &str)]) -> (String, String) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let answer = http::get(address, path, headers).unwrap();
    let received = answer.header("x-sample-path").unwrap_or_default();
    (answer.by().to_owned(), received.to_owned())
}

#[test]
fn envoy_takes_hostile_strings_for_what_they_are() {
    let backend = Backend::start("null", "1e3");
    let egress_port = ports::free();
    let map = hostile(&backend, egress_port);
    // Each of them also lets Envoy validate what it has made.
    let gateway = Plan::gateway("...", &map).start();
    let sidecar = Plan::sidecar("-.inf", "null", "1e3", &map).start();
    let refused = |proxy: &Proxy| proxy.metric("nightjar_configuration_refused").to_string();
    assert_eq!([&gateway, &sidecar].map(refused), ["0", "0"]);

    for port in [gateway.port, sidecar.port, egress_port] {
        let answered = |path: &str| ("null-1e3".to_owned(), path.to_owned());
        let nobody = (String::new(), String::new());
        assert_eq!(
            ask(port, "/header/a", &[("x", HEADER)]),
            answered("/header/a")
        );
        assert_eq!(ask(port, "/header/a", &[("x", "X")]), nobody);
        assert_eq!(ask(port, PATH, &[]), answered(PATH));
        let rewritten = "/%REQ(x)%/%START_TIME%/a";
        assert_eq!(
            ask(port, "/rewritten/a", &[("x", "X")]),
            answered(rewritten)
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let moved = http::get(address, "/moved/a", &[("x", "X")]).unwrap();
        let location = format!("http://mesh.test{FORMAT_PATH}a");
        assert_eq!(moved.header("location"), Some(&*location));
        assert_eq!(moved.header("x-hostile"), Some(FORMAT));
        // This answer names the network.
        let health = http::get(address, "/___health_check___", &[]).unwrap();
        let network = health.header("x-envoy-upstream-healthchecked-cluster");
        assert_eq!((health.status, network), (200, Some(TEXT)));
    }
}
