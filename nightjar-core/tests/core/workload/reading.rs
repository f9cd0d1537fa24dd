//! From settings to services and gateways.

use super::{IDENTITY, gateway, lines, read, service, service_of, tags, told};
use insta::assert_snapshot;
use nightjar_core::{
    document::discovery_map::{Port, Protocol},
    workload::{
        DeclaredRoute, Defaults, PortChoice, Settings, Source, Warning, Warnings, Workload,
    },
};
use serde_json::json;

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

#[test]
fn settings_of_a_service() {
    let (service, warnings) = service(&[
        ("NJ_PROTOCOL", "http2"),
        ("NJ_PROP_LB_POLICY", "least-request"),
        ("NJ_PROP_team", "Checkout"),
        ("NJ_NAMESPACE_PORT_2", "a.b:3001"),
        ("NJ_NAMESPACE_PORT_10", "payments:3002"),
        ("NJ_LISTEN_PORT", "8080"),
    ]);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(service.protocol, Protocol::Http2);
    assert_eq!(
        json!(service.properties),
        json!({"lb-policy": "least-request", "team": "Checkout"})
    );
    assert_eq!(
        json!(service.egress),
        json!([
            {"namespace": "a.b", "interface": {"ipv4": "127.0.0.1", "port": 3001}},
            {"namespace": "payments", "interface": {"ipv4": "127.0.0.1", "port": 3002}}
        ])
    );
    assert!(service.routes.is_empty() && !service.has_errors);
}

#[test]
fn settings_of_a_gateway() {
    let (entrance, warnings) = gateway(&[
        ("NJ_PREFER_GATEWAY", "Yes"),
        ("NJ_PROTOCOL", "HTTP2"),
        ("NJ_LISTEN_PORT", "8080"),
        ("NJ_PROP_TIMEOUT", "5s"),
    ]);
    assert_eq!(warnings, [""; 0]);
    assert!(entrance.prefer_gateway);
    assert_eq!(entrance.protocol, Protocol::Http2);
    assert_eq!(entrance.port.unwrap().value, PortChoice::Port(port(8080)));
    assert_eq!(json!(entrance.properties), json!({"timeout": "5s"}));
    let (entrance, _) = gateway(&[("NJ_LISTEN_PORT", "8080"), ("NJ_ROUTE_PORT", "proxy:80")]);
    let container = "proxy".to_owned();
    let expected = PortChoice::OfContainer {
        container,
        port: port(80),
    };
    assert_eq!(entrance.port.unwrap().value, expected);
}

