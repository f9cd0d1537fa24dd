use crate::envoy::test_files::{cluster, eds_cluster, endpoint, endpoints, file, files, read};
use serde_json::{Value, json};

/// Whether a change of the first of two clusters is one of endpoints alone.
fn is_harmless(old: &Value, new: &Value) -> bool {
    let of = |first: &Value| read(files(&[first.clone(), cluster("b", &[1])]));
    of(new).differs_only_in_endpoints(&of(old))
}

fn with(path: &str, value: impl Into<Value>) -> Value {
    let mut changed = cluster("a", &[1, 2]);
    *changed.pointer_mut(path).unwrap() = value.into();
    changed
}

const FIRST: &str = "/load_assignment/endpoints/0/lb_endpoints/0";

#[test]
fn addresses_ports_weights_and_counts_may_differ() {
    let old = cluster("a", &[1, 2]);
    let first = |rest: &str| format!("{FIRST}/endpoint/address/socket_address/{rest}");
    assert!(is_harmless(&old, &old));
    assert!(is_harmless(&old, &cluster("a", &[])));
    assert!(is_harmless(&cluster("a", &[]), &cluster("a", &[1, 2, 3])));
    assert!(is_harmless(&old, &with(&first("address"), "::1")));
    assert!(is_harmless(&old, &with(&first("port_value"), 65535)));
    let mut weighted = cluster("a", &[1, 2]);
    weighted.pointer_mut(FIRST).unwrap()["load_balancing_weight"] = json!(7);
    assert!(is_harmless(&old, &weighted));
    assert!(is_harmless(&weighted, &old));
    let mut dns = old.clone();
    dns["type"] = json!("STRICT_DNS");
    let mut named = with(&first("address"), "db.example");
    named["type"] = json!("STRICT_DNS");
    assert!(is_harmless(&dns, &named));
}

#[test]
fn nothing_else_may() {
    let old = cluster("a", &[1, 2]);
    let first = |rest: &str| format!("{FIRST}/endpoint/address/socket_address/{rest}");
    let mut weighted = cluster("a", &[1, 2]);
    weighted.pointer_mut(FIRST).unwrap()["load_balancing_weight"] = json!(u32::MAX);
    let mut of_no_number = cluster("a", &[1]);
    of_no_number.pointer_mut(FIRST).unwrap()["load_balancing_weight"] = json!(0);
    let mut tagged = cluster("a", &[1, 2]);
    tagged.pointer_mut(FIRST).unwrap()["metadata"] = json!({});
    let mut more = old.clone();
    more["connect_timeout"] = json!("1s");
    let mut far = old.clone();
    far["load_assignment"]["endpoints"]
        .as_array_mut()
        .unwrap()
        .push(json!({"priority": 1, "lb_endpoints": []}));
    for new in [
        with(&first("address"), "db.example"),
        with(&first("address"), 7),
        with(&first("port_value"), 0),
        with(&first("port_value"), 65536),
        with(&first("port_value"), "80"),
        with(&format!("{FIRST}/endpoint"), json!({})),
        with(
            &format!("{FIRST}/endpoint/address"),
            json!({"pipe": {"path": "/x"}}),
        ),
        with("/load_assignment/endpoints/0/lb_endpoints", json!({})),
        weighted,
        of_no_number,
        tagged,
        more,
        far,
        cluster("other", &[1, 2]),
    ] {
        assert!(!is_harmless(&old, &new), "{new}");
    }
    // Envoy takes it with a single endpoint.
    let single = |ports: &[u16]| {
        let mut cluster = cluster("a", ports);
        cluster["type"] = json!("LOGICAL_DNS");
        cluster
    };
    assert!(!is_harmless(&single(&[1]), &single(&[1, 2])));
}

#[test]
fn other_files_have_to_be_the_same() {
    let old = files(&[cluster("a", &[1])]);
    let mut new = files(&[cluster("a", &[2])]);
    assert!(read(new.clone()).differs_only_in_endpoints(&read(old.clone())));
    new.insert("notes.txt".to_owned(), String::new());
    assert!(!read(new.clone()).differs_only_in_endpoints(&read(old.clone())));
    new.remove("notes.txt");
    let bootstrap = format!("{}\n", new["envoy.yaml"]);
    new.insert("envoy.yaml".to_owned(), bootstrap);
    assert!(!read(new).differs_only_in_endpoints(&read(old.clone())));

    let twice =
        old["cds.json"].replace("\"lb_endpoints\"", "\"lb_endpoints\": [], \"lb_endpoints\"");
    let new = [("cds.json".to_owned(), twice)];
    let new = old.clone().into_iter().chain(new).collect();
    assert!(!read(new).differs_only_in_endpoints(&read(old)));
}

#[test]
fn endpoint_files_may_differ_too() {
    let with = |address: &str| {
        let mut files = files(&[eds_cluster("a", "svc")]);
        let mut resource = endpoints("svc", &[1]);
        resource["endpoints"][0]["lb_endpoints"] = json!([endpoint(address, 80)]);
        files.insert("eds-svc.json".to_owned(), file([resource]));
        read(files)
    };
    assert!(with("10.0.0.2").differs_only_in_endpoints(&with("10.0.0.1")));
    assert!(!with("db.example").differs_only_in_endpoints(&with("10.0.0.1")));
}
