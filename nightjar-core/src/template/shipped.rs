//! Shipped templates: those that come with Nightjar.

use super::Template;
use crate::document::{
    SchemaVersion,
    templates::{GatewayTemplate, ServiceTemplate, Templates},
};

/// Purpose and text of each; sidecars and gateways use the same.
pub const SHIPPED: [(&str, &str); 4] = [
    (
        "envoy-config.yaml",
        include_str!("../../templates/envoy-config.yaml.mustache"),
    ),
    (
        "cds.json",
        include_str!("../../templates/cds.json.mustache"),
    ),
    (
        "lds.json",
        include_str!("../../templates/lds.json.mustache"),
    ),
    (
        "rds-{{mesh_port}}.json",
        include_str!("../../templates/rds-{{mesh_port}}.json.mustache"),
    ),
];

/// The one hook that is in YAML.
pub(super) const BOOTSTRAP_HOOK: &str = "bootstrap.mustache";

/// Hook partials: what the shipped templates contain, and only a store fills.
pub const HOOKS: [&str; 13] = [
    BOOTSTRAP_HOOK,
    "clusters.mustache",
    "cluster.mustache",
    "endpoint.mustache",
    "listeners.mustache",
    "listener.mustache",
    "filter-chain.mustache",
    "http-connection-manager.mustache",
    "http-filters.mustache",
    "access-log.mustache",
    "routes.mustache",
    "virtual-host.mustache",
    "route.mustache",
];

/// A shipped template with the hooks that a store fills.
pub(super) struct ShippedTemplate {
    pub(super) template: Template,
    /// The file's name, if it has tags.
    pub(super) name: Option<Template>,
}

/// The shipped templates as a document that is for every proxy.
///
/// # Panics
/// Never: the names are constants.
#[expect(
    clippy::expect_used,
    reason = "the names are constants, and a test reads them"
)]
pub fn shipped() -> Templates {
    let purpose = |purpose: &str| purpose.parse().expect("a shipped purpose is valid");
    let gateway = SHIPPED.map(|(name, template)| GatewayTemplate {
        namespace: None,
        purpose: purpose(name),
        template: template.to_owned(),
    });
    let service = SHIPPED.map(|(name, template)| ServiceTemplate {
        namespace: None,
        service: None,
        color: None,
        purpose: purpose(name),
        template: template.to_owned(),
    });
    let version = concat!("shipped-", env!("CARGO_PKG_VERSION"));
    Templates {
        schema_version: SchemaVersion::V1,
        document_version: version.parse().expect("a version is plain text"),
        gateway_templates: gateway.into(),
        service_templates: service.into(),
    }
}
