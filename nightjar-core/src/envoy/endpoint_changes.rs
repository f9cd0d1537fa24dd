//! Changes that touch endpoints alone, which Envoy accepts without a validation.

use super::{
    configuration::Configuration,
    file::File,
    proto_json::{member, take},
    resource::Resource,
    role::FileRole,
};
use crate::config_text::{Format, camel, repeated_member};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

impl Configuration {
    /// Whether this differs from a configuration that Envoy takes only in addresses, ports and
    /// weights of endpoints, and in how many there are; Envoy takes this one then as well.
    ///
    /// In doubt it does not: an address has to be an IP address unless the cluster is
    /// `STRICT_DNS`, and an endpoint has to say nothing that none of its locality said before.
    pub fn differs_only_in_endpoints(&self, accepted: &Self) -> bool {
        self.len() == accepted.len()
            && self.iter().zip(accepted.iter()).all(|(new, old)| {
                new.name == old.name
                    && new.role == old.role
                    && (new.is_same(old) || is_same_but_endpoints(new, old))
            })
    }
}

fn is_same_but_endpoints(new: &File, old: &File) -> bool {
    let compare = match new.role() {
        Some(FileRole::Clusters) => cluster,
        Some(FileRole::Endpoints { .. }) => endpoint_resource,
        _ => return false,
    };
    let is_same = |new_resource: &Resource, old_resource: &Resource| {
        let new_text = new.resource_text(new_resource);
        let old_text = old.resource_text(old_resource);
        new_resource.name() == old_resource.name()
            && (new_text == old_text || compare(new_text, old_text).is_some())
    };
    // JSON that is not read in place has something unusual, such as a member that appears twice.
    let is_usual =
        |file: &File| file.json.is_none() || Format::of(file.name()) == Some(Format::Yaml);
    is_usual(new)
        && new.rest == old.rest
        && new.version.is_some() == old.version.is_some()
        && new.resources.len() == old.resources.len()
        && new
            .resources
            .iter()
            .zip(&old.resources)
            .all(|(new, old)| is_same(new, old))
}

/// `Some` if only endpoints differ between two clusters.
fn cluster(new: &str, old: &str) -> Option<()> {
    let mut new = object(new, FileRole::Clusters.type_url())?;
    let mut old = object(old, FileRole::Clusters.type_url())?;
    let (assigned, before) = (
        take(&mut new, "load_assignment"),
        take(&mut old, "load_assignment"),
    );
    (new == old).then_some(())?;
    let new = Value::Object(new);
    if member(&new, "eds_cluster_config").is_some() || member(&new, "cluster_type").is_some() {
        return None;
    }
    let names = match new.get("type") {
        None => AllowedAddress::Ip,
        Some(kind) => match kind.as_str()? {
            "STATIC" => AllowedAddress::Ip,
            "STRICT_DNS" => AllowedAddress::Any,
            // Another one takes a single endpoint, or none.
            _ => return None,
        },
    };
    assignment(assigned?, before?, names)
}

fn endpoint_resource(new: &str, old: &str) -> Option<()> {
    let type_url = Some("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment");
    let (new, old) = (object(new, type_url)?, object(old, type_url)?);
    assignment(new.into(), old.into(), AllowedAddress::Ip)
}

/// What an address may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AllowedAddress {
    Ip,
    Any,
}

fn assignment(new: Value, old: Value, names: AllowedAddress) -> Option<()> {
    let (mut new, mut old) = (members(new)?, members(old)?);
    let localities = list(new.remove("endpoints")?)?;
    let before = list(old.remove("endpoints")?)?;
    (new == old && localities.len() == before.len()).then_some(())?;
    let mut weights = Weights::default();
    for (new, old) in localities.into_iter().zip(before) {
        locality(members(new)?, members(old)?, names, &mut weights)?;
    }
    weights.fit()
}

/// Sums of weights, which Envoy wants to fit into 32 bits.
#[derive(Default)]
struct Weights {
    of_localities: u64,
    of_endpoints: u64,
}

