//! From tasks to the map.

mod order;
mod ports;
mod precedence;
mod states;

use super::{Rules, map, mesh_tasks, needed_instances};
use crate::resources::{
    Addresses, Container, ContainerDefinition, ContainerInstance, ContainerOverride, InstanceState,
    KeyValues, LaunchType, NetworkBinding, NetworkMode, PortMapping, Ports, Task, TaskDefinition,
};
use nightjar_core::{
    document::discovery_map::{DiscoveryMap, Host, HostPort},
    workload::Warnings,
};
use std::collections::BTreeMap;

/// Tasks, their definitions and the instances below them.
#[derive(Debug, Clone, Default)]
struct Cluster {
    tasks: Vec<Task>,
    definitions: BTreeMap<String, TaskDefinition>,
    instances: BTreeMap<String, ContainerInstance>,
    rules: Rules,
}

impl Cluster {
    fn with(mut self, definition: TaskDefinition, tasks: impl IntoIterator<Item = Task>) -> Self {
        let arn = definition.arn.clone();
        self.definitions.insert(arn.clone(), definition);
        self.tasks.extend(tasks.into_iter().map(|task| Task {
            definition: arn.clone(),
            ..task
        }));
        self
    }

    fn instance(mut self, arn: &str, ec2_id: &str, addresses: &[&str]) -> Self {
        let instance = ContainerInstance {
            arn: arn.to_owned(),
            ec2_id: ec2_id.to_owned(),
            state: InstanceState::Described(interface(addresses)),
        };
        self.instances.insert(arn.to_owned(), instance);
        self
    }

    /// The whole map.
    fn map(&self) -> (DiscoveryMap, Warnings) {
        let mut warnings = Warnings::new();
        let admitted = self.tasks.iter().filter(|task| self.rules.admit(task));
        let tasks = admitted.map(|task| ("mesh", task));
        let mesh_tasks = mesh_tasks(tasks, &self.definitions, &self.rules, &mut warnings);
        let (map, of_map) = map(&mesh_tasks, &self.instances);
        warnings.append(of_map);
        (map, warnings)
    }

    /// The container instances that are asked for.
    fn asked_for(&self) -> Vec<&str> {
        let mut warnings = Warnings::new();
        let tasks = self.tasks.iter().map(|task| ("mesh", task));
        let mesh_tasks = mesh_tasks(tasks, &self.definitions, &self.rules, &mut warnings);
        needed_instances(&mesh_tasks)
            .into_values()
            .flatten()
            .collect()
    }

    /// The map in a few words, a line for each gateway and each group of routes.
    fn told(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for namespace in self.map().0.namespaces {
            let name = &namespace.namespace;
            if !namespace.gateways.instances.is_empty() {
                lines.push(format!("{name} {}", at(&namespace.gateways.instances)));
            }
            for group in &namespace.service_colors {
                let paths: Vec<&str> = group
                    .routes
                    .iter()
                    .map(|route| route.path_match.text())
                    .collect();
                lines.push(format!(
                    "{name} {}-{}-{} {} {}",
                    group.service,
                    group.color,
                    group.index,
                    paths.join(","),
                    at(&group.instances)
                ));
            }
        }
        lines
    }

    fn warned(&self) -> Vec<String> {
        self.map().1.iter().map(ToString::to_string).collect()
    }
}

fn at(instances: &[HostPort]) -> String {
    let one = |instance: &HostPort| match &instance.host {
        Host::Ipv4(ip) => format!("{ip}:{}", instance.port),
        Host::Ipv6(ip) => format!("[{ip}]:{}", instance.port),
        Host::Name(name) => format!("{name}:{}", instance.port),
    };
    let told: Vec<String> = instances.iter().map(one).collect();
    format!("@ {}", told.join(" "))
}

fn interface(addresses: &[&str]) -> Addresses {
    Addresses {
        ipv4: addresses.iter().find_map(|text| text.parse().ok()),
        ipv6: addresses.iter().find_map(|text| text.parse().ok()),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> KeyValues {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn definition(
    name: &str,
    network: NetworkMode,
    containers: Vec<ContainerDefinition>,
) -> TaskDefinition {
    let (family, revision) = name.split_once(':').unwrap_or((name, "1"));
    TaskDefinition {
        arn: format!("definition/{name}"),
        family: family.to_owned(),
        revision: revision.parse().unwrap_or(1),
        network,
        containers,
        ..TaskDefinition::default()
    }
}

fn declared(name: &str, ports: &[u16], variables: &[(&str, &str)]) -> ContainerDefinition {
    let mapping = |port: &u16| PortMapping {
        container: Ports::one(*port),
        host: None,
    };
    ContainerDefinition {
        name: name.to_owned(),
        essential: true,
        ports: ports.iter().map(mapping).collect(),
        variables: pairs(variables),
        ..ContainerDefinition::default()
    }
}

fn container(name: &str, bindings: &[(&str, u16, u16)]) -> Container {
    let binding = |(ip, container, host): &(&str, u16, u16)| NetworkBinding {
        ip: ip.parse().ok(),
        container: Ports::one(*container),
        host: Ports::one(*host),
    };
    Container {
        name: name.to_owned(),
        last_status: "RUNNING".to_owned(),
        bindings: bindings.iter().map(binding).collect(),
        ..Container::default()
    }
}

/// A task on the container instance `host` with these tags.
fn task(name: &str, containers: Vec<Container>, tags: &[(&str, &str)]) -> Task {
    Task {
        arn: format!("task/{name}"),
        container_instance: Some("host".to_owned()),
        last_status: "RUNNING".to_owned(),
        desired_status: "RUNNING".to_owned(),
        containers,
        tags: pairs(tags),
        ..Task::default()
    }
}

/// The tags of `n1/shop-blue`.
const BLUE: [(&str, &str); 4] = [
    ("NJ_PROXY_MODE", "service"),
    ("NJ_NAMESPACE", "n1"),
    ("NJ_SERVICE", "shop"),
    ("NJ_COLOR", "blue"),
];

fn blue(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [BLUE.as_slice(), more].concat()
}

/// A task of `n1/shop-blue` with one container `app`, whose port 80 the host leads there.
fn shop(name: &str, host_port: u16, more: &[(&'static str, &'static str)]) -> Task {
    let bindings = [("0.0.0.0", 80, host_port)];
    task(name, vec![container("app", &bindings)], &blue(more))
}

fn on_fargate(task: Task, address: &str) -> Task {
    Task {
        container_instance: None,
        launch_type: LaunchType::Fargate,
        interface: interface(&[address]),
        ..task
    }
}

fn overridden(task: Task, container: &str, variables: &[(&str, &str)]) -> Task {
    let environment = ContainerOverride {
        container: container.to_owned(),
        variables: pairs(variables),
    };
    let overrides = [task.overrides.as_slice(), &[environment]].concat();
    Task { overrides, ..task }
}

/// A definition in bridge mode with one container `app` that publishes port 80.
fn bridge(name: &str) -> TaskDefinition {
    definition(name, NetworkMode::Bridge, vec![declared("app", &[80], &[])])
}

fn on_host() -> Cluster {
    Cluster::default().instance("host", "i-1", &["10.0.0.1"])
}
