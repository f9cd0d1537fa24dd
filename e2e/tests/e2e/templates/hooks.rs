//! A few lines of a store over the shipped templates: each hook as `docs/templates.md` shows it.

use super::having;
use crate::moments::certificates::{ASK, Place, python};
use e2e::{
    eventually, http,
    maps::{map, namespace, prefix, service_color, shop},
    markdown,
    mesh::{Backend, Plan, Proxy},
    ports::free,
    templates::Templates,
};
use nightjar_core::template::HOOKS;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
};

/// The page's example of each hook.
fn examples() -> BTreeMap<String, String> {
    let pages = markdown::pages();
    let page = pages.iter().find(|page| page.name == "docs/templates.md");
    let blocks = page.unwrap().blocks().into_iter();
    blocks
        .filter(|block| block.about.ends_with(".mustache"))
        .map(|block| (block.about, block.text))
        .collect()
}

#[test]
fn the_page_has_an_example_of_each_hook() {
    let mut hooks = HOOKS.to_vec();
    hooks.sort_unstable();
    assert_eq!(examples().into_keys().collect::<Vec<_>>(), hooks);
}

fn mesh(backend: &Backend) -> Value {
    let route = having(prefix("/"), json!({"tell-mesh": "yes"}));
    let shop = service_color("shop", "blue", &[backend.port], &[route]);
    let shop = having(shop, json!({"keepalive-time": "77"}));
    map(&[namespace("n1", &[shop])])
}

/// A gateway whose store holds the page's examples and nothing else, but for TLS.
fn gateway(backend: &Backend, outside: &Backend, alive: u16) -> (Proxy, Templates) {
    let mut examples = examples();
    examples.remove("filter-chain.mustache");
    for text in examples.values_mut() {
        *text = text.replace("8090", &alive.to_string());
        *text = text.replace(
            "\"outside.example\", \"port_value\": 80",
            &format!("\"127.0.0.1\", \"port_value\": {}", outside.port),
        );
    }
    let texts: Vec<_> = examples
        .iter()
        .map(|(hook, text)| (hook.as_str(), text.as_str()))
        .collect();
    let templates = Templates::new(&texts);
    let proxy = Plan::gateway("n1", &mesh(backend))
        .envs(templates.env())
        .env("ENVOY_ARGS", "--file-flush-interval-msec 50")
        .start();
    (proxy, templates)
}

#[test]
fn every_example_does_what_the_page_says() {
    let backend = Backend::start("shop", "blue");
    let outside = Backend::start("outside", "world");
    let alive = free();
    let (proxy, _templates) = gateway(&backend, &outside, alive);

    let answer = proxy.get_with("/who", &[("origin", "https://app.example")]);
    assert_eq!((answer.status, answer.by()), (200, "shop-blue"));
    assert_eq!(answer.header("server"), Some("n1"));
    assert_eq!(answer.header("x-mesh"), Some("n1"));
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    let other = proxy.get_with("/who", &[("origin", "https://other.example")]);
    assert_eq!(other.header("access-control-allow-origin"), None);

    assert_eq!(proxy.get("/outside/who").by(), "outside-world");
    let alive = http::get((Ipv4Addr::LOCALHOST, alive).into(), "/", &[]).unwrap();
    assert_eq!(alive.status, 200);

    // Told by a load balancer, and seen by the service.
    let mut caller = TcpStream::connect(proxy.address()).unwrap();
    let request = "PROXY TCP4 192.0.2.7 192.0.2.8 5555 80\r\nGET /echo HTTP/1.1\r\nhost: a\r\n\
                   connection: close\r\n\r\n";
    caller.write_all(request.as_bytes()).unwrap();
    let mut seen = String::new();
    caller.read_to_string(&mut seen).unwrap();
    assert!(seen.contains("192.0.2.7"), "{seen}");

    let dump: Value = serde_json::from_str(&proxy.admin("/config_dump?include_eds").body).unwrap();
    let dump = dump.to_string();
    for part in [
        "\"name\":\"collector\"",
        "\"keepalive_time\":77",
        "\"mesh\":{\"host\":\"127.0.0.1\"}",
    ] {
        assert!(dump.contains(part), "no {part} in {dump}");
    }
    eventually("the JSON access log", || {
        let log = proxy.log();
        let line = log
            .lines()
            .find(|line| line.contains("\"path\":\"/outside/who\""))?;
        let line: Value = serde_json::from_str(line.get(line.find('{')?..)?).ok()?;
        assert_eq!(
            (&line["status"], &line["cluster"]),
            (&json!(200), &json!("outside"))
        );
        Some(())
    });
}

#[test]
fn tls_at_the_gateway_is_one_template() {
    let place = Place::new();
    place.fill();
    let path = |name: &str| place.path(name).display().to_string();
    let text = examples().remove("filter-chain.mustache").unwrap();
    let text = text.replace("/etc/tls/tls.crt", &path("chain.pem"));
    let text = text.replace("/etc/tls/tls.key", &path("key.pem"));
    let templates = Templates::new(&[("filter-chain.mustache", &text)]);
    let blue = Backend::start("shop", "blue");
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    let by = python(ASK, &[&proxy.port.to_string()]);
    assert_eq!(by.as_deref(), Some("shop-blue"));
}

/// A faulty hook keeps the last good configuration in force, and is told.
#[test]
fn a_hook_that_repeats_a_member_is_refused_and_told() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::new(&[("route.mustache", "")]);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    templates.set("route.mustache", "\"match\": {\"prefix\": \"/\"},\n");
    let repeated = "repeats the member \"match\", which the hook route.mustache adds";
    eventually("the log tells it", || {
        proxy.log().contains(repeated).then_some(())
    });
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    let ready = proxy.status("/ready").unwrap();
    assert_eq!(ready.status, 200);
    assert!(ready.body.contains(repeated), "{}", ready.body);
}

/// Envoy takes the later member without a word.
#[test]
fn a_file_of_ones_own_that_repeats_a_member_is_served_and_warned_of_once() {
    let [blue, green] = ["blue", "green"].map(|color| Backend::start("shop", color));
    let templates = Templates::shipped();
    let port = "\"port_value\": <%port%> }}}}";
    let twice = port.replace(" }}}}", " }}, \"hostname\": \"a\", \"hostname\": \"b\"}}");
    templates.edit("cds.json", port, &twice);
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    let log = proxy.log();
    let warnings: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("repeats the member"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(
        warnings[0].contains("WARN") && warnings[0].contains("cds.json: line "),
        "{log}"
    );
}
