//! The dashboards and rules of `examples/dashboards`, held to what running programs serve and to the page
//! that has the alerts.

use super::{gateway, mesh, service};
use crate::central::scene::Scene;
use e2e::{eventually, http, maps::shop, mesh::Backend, ports, root};
use regex::Regex;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, net::Ipv4Addr};

fn example(name: &str) -> String {
    fs::read_to_string(root().join("examples/dashboards").join(name)).unwrap()
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"\b(?:nightjar|envoy)_[a-z0-9_]+\b").unwrap();
    let label =
        Regex::new(r"\benvoy_(?:cluster_name|http_conn_manager_prefix|response_code_class)\b");
    let label = label.unwrap();
    let names = name.find_iter(text).map(|found| found.as_str().to_owned());
    names.filter(|name| !label.is_match(name)).collect()
}

/// The names of the values in Prometheus's format.
fn served(text: &str) -> impl Iterator<Item = String> {
    let values = text.lines().filter(|line| !line.starts_with('#'));
    values.filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned()))
}

/// What a proxy serves after requests that were answered, failed, tried again and turned away.
fn of_a_proxy() -> BTreeSet<String> {
    let (shop, stats) = (Backend::start("shop", "blue"), ports::free());
    let properties = json!({"health-check-protocol": "tcp", "retry-on": "5xx"});
    let map = mesh(&[service("shop", shop.port)], &properties);
    let proxy = gateway(&map).env("NJ_PROXY_PROP_STATS_PORT", stats).start();
    for path in ["/shop/who", "/shop/status/500"] {
        proxy.get(path);
    }
    let all = || {
        let own = proxy.status("/metrics")?.body;
        let address = (Ipv4Addr::LOCALHOST, stats).into();
        let envoys = http::get(address, "/stats/prometheus", &[]).ok()?.body;
        Some(served(&own).chain(served(&envoys)).collect::<BTreeSet<_>>())
    };
    // Envoy adds up what its workers count every few seconds.
    eventually("the histograms", || {
        all().filter(|all| all.contains("envoy_cluster_upstream_rq_time_bucket"))
    })
}

#[test]
fn every_metric_that_is_shown_is_served() {
    let of_a_proxy = of_a_proxy();
    for file in ["grafana.json", "cloudwatch.json", "prometheus-rules.yaml"] {
        let named = named(&example(file));
        assert!(named.len() > 10, "{file}: {named:?}");
        let missing: Vec<&String> = named.difference(&of_a_proxy).collect();
        // Central's own, which the next test looks for.
        let expected: &[&str] = match file {
            "prometheus-rules.yaml" => &["nightjar_commit_pending"],
            _ => &[],
        };
        assert_eq!(missing, expected, "{file}");
    }
}

#[test]
fn what_is_asked_of_central_is_served_by_it() {
    let rules = example("prometheus-rules.yaml");
    let (_, rules) = rules.split_once("- name: nightjar-central\n").unwrap();
    let (rules, _) = rules.split_once("- name: envoy\n").unwrap();
    let scene = Scene::new(&shop("blue", 1));
    let central = scene.central().start();
    let (_, text) = central.page("/metrics").unwrap();
    let served: BTreeSet<String> = served(&text).collect();
    let named = named(rules);
    let missing: Vec<&String> = named.difference(&served).collect();
    assert_eq!(missing, [""; 0]);
}

/// The conditions of the rules, each with how long it has to hold, without the job.
fn rules() -> Vec<(String, String)> {
    let rules: Value = serde_norway::from_str(&example("prometheus-rules.yaml")).unwrap();
    let job =
        Regex::new(r#"\{job="nightjar(?:-central)?"\}|job="nightjar(?:-central)?","#).unwrap();
    let groups = rules["groups"].as_array().unwrap();
    let of_nightjar = groups.iter().filter(|group| group["name"] != "envoy");
    let rules = of_nightjar.flat_map(|group| group["rules"].as_array().unwrap());
    rules
        .map(|rule| {
            let text = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("alert").is_empty() && rule["annotations"]["summary"].is_string());
            (job.replace_all(&text("expr"), "").into_owned(), text("for"))
        })
        .collect()
}

#[test]
fn the_rules_are_the_alerts_of_the_page() {
    let page = fs::read_to_string(root().join("docs/operating.md")).unwrap();
    let (_, alerts) = page.split_once("\n## Alerts\n").unwrap();
    let (alerts, _) = alerts.split_once("\n## ").unwrap();
    let rows = alerts.lines().filter_map(|line| line.strip_prefix("| `"));
    let expected: Vec<(String, String)> = rows
        .map(|row| {
            let (condition, rest) = row.split_once("` | ").unwrap();
            let (holds, _) = rest.split_once(" |").unwrap();
            let holds = match holds {
                "–" => String::new(),
                minutes => minutes.replace(" min", "m"),
            };
            (condition.to_owned(), holds)
        })
        .collect();
    assert_eq!(rules(), expected);
}

#[test]
fn the_dashboards_are_json_of_their_kind() {
    let grafana: Value = serde_json::from_str(&example("grafana.json")).unwrap();
    let panels = grafana["panels"].as_array().unwrap();
    let shown = panels.iter().filter(|panel| panel["type"] != "row");
    for panel in shown {
        let targets = panel["targets"].as_array().unwrap();
        let is_whole = targets.iter().all(|target| target["expr"].is_string());
        assert!(is_whole && !targets.is_empty(), "{panel:#}");
    }
    let cloudwatch: Value = serde_json::from_str(&example("cloudwatch.json")).unwrap();
    let widgets = cloudwatch["widgets"].as_array().unwrap();
    let asked = widgets.iter().filter(|widget| widget["type"] == "metric");
    for widget in asked {
        let metrics = widget["properties"]["metrics"].as_array().unwrap();
        let is_search = |metric: &Value| {
            let search = metric[0]["expression"].as_str().unwrap_or_default();
            search.starts_with("SEARCH('Namespace=\"Nightjar\" MetricName=\"")
        };
        assert!(
            metrics.iter().all(is_search) && !metrics.is_empty(),
            "{widget:#}"
        );
    }
}
