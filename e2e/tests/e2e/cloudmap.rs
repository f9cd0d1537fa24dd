//! The mesh as Cloud Map knows it: what `ext-discovery-cloudmap` makes of it, what it asks for, and
//! what it does when it gets no answer.

pub(crate) mod calls;
mod faults;
mod instances;
mod kept;
mod map;
mod owners;
mod story;

use e2e::{
    aws::Aws,
    extension::{Ending, Extension},
};
use regex::Regex;
use serde_json::{Map, Value, json};

/// An account with one namespace.
pub(crate) struct Registry {
    pub(crate) aws: Aws,
    namespace: String,
}

/// A service of Cloud Map.
pub(crate) struct Service<'a> {
    aws: &'a Aws,
    id: String,
}

impl Registry {
    /// An account with a namespace `n1`.
    pub(crate) fn new() -> Self {
        let aws = Aws::start();
        let namespace = namespace(&aws, "n1");
        Self { aws, namespace }
    }

    /// A service whose instances have no health of their own.
    pub(crate) fn service(&self, name: &str, attributes: &[(&str, &str)]) -> Service<'_> {
        self.service_with(&json!({"Name": name}), attributes)
    }

    /// A service whose instances somebody judges.
    fn judged_service(&self, name: &str, attributes: &[(&str, &str)]) -> Service<'_> {
        let health = json!({"FailureThreshold": 1});
        self.service_with(
            &json!({"Name": name, "HealthCheckCustomConfig": health}),
            attributes,
        )
    }

    fn service_with(&self, members: &Value, attributes: &[(&str, &str)]) -> Service<'_> {
        service(&self.aws, &self.namespace, members, attributes)
    }

    /// The program, following the namespace `n1`.
    pub(crate) fn discovery(&self) -> Extension {
        Extension::new("ext-discovery-cloudmap")
            .envs(self.aws.env())
            .env("NJ_DMCM_NAMESPACES", "n1")
    }

    /// What a call printed, without what differs from run to run.
    pub(crate) fn told(&self, ending: &Ending) -> String {
        let text = ending.stderr.replace(self.aws.account(), "ACCOUNT");
        let text = text.replace(&self.aws.wire.address().to_string(), "WIRE");
        let ids = Regex::new(r"\b(ns|srv)-[a-z0-9]{8,}").unwrap();
        ids.replace_all(&text, "$1-ID").into_owned()
    }
}

/// A new namespace's id.
fn namespace(aws: &Aws, name: &str) -> String {
    let call = |operation, parameters| aws.call("servicediscovery", operation, parameters);
    call("create_http_namespace", json!({"Name": name}));
    let all = call("list_namespaces", json!({}));
    let all = all["Namespaces"].as_array().unwrap();
    let found = all.iter().rfind(|one| one["Name"] == name);
    found.unwrap()["Id"].as_str().unwrap().to_owned()
}

fn service<'a>(
    aws: &'a Aws,
    namespace: &str,
    members: &Value,
    attributes: &[(&str, &str)],
) -> Service<'a> {
    let mut parameters = members.clone();
    parameters["NamespaceId"] = namespace.into();
    let made = aws.call("servicediscovery", "create_service", parameters);
    let id = made["Service"]["Id"].as_str().unwrap().to_owned();
    let service = Service { aws, id };
    service.set(attributes);
    service
}

impl Service<'_> {
    fn call(&self, operation: &str, parameters: Value) {
        self.aws.call("servicediscovery", operation, parameters);
    }

    /// Sets attributes.
    fn set(&self, attributes: &[(&str, &str)]) {
        if !attributes.is_empty() {
            let parameters = json!({"ServiceId": self.id, "Attributes": object(attributes)});
            self.call("update_service_attributes", parameters);
        }
    }

    /// Registers an instance at an address and port.
    pub(crate) fn register(&self, id: &str, ipv4: &str, port: u16) {
        let port = port.to_string();
        self.register_with(
            id,
            &[("AWS_INSTANCE_IPV4", ipv4), ("AWS_INSTANCE_PORT", &port)],
        );
    }

    fn register_with(&self, id: &str, attributes: &[(&str, &str)]) {
        let parameters = json!({
            "ServiceId": self.id, "InstanceId": id, "Attributes": object(attributes),
        });
        self.call("register_instance", parameters);
    }

    fn deregister(&self, id: &str) {
        self.call(
            "deregister_instance",
            json!({"ServiceId": self.id, "InstanceId": id}),
        );
    }

    /// Judges an instance: `HEALTHY` or `UNHEALTHY`.
    fn judge(&self, id: &str, status: &str) {
        let parameters = json!({"ServiceId": self.id, "InstanceId": id, "Status": status});
        self.call("update_instance_custom_health_status", parameters);
    }
}

fn object(pairs: &[(&str, &str)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()));
    Value::Object(pairs.collect::<Map<String, Value>>())
}

/// A map's service-colors: `namespace/service/color index: routes at instances`.
fn told(map: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().map_or(value.to_string(), ToOwned::to_owned);
    let mut told = Vec::new();
    for namespace in list(&map["namespaces"]) {
        for group in list(&namespace["service-colors"]) {
            let routes = list(&group["routes"]);
            let routes: Vec<String> = routes
                .iter()
                .map(|route| {
                    format!(
                        "{}*{}",
                        text(&route["path-match"]["value"]),
                        route["weight"]
                    )
                })
                .collect();
            let instances = list(&group["instances"]);
            let instances: Vec<String> = instances
                .iter()
                .map(|at| {
                    let host = ["ipv4", "ipv6", "hostname"].map(|kind| at[kind].clone());
                    let host = host.iter().find(|host| !host.is_null()).unwrap();
                    format!("{}:{}", text(host), at["port"])
                })
                .collect();
            told.push(format!(
                "{}/{}/{} {}: {} at {}",
                text(&namespace["namespace"]),
                text(&group["service"]),
                text(&group["color"]),
                group["index"],
                routes.join(" "),
                instances.join(" ")
            ));
        }
    }
    told
}

/// The one line of a map with one service-color.
fn only(ending: &Ending) -> String {
    let map = ending.document.as_ref();
    let lines = told(map.unwrap_or_else(|| panic!("no map: {ending:?}")));
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.concat()
}
