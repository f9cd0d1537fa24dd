//! Apps that keep their URLs, because their HTTP client takes their proxy for an HTTP proxy.

use super::{Mesh, Settings, answering, block, echoed, settings};
use e2e::{
    http::Connection,
    markdown,
    mesh::{Backend, Proxy},
    root,
};
use serde_json::Value;
use std::process::Command;

const PAGE: &str = "docs/standard-usage.md";
const HOST: &str = "stock.store.local";

/// The route for a host, as the page has it.
fn route() -> String {
    let pages = markdown::pages();
    let page = pages.iter().find(|page| page.name == PAGE).unwrap();
    let mut blocks = page.blocks().into_iter();
    let block = blocks.find(|block| block.about == "route" && block.text.contains(":authority"));
    block.unwrap().text
}

/// A service of the namespace that declares one route in its environment.
fn run(mesh: &Mesh, service: &str, route: &str) -> Backend {
    let app = Backend::start(service, "blue");
    let environment = [
        ("NJ_PROXY_MODE", "SERVICE"),
        ("NJ_NAMESPACE", "store"),
        ("NJ_SERVICE", service),
        ("NJ_COLOR", "blue"),
        ("NJ_ROUTE_1", route),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let definition = mesh.register(service, &Settings::new(), &environment.into());
    mesh.run(&definition, &app);
    app
}

/// What Python's HTTP client gets for a URL, with the app's settings from the page.
fn fetched(proxy: &Proxy, url: &str) -> Value {
    let mut env = settings(&block(PAGE, "sh app"));
    let address = env.get_mut("http_proxy").unwrap();
    assert_eq!(address, "http://127.0.0.1:3100");
    *address = format!("http://{}", proxy.address());
    let script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())";
    let output = Command::new(root().join(".venv/bin/python"))
        .args(["-c", script, url])
        .env_clear()
        .envs(env)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_app_keeps_its_urls_with_its_proxy_as_http_proxy() {
    let mesh = Mesh::begin();
    let _stock = run(&mesh, "stock", &route());
    let _other = run(&mesh, "other", "/echo/by-path/");
    mesh.run_caller();
    let proxy = mesh.sidecar();

    // The bytes that such a client sends, and what the service sees.
    let absolute = |url: &str, host: &str| {
        let mut connection = Connection::open(proxy.address()).unwrap();
        connection.request("GET", url, &[("host", host)]).unwrap()
    };
    for host in [HOST, "Stock.Store.Local", "stock.store.local:8080"] {
        let answer = absolute(&format!("http://{host}/echo?x=1"), host);
        assert_eq!(echoed(&answer), ["stock-blue", host, "/echo"]);
    }

    // A real client, with the variables of the page. Nobody resolves the name.
    let echo = fetched(&proxy, &format!("http://{HOST}/echo"));
    assert_eq!(echo["headers"]["host"], HOST);

    // What the page says does not work, and what it warns of.
    assert_eq!(
        absolute("http://elsewhere.test/echo", "elsewhere.test").status,
        404
    );
    let mut connection = Connection::open(proxy.address()).unwrap();
    let tunnel = connection.request("CONNECT", &format!("{HOST}:80"), &[("host", HOST)]);
    assert_eq!(tunnel.unwrap().status, 404);
    let shadowed = absolute(&format!("http://{HOST}/echo/by-path/x"), HOST);
    assert_eq!(shadowed.by(), "other-blue");

    // The route is private, whatever host a caller of the gateway sends.
    let gateway = mesh.gateway();
    let nobody = [String::new()].into();
    assert_eq!(answering(&gateway, "/echo", &[("host", HOST)], 1), nobody);
}
