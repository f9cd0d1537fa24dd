//! Task definitions and tasks, before there are any.

use super::Instance;
use serde_json::{Map, Value, json};

/// A task definition, before it is registered.
#[derive(Debug, Clone)]
pub struct TaskDefinition {
    parameters: Value,
}

impl TaskDefinition {
    /// Containers behind the instance's address, each port published on another one.
    pub fn bridge(family: &str) -> Self {
        Self::new(family, "bridge")
    }

    /// Containers with the instance's own network.
    pub fn host(family: &str) -> Self {
        Self::new(family, "host")
    }

    /// A task with a network interface and address of its own, on Fargate.
    pub fn awsvpc(family: &str) -> Self {
        let fargate = json!({
            "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        });
        Self::new(family, "awsvpc").with(fargate)
    }

    fn new(family: &str, network_mode: &str) -> Self {
        Self {
            parameters: json!({
                "family": family, "networkMode": network_mode,
                "containerDefinitions": [], "tags": [],
            }),
        }
    }

    /// An essential container that publishes these ports.
    #[must_use]
    pub fn container(self, name: &str, ports: &[u16]) -> Self {
        self.container_with(name, ports, json!({}))
    }

    /// The same with more members, such as `{"essential": false}`.
    #[must_use]
    pub fn container_with(mut self, name: &str, ports: &[u16], members: Value) -> Self {
        let ports: Vec<Value> = ports
            .iter()
            .map(|port| json!({"containerPort": port, "protocol": "tcp"}))
            .collect();
        let mut container = json!({
            "name": name, "image": "registry.test/sample", "memory": 64, "essential": true,
            "portMappings": ports, "environment": [],
        });
        extend(&mut container, members);
        self.list("containerDefinitions").push(container);
        self
    }

    /// Gives the container added last a health check: tasks begin healthy.
    #[must_use]
    pub fn health_check(mut self) -> Self {
        let check = json!({"command": ["CMD", "/health"]});
        self.last_container()["healthCheck"] = check;
        self
    }

    /// Sets a variable of the container added last.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        let variables = self.last_container()["environment"].as_array_mut().unwrap();
        variables.push(json!({"name": name, "value": value}));
        self
    }

    /// Sets a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.list("tags").push(json!({"key": key, "value": value}));
        self
    }

    /// Sets other members, as `RegisterTaskDefinition` takes them.
    #[must_use]
    pub fn with(mut self, members: Value) -> Self {
        extend(&mut self.parameters, members);
        self
    }

    pub(super) fn into_parameters(self) -> Value {
        self.parameters
    }

    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        self.parameters[name].as_array_mut().unwrap()
    }

    fn last_container(&mut self) -> &mut Value {
        let containers = self.list("containerDefinitions");
        containers.last_mut().expect("a container comes first")
    }
}

/// A task, before it runs.
#[derive(Debug, Clone)]
pub struct Task {
    wanted: Map<String, Value>,
}

impl Task {
    /// A task of a definition, given by ARN, `family:revision` or family.
    pub fn of(definition: &str) -> Self {
        let mut wanted = Map::new();
        wanted.insert("definition".to_owned(), definition.into());
        Self { wanted }
    }

    /// Places it on an instance.
    #[must_use]
    pub fn on(self, instance: &Instance) -> Self {
        self.set("instance", instance.arn.clone().into())
    }

    /// Bridge mode: what the container serves on a port is reached at this port of the instance.
    #[must_use]
    pub fn bind(self, container: &str, port: u16, host_port: u16) -> Self {
        self.bind_to("0.0.0.0", container, port, host_port)
    }

    /// The same, bound to one address of the instance.
    #[must_use]
    pub fn bind_to(self, ip: &str, container: &str, port: u16, host_port: u16) -> Self {
        self.push(
            "bindings",
            json!({
                "container": container, "bindIP": ip, "containerPort": port,
                "hostPort": host_port, "protocol": "tcp",
            }),
        )
    }

    /// awsvpc mode: the address of the task's network interface.
    #[must_use]
    pub fn at(self, ipv4: &str) -> Self {
        self.set("ipv4", ipv4.into())
    }

    /// The same over IPv6; without [`Task::at`] it has no other.
    #[must_use]
    pub fn at_ipv6(self, ipv6: &str) -> Self {
        self.set("ipv6", ipv6.into())
    }

    /// Sets a tag.
    #[must_use]
    pub fn tag(self, key: &str, value: &str) -> Self {
        self.push("tags", json!({"key": key, "value": value}))
    }

    /// The four tags of a service's task: mode, namespace, service, color.
    #[must_use]
    pub fn service_color(self, namespace: &str, service: &str, color: &str) -> Self {
        self.tag("NJ_PROXY_MODE", "SERVICE")
            .tag("NJ_NAMESPACE", namespace)
            .tag("NJ_SERVICE", service)
            .tag("NJ_COLOR", color)
    }

    /// The two tags of a gateway's task: mode and namespace.
    #[must_use]
    pub fn gateway(self, namespace: &str) -> Self {
        self.tag("NJ_PROXY_MODE", "GATEWAY")
            .tag("NJ_NAMESPACE", namespace)
    }

    /// Overrides variables of a container.
    #[must_use]
    pub fn overriding(mut self, container: &str, variables: &[(&str, &str)]) -> Self {
        let environment: Vec<Value> = variables
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let overrides = self.wanted.entry("overrides").or_insert_with(|| json!({}));
        if overrides["containerOverrides"].is_null() {
            overrides["containerOverrides"] = json!([]);
        }
        let list = overrides["containerOverrides"].as_array_mut().unwrap();
        list.push(json!({"name": container, "environment": environment}));
        self
    }

    /// Sets members as `DescribeTasks` gives them, such as `{"lastStatus": "PENDING"}`.
    #[must_use]
    pub fn with(mut self, members: Value) -> Self {
        let all = self.wanted.entry("members").or_insert_with(|| json!({}));
        extend(all, members);
        self
    }

    pub(super) fn into_wanted(self) -> Value {
        self.wanted.into()
    }

    fn set(mut self, name: &str, value: Value) -> Self {
        self.wanted.insert(name.to_owned(), value);
        self
    }

    fn push(mut self, name: &str, value: Value) -> Self {
        let list = self.wanted.entry(name).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(value);
        self
    }
}

fn extend(object: &mut Value, members: Value) {
    if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
        object.extend(members);
    }
}
