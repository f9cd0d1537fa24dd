//! What is private stays closed, however the map and the caller write it.

use super::{
    GATEWAY, Outside, Tool, by, exact, finds, gateway, get, http2, if_header, matching, private,
    says, service, warnings,
};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, shop, with},
    mesh::{Backend, Plan},
    scripts,
};
use serde_json::{Value, json};

#[test]
fn a_private_path_is_closed_however_the_map_spells_it() {
    let shop = Backend::start("shop", "blue");
    let outside = Outside::of(&namespace(
        "n1",
        &[service(
            "shop",
            &[shop.port],
            &[
                prefix("/"),
                private(prefix("/shop//admin/")),
                private(prefix("/shop/./secret/")),
                private(prefix("/dots/../up/")),
                private(prefix("/%6Bey/")),
                private(prefix("/x%2Fy/")),
                private(prefix("/größen/intern/")),
                private(exact("/one//two")),
            ],
        )],
    ));
    for (way, address) in outside.ways() {
        for path in [
            "/shop/admin/x",
            "/shop//admin/x",
            "/shop/secret/x",
            "/up/x",
            "/key/x",
            "/%6bey/x",
            "/x/y/z",
            "/x%2fy/z",
            "/gr%C3%B6%C3%9Fen/intern/x",
            "/gr%c3%b6%c3%9fen/intern/x",
            "/one/two",
        ] {
            assert_eq!(by(&get(address, path, &[])), "404", "{way} {path}");
        }
        for path in ["/shop/x", "/dots/x", "/one/two/", "/gr%C3%B6%C3%9Fen/x"] {
            assert_eq!(by(&get(address, path, &[])), "shop-blue", "{way} {path}");
        }
    }
}

/// Private paths that no request can have.
const IMPOSSIBLE: [&str; 7] = [
    "admin/",
    " /space/",
    "/q?x=1",
    "/f#x",
    "/a;b/",
    "/a\\b/",
    "/../above/",
];

fn with_impossible(port: u16) -> Value {
    let mut map = shop("blue", port);
    let routes = map.pointer_mut("/namespaces/0/service-colors/0/routes");
    let routes = routes.and_then(Value::as_array_mut).unwrap();
    routes.extend(IMPOSSIBLE.map(|path| private(prefix(path))));
    map
}

#[test]
fn a_private_path_that_no_request_can_have_is_a_fault() {
    let tool = Tool::with(&with_impossible(3000));
    let report = tool.report();
    assert_eq!(report["valid"], false);
    for (index, path) in (1..).zip(IMPOSSIBLE) {
        let at = format!("/namespaces/0/service-colors/0/routes/{index}");
        // A message shows a backslash as it stands in JSON.
        let word = path.replace('\\', "\\\\");
        let is_told = finds(&report["faults"], &at, &[path])
            || finds(&report["faults"], &at, &[word.as_str()]);
        assert!(is_told, "{path}: {report:#}");
    }
    assert_eq!(tool.run(&["validate", "map.json"]).code, Some(1));
}

#[test]
fn a_proxy_does_not_take_a_map_with_a_private_path_that_no_request_can_have() {
    let backend = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", backend.port))
        .env("DISCOVERY_MAP_EXEC", scripts::extension(scripts::COPY))
        .start();
    let before = proxy.contents();
    proxy.set_map(&with_impossible(backend.port));
    let told = eventually("/ready names the fault", || {
        let (_, told) = proxy.ready()?;
        told.contains("failed").then_some(told)
    });
    let pointers = (1..=IMPOSSIBLE.len())
        .map(|index| format!("/namespaces/0/service-colors/0/routes/{index}/"));
    for pointer in pointers {
        assert!(told.contains(&pointer), "{pointer} in {told}");
    }
    assert!(told.contains("(shop/blue in n1)"), "{told}");
    assert_eq!(proxy.contents(), before);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
}

#[test]
fn path_parameters_do_not_lead_past_a_private_route() {
    let shop = Backend::start("shop", "blue");
    let outside = Outside::of(&namespace(
        "n1",
        &[service(
            "shop",
            &[shop.port],
            &[
                prefix("/shop/"),
                private(prefix("/shop/admin/")),
                private(exact("/shop/secret")),
                private(prefix("/shop/a+b/")),
            ],
        )],
    ));
    for (way, address) in outside.ways() {
        for path in [
            "/shop/admin;v=1/x",
            "/shop;v=1/admin/x",
            "/shop/admin;/x",
            "/shop/admin/x;v=1",
            "/shop/admin/;x",
            "/shop/secret;v=1",
            "/shop/secret;v=1?x=2",
            "/shop/a%2Bb;v=1/x",
        ] {
            assert_eq!(by(&get(address, path, &[])), "404", "{way} {path}");
        }
        // Elsewhere they reach the service as they were sent.
        let answer = get(address, "/shop/x;v=1/y", &[]);
        let path = answer.header("x-sample-path");
        assert_eq!(
            (by(&answer).as_str(), path),
            ("shop-blue", Some("/shop/x;v=1/y")),
            "{way}"
        );
    }
}

