//! Redirects by a property: where they lead, in Envoy and in `nightjar route`.

use super::{gateway, having, mounted, seen, service};
use e2e::{
    maps::{prefix, with},
    mesh::{Backend, Proxy},
    program,
};
use serde_json::{Value, json};
use std::process::Command;

fn redirected(kind: &str, path: &str, to: &str) -> Value {
    let matched = json!({"path-match": {"match-type": kind, "value": path}});
    having(with(prefix(""), matched), json!({"redirect-to": to}))
}

/// What `nightjar route` says of a request to the gateway.
fn told(proxy: &Proxy, path: &str) -> Value {
    let output = Command::new(program("nightjar"))
        .args([
            "route",
            "--format",
            "json",
            "--from",
            "gateway:n1",
            "--discovery-map",
        ])
        .arg(&proxy.map_file)
        .args(["GET", path, "-H", "host: mesh.test"])
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_redirect_leads_to_another_scheme_host_or_path() {
    let shop = Backend::start("shop", "blue");
    let private = with(
        redirected("prefix", "/path/key/", "https://private.test/"),
        json!({"default-access": false}),
    );
    let routes = [
        redirected("prefix", "/tls/", "https:"),
        redirected("prefix", "/host/", "301 https://shop.test:8443"),
        redirected("prefix", "/path/", "302 /new/%ENVIRONMENT(PATH)%/"),
        redirected("prefix", "/sp%20ce(1)/", "303 /new/"),
        redirected("exact", "/one", "308 http://shop.test/two"),
        redirected("regex", "/any/[0-9]+", "/all"),
        private,
        // A value that is none counts as none.
        mounted("/bad/", json!({"redirect-to": "https://a b/"})),
    ];
    // Nobody has to be there to redirect.
    let moved = service("shop", &[], &routes[..7]);
    let proxy = gateway(&[
        having(moved, json!({"response-header-set-x-moved": "yes"})),
        service("bad", &[shop.port], &routes[7..]),
    ]);
    for (path, status, location) in [
        ("/tls/x?q=1", 307, "https://mesh.test/tls/x?q=1"),
        ("/host/x?q=1", 301, "https://shop.test:8443/host/x?q=1"),
        (
            "/path/x/y?q=1",
            302,
            "http://mesh.test/new/%ENVIRONMENT(PATH)%/x/y?q=1",
        ),
        ("/path/", 302, "http://mesh.test/new/%ENVIRONMENT(PATH)%/"),
        ("/sp%20ce%281%29/x", 303, "http://mesh.test/new/x"),
        ("/one?q=1", 308, "http://shop.test/two?q=1"),
        ("/any/7", 307, "http://mesh.test/all"),
    ] {
        let answer = proxy.get(path);
        let found = (answer.status, answer.header("location"));
        assert_eq!(found, (status, Some(location)), "{path}");
        assert_eq!(answer.header("x-moved"), Some("yes"));
        let told = told(&proxy, path);
        let said = (&told["answer"], &told["location"]);
        assert_eq!(said, (&json!("redirected"), &json!(location)), "{path}");
        let because = told["because"].as_str().unwrap();
        assert!(
            because.ends_with(&format!("redirects it, with {status}")),
            "{because}"
        );
    }
    // What is denied stays so.
    assert_eq!(seen(&proxy.get("/path/key/x")), "404 by Envoy");
    assert_eq!(told(&proxy, "/path/key/x")["answer"], "denied");
    assert_eq!(seen(&proxy.get("/bad/who")), "200 by shop-blue");
    let log = proxy.log();
    assert!(log.contains("property `redirect-to` is left out"), "{log}");
}
