//! The templates that come with Nightjar.

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

/// The shipped templates as a document that is for every proxy.
pub fn shipped() -> Templates {
    let gateway = |(purpose, template): (&str, &str)| GatewayTemplate {
        namespace: None,
        purpose: purpose.to_owned(),
        template: template.to_owned(),
    };
    let service = |(purpose, template): (&str, &str)| ServiceTemplate {
        namespace: None,
        service: None,
        color: None,
        purpose: purpose.to_owned(),
        template: template.to_owned(),
    };
    Templates {
        schema_version: SchemaVersion::V1,
        document_version: concat!("shipped-", env!("CARGO_PKG_VERSION")).to_owned(),
        gateway_templates: SHIPPED.map(gateway).into(),
        service_templates: SHIPPED.map(service).into(),
    }
}
