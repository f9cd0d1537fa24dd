//! Which of an instance's addresses its tasks are reached at.

use super::{
    ec2::DescribedInstances,
    ec2_xml::{Ec2Instance, NetworkInterface},
    ecs::RegisteredInstance,
};
use crate::resources::{Addresses, ContainerInstance, InstanceState};
use std::collections::HashMap;

/// Whether an instance is one of EC2's: machines of the customer's own begin with `mi-`.
pub(super) fn is_ec2(id: &str) -> bool {
    id.starts_with("i-")
}

/// Container instances with their addresses, as far as EC2 knows them.
pub(super) fn with_addresses(
    registered: Vec<RegisteredInstance>,
    described: DescribedInstances,
) -> Vec<ContainerInstance> {
    let DescribedInstances { instances, unknown } = described;
    let by_id: HashMap<String, Ec2Instance> = instances
        .into_iter()
        .map(|instance| (instance.id.clone(), instance))
        .collect();
    let one = |registered: RegisteredInstance| {
        let state = match by_id.get(&registered.ec2_id) {
            Some(instance) => InstanceState::Described(interface(&registered, instance)),
            None if registered.ec2_id.starts_with("mi-") => InstanceState::External,
            None if unknown.contains(&registered.ec2_id) => InstanceState::Unknown,
            None if is_ec2(&registered.ec2_id) => InstanceState::Missing,
            None => InstanceState::default(),
        };
        ContainerInstance {
            state,
            arn: registered.arn,
            ec2_id: registered.ec2_id,
        }
    };
    registered.into_iter().map(one).collect()
}

/// The interface in the network in which the agent registered the instance; of several, the one
/// that the instance began with, as the others may belong to tasks of their own. Else what EC2
/// calls the instance's own addresses.
fn interface(registered: &RegisteredInstance, instance: &Ec2Instance) -> Addresses {
    let agrees = |said: &Option<String>, has: &Option<String>| said.is_none() || said == has;
    let is_there = |attached: &&NetworkInterface| {
        agrees(&registered.vpc, &attached.vpc)
            && agrees(&registered.subnet, &attached.subnet)
            && attached.addresses.address().is_some()
    };
    let first = instance
        .interfaces
        .iter()
        .filter(is_there)
        .min_by_key(|attached| (attached.position, attached.addresses.address()));
    first.map_or(instance.own, |attached| attached.addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u32, subnet: &str, address: &str) -> NetworkInterface {
        NetworkInterface {
            position: (0, position),
            vpc: Some("vpc-1".to_owned()),
            subnet: Some(subnet.to_owned()),
            addresses: Addresses {
                ipv4: address.parse().ok(),
                ipv6: address.parse().ok(),
            },
        }
    }

    fn address(subnet: Option<&str>, interfaces: Vec<NetworkInterface>) -> Option<String> {
        let registered = RegisteredInstance {
            vpc: Some("vpc-1".to_owned()),
            subnet: subnet.map(ToOwned::to_owned),
            ..RegisteredInstance::default()
        };
        let own = Addresses {
            ipv4: "10.9.9.9".parse().ok(),
            ipv6: None,
        };
        let instance = Ec2Instance {
            own,
            interfaces,
            ..Ec2Instance::default()
        };
        let found = interface(&registered, &instance).address()?;
        Some(found.to_string())
    }

    #[test]
    fn the_interface_in_the_registered_subnet_counts() {
        let interfaces = vec![at(0, "a", "10.0.0.1"), at(1, "b", "10.0.1.1")];
        assert_eq!(
            address(Some("b"), interfaces.clone()).as_deref(),
            Some("10.0.1.1")
        );
        assert_eq!(
            address(Some("a"), interfaces.clone()).as_deref(),
            Some("10.0.0.1")
        );
        assert_eq!(address(None, interfaces).as_deref(), Some("10.0.0.1"));
    }

    #[test]
    fn the_interface_that_the_instance_began_with_comes_before_those_of_its_tasks() {
        let interfaces = vec![
            at(2, "a", "10.0.0.1"),
            at(0, "a", "10.0.0.9"),
            at(1, "a", "10.0.0.2"),
        ];
        assert_eq!(address(Some("a"), interfaces).as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn an_instance_may_have_an_ipv6_address_alone() {
        assert_eq!(
            address(Some("a"), vec![at(0, "a", "fd00::1")]).as_deref(),
            Some("fd00::1")
        );
    }

    #[test]
    fn without_an_interface_in_that_network_its_own_address_counts() {
        assert_eq!(
            address(Some("z"), vec![at(0, "a", "10.0.0.1")]).as_deref(),
            Some("10.9.9.9")
        );
        assert_eq!(address(Some("a"), Vec::new()).as_deref(), Some("10.9.9.9"));
    }
}
