//! Samples of proxies: the least that there is to render.

use crate::context::{ProxyConfig, ProxyRole, proxy_input};
use crate::document::{
    self,
    discovery_map::DiscoveryMap,
    proxy_input::{Properties, ProxyInput},
};
use std::net::Ipv4Addr;

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
pub(super) const NAME: &str = "sample";
const PORT: u16 = 8080;

/// The context of a sidecar or a gateway of the sample.
pub(super) fn sample(is_service: bool) -> Option<ProxyInput> {
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
