//! What AWS says about tasks, their definitions and their instances, as far as it matters here.
//!
//! Of all environment variables only the `NJ_` ones get this far: the others may be secrets.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The start of the names of all settings.
pub(crate) const PREFIX: &str = "NJ_";

/// Names and values in AWS's order.
pub(crate) type KeyValues = Vec<(String, String)>;

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) arn: String,
    pub(crate) definition: String,
    /// Where it runs, unless that is Fargate.
    pub(crate) container_instance: Option<String>,
    pub(crate) launch_type: LaunchType,
    pub(crate) last_status: String,
    pub(crate) desired_status: String,
    pub(crate) health: Health,
    pub(crate) tags: KeyValues,
    /// The environment that the run of the task added, by container.
    pub(crate) overrides: Vec<ContainerOverride>,
    pub(crate) containers: Vec<Container>,
    /// The network interface of an `awsvpc` task, as its attachments tell it.
    pub(crate) interface: Addresses,
}

/// What comes before `RUNNING`.
const STARTING: [&str; 3] = ["PROVISIONING", "PENDING", "ACTIVATING"];

impl Task {
    /// Whether it does not run yet.
    pub(crate) fn is_starting(&self) -> bool {
        STARTING.contains(&self.last_status.as_str())
    }

    /// Whether it runs or starts, and is to go on.
    pub(crate) fn is_meant_to_run(&self) -> bool {
        let is_here = self.last_status == "RUNNING" || self.is_starting();
        is_here && self.desired_status == "RUNNING"
    }

    /// Whether it has a network interface of its own.
    pub(crate) fn has_own_interface(&self, definition: &TaskDefinition) -> bool {
        definition.network == NetworkMode::Awsvpc || self.launch_type == LaunchType::Fargate
    }
}

/// Whose machine a task runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LaunchType {
    /// An EC2 instance.
    #[default]
    Ec2,
    /// Fargate.
    Fargate,
    /// A machine of the customer's own.
    External,
}

/// What the health checks say. `Unknown` is also said of what has no health check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Health {
    Healthy,
    Unhealthy,
    #[default]
    Unknown,
}

/// A running container of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) last_status: String,
    pub(crate) health: Health,
    pub(crate) bindings: Vec<NetworkBinding>,
    pub(crate) interface: Addresses,
}

/// A network interface's addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) ipv4: Option<Ipv4Addr>,
    pub(crate) ipv6: Option<Ipv6Addr>,
}

impl Addresses {
    /// The IPv4 address, or else the IPv6 one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.ipv4.map(IpAddr::V4).or(self.ipv6.map(IpAddr::V6))
    }
}

/// A run of container ports, and of the host ports that lead to them one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NetworkBinding {
    /// The address that the host ports are bound to; nothing if ECS does not say.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) container: Ports,
    pub(crate) host: Ports,
}

/// A run of ports, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last == self.first {
            return Ok(());
        }
        write!(f, "-{}", self.last)
    }
}

impl Ports {
    /// One port.
    pub(crate) fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// Whether a port is one of them.
    pub(crate) fn has(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }

    /// A run as AWS writes it, such as `8000-8005`.
    pub(crate) fn range(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (0 < first && first <= last).then_some(Self { first, last })
    }
}

/// The variables of one container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerOverride {
    pub(crate) container: String,
    pub(crate) variables: KeyValues,
}

/// A task definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskDefinition {
    pub(crate) arn: String,
    pub(crate) family: String,
    pub(crate) revision: i32,
    /// When it was registered, in milliseconds since 1970.
    pub(crate) registered: i64,
    pub(crate) network: NetworkMode,
    pub(crate) tags: KeyValues,
    pub(crate) containers: Vec<ContainerDefinition>,
}

impl TaskDefinition {
    /// Its definition of a container. A platform may add containers that it does not declare, such
    /// as an agent that watches the task.
    pub(crate) fn container(&self, name: &str) -> Option<&ContainerDefinition> {
        self.containers
            .iter()
            .find(|container| container.name == name)
    }
}

/// How a task's containers are connected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NetworkMode {
    /// A bridge on the host, with ports of the host that lead to ports of the containers.
    #[default]
    Bridge,
    /// The host's own network.
    Host,
    /// A network interface of the task's own.
    Awsvpc,
    /// Not at all.
    None,
}

/// A container as its task definition describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerDefinition {
    pub(crate) name: String,
    pub(crate) essential: bool,
    /// Whether it has a health check. ECS runs none but that of the definition.
    pub(crate) is_checked: bool,
    pub(crate) ports: Vec<PortMapping>,
    pub(crate) variables: KeyValues,
    /// The names of settings that it has as secrets. Their values are nobody's business.
    pub(crate) secrets: Vec<String>,
    /// Whether it has more variables in files.
    pub(crate) has_files: bool,
}

/// Ports of a container that its task definition publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortMapping {
    pub(crate) container: Ports,
    /// The host's port, where the definition fixes it.
    pub(crate) host: Option<u16>,
}

/// The instance that a container instance is, as far as its tasks need it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerInstance {
    /// The container instance's ARN.
    pub(crate) arn: String,
    #[serde(rename = "ec2")]
    pub(crate) ec2_id: String,
    pub(crate) state: InstanceState,
}

/// What is known of where an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InstanceState {
    /// EC2 has described it.
    Described(Addresses),
    /// EC2 has left it out of an otherwise good answer.
    Missing,
    /// EC2 knows no instance of this id.
    Unknown,
    /// It is a machine of the customer's own, of which EC2 knows nothing.
    External,
}

impl Default for InstanceState {
    fn default() -> Self {
        Self::Described(Addresses::default())
    }
}

impl ContainerInstance {
    /// Its addresses, as far as they are known.
    pub(crate) fn interface(&self) -> Addresses {
        match self.state {
            InstanceState::Described(interface) => interface,
            InstanceState::Missing | InstanceState::Unknown | InstanceState::External => {
                Addresses::default()
            }
        }
    }
}
