//! Template sets that people write themselves, each with a change while it runs.

use e2e::{
    eventually,
    load::{Clients, Load},
    maps::{map, namespace, prefix, service_color},
    mesh::{Backend, Plan, Proxy},
    program, root,
    templates::Templates,
};
use nightjar_core::{atomic_file::replace_own, template::shipped};
use serde_json::{Value, json};

const BOOTSTRAP: &str = r#"node: {id: "{{service_member}}", cluster: "{{network_name}}"}
admin: {address: {socket_address: {address: "{{admin_address}}", port_value: {{admin_port}}}}}
dynamic_resources:
  cds_config: {path_config_source: {path: "{{config_dir}}/mesh/clusters.yml"}}
  lds_config: {path_config_source: {path: "{{config_dir}}/mesh/listeners.yml"}}
"#;

const CLUSTERS: &str = r#"version_info: "{{version}}"
resources:
{{#clusters}}
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: "{{name}}"
    type: STATIC
    load_assignment:
      cluster_name: "{{name}}"
      endpoints:
        - lb_endpoints:
          {{#endpoints}}
            - endpoint: {address: {socket_address: {address: "{{host}}", port_value: {{port}}}}}
          {{/endpoints}}
{{/clusters}}
"#;

const LISTENERS: &str = r#"version_info: "{{version}}"
resources:
{{#listeners}}
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: "{{name}}"
    address: {socket_address: {address: "{{listen_address}}", port_value: {{mesh_port}}}}
    filter_chains:
      - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: "{{name}}"
              http_filters:
                - name: envoy.filters.http.router
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              {{>the-routes}}
{{/listeners}}
"#;

const VIRTUAL_HOST: &str = r#"- name: "{{name}}"
  domains: ["*"]
  routes:
  {{#routes}}
    - match: {prefix: "{{route_path}}"}
      route:
        weighted_clusters:
          clusters:
          {{#clusters}}
            - {name: "{{cluster_name}}", weight: {{route_weight}}}
          {{/clusters}}
  {{/routes}}
"#;

const ROUTES_INSIDE: &str = "route_config:
  name: inside
  virtual_hosts:
    {{>virtual-host}}
";

const ROUTES_APART: &str = r#"rds:
  route_config_name: "apart-{{mesh_port}}"
  config_source: {path_config_source: {path: "{{config_dir}}/mesh/routes-{{mesh_port}}.yml"}}
"#;

const ROUTES: &str = r#"version_info: "{{version}}"
resources:
  - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: "apart-{{mesh_port}}"
    virtual_hosts:
      {{>virtual-host}}
"#;

struct Shop {
    blue: Backend,
    green: Backend,
}

impl Shop {
    fn open() -> Self {
        Self {
            blue: Backend::start("shop", "blue"),
            green: Backend::start("shop", "green"),
        }
    }

    fn map(&self, color: &str) -> Value {
        let backend = if color == "blue" {
            &self.blue
        } else {
            &self.green
        };
        map(&[namespace(
            "n1",
            &[service_color(
                "shop",
                color,
                &[backend.port],
                &[prefix("/who")],
            )],
        )])
    }

    /// Changes from blue to green and back under load of connections that are used again, and of
    /// ones that are not.
    fn swap_under_load(&self, proxy: &Proxy) {
        proxy.wait_for_answer("/who", "shop-blue");
        let clients = Clients {
            keep_alive: 2,
            one_shot: 1,
        };
        let load = Load::start(proxy.address(), "/who", clients);
        for color in ["green", "blue"] {
            let before = proxy.metric("nightjar_rollout_seconds_count");
            proxy.set_map(&self.map(color));
            proxy.wait_for_answer("/who", &format!("shop-{color}"));
            eventually("the rollout has ended", || {
                (proxy.metric("nightjar_rollout_seconds_count") > before).then_some(())
            });
        }
        let report = load.stop();
        assert_eq!(report.lost, [""; 0], "of {} requests", report.sent);
        assert_eq!(proxy.logged("ERROR"), [""; 0]);
    }
}

#[test]
fn everything_in_one_static_bootstrap() {
    let shop = Shop::open();
    let path = "examples/simple-mesh/01-static-gateway/templates/gateway/_default/envoy-config.yaml.mustache";
    let bootstrap = std::fs::read_to_string(root().join(path)).unwrap();
    let templates = Templates::new(&[("envoy-config.yaml", &bootstrap)]);
    let proxy = Plan::gateway("n1", &shop.map("blue"))
        .envs(templates.env())
        .start();
    assert_eq!(proxy.files(), ["envoy-config.yaml"]);
    shop.swap_under_load(&proxy);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(3));
    assert_eq!(proxy.count("nightjar_envoy_exits_total"), Some(0));
}

fn yaml_throughout(routes: &str) -> Templates {
    Templates::new(&[
        ("bootstrap.yml", BOOTSTRAP),
        ("mesh/clusters.yml", CLUSTERS),
        ("mesh/listeners.yml", LISTENERS),
        ("the-routes.mustache", routes),
        ("virtual-host.mustache", VIRTUAL_HOST),
    ])
}

#[test]
fn yaml_throughout_with_routes_apart() {
    let shop = Shop::open();
    let templates = yaml_throughout(ROUTES_APART);
    templates.set("mesh/routes-{{mesh_port}}.yml", ROUTES);
    let proxy = Plan::gateway("n1", &shop.map("blue"))
        .envs(templates.env())
        .env("ENVOY_CONFIGURATION_TEMPLATE", "bootstrap.yml")
        .start();
    assert_eq!(proxy.files(), ["bootstrap.yml", "mesh"]);
    shop.swap_under_load(&proxy);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn yaml_throughout_with_routes_inside_listeners() {
    let shop = Shop::open();
    let templates = yaml_throughout(ROUTES_INSIDE);
    let proxy = Plan::gateway("n1", &shop.map("blue"))
        .envs(templates.env())
        .env("ENVOY_CONFIGURATION_TEMPLATE", "bootstrap.yml")
        .start();
    // A changed listener keeps its old routes for connections that are open, so there are no
    // promises for them: it is why the shipped templates have routes apart.
    for color in ["green", "blue", "green"] {
        proxy.set_map(&shop.map(color));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
    }
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn a_bootstrap_can_be_changed_cold_or_not_at_all() {
    const PENDING: &str = "bootstrap: the changed bootstrap takes effect at the next start of \
                           envoy, or once the process that was replaced last has ended\n";
    for (mode, starts, pending) in [("cold", 2, ""), ("none", 1, PENDING)] {
        let shop = Shop::open();
        let templates = Templates::shipped();
        let proxy = Plan::gateway("n1", &shop.map("blue"))
            .envs(templates.env())
            .env("ENVOY_RESTART_MODE", mode)
            .start();
        templates.edit(
            "envoy-config.yaml",
            "overload_manager:",
            "# x\noverload_manager:",
        );
        eventually("it is in force", || {
            (proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
        });
        proxy.wait_told(200, &format!("ready\n{pending}"));
        assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(starts));
        proxy.set_map(&shop.map("green"));
        proxy.wait_for_answer("/who", "shop-green");
    }
}

/// The shipped templates as a document, with parts of their names and texts replaced.
fn shipped_with(changes: &[(&str, &str)]) -> Value {
    let mut text = serde_json::to_string(&shipped()).unwrap();
    for (old, new) in changes {
        assert!(text.contains(old), "the shipped templates have no {old:?}");
        text = text.replace(old, new);
    }
    serde_json::from_str(&text).unwrap()
}

/// A document with one template, for gateways.
fn single(purpose: &str, template: &str) -> Value {
    json!({
        "schema-version": "v1", "document-version": "1", "service-templates": [],
        "gateway-templates": [{"namespace": null, "purpose": purpose, "template": template}],
    })
}

#[test]
fn a_set_may_take_another_shape_while_it_runs() {
    let shop = Shop::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("templates.json");
    let set = |document: &Value| replace_own(&file, document.to_string().as_bytes()).unwrap();
    set(&shipped_with(&[]));
    let proxy = Plan::gateway("n1", &shop.map("blue"))
        .env("DATA_STORE_EXEC", program("ext-store-local").display())
        .env("NJ_DSLOCAL_FILE_TEMPLATES", file.display())
        .env("ENVOY_DRAIN_TIME", 1)
        .start();
    let path = "examples/simple-mesh/01-static-gateway/templates/gateway/_default/envoy-config.yaml.mustache";
    let fixed = std::fs::read_to_string(root().join(path)).unwrap();
    let clients = Clients {
        keep_alive: 2,
        one_shot: 1,
    };
    let load = Load::start(proxy.address(), "/who", clients);
    let routes = format!("rds-{}.json", proxy.port);
    for (document, color, files) in [
        (
            shipped_with(&[("lds.json", "listeners.json")]),
            "green",
            vec!["cds.json", "envoy-config.yaml", "listeners.json", &routes],
        ),
        (
            shipped_with(&[("cds.json", "clusters.json")]),
            "blue",
            vec!["clusters.json", "envoy-config.yaml", "lds.json", &routes],
        ),
        (
            single("envoy-config.yaml", &fixed),
            "green",
            vec!["envoy-config.yaml"],
        ),
        (
            shipped_with(&[]),
            "blue",
            vec!["cds.json", "envoy-config.yaml", "lds.json", &routes],
        ),
    ] {
        let before = proxy.metric("nightjar_rollout_seconds_count");
        set(&document);
        eventually("the new set is in force", || {
            (proxy.metric("nightjar_rollout_seconds_count") > before).then_some(())
        });
        proxy.set_map(&shop.map(color));
        proxy.wait_for_answer("/who", &format!("shop-{color}"));
        eventually("the files of this set alone", || {
            (proxy.files() == files).then_some(())
        });
    }
    let report = load.stop();
    assert_eq!(report.lost, [""; 0], "of {} requests", report.sent);
    assert_eq!(proxy.logged("ERROR"), [""; 0]);
}
