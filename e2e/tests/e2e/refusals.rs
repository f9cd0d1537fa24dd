//! Configurations that Envoy does not take: what serves goes on serving, and the reason is told.

use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    templates::Templates,
};

/// What one fault in the templates does, and that it is forgotten when the fault is mended.
fn is_refused(proxy: &Proxy, templates: &Templates, purpose: &str, (old, new): (&str, &str)) {
    let before = proxy.contents();
    let good = templates.text(purpose);
    let refusals = || proxy.count("nightjar_refreshes_total{result=\"refused\"}");
    let refused = refusals().unwrap();
    templates.edit(purpose, old, new);
    eventually("it is refused", || {
        (proxy.count("nightjar_configuration_refused") == Some(1)).then_some(())
    });
    assert_eq!(proxy.contents(), before);
    assert_eq!(proxy.get("/who").by(), "shop-blue");
    proxy.wait_refreshes(3);
    // The same files are not tried again.
    assert_eq!(refusals(), Some(refused + 1));
    templates.set(purpose, &good);
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_configuration_refused"), Some(0));
}

/// The reasons for which configurations were not taken.
fn reasons(proxy: &Proxy) -> Vec<String> {
    let start = "ERROR the new configuration is not in force: ";
    let lines = proxy.logged(start);
    let reasons = lines.iter().filter_map(|line| line.strip_prefix(start));
    reasons.map(ToOwned::to_owned).collect()
}

#[test]
fn what_validation_refuses_is_never_written() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .start();
    is_refused(
        &proxy,
        &templates,
        "cds.json",
        ("ROUND_ROBIN", "NO_SUCH_POLICY"),
    );
    is_refused(
        &proxy,
        &templates,
        "rds-{{mesh_port}}.json",
        (
            "\"prefix\": \"{{route_path}}\"",
            "\"safe_regex\": {\"regex\": \"(\"}",
        ),
    );
    is_refused(
        &proxy,
        &templates,
        "cds.json",
        ("\"resources\": [", "\"resources\": [,"),
    );
    is_refused(
        &proxy,
        &templates,
        "envoy-config.yaml",
        ("cds.json", "clusters.json"),
    );
    assert_eq!(
        reasons(&proxy),
        [
            "envoy refuses the configuration: cds.json, cluster \"c-shop-blue-1\", line 8: unknown \
             enum value: 'NO_SUCH_POLICY'",
            "envoy refuses the configuration: rds-PORT.json, routes \"routes-PORT\", line 28: missing ): (",
            "the rendered file \"cds.json\" cannot be parsed: expected value at line 3 column 17",
            "the rendered file \"envoy-config.yaml\" names the file \
             \"FOLDER/envoy/clusters.json\", which no template makes",
        ]
    );
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn what_envoy_itself_refuses_is_put_back() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("NJ_VALIDATE", "false")
        .start();
    is_refused(
        &proxy,
        &templates,
        "cds.json",
        ("\"connect_timeout\": \"", "\"connect_timeout\": \"-"),
    );
    is_refused(
        &proxy,
        &templates,
        "lds.json",
        ("\"port_value\": {{mesh_port}}", "\"port_value\": 70000"),
    );
    is_refused(
        &proxy,
        &templates,
        "lds.json",
        ("v3.HealthCheck\"", "v3.NoSuchFilter\""),
    );
    is_refused(
        &proxy,
        &templates,
        "rds-{{mesh_port}}.json",
        (
            "\"prefix\": \"{{route_path}}\"",
            "\"safe_regex\": {\"regex\": \"(\"}",
        ),
    );
    assert_eq!(
        reasons(&proxy),
        [
            "envoy refused cds.json: Filesystem config update rejected: Invalid duration: Expected \
             positive duration: … seconds: -2",
            "envoy refused lds.json: Filesystem config update rejected: … : Proto constraint \
             validation failed (ListenerValidationError.Address: embedded message failed \
             validation | caused by AddressValidationError.SocketAddress: embedded message failed \
             validation | caused by SocketAddressValidationError.PortValue: value must be less \
             than or equal to 65535)",
            "envoy refused lds.json: Filesystem config update failure: in FOLDER/envoy/lds.json, \
             Unable to parse JSON as proto (INVALID_ARGUMENT: could not find @type \
             'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.NoSuchFilter')",
            "envoy refused rds-PORT.json: Filesystem config update rejected: missing ): (",
        ]
    );
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn a_hot_restart_that_fails_leaves_the_old_envoy_in_charge() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("NJ_VALIDATE", "false")
        .start();
    let bootstrap = templates.text("envoy-config.yaml");
    is_refused(
        &proxy,
        &templates,
        "envoy-config.yaml",
        (
            "deferred_stat_options:",
            "stats_config: {stats_tags: [{tag_name: x, regex: \"(\"}]}\ndeferred_stat_options:",
        ),
    );
    // This one dies later, when it has taken the admin interface over.
    is_refused(
        &proxy,
        &templates,
        "envoy-config.yaml",
        (
            "deferred_stat_options:",
            "static_resources: {clusters: [{name: x, type: EDS}]}\ndeferred_stat_options:",
        ),
    );
    assert_eq!(
        reasons(&proxy),
        [
            "the new envoy did not start to serve: exit status: 1: Invalid regex '(': The expression contained mismatched ( and ).",
            "the new envoy did not start to serve: exit status: 1: cannot create an EDS cluster \
             without an EDS config",
        ]
    );
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    templates.set("envoy-config.yaml", &format!("{bootstrap}# changed\n"));
    eventually("a hot restart after all", || {
        proxy
            .files()
            .iter()
            .any(|_| {
                std::fs::read_to_string(proxy.config_dir().join("envoy-config.yaml"))
                    .is_ok_and(|text| text.ends_with("# changed\n"))
            })
            .then_some(())
    });
    proxy.wait_for_answer("/who", "shop-green");
}
