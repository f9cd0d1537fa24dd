//! A discovery map from DNS names: each name stands for a service-color, and each of its addresses for
//! an instance. So Docker Compose or Kubernetes' headless services make a mesh.

use nightjar_core::{
    env::{Reader, Setting},
    extension::{About, ActionError, DiscoveryMapSource, FetchOutcome, serve},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::{IpAddr, ToSocketAddrs},
    process::ExitCode,
};

const MESH_NAMES: Setting = Setting::required(
    "MESH_NAMES",
    "the services, separated by semicolons, each as: service color port path name",
);
const MESH_NAMESPACE: Setting =
    Setting::with_default("MESH_NAMESPACE", "default", "the namespace of all services");

/// Service, color, port, path and name.
type Service = (String, String, u16, String, String);

/// What the environment asks for.
struct Names {
    namespace: String,
    services: Vec<Service>,
}

impl DiscoveryMapSource for Names {
    const ABOUT: About = About {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        summary: "the discovery map from DNS names",
        settings: &[MESH_NAMES, MESH_NAMESPACE],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        Self {
            namespace: reader.text(&MESH_NAMESPACE),
            services: reader.checked(&MESH_NAMES, |text| text.split(';').map(service).collect()),
        }
    }

    fn discover(&self, previous: Option<&str>) -> Result<FetchOutcome, ActionError> {
        // One name that cannot be resolved ends it: half a mesh is worse than the last one.
        let entries: Result<Vec<Value>, ActionError> = self.services.iter().map(entry).collect();
        let map = json!({
            "schema-version": "v1",
            "namespaces": [{
                "namespace": self.namespace,
                "network-id": self.namespace,
                "gateways": {"instances": []},
                "service-colors": entries?,
            }],
        });
        FetchOutcome::of_content(map.to_string().as_bytes(), previous).map_err(ActionError::fatal)
    }
}

fn service(text: &str) -> Result<Service, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [service, color, port, path, name] = fields[..] else {
        return Err(format!(
            "has {text:?}, which is not: service color port path name"
        ));
    };
    let port = port
        .parse()
        .map_err(|_| format!("has {port:?}, which is not a port"))?;
    Ok((service.into(), color.into(), port, path.into(), name.into()))
}

/// A service-color of the map. Its addresses are of one family, as a host may have both, and sorted.
fn entry((service, color, port, path, name): &Service) -> Result<Value, ActionError> {
    let addresses = (name.as_str(), *port)
        .to_socket_addrs()
        .map_err(|error| ActionError::retry(format!("cannot resolve {name}: {error}")))?;
    let mut addresses: BTreeSet<IpAddr> = addresses.map(|address| address.ip()).collect();
    let any_ipv4 = addresses.iter().any(IpAddr::is_ipv4);
    addresses.retain(|address| address.is_ipv4() == any_ipv4);
    let instances = addresses.into_iter().map(|address| match address {
        IpAddr::V4(ipv4) => json!({"ipv4": ipv4, "port": port}),
        IpAddr::V6(ipv6) => json!({"ipv6": ipv6, "port": port}),
    });
    Ok(json!({
        "service": service, "color": color, "index": port, "namespace-egress": [],
        "instances": instances.collect::<Vec<_>>(),
        "routes": [{
            "path-match": {"match-type": "prefix", "value": path},
            "weight": 1, "default-access": true, "namespace-access": [],
        }],
    }))
}

fn main() -> ExitCode {
    serve::discovery_map::<Names>()
}
