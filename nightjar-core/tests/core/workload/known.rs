//! Settings that are near a known one.

use super::service;

#[test]
fn a_setting_that_is_near_a_known_one_is_warned_of() {
    for (setting, meant) in [
        ("NJ_PROXYMODE", "NJ_PROXY_MODE"),
        ("NJ_NAMESPACES", "NJ_NAMESPACE"),
        ("NJ_COLOUR", "NJ_COLOR"),
        ("NJ_ROUTES_1", "NJ_ROUTE_<n>"),
        ("NJ_ROUT_1", "NJ_ROUTE_<n>"),
        ("NJ_LISTENPORT", "NJ_LISTEN_PORT"),
        ("NJ_NAMESPACE_PROT_1", "NJ_NAMESPACE_PORT_<n>"),
        ("NJ_PROPS_TIMEOUT", "NJ_PROP_"),
        ("NJ_PORP_TIMEOUT", "NJ_PROP_"),
        ("NJ_ROUTE_1_PROP", "NJ_ROUTE_PROP_<n>_"),
    ] {
        let (_, warnings) = service(&[(setting, "1")]);
        if setting == "NJ_ROUTE_1_PROP" {
            // What begins like a route's is told with the routes.
            let said = "is not a setting, and is ignored\n  hint: number routes, as in NJ_ROUTE_1";
            assert_eq!(warnings, [format!("…: {setting}=\"1\" (task tag): {said}")]);
            continue;
        }
        let said = format!("is not a setting, and is ignored\n  hint: did you mean {meant}?");
        assert_eq!(warnings, [format!("…: {setting}=\"1\" (task tag): {said}")]);
    }
}

/// The proxy, central and extensions may be configured in the same place.
#[test]
fn settings_of_others_are_left_alone() {
    let others = [
        "NJ_LISTEN_PORT",
        "NJ_ADMIN_PORT",
        "NJ_LISTEN_ADDRESS",
        "NJ_ADMIN_ADDRESS",
        "NJ_STATUS_PORT",
        "NJ_STATUS_ADDRESS",
        "NJ_VALIDATE",
        "NJ_TEMP_DIR",
        "NJ_EXTENSION_TIMEOUT",
        "NJ_LOG_FORMAT",
        "NJ_MAX_DOCUMENT_SIZE_MB",
        "NJ_EMPTY_MAP_GRACE",
        "NJ_SHIPPED_TEMPLATES",
        "NJ_WAKE_EXEC",
        "NJ_WAKE_SETTLE",
        "NJ_WAKE_INTERVAL",
        "NJ_WAKE_SPREAD",
        "NJ_WAKE_REFRESH_TIME",
        "NJ_WAKE_PORT",
        "NJ_WAKE_ADDRESS",
        "NJ_WAKE_SQS_QUEUE_URL",
        "NJ_PROXY_PROP_TRUSTED_HOPS",
        "NJ_STORE_ACCEPT_INVALID",
        "NJ_DSLOCAL_FILE_TEMPLATES",
        "NJ_DSLOCAL_FILE_DISCOVERY_MAP",
        "NJ_DSLOCAL_DIR_TEMPLATES",
        "NJ_DSS3_BUCKET",
        "NJ_DSS3_BASE_PATH",
        "NJ_DSS3_MAX_DOCUMENT_SIZE_MB",
        "NJ_DSS3_FORCE_PATH_STYLE",
        "NJ_DSS3_HISTORICAL_PRESERVE_COUNT",
        "NJ_DSS3_HISTORICAL_PRESERVE_HOURS",
        "NJ_DMECS_AWS_CLUSTERS",
        "NJ_DMECS_REQUIRED_TAG",
        "NJ_DMECS_REQUIRED_TAG_VALUE",
        "NJ_DMECS_TASKDEF_CACHE_SECONDS",
        "NJ_DMECS_INCLUDE_UNHEALTHY",
        "NJ_DMCM_NAMESPACES",
        "NJ_DMCM_INCLUDE_UNHEALTHY",
        "NJ_DMCM_ALLOW_LOOPBACK",
        "NJ_DMCM_COLOR_ATTRIBUTE",
        "NJ_DEADLINE",
        "NJ_MINE",
    ];
    let pairs: Vec<(&str, &str)> = others.iter().map(|name| (*name, "1")).collect();
    assert_eq!(service(&pairs).1, [""; 0]);
}
