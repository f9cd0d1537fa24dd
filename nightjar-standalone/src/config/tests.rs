use super::*;
use std::net::{Ipv4Addr, SocketAddr};

/// What is needed, and these.
fn with(more: &[(&str, &str)]) -> Result<Config, String> {
    read(more, Need::Envoy)
}

fn read(more: &[(&str, &str)], need: Need) -> Result<Config, String> {
    let needed = [
        ("NJ_LISTEN_PORT", "8000"),
        ("NJ_ADMIN_PORT", "9901"),
        ("DISCOVERY_MAP_EXEC", "/bin/sh map.sh"),
        ("ENVOY_EXEC", "/bin/sh"),
    ];
    let variables = needed.iter().chain(more).copied();
    Config::read(&Env::from_pairs(variables), need).map_err(|faults| faults.to_string())
}

#[test]
fn a_sidecar_needs_ports_and_a_discovery() {
    let config = with(&[]).unwrap();
    let service = ProxyRole::Service {
        service: "default".to_owned(),
        color: "default".to_owned(),
    };
    assert_eq!(config.proxy.role, service);
    assert_eq!(config.proxy.namespace, "default");
    assert_eq!(config.proxy.listen_port, 8000);
    assert_eq!(config.admin, (IpAddr::V4(Ipv4Addr::LOCALHOST), 9901));
    assert_eq!(config.bootstrap, "envoy-config.yaml");
    assert_eq!(config.config_dir, PathBuf::from("/tmp/envoy"));
    assert_eq!(config.update_timeout, Duration::from_secs(10));
    assert!(config.validate && config.data_store.is_none());
    let launch = config.launch.unwrap();
    assert_eq!(launch.program, PathBuf::from("/bin/sh"));
    assert_eq!(
        launch.bootstrap,
        PathBuf::from("/tmp/envoy/envoy-config.yaml")
    );
    assert_eq!(launch.restart_mode, RestartMode::Hot);
    assert_eq!(launch.drain_time, Duration::from_secs(20));
}

#[test]
fn envoys_other_word_for_its_log_level_is_taken() {
    let config = with(&[("ENVOY_LOG_LEVEL", "warn")]).unwrap();
    assert_eq!(config.launch.unwrap().log_level, "warn");
}

#[test]
fn without_shipped_templates_there_has_to_be_a_store() {
    let off = ("NJ_SHIPPED_TEMPLATES", "false");
    assert_eq!(
        with(&[off]).unwrap_err(),
        "NJ_SHIPPED_TEMPLATES=\"false\": leaves no templates at all: set DATA_STORE_EXEC"
    );
    let config = with(&[off, ("DATA_STORE_EXEC", "/bin/sh store.sh")]).unwrap();
    assert!(!config.shipped_templates);
    assert!(with(&[]).unwrap().shipped_templates);
}

#[test]
fn every_setting_of_a_gateway_is_read() {
    let config = with(&[
        ("NJ_PROXY_MODE", "GATEWAY"),
        ("NJ_NAMESPACE", "n1"),
        ("NJ_LISTEN_ADDRESS", "::"),
        ("NJ_STATUS_PORT", "9902"),
        ("NJ_PROXY_PROP_TRUSTED_HOPS", "1"),
        ("NJ_PROXY_PROP_EMPTY", ""),
        ("NJ_VALIDATE", "off"),
        ("ENVOY_CONFIGURATION_DIR", "/c//d/"),
        ("ENVOY_CONFIGURATION_TEMPLATE", "boot/envoy.json"),
        (
            "ENVOY_ARGS",
            "--concurrency 2 --component-log-level 'http:debug'",
        ),
        ("ENVOY_RESTART_MODE", "Cold"),
        ("ENVOY_BASE_ID", "7"),
        ("ENVOY_KILL_WAIT_TIME", "0"),
        ("ENVOY_LOG_LEVEL", "warning"),
    ])
    .unwrap();
    assert_eq!(config.proxy.role, ProxyRole::Gateway);
    assert_eq!(config.proxy.listen_address.to_string(), "::");
    let status = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 9902);
    assert_eq!(config.proxy.status, Some(status));
    let properties: Vec<(&str, &str)> = config
        .proxy
        .properties
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(properties, [("trusted-hops", "1")]);
    assert!(!config.validate);
    let launch = config.launch.unwrap();
    assert_eq!(launch.bootstrap, PathBuf::from("/c/d/boot/envoy.json"));
    let arguments = ["--concurrency", "2", "--component-log-level", "http:debug"];
    assert_eq!(launch.extra_args, arguments);
    assert_eq!(
        (launch.restart_mode, launch.base_id),
        (RestartMode::Cold, 7)
    );
    assert_eq!(launch.kill_wait_time, Duration::ZERO);
    assert_eq!(launch.log_level, "warning");
}

