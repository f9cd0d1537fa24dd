//! From the SDK's types to what is kept of them.

use crate::resources::{
    Addresses, Container, ContainerDefinition, ContainerOverride, Health, KeyValues, LaunchType,
    NetworkBinding, NetworkMode, PREFIX, PortMapping, Ports, Task, TaskDefinition,
};
use aws_sdk_ecs::types::{self, HealthStatus, TransportProtocol};
use std::net::IpAddr;

/// A task as AWS describes it.
pub(crate) fn task(task: types::Task) -> Task {
    let interface = attached(task.attachments());
    let overrides = task.overrides.and_then(|all| all.container_overrides);
    Task {
        arn: task.task_arn.unwrap_or_default(),
        definition: task.task_definition_arn.unwrap_or_default(),
        container_instance: task.container_instance_arn,
        launch_type: match task.launch_type {
            Some(types::LaunchType::Fargate) => LaunchType::Fargate,
            Some(types::LaunchType::External) => LaunchType::External,
            _ => LaunchType::Ec2,
        },
        last_status: task.last_status.unwrap_or_default(),
        desired_status: task.desired_status.unwrap_or_default(),
        health: health(task.health_status.as_ref()),
        tags: tags(task.tags.unwrap_or_default()),
        overrides: each(overrides, environment),
        containers: each(task.containers, container),
        interface,
    }
}

/// A task definition as AWS describes it, with its tags.
pub(crate) fn definition(
    definition: types::TaskDefinition,
    tagged: Option<Vec<types::Tag>>,
) -> TaskDefinition {
    let registered = definition.registered_at.and_then(|at| at.to_millis().ok());
    TaskDefinition {
        arn: definition.task_definition_arn.unwrap_or_default(),
        family: definition.family.unwrap_or_default(),
        revision: definition.revision,
        registered: registered.unwrap_or_default(),
        network: match definition.network_mode {
            Some(types::NetworkMode::Awsvpc) => NetworkMode::Awsvpc,
            Some(types::NetworkMode::Host) => NetworkMode::Host,
            Some(types::NetworkMode::None) => NetworkMode::None,
            _ => NetworkMode::Bridge,
        },
        tags: tags(tagged.unwrap_or_default()),
        containers: each(definition.container_definitions, declared),
    }
}

fn each<T, U>(items: Option<Vec<T>>, convert: impl FnMut(T) -> U) -> Vec<U> {
    items.into_iter().flatten().map(convert).collect()
}

fn health(status: Option<&HealthStatus>) -> Health {
    match status {
        Some(HealthStatus::Healthy) => Health::Healthy,
        Some(HealthStatus::Unhealthy) => Health::Unhealthy,
        _ => Health::Unknown,
    }
}

fn tags(tags: Vec<types::Tag>) -> KeyValues {
    let pair = |tag: types::Tag| Some((tag.key?, tag.value.unwrap_or_default()));
    tags.into_iter().filter_map(pair).collect()
}

/// The settings among a container's variables; what else there is may be secret.
fn settings(variables: Option<Vec<types::KeyValuePair>>) -> KeyValues {
    let pair = |pair: types::KeyValuePair| {
        let name = pair.name.filter(|name| name.starts_with(PREFIX))?;
        Some((name, pair.value.unwrap_or_default()))
    };
    variables.into_iter().flatten().filter_map(pair).collect()
}

fn environment(container: types::ContainerOverride) -> ContainerOverride {
    ContainerOverride {
        container: container.name.unwrap_or_default(),
        variables: settings(container.environment),
    }
}

fn declared(container: types::ContainerDefinition) -> ContainerDefinition {
    let secrets = container.secrets().iter().map(types::Secret::name);
    let secrets = secrets.filter(|name| name.starts_with(PREFIX));
    let secrets = secrets.map(ToOwned::to_owned).collect();
    let has_files = !container.environment_files().is_empty();
    let mappings = container.port_mappings.into_iter().flatten();
    ContainerDefinition {
        name: container.name.unwrap_or_default(),
        essential: container.essential.unwrap_or(true),
        is_checked: container
            .health_check
            .is_some_and(|check| check.command().first().map(String::as_str) != Some("NONE")),
        ports: mappings.filter_map(|found| mapping(&found)).collect(),
        variables: settings(container.environment),
        secrets,
        has_files,
    }
}

fn mapping(mapping: &types::PortMapping) -> Option<PortMapping> {
    if !is_tcp(mapping.protocol()) {
        return None;
    }
    Some(PortMapping {
        container: ports(mapping.container_port(), mapping.container_port_range())?,
        host: port(mapping.host_port()),
    })
}

fn container(container: types::Container) -> Container {
    let bindings = container.network_bindings.into_iter().flatten();
    let mut interface = Addresses::default();
    for told in container.network_interfaces.into_iter().flatten() {
        interface.ipv4 = interface.ipv4.or(parsed(told.private_ipv4_address()));
        interface.ipv6 = interface.ipv6.or(parsed(told.ipv6_address()));
    }
    Container {
        name: container.name.unwrap_or_default(),
        last_status: container.last_status.unwrap_or_default(),
        health: health(container.health_status.as_ref()),
        bindings: bindings.filter_map(|found| binding(&found)).collect(),
        interface,
    }
}

fn binding(binding: &types::NetworkBinding) -> Option<NetworkBinding> {
    if !is_tcp(binding.protocol()) {
        return None;
    }
    Some(NetworkBinding {
        ip: parsed::<IpAddr>(binding.bind_ip()),
        container: ports(binding.container_port(), binding.container_port_range())?,
        host: ports(binding.host_port(), binding.host_port_range())?,
    })
}

/// The addresses of the network interface that was attached for the task.
fn attached(attachments: &[types::Attachment]) -> Addresses {
    let mut interface = Addresses::default();
    let own = attachments.iter().filter(|attachment| {
        attachment.r#type() == Some("ElasticNetworkInterface")
            && !matches!(attachment.status(), Some("DETACHED" | "DELETED" | "FAILED"))
    });
    for detail in own.flat_map(types::Attachment::details) {
        match detail.name() {
            Some("privateIPv4Address") => interface.ipv4 = parsed(detail.value()),
            Some("ipv6Address" | "privateIPv6Address") => interface.ipv6 = parsed(detail.value()),
            _ => {}
        }
    }
    interface
}

fn is_tcp(protocol: Option<&TransportProtocol>) -> bool {
    matches!(protocol, None | Some(TransportProtocol::Tcp))
}

fn ports(one: Option<i32>, range: Option<&str>) -> Option<Ports> {
    port(one).map(Ports::one).or_else(|| Ports::range(range?))
}

fn port(number: Option<i32>) -> Option<u16> {
    u16::try_from(number?).ok().filter(|port| *port > 0)
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}
