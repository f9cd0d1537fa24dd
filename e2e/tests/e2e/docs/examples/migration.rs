//! The worked example of the page on App Mesh: a canary with a rewrite, a time-out and retries.

use super::{Mesh, Settings, answering, block, echoed, entries, json_block, marked, settings};
use crate::docs::app_mesh::PAGE;
use e2e::{
    maps::{map, namespace, with},
    mesh::{Backend, Proxy},
};
use nightjar_core::document::{self, discovery_map::DiscoveryMap};
use serde_json::{Value, json};
use std::fs;

const CANARY: [(&str, &str); 1] = [("x-canary", "yes")];

/// Settings of a color: the tags of its definition, and the environment of its app.
struct Color {
    tags: Settings,
    environment: Settings,
}

impl Color {
    /// What may be a tag is one, or with `in_environment` what may be a variable is one.
    fn of(color: &str, in_environment: bool) -> Self {
        let common = block(PAGE, "sh blue");
        let mut all = settings(&common);
        let mut tags = marked(&common, "T");
        let mut variables = marked(&common, "E");
        let named: Vec<String> = tags.union(&variables).cloned().collect();
        assert_eq!(named, all.keys().cloned().collect::<Vec<_>>());
        if color == "green" {
            all.extend(settings(&block(PAGE, "sh green")));
            let canary = settings(&block(PAGE, "sh canary"));
            variables.extend(canary.keys().cloned());
            all.extend(canary);
        }
        if in_environment {
            tags.retain(|name| !variables.contains(name));
        }
        let (tags, environment) = all.into_iter().partition(|(name, _)| tags.contains(name));
        Self { tags, environment }
    }
}

#[test]
fn the_worked_example_is_served_as_the_page_says() {
    let mesh = Mesh::begin();
    let backends = ["blue", "green"].map(|color| Backend::start("stock", color));
    for (color, app) in ["blue", "green"].into_iter().zip(&backends) {
        let settings = Color::of(color, color == "green");
        let family = format!("stock-{color}");
        let definition = mesh.register(&family, &settings.tags, &settings.environment);
        mesh.run(&definition, app);
    }
    mesh.run_caller();

    let found = mesh.discover();
    assert!(!found.stderr.contains("WARN"), "{}", found.stderr);
    let map = found.document.unwrap();
    let expected = json_block(PAGE, "json service-color");
    assert_eq!(plain(entries(&map, "stock")[1]), plain(&expected));

    for proxy in [mesh.sidecar(), mesh.gateway()] {
        assert_routes(&proxy);
        assert_requests(&proxy);
    }
}

/// An entry with all that may be left out, without where its tasks run, its routes in any order.
fn plain(entry: &Value) -> Value {
    let entry = with(entry.clone(), json!({"instances": []}));
    let text = map(&[namespace("store", &[entry])]).to_string();
    let map: DiscoveryMap = document::read(text.as_bytes()).unwrap();
    let mut map = serde_json::to_value(map).unwrap();
    let mut entry = map["namespaces"][0]["service-colors"][0].take();
    let routes = entry["routes"].as_array_mut().unwrap();
    routes.sort_by_key(ToString::to_string);
    entry
}

/// In the file that Envoy reads, time-out and retries are those of the App Mesh route.
fn assert_routes(proxy: &Proxy) {
    let file = proxy.config_dir().join(format!("rds-{}.json", proxy.port));
    let file: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let routes = &file["resources"][0]["virtual_hosts"][0]["routes"];
    let routes = routes.as_array().unwrap().iter().filter_map(told);
    let values = "10s, 2s, 3, 5xx,connect-failure";
    assert_eq!(
        routes.collect::<Vec<_>>(),
        [
            format!("/stock with 0 conditions: {values}"),
            format!("/stock/ with 1 conditions: {values}"),
            format!("/stock/ with 0 conditions: {values}"),
        ]
    );
}

/// A route of the stock with its time-outs and retries.
fn told(route: &Value) -> Option<String> {
    let (matched, action) = (&route["match"], &route["route"]);
    let path = matched["path"].as_str().or(matched["prefix"].as_str())?;
    let retries = &action["retry_policy"];
    let values = [
        &action["timeout"],
        &retries["per_try_timeout"],
        &retries["num_retries"],
        &retries["retry_on"],
    ];
    let values = values
        .map(|value| value.as_str().unwrap_or("none"))
        .join(", ");
    let conditions = matched["headers"].as_array().map_or(0, Vec::len);
    let text = format!("{path} with {conditions} conditions: {values}");
    path.starts_with("/stock").then_some(text)
}

fn assert_requests(proxy: &Proxy) {
    // Both colors answer, the green one all that has the header.
    let both = ["stock-blue", "stock-green"].map(str::to_owned).into();
    assert_eq!(answering(proxy, "/stock/who", &[], 200), both);
    let green = ["stock-green".to_owned()].into();
    assert_eq!(answering(proxy, "/stock/who", &CANARY, 50), green);

    for (name, headers) in [("plain", &[][..]), ("canary", &CANARY)] {
        // The app sees the path and the host that it saw behind App Mesh.
        let [_, host, path] = echoed(&proxy.get_with("/stock/echo?x=1", headers));
        assert_eq!(
            [host.as_str(), &path],
            ["stock.store.local", "/echo"],
            "{name}"
        );
        let root = proxy.get_with("/stock", headers);
        assert_eq!(root.header("x-sample-path"), Some("/"), "{name}");

        // Three retries are made, and not four.
        for (failures, status) in [(3, 200), (4, 503)] {
            let path = format!("/stock/flaky/{failures}/{name}-{}", proxy.port);
            assert_eq!(proxy.get_with(&path, headers).status, status, "{path}");
        }
    }
}