#[test]
fn all_faults_are_told_at_once() {
    let faults = with(&[
        ("NJ_LISTEN_PORT", "9901"),
        ("NJ_STATUS_PORT", "9901"),
        ("NJ_NAMESPACE", "a b"),
        ("NJ_PROXY_MODE", "both"),
        ("NJ_PROXY_PROP_TRUSTED_HOPS", "many"),
        ("ENVOY_ARGS", "--log-level=debug"),
        ("ENVOY_EXEC", "/bin/sh -c"),
        ("ENVOY_RESTART_MODE", "warm"),
        ("ENVOY_CONFIGURATION_DIR", "/c\u{7}"),
        ("ENVOY_CONFIGURATION_TEMPLATE", "../x"),
    ])
    .unwrap_err();
    for message in [
        "is the same as NJ_LISTEN_PORT",
        "is the same as NJ_ADMIN_PORT",
        "is not 1 to 128 letters, digits, dots, underscores and hyphens",
        "NJ_PROXY_MODE",
        "NJ_PROXY_PROP_TRUSTED_HOPS",
        "has --log-level=debug, which nightjar sets by a variable of its own",
        "has arguments; they belong in ENVOY_ARGS",
        "is not one of hot, cold, none",
        "contains control characters or is not UTF-8",
        "ENVOY_CONFIGURATION_TEMPLATE",
    ] {
        assert!(faults.contains(message), "{message} in {faults}");
    }
    let open = with(&[("ENVOY_ARGS", "'open")]).unwrap_err();
    assert!(open.contains("has an unclosed quote"), "{open}");
}

#[test]
fn the_port_of_the_statistics_is_no_other_port_of_the_proxy() {
    let own = [("NJ_LISTEN_PORT", "8080"), ("NJ_STATUS_PORT", "9902")];
    for (port, other) in [
        ("8080", "NJ_LISTEN_PORT"),
        ("9901", "NJ_ADMIN_PORT"),
        ("9902", "NJ_STATUS_PORT"),
    ] {
        let faults = with(&[own[0], own[1], (STATS_PORT, port)]).unwrap_err();
        let fault = format!("{STATS_PORT}=\"{port}\": is the same as {other}");
        assert!(faults.contains(&fault), "{fault} in {faults}");
    }
    let config = with(&[own[0], own[1], (STATS_PORT, "9102")]).unwrap();
    assert_eq!(config.proxy.stats_port(), Some(9102));
    assert!(with(&[(STATS_PORT, "0")]).is_err());
}

#[test]
fn a_run_that_needs_no_envoy_takes_the_one_on_the_path() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().display().to_string();
    let without = [("ENVOY_EXEC", ""), ("PATH", path.as_str())];
    assert!(read(&without, Need::EnvoyIfThere).unwrap().launch.is_none());
    assert!(read(&without, Need::Envoy).is_err());
    let program = crate::fake::envoy_program(place.path());
    let launch = read(&without, Need::EnvoyIfThere).unwrap().launch;
    assert_eq!(launch.unwrap().program, program);
}
