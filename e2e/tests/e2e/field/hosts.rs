//! Conditions on the host: they hold whatever case, port and trailing dot the caller sends.

use super::{Outside, by, gateway, get, http2, if_header, private, service};
use e2e::{
    http::Answer,
    maps::{namespace, prefix, service_color, with},
    mesh::Backend,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn a_private_host_is_closed_in_every_form() {
    let shop = Backend::start("shop", "blue");
    let outside = Outside::of(&namespace(
        "n1",
        &[service(
            "shop",
            &[shop.port],
            &[
                prefix("/"),
                private(if_header(prefix("/who"), "host", "exact", "admin.test")),
                private(if_header(
                    prefix("/echo"),
                    ":authority",
                    "exact",
                    "Admin.Test",
                )),
                private(if_header(
                    prefix("/delay/"),
                    "Host",
                    "suffix",
                    ".intern.test",
                )),
            ],
        )],
    ));
    for (way, address) in outside.ways() {
        for host in [
            "admin.test",
            "Admin.TEST",
            "admin.test:8080",
            "admin.test.",
            "ADMIN.test.:443",
        ] {
            for path in ["/who", "/echo"] {
                let answer = get(address, path, &[("host", host)]);
                assert_eq!(by(&answer), "404", "{way} {host} {path}");
                let status = http2::status(address, "GET", host, path);
                assert_eq!(status, Some(404), "{way} {host} {path} over HTTP/2");
            }
        }
        for host in ["x.intern.test", "X.Intern.test:80", "x.intern.test."] {
            let answer = get(address, "/delay/0", &[("host", host)]);
            assert_eq!(by(&answer), "404", "{way} {host}");
        }
        for host in ["shop.test", "admin.test.shop.test", "xadmin.test"] {
            for path in ["/who", "/echo", "/delay/0"] {
                let answer = get(address, path, &[("host", host)]);
                assert_eq!(by(&answer), "shop-blue", "{way} {host} {path}");
            }
        }
    }
}

/// Who answered, and the host that it was asked for.
fn asked_for(answer: &Answer) -> (String, String) {
    let echo: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let host = echo["headers"]["host"].as_str().unwrap_or_default();
    (by(answer), host.to_owned())
}

#[test]
fn a_public_host_is_reached_in_every_form_and_the_service_sees_what_was_sent() {
    let names = [
        "countries",
        "tenants",
        "api",
        "versions",
        "ported",
        "mixed",
        "not",
        "rest",
    ];
    let backends = names.map(|name| Backend::start(name, "blue"));
    let conditions = [
        ("exact", "countries.shop.test"),
        ("suffix", ".tenant.test"),
        ("prefix", "api."),
        ("regex", r"v[0-9]+\.app\.test"),
        ("exact", "ported.test:8443"),
        ("exact", "Mixed.Test."),
    ];
    let at =
        |index: usize, routes: &[Value]| service(names[index], &[backends[index].port], routes);
    let mut services: Vec<Value> = (0..)
        .zip(conditions)
        .map(|(index, (kind, value))| {
            at(index, &[if_header(prefix("/"), ":authority", kind, value)])
        })
        .collect();
    // Every host but one; and what nobody else answers.
    let other_host = json!({"headers": [
        {"header-name": "host", "match-type": "exact", "value": "outer.test", "invert": true}
    ]});
    services.push(at(6, &[with(prefix("/echo/"), other_host)]));
    services.push(at(7, &[prefix("/")]));
    let proxy = gateway(&services);
    let expected = [
        ("countries.shop.test", "countries"),
        ("countries.shop.test:8080", "countries"),
        ("COUNTRIES.Shop.test", "countries"),
        ("countries.shop.test.", "countries"),
        ("Countries.shop.test.:443", "countries"),
        ("a.tenant.test", "tenants"),
        ("A.TENANT.test:8080", "tenants"),
        ("a.tenant.test.", "tenants"),
        ("api.x.test", "api"),
        ("API.x.test:1", "api"),
        ("v1.app.test", "versions"),
        ("V12.App.test:80", "versions"),
        ("v1.app.test.", "versions"),
        ("ported.test:8443", "ported"),
        ("Ported.TEST:8443", "ported"),
        ("ported.test.:8443", "ported"),
        ("mixed.test", "mixed"),
        ("MIXED.test:80", "mixed"),
        ("ported.test", "rest"),
        ("ported.test:80", "rest"),
        ("tenant.test", "rest"),
        ("xcountries.shop.test", "rest"),
        ("countries.shop.test.evil.test", "rest"),
        ("v1xapp.test", "rest"),
    ];
    for (host, name) in expected {
        let answer = proxy.get_with("/echo", &[("host", host)]);
        let wanted = (format!("{name}-blue"), host.to_owned());
        assert_eq!(asked_for(&answer), wanted, "{host}");
    }
    for (host, name) in [
        ("outer.test", "rest"),
        ("Outer.test:80", "rest"),
        ("outer.test.", "rest"),
        ("else.test", "not"),
    ] {
        let answer = proxy.get_with("/echo/", &[("host", host)]);
        assert_eq!(by(&answer), format!("{name}-blue"), "{host}");
    }
}

#[test]
fn routes_for_one_host_are_one_route_however_each_writes_it() {
    let backends = ["blue", "green"].map(|color| Backend::start("shop", color));
    let [blue, green] = &backends;
    let of = |color, port, host| {
        let route = if_header(prefix("/"), ":authority", "exact", host);
        service_color("shop", color, &[port], &[route])
    };
    let proxy = gateway(&[
        of("blue", blue.port, "Shop.Test"),
        of("green", green.port, "shop.test"),
    ]);
    let get = |_| by(&proxy.get_with("/who", &[("host", "shop.test")]));
    let answered: BTreeSet<String> = (0..40).map(get).collect();
    assert_eq!(
        answered,
        ["shop-blue", "shop-green"].map(str::to_owned).into()
    );
}
