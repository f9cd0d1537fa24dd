//! Sets of files for the tests of this crate.

use nightjar_core::envoy::{Configuration, File, Files};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const CONFIG_DIR: &str = "/c";
pub(crate) const BOOTSTRAP: &str = "envoy.json";
/// The port of the listener `main`; the others follow.
pub(crate) const LISTEN_PORT: u16 = 8000;

/// What a set of files says.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mesh {
    /// Clusters with the ports of their endpoints.
    pub(crate) clusters: BTreeMap<String, Vec<u16>>,
    /// Whether endpoints are in files of their own.
    pub(crate) eds: bool,
    /// Listeners with the clusters that their routes name.
    pub(crate) listeners: BTreeMap<String, Vec<String>>,
    /// What only a new process reads, and nothing depends on.
    pub(crate) node: u16,
    /// Where clusters and listeners are.
    pub(crate) layout: u16,
    /// How many seconds the routes hold requests back.
    pub(crate) delay: u16,
    /// Clusters of the bootstrap.
    pub(crate) fixed: Vec<String>,
}

impl Mesh {
    /// One listener whose routes lead to these clusters, each with one endpoint.
    pub(crate) fn of(clusters: &[&str]) -> Self {
        let names = || clusters.iter().map(|name| (*name).to_owned());
        Self {
            clusters: names().map(|name| (name, vec![1])).collect(),
            listeners: BTreeMap::from([("main".to_owned(), names().collect())]),
            ..Self::default()
        }
    }

    /// The same with another bootstrap.
    pub(crate) fn node(self, node: u16) -> Self {
        Self { node, ..self }
    }

    /// The same without the listeners beside `main`.
    pub(crate) fn with_one_listener(mut self) -> Self {
        self.listeners.retain(|name, _| name == "main");
        self
    }

    fn path(&self, kind: &str) -> String {
        match self.layout {
            0 => format!("{kind}.json"),
            layout => format!("{kind}-{layout}.json"),
        }
    }

    /// The files, each with a version.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        let clusters = self.clusters.iter().map(|(name, ports)| {
            if self.eds {
                files.insert(eds(name), resources(&[assignment(name, ports)]));
                by_eds(name)
            } else {
                cluster(name, ports)
            }
        });
        let clusters: Vec<Value> = clusters.collect();
        files.insert(self.path("cds"), resources(&clusters));
        let mut listeners = Vec::new();
        for (index, (name, routed)) in self.listeners.iter().enumerate() {
            listeners.push(listener(name, LISTEN_PORT + u16::try_from(index).unwrap()));
            files.insert(rds(name), resources(&[routes(name, routed, self.delay)]));
        }
        files.insert(self.path("lds"), resources(&listeners));
        files.insert(BOOTSTRAP.to_owned(), self.bootstrap());
        files
    }

    fn bootstrap(&self) -> String {
        let source = |kind: &str| json!({"path_config_source": {"path": format!("{CONFIG_DIR}/{}", self.path(kind))}});
        let fixed: Vec<Value> = self.fixed.iter().map(|name| cluster(name, &[9])).collect();
        let bootstrap = json!({
            "node": {"id": format!("node-{}", self.node)},
            "static_resources": {"clusters": fixed},
            "dynamic_resources": {"cds_config": source("cds"), "lds_config": source("lds")},
        });
        bootstrap.to_string()
    }

    pub(crate) fn read(&self) -> Configuration {
        Configuration::read(self.files(), BOOTSTRAP, CONFIG_DIR, None).unwrap()
    }
}

fn eds(cluster: &str) -> String {
    format!("eds-{cluster}.json")
}

pub(crate) fn rds(listener: &str) -> String {
    format!("rds-{listener}.json")
}

fn resources(resources: &[Value]) -> String {
    let text = json!(resources).to_string();
    let version = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()));
    json!({"version_info": version, "resources": resources}).to_string()
}

fn kind(kind: &str) -> String {
    format!("type.googleapis.com/envoy.config.{kind}")
}

fn assignment(name: &str, ports: &[u16]) -> Value {
    let endpoint = |port: &u16| {
        json!({"endpoint": {"address": {"socket_address": {
            "address": "10.0.0.1", "port_value": port,
        }}}})
    };
    let endpoints: Vec<Value> = ports.iter().map(endpoint).collect();
    json!({
        "@type": kind("endpoint.v3.ClusterLoadAssignment"),
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": endpoints}],
    })
}

fn cluster(name: &str, ports: &[u16]) -> Value {
    let mut assignment = assignment(name, ports);
    assignment.as_object_mut().unwrap().remove("@type");
    json!({
        "@type": kind("cluster.v3.Cluster"),
        "name": name,
        "load_assignment": assignment,
    })
}

fn by_eds(name: &str) -> Value {
    let path = format!("{CONFIG_DIR}/{}", eds(name));
    json!({
        "@type": kind("cluster.v3.Cluster"),
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"eds_config": {"path_config_source": {"path": path}}},
    })
}

fn listener(name: &str, port: u16) -> Value {
    let path = format!("{CONFIG_DIR}/{}", rds(name));
    json!({
        "@type": kind("listener.v3.Listener"),
        "name": name,
        "address": {"socket_address": {"address": "0.0.0.0", "port_value": port}},
        "filter_chains": [{"filters": [{"typed_config": {"rds": {
            "route_config_name": name,
            "config_source": {"path_config_source": {"path": path}},
        }}}]}],
    })
}

fn routes(name: &str, clusters: &[String], delay: u16) -> Value {
    let route = |cluster: &String| json!({"match": {"prefix": format!("/{cluster}")}, "route": {"cluster": cluster}});
    let routes: Vec<Value> = clusters.iter().map(route).collect();
    let mut host = json!({"name": "all", "domains": ["*"], "routes": routes});
    if delay > 0 {
        let delay = json!({"delay": {"fixed_delay": format!("{delay}s")}});
        host["typed_per_filter_config"] = json!({"fault": delay});
    }
    json!({
        "@type": kind("route.v3.RouteConfiguration"),
        "name": name,
        "virtual_hosts": [host],
    })
}

/// The clusters that a file of routes names.
pub(crate) fn routed(file: &File) -> Vec<String> {
    let file: Value = serde_json::from_str(file.text()).unwrap();
    let routes = file["resources"][0]["virtual_hosts"][0]["routes"].as_array();
    let name = |route: &Value| route["route"]["cluster"].as_str().unwrap().to_owned();
    routes.unwrap().iter().map(name).collect()
}

/// The names of a file's resources.
pub(crate) fn names(file: &File) -> Vec<String> {
    let resources = file.resources().iter();
    resources.map(|it| it.name().to_owned()).collect()
}
