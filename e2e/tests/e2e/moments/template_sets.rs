//! Sets whose statistics have other names than most, or none: they get ready, or it is told why not.

use super::{load, none_lost, wait_told_of};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, shop},
    mesh::{Backend, Plan, Proxy},
    ports,
    templates::Templates,
};
use serde_json::{Value, json};

/// The shipped templates, in which a cluster whose service-color says so finds its endpoints in a
/// file: `options` are more members of the cluster, `service` is what it asks that file for.
fn endpoints_apart(options: &str, service: &str) -> Templates {
    let templates = Templates::shipped();
    let by_file = r#""eds_cluster_config": {SERVICE"eds_config": {"resource_api_version": "V3",
            "path_config_source": {"path": "{{config_dir}}/eds.json"}}},"#;
    let by_file = by_file.replace(
        "SERVICE",
        &if service.is_empty() {
            String::new()
        } else {
            format!("\"service_name\": \"{service}\", ")
        },
    );
    templates.edit(
        "cds.json",
        "{{^hosts_are_hostname}}\n      \"type\": \"STATIC\",\n",
        &format!(
            "{{{{^hosts_are_hostname}}}}\n{{{{#properties.apart}}}}\n\"type\": \"EDS\", {options}\n{by_file}\n\
             {{{{/properties.apart}}}}\n{{{{^properties.apart}}}}\n      \"type\": \"STATIC\",\n\
             {{{{/properties.apart}}}}\n"
        ),
    );
    templates.edit(
        "cds.json",
        "      \"load_assignment\": {\n        \"cluster_name\": \"{{name}}\"",
        "{{^properties.apart}}\n\"load_assignment\": {\n        \"cluster_name\": \"{{name}}\"",
    );
    templates.edit(
        "cds.json",
        "        ]\n      }\n    }{{^is_last}},{{/is_last}}\n{{/clusters}}",
        "        ]\n      },\n{{/properties.apart}}\n\"metadata\": {}\n    }{{^is_last}},{{/is_last}}\n{{/clusters}}",
    );
    let name = if service.is_empty() {
        "{{name}}"
    } else {
        service
    };
    templates.set(
        "eds.json",
        &r#"{"version_info": "{{version}}", "resources": [
{{#clusters}}{{#properties.apart}}
  {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
   "cluster_name": "NAME",
   "endpoints": [{"lb_endpoints": [
{{#endpoints}}
     {"endpoint": {"address": {"socket_address": {"address": "{{host}}", "port_value": {{port}} }}}}{{^is_last}},{{/is_last}}
{{/endpoints}}
   ]}]}
{{/properties.apart}}{{/clusters}}
]}"#
        .replace("NAME", name),
    );
    templates
}

/// The map with the endpoints of its first service-color in a file.
fn apart(mut map: Value) -> Value {
    let color = &mut map["namespaces"][0]["service-colors"][0];
    color["properties"] = json!({"apart": "yes"});
    map
}

/// Checks that a change of the endpoint is followed, and nothing lost.
fn follows(proxy: &Proxy, moved: &Value) {
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    let load = load(proxy);
    proxy.set_map(moved);
    proxy.wait_for_answer("/who", "shop-green");
    eventually("the rollout has ended", || {
        (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
    });
    proxy.wait_told(200, "ready\n");
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
}

#[test]
fn endpoint_files_may_be_asked_and_counted_by_any_name() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    for (options, service) in [
        ("", ""),
        ("", "members"),
        ("\"alt_stat_name\": \"of.its.own\",", ""),
        ("\"alt_stat_name\": \"of:its:own\",", "the members"),
    ] {
        let templates = endpoints_apart(options, service);
        let proxy = Plan::gateway("n1", &apart(shop("blue", blue.port)))
            .envs(templates.env())
            .launch();
        follows(&proxy, &apart(shop("blue", green.port)));
    }
}

#[test]
fn endpoints_in_a_file_are_kept_until_nobody_is_sent_to_them() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = endpoints_apart("", "");
    let both = |blue: &[u16]| {
        let color =
            |name: &str, ports: &[u16]| service_color("shop", name, ports, &[prefix("/who")]);
        apart(map(&[namespace(
            "n1",
            &[color("blue", blue), color("green", &[green.port])],
        )]))
    };
    let proxy = Plan::gateway("n1", &both(&[blue.port]))
        .envs(templates.env())
        .start();
    let load = load(&proxy);
    for round in 0..6 {
        let ports: &[u16] = if round % 2 == 0 { &[] } else { &[blue.port] };
        let before = proxy.count("nightjar_rollout_seconds_count");
        proxy.set_map(&both(ports));
        eventually("it is in force", || {
            (proxy.count("nightjar_rollout_seconds_count") > before).then_some(())
        });
    }
    none_lost(load);
    proxy.wait_told(200, "ready\n");
}

#[test]
fn statistics_that_are_hidden_are_told_or_done_without() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    for matcher in [
        "exclusion_list: {patterns: [{suffix: version_text}]}",
        "exclusion_list: {patterns: [{prefix: cluster_manager.}, {prefix: listener_manager.}]}",
        "reject_all: true",
    ] {
        let templates = Templates::shipped();
        templates.edit(
            "envoy-config.yaml",
            "deferred_stat_options:",
            &format!("stats_config: {{stats_matcher: {{{matcher}}}}}\ndeferred_stat_options:"),
        );
        let proxy = Plan::gateway("n1", &shop("blue", blue.port))
            .envs(templates.env())
            .env("ENVOY_UPDATE_TIMEOUT", 1)
            .launch();
        let told = eventually("ready, or the reason", || {
            let told = proxy.status("/ready")?;
            (told.status == 200 || told.body.contains("stats_matcher")).then_some(told)
        });
        if told.status == 200 {
            follows(&proxy, &shop("blue", green.port));
        } else {
            assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));
        }
    }
}

#[test]
fn an_admin_interface_elsewhere_or_nowhere_is_told() {
    let blue = Backend::start("shop", "blue");
    let elsewhere = ports::free();
    for (old, new) in [
        (
            "port_value: {{admin_port}}",
            format!("port_value: {elsewhere}"),
        ),
        ("{{#has_admin_port}}", "{{^has_admin_port}}".to_owned()),
    ] {
        let templates = Templates::shipped();
        templates.edit("envoy-config.yaml", old, &new);
        let proxy = Plan::gateway("n1", &shop("blue", blue.port))
            .envs(templates.env())
            .launch();
        wait_told_of(
            &proxy,
            503,
            &["admin", &proxy.admin_port.to_string(), "envoy-config.yaml"],
        );
        // It is a fault of the set, which can be mended while it runs.
        templates.set(
            "envoy-config.yaml",
            &Templates::shipped().text("envoy-config.yaml"),
        );
        proxy.wait_told(200, "ready\n");
        assert_eq!(proxy.get("/who").by(), "shop-blue");
    }
}

#[test]
fn a_set_that_loses_its_admin_interface_while_it_serves_is_refused() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    let load = load(&proxy);
    templates.edit(
        "envoy-config.yaml",
        "port_value: {{admin_port}}",
        &format!("port_value: {}", ports::free()),
    );
    wait_told_of(&proxy, 200, &["admin", &proxy.admin_port.to_string()]);
    // With the last templates, the mesh goes on.
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    none_lost(load);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}