impl Weights {
    fn fit(&self) -> Option<()> {
        let fits = |sum| u32::try_from(sum).is_ok();
        (fits(self.of_localities) && fits(self.of_endpoints)).then_some(())
    }
}

fn locality(
    mut new: Map<String, Value>,
    mut old: Map<String, Value>,
    names: AllowedAddress,
    weights: &mut Weights,
) -> Option<()> {
    let endpoints = take(&mut new, "lb_endpoints").map_or(Some(Vec::new()), list)?;
    let before = take(&mut old, "lb_endpoints").map_or(Some(Vec::new()), list)?;
    let weight = weight(&mut new).ok()?;
    let old_weight = self::weight(&mut old).ok()?;
    (new == old && weight.is_some() == old_weight.is_some()).then_some(())?;
    weights.of_localities += u64::from(weight.unwrap_or(0));
    let mut known = vec![json!({"endpoint": {"address": {"socket_address": {}}}})];
    for endpoint in before {
        let (rest, _) = split_endpoint(endpoint)?;
        if !known.contains(&rest) {
            known.push(rest);
        }
    }
    for endpoint in endpoints {
        let (rest, parts) = split_endpoint(endpoint)?;
        (known.contains(&rest) && parts.are_valid(names)).then_some(())?;
        weights.of_endpoints += u64::from(parts.weight.unwrap_or(1));
    }
    Some(())
}

/// What may differ between two endpoints.
struct EndpointParts {
    address: Option<Value>,
    port: Option<Value>,
    weight: Option<u32>,
}

impl EndpointParts {
    fn are_valid(&self, names: AllowedAddress) -> bool {
        let address = self.address.as_ref().and_then(Value::as_str);
        let is_address = address.is_some_and(|text| match names {
            AllowedAddress::Ip => text.parse::<IpAddr>().is_ok(),
            AllowedAddress::Any => !text.is_empty(),
        });
        let port = self.port.as_ref().and_then(Value::as_u64);
        is_address && port.is_some_and(|port| (1..=65535).contains(&port))
    }
}

/// An endpoint without what may differ, and that.
fn split_endpoint(endpoint: Value) -> Option<(Value, EndpointParts)> {
    let mut endpoint = members(endpoint)?;
    let weight = weight(&mut endpoint).ok()?;
    let mut endpoint = Value::Object(endpoint);
    let inner = endpoint.get_mut("endpoint")?.get_mut("address")?;
    let key = if inner.get("socket_address").is_some() {
        "socket_address".to_owned()
    } else {
        camel("socket_address")
    };
    let socket = inner.get_mut(&key)?.as_object_mut()?;
    let address = socket.remove("address");
    let port = take(socket, "port_value");
    if key != "socket_address" {
        let socket = inner.as_object_mut()?.remove(&key)?;
        only_new(inner.as_object_mut()?, "socket_address", socket)?;
    }
    let parts = EndpointParts {
        address,
        port,
        weight,
    };
    Some((endpoint, parts))
}

fn only_new(members: &mut Map<String, Value>, name: &str, value: Value) -> Option<()> {
    members
        .insert(name.to_owned(), value)
        .is_none()
        .then_some(())
}

/// A member that is not what it has to be.
struct InvalidMember;

/// Takes a weight out of a message; it has to be a number from 1 on.
fn weight(members: &mut Map<String, Value>) -> Result<Option<u32>, InvalidMember> {
    let weight = take(members, "load_balancing_weight");
    let number = |weight: Value| {
        let weight = u32::try_from(weight.as_u64()?).ok()?;
        (weight > 0).then_some(weight)
    };
    weight
        .map(|weight| number(weight).ok_or(InvalidMember))
        .transpose()
}

fn object(text: &str, type_url: Option<&str>) -> Option<Map<String, Value>> {
    // Of a member that is there twice a `Value` keeps the last one, whereas Envoy adds lists up.
    if repeated_member(text, Format::Json).is_some() {
        return None;
    }
    let members = members(serde_json::from_str(text).ok()?)?;
    (members.get("@type")?.as_str() == type_url).then_some(members)
}

fn members(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn list(value: Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(items) => Some(items),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