#[test]
fn a_value_in_a_list_does_not_lead_past_a_private_route() {
    let shop = Backend::start("shop", "blue");
    let either_case = json!({"headers": [
        {"header-name": "x-mode", "match-type": "exact", "value": "Debug", "case-sensitive": false}
    ]});
    let outside = Outside::of(&namespace(
        "n1",
        &[service(
            "shop",
            &[shop.port],
            &[
                prefix("/"),
                private(if_header(prefix("/"), "x-debug", "exact", "1")),
                private(with(prefix("/"), either_case)),
            ],
        )],
    ));
    for (way, address) in outside.ways() {
        let answered = |headers: &[(&str, &str)]| by(&get(address, "/who", headers));
        for value in ["1", "1,1", "1, 1", "0,1", "1,0", "0 , 1 , 2"] {
            assert_eq!(answered(&[("x-debug", value)]), "404", "{way} {value:?}");
        }
        let twice = [("x-debug", "0"), ("x-debug", "1")];
        assert_eq!(answered(&twice), "404", "{way} two headers");
        for value in ["debug", "x,DEBUG"] {
            assert_eq!(answered(&[("x-mode", value)]), "404", "{way} {value:?}");
        }
        for value in ["0", "11", "1 1", "10,01", "0,2"] {
            assert_eq!(
                answered(&[("x-debug", value)]),
                "shop-blue",
                "{way} {value:?}"
            );
        }
    }
}

#[test]
fn a_gateway_drops_headers_that_some_apps_read_as_others() {
    let shop = Backend::start("shop", "blue");
    let closed = private(if_header(prefix("/"), "x-debug", "exact", "1"));
    let proxy = gateway(&[service("shop", &[shop.port], &[prefix("/"), closed])]);
    let answer = proxy.get_with("/echo", &[("x_debug", "1"), ("x-other", "2")]);
    let echo: Value = serde_json::from_str(&answer.body).unwrap();
    let names = ["x_debug", "x-debug", "x-other"].map(|name| echo["headers"][name].clone());
    assert_eq!(names, [Value::Null, Value::Null, json!("2")]);
}

#[test]
fn a_private_method_is_closed_in_any_case() {
    let shop = Backend::start_with("shop", "blue", &[("PATH_PREFIX", "/shop/m")]);
    let outside = Outside::of(&namespace(
        "n1",
        &[service(
            "shop",
            &[shop.port],
            &[
                prefix("/shop/"),
                private(if_header(prefix("/shop/m/"), ":method", "exact", "POST")),
            ],
        )],
    ));
    for (way, address) in outside.ways() {
        let status = |method: &str| http2::status(address, method, "mesh.test", "/shop/m/who");
        assert_eq!(status("GET"), Some(200), "{way}");
        assert_eq!(status("POST"), Some(404), "{way}");
        for method in ["post", "Post"] {
            let status = status(method);
            // Some other part of Envoy may refuse it before any route is asked.
            assert!(
                matches!(status, None | Some(400 | 404)),
                "{way} {method}: {status:?}"
            );
        }
    }
}

#[test]
fn a_public_expression_that_opens_a_private_prefix_is_warned_of() {
    let backends = ["shop", "images"].map(|name| Backend::start(name, "blue"));
    let [shop, images] = &backends;
    let pictures = r"/.*\.(png|jpg)";
    let of = |expressions: &[&str]| {
        let routes: Vec<Value> = expressions
            .iter()
            .map(|expression| matching("regex", expression))
            .collect();
        [
            service(
                "shop",
                &[shop.port],
                &[prefix("/shop/"), private(prefix("/shop/admin/"))],
            ),
            service("images", &[images.port], &routes),
        ]
    };
    let (_, told) = Tool::with(&map(&[namespace("n1", &of(&[pictures]))])).context(&GATEWAY);
    let both = ["warning", "/shop/admin/", pictures];
    assert!(says(&told, &both), "{told}");
    // This one is elsewhere.
    let (_, told) = Tool::with(&map(&[namespace("n1", &of(&["/images/.*"]))])).context(&GATEWAY);
    assert!(!says(&told, &["/images/.*"]), "{told}");

    let proxy = gateway(&of(&[pictures, "/images/.*"]));
    assert_eq!(by(&proxy.get("/shop/admin/x.png")), "images-blue");
    assert_eq!(by(&proxy.get("/shop/admin/x.gif")), "404");
    proxy.wait_refreshes(5);
    let told = warnings(&proxy, &["/shop/admin/", pictures]);
    assert_eq!(told, 1, "{}", proxy.log());
}
