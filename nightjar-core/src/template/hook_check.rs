//! Hooks tried out: what they would break in the files of the shipped templates.

use super::{layer::HOOKS, select::TemplateSet};
use crate::context::{ProxyConfig, ProxyRole, proxy_input};
use crate::document::{
    self,
    discovery_map::DiscoveryMap,
    proxy_input::{Properties, ProxyInput},
    templates::Templates,
};
use crate::mustache::error::TemplateError;
use std::{collections::BTreeSet, net::Ipv4Addr};

/// One service with one endpoint, and one gateway.
const SAMPLE: &str = r#"{
  "schema-version": "v1", "document-version": "1",
  "namespaces": [{
    "namespace": "sample", "network-id": "sample",
    "gateways": {"prefer-gateway": false, "instances": []},
    "service-colors": [{
      "service": "sample", "color": "sample", "index": 80, "protocol": "HTTP1.1",
      "instances": [{"ipv4": "192.0.2.1", "port": 80}],
      "routes": [{
        "path-match": {"match-type": "prefix", "value": "/"},
        "weight": 1, "default-access": true, "namespace-access": []
      }],
      "namespace-egress": []
    }]
  }]
}"#;
const NAME: &str = "sample";
const PORT: u16 = 8080;

/// Whom templates are for: namespace, and service and color of a sidecar.
type Scope<'a> = (&'a str, Option<(&'a str, &'a str)>);

/// The errors of hooks in the files that a sample of a proxy inherits, each with the JSON pointer of the
/// hook's template. Which values a map has is not known, so what depends on them is not found.
pub(super) fn errors(templates: &Templates) -> Vec<(String, TemplateError)> {
    let mut found = Vec::new();
    for (namespace, service) in scopes(templates) {
        let (kind, set) = match service {
            None => ("gateway", TemplateSet::select_gateway(templates, namespace)),
            Some((service, color)) => (
                "service",
                TemplateSet::select_service(templates, namespace, service, color),
            ),
        };
        // What is wrong with a template by itself is told elsewhere.
        let (Some(input), Ok(set)) = (
            sample(service.is_some()),
            set.and_then(TemplateSet::over_shipped),
        ) else {
            continue;
        };
        let Ok(own) = set.render(&input) else {
            continue;
        };
        for file in ["envoy-config.yaml", "cds.json", "lds.json", "rds-8080.json"] {
            if own.contains_key(file) {
                continue;
            }
            for error in set
                .inherited(file, &input)
                .err()
                .into_iter()
                .flat_map(|errors| errors.0)
            {
                let pointer = pointer(templates, kind, &error.message);
                if !found.contains(&(pointer.clone(), error.clone())) {
                    found.push((pointer, error));
                }
            }
        }
    }
    found
}

/// For whom there are hooks.
fn scopes(templates: &Templates) -> BTreeSet<Scope<'_>> {
    let gateways = templates.gateway_templates.iter();
    let gateways = gateways
        .filter(|template| HOOKS.contains(&&*template.purpose))
        .map(|template| (template.namespace.as_deref().unwrap_or(NAME), None));
    let services = templates.service_templates.iter();
    let services = services
        .filter(|template| HOOKS.contains(&&*template.purpose))
        .map(|template| {
            let service = template.service.as_deref().unwrap_or(NAME);
            let color = template.color.as_deref().unwrap_or(NAME);
            let namespace = template.namespace.as_deref().unwrap_or(NAME);
            (namespace, Some((service, color)))
        });
    gateways.chain(services).collect()
}

/// The first template of the hook that an error names.
fn pointer(templates: &Templates, kind: &str, message: &str) -> String {
    let hook = HOOKS.iter().find(|hook| message.contains(**hook));
    let is_hook = |purpose: &str| hook.is_some_and(|hook| *hook == purpose);
    let index = if kind == "gateway" {
        let mut templates = templates.gateway_templates.iter();
        templates.position(|template| is_hook(&template.purpose))
    } else {
        let mut templates = templates.service_templates.iter();
        templates.position(|template| is_hook(&template.purpose))
    };
    format!("/{kind}-templates/{}/template", index.unwrap_or_default())
}

fn sample(is_service: bool) -> Option<ProxyInput> {
    let map: DiscoveryMap = document::read(SAMPLE.as_bytes()).ok()?;
    let role = if is_service {
        ProxyRole::Service {
            service: NAME.to_owned(),
            color: NAME.to_owned(),
        }
    } else {
        ProxyRole::Gateway
    };
    let proxy = ProxyConfig {
        role,
        namespace: NAME.to_owned(),
        listen_port: PORT,
        listen_address: Ipv4Addr::UNSPECIFIED.into(),
        admin_port: Some(9901),
        admin_address: Ipv4Addr::LOCALHOST.into(),
        status: None,
        config_dir: "/tmp/envoy".to_owned(),
        properties: Properties::new(),
    };
    proxy_input(&map, &proxy).ok().map(|context| context.input)
}

#[cfg(test)]
mod tests {
    #[test]
    fn there_is_a_sample_of_each_kind_of_proxy() {
        for is_service in [true, false] {
            let sample = super::sample(is_service).unwrap();
            assert_eq!((sample.is_service, sample.clusters.len()), (is_service, 1));
            assert_eq!(sample.listeners[0].mesh_port, super::PORT);
        }
    }
}