#[test]
fn a_port_is_chosen_in_four_ways() {
    let ip = |text: &str, number| PortChoice::OfAddress {
        ip: text.parse().unwrap(),
        port: port(number),
    };
    let container = |name: &str, number| PortChoice::OfContainer {
        container: name.to_owned(),
        port: port(number),
    };
    for (text, expected) in [
        ("3000", PortChoice::Port(port(3000))),
        ("65535", PortChoice::Port(port(65535))),
        ("app-1_x:80", container("app-1_x", 80)),
        ("10.0.0.1:80", ip("10.0.0.1", 80)),
        ("[fd00::1]:80", ip("fd00::1", 80)),
        ("fd00::1:80", ip("fd00::1", 80)),
    ] {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    for text in [
        "", "0", "65536", "+80", "80 ", "a:", ":80", "a b:80", "a:b:80", "[::1:80", "٣",
    ] {
        assert!(text.parse::<PortChoice>().is_err(), "{text}");
    }
}

#[test]
fn the_first_place_that_says_it_counts() {
    let mut settings = tags(&[("NJ_ROUTE_WEIGHT_1", "5"), ("NJ_COLOR", "green")]);
    settings.add(&Source::new("task definition tag"), IDENTITY);
    settings.add(
        &Source::new("task definition tag"),
        [("NJ_ROUTE_WEIGHT_1", "9"), ("NJ_ROUTE_1", "/a/")],
    );
    settings.add(
        &Source::new("environment"),
        [("NJ_ROUTE_1", "/b/"), ("PATH", "/bin"), ("NJ_ROUTE_2", " ")],
    );
    let (service, warnings) = service_of(&settings);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(service.color, "green");
    assert_eq!(service.routes.len(), 1);
    assert_eq!(told(&service.routes[0].routes), ["prefix /a/ 5 public"]);
}

#[test]
fn containers_speak_for_themselves() {
    let mut settings = tags(&IDENTITY);
    settings.add(&Source::new("task tag"), [("NJ_ROUTE_2", "/tagged/")]);
    let app = Source::of_container("environment of container app", "app");
    let admin = Source::of_container("environment of container admin", "admin");
    settings.add(
        &app,
        [
            ("NJ_ROUTE_1", "/app/"),
            ("NJ_ROUTE_2", "/unheard/"),
            ("NJ_ROUTE_PORT", "3000"),
        ],
    );
    settings.add(
        &admin,
        [
            ("NJ_ROUTE_1", "-/admin/"),
            ("NJ_ROUTE_WEIGHT_1", "4"),
            ("NJ_ROUTE_PORT_1", "9000"),
        ],
    );
    let (service, warnings) = service_of(&settings);
    assert_eq!(warnings, [""; 0]);
    let found: Vec<_> = service
        .routes
        .iter()
        .map(|route| {
            let port = route.port.as_ref().map(|found| found.value.port().get());
            (
                route.source.container.as_deref(),
                port,
                told(&route.routes).concat(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                Some("admin"),
                Some(9000),
                "prefix /admin/ 4 private".to_owned()
            ),
            (Some("app"), Some(3000), "prefix /app/ 1 public".to_owned()),
            (None, Some(3000), "prefix /tagged/ 1 public".to_owned()),
        ]
    );
}

#[test]
fn who_is_not_in_the_mesh_is_left_alone() {
    for mode in ["", "none", "NONE", "false", "off"] {
        assert_eq!(
            read(&tags(&[("NJ_PROXY_MODE", mode), ("NJ_COLOR", "!")])),
            (None, vec![])
        );
    }
}

#[test]
fn presets_hold_for_what_is_not_said() {
    let some = |text: &str| Some(text.to_owned());
    let defaults = Defaults {
        mode: some("SERVICE"),
        namespace: some("n1"),
        service: some("not a name"),
        color: some("default"),
    };
    let mut warnings = Warnings::new();
    let mut read =
        |settings: &Settings| Workload::read(settings, &defaults, "srv-1", &mut warnings);
    assert_eq!(read(&Settings::new()), None);
    assert_eq!(read(&tags(&[("NJ_PROXY_MODE", "none")])), None);
    let Some(Workload::Service(service)) = read(&tags(&[("NJ_SERVICE", "shop")])) else {
        panic!("no service");
    };
    assert_eq!(
        [service.namespace, service.service, service.color].map(String::from),
        ["n1", "shop", "default"]
    );
    assert_snapshot!(lines(&warnings).join("\n"), @r#"
    srv-1: NJ_SERVICE is not set, and "not a name" is not a name; the workload is left out
      hint: set NJ_SERVICE, and give it 1 to 128 letters, digits, dots, underscores and hyphens
    "#);
}

#[test]
fn identities_have_to_be_complete() {
    let all = |pairs: &[(&str, &str)]| {
        let (workload, warnings) = read(&tags(pairs));
        assert_eq!(workload, None);
        warnings.join("\n")
    };
    assert_snapshot!(all(&[("NJ_PROXY_MODE", "service"), ("NJ_SERVICE", "a b")]), @r#"
    …: NJ_COLOR is not set; the workload is left out
      hint: set NJ_COLOR, and give it 1 to 128 letters, digits, dots, underscores and hyphens
    …: NJ_NAMESPACE is not set; the workload is left out
      hint: set NJ_NAMESPACE, and give it 1 to 128 letters, digits, dots, underscores and hyphens
    …: NJ_SERVICE="a b" (task tag): is not a name; the workload is left out
      hint: give it 1 to 128 letters, digits, dots, underscores and hyphens
    "#);
    assert_snapshot!(all(&[("NJ_PROXY_MODE", "sidecar\n")]), @r#"
    …: NJ_PROXY_MODE="sidecar" (task tag): is neither SERVICE nor GATEWAY; the workload is left out of the mesh
      hint: set it to SERVICE or GATEWAY, or to NONE to stay out
    "#);
}

#[test]
fn mistakes_cost_what_they_are_about() {
    let (service, warnings) = service(&[
        ("NJ_LISTEN_PORT", "8080"),
        ("NJ_NAMESPACE_PORT_1", "n2:3001"),
        ("NJ_NAMESPACE_PORT_2", "n3:3001"),
        ("NJ_NAMESPACE_PORT_3", "n2:3002"),
        ("NJ_NAMESPACE_PORT_4", "n1:3003"),
        ("NJ_NAMESPACE_PORT_5", "n4:8080"),
        ("NJ_NAMESPACE_PORT_6", "n2:3001"),
        ("NJ_NAMESPACE_PORT_7", "n5"),
        ("NJ_NAMESPACE_PORT_8", "n5:70000"),
        ("NJ_NAMESPACE_PORT_9", "n 5:80"),
        ("NJ_NAMESPACE_PORT_x", "n5:80"),
        ("NJ_PROP_TIMEOUT", "soon"),
        ("NJ_PROP_", "x"),
        ("NJ_PROTOCOL", "HTTP3"),
        ("NJ_ROUTE_0", "/good/"),
        ("NJ_ROUTE_1", "shop"),
        ("NJ_ROUTE_2", "/a b"),
        ("NJ_ROUTE_3", "/a?b=c"),
        ("NJ_ROUTE_4", "{"),
        (
            "NJ_ROUTE_5",
            r#"{"path-match": {"match-type": "regex", "value": "("}, "headers": [{"header-name": "", "match-type": "exact"}]}"#,
        ),
        (
            "NJ_ROUTE_9",
            r#"{"path-match": {"match-type": "regexp", "value": "/a"}}"#,
        ),
        ("NJ_ROUTE_6", "/heavy/"),
        ("NJ_ROUTE_WEIGHT_6", "32768"),
        ("NJ_ROUTE_7", "/nowhere/"),
        ("NJ_ROUTE_PORT_7", "app:http"),
        ("NJ_ROUTE_PROP_0_RETRY_ON", "always"),
        ("NJ_ROUTE_PROP_0_MAX_REQUESTS", "5"),
        ("NJ_ROUTE_WEIGHT_8", "5"),
        ("NJ_ROUTES_1", "/x"),
        ("NJ_ROUTE_99999999999", "/x"),
    ]);
    assert!(service.has_errors);
    assert_eq!(service.routes.len(), 1);
    assert_eq!(told(&service.routes[0].routes), ["prefix /good/ 1 public"]);
    assert_eq!(
        json!(service.egress),
        json!([{"namespace": "n2", "interface": {"ipv4": "127.0.0.1", "port": 3001}}])
    );
    assert!(service.properties.is_empty());
    assert_snapshot!(warnings.join("\n"));
}

#[test]
fn a_mistake_opens_no_private_route() {
    let (service, warnings) = service(&[
        ("NJ_ROUTE_1", "!/shop/admin/"),
        ("NJ_ROUTE_WEIGHT_1", "heavy"),
        ("NJ_ROUTE_PORT_1", "http"),
        (
            "NJ_ROUTE_2",
            r#"{"path-match": {"match-type": "prefix", "value": "/x/"}, "default-access": false}"#,
        ),
        ("NJ_ROUTE_WEIGHT_2", "0"),
    ]);
    assert!(!service.has_errors);
    assert_eq!(
        told(&service.routes[0].routes),
        ["prefix /shop/admin/ 0 private"]
    );
    assert_eq!(service.routes[0].port, None);
    // No share is no mistake.
    assert_eq!(told(&service.routes[1].routes), ["prefix /x/ 0 private"]);
    // Nobody is sent to the first, wherever it listens.
    let mut asked = Vec::new();
    let mut place = |route: &DeclaredRoute, _: &mut Warnings| {
        asked.push(route.setting.clone());
        Ok(0)
    };
    service.locate(&mut place, &mut Warnings::new());
    assert_eq!(asked, ["NJ_ROUTE_2"]);
    assert_snapshot!(warnings.join("\n"));
}

#[test]
fn a_gateway_without_a_good_port_is_left_out() {
    let settings = tags(&[
        ("NJ_PROXY_MODE", "GATEWAY"),
        ("NJ_NAMESPACE", "n1"),
        ("NJ_ROUTE_PORT", "http"),
    ]);
    let (workload, warnings) = read(&settings);
    assert_eq!(workload, None);
    assert_snapshot!(warnings.join("\n"), @r#"
    …: NJ_ROUTE_PORT="http" (task tag): does not name a port from 1 to 65535; the gateway is left out
      hint: write 3000, container-name:3000 or bound-ip:3000
    "#);
    assert_snapshot!(gateway(&[("NJ_PREFER_GATEWAY", "maybe")]).1.join("\n"), @r#"
    …: NJ_PREFER_GATEWAY="maybe" (task tag): is neither true nor false; false is used
      hint: set it to true or false
    "#);
}

#[test]
fn a_warning_is_one_line_whatever_the_value() {
    let value = format!("x\u{1b}[31m\nforged: line{}", "y".repeat(1000));
    let (_, warnings) = service(&[("NJ_ROUTE_1", &value), ("NJ_ROUTE_\r\nX", "1")]);
    assert_snapshot!(warnings.join("\n"));
}

#[test]
fn mistakes_are_told_in_measure_and_nobodys_hide_those_of_others() {
    let mut warnings = Warnings::new();
    for task in ["task/1", "task/2", "task/3"] {
        warnings.push(Warning::new(task, "it is wrong").with_remedy("put it right"));
    }
    assert_eq!(
        warnings.messages(),
        ["task/1 (and 2 more): it is wrong\n  hint: put it right"]
    );
    for number in 0..1000 {
        warnings.push(Warning::new("task/0", format!("mistake {number}")));
    }
    warnings.push(Warning::new("task/9", "its only mistake"));
    let told = warnings.messages();
    assert_eq!(told.len(), 101);
    assert!(told.contains(&"task/9: its only mistake".to_owned()));
    assert_eq!(
        told[100],
        "there are more warnings; they appear once these are fixed"
    );
    assert_eq!(warnings.iter().count(), 3 + 101 + 1);
}
