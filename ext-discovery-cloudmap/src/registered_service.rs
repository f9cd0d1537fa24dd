//! Registered services: one Cloud Map service as a workload of the map.

use crate::{
    calls::MAX_INSTANCES,
    color,
    discovery_cache::{Attributes, Instance, Instances},
    instance,
    registry::Service,
    wanted::Wanted,
};
use nightjar_core::{
    digits::is_digits,
    document::discovery_map::{HostPort, Port},
    workload::{
        self, DeclaredRoute, Defaults, Gateway, Mesh, PortChoice, Settings, Source, Warning,
        Warnings, Workload,
    },
};
use std::{collections::BTreeSet, convert::Infallible};

const ROUTE: &str = "NJ_ROUTE_";
const ROUTE_PORT: &str = "NJ_ROUTE_PORT";
const NAMESPACE_PORT: &str = "NJ_NAMESPACE_PORT_";
const MODE: &str = "NJ_PROXY_MODE";

/// Cloud Map knows no revisions of a gateway's settings.
const REVISION: u64 = 0;

/// What a service declares by its attributes, if it is in the mesh: a service of Cloud Map that
/// declares neither a route nor a port to another namespace, and is no gateway, has nothing to do
/// with it.
pub(crate) fn workload(
    service: &Service,
    attributes: &Attributes,
    warnings: &mut Warnings,
) -> Option<Workload> {
    let mode = attributes.get(MODE);
    let is_gateway = mode.is_some_and(|mode| mode.trim().eq_ignore_ascii_case("GATEWAY"));
    let is_meant = is_gateway || attributes.keys().any(|name| declares(name));
    if !is_meant {
        return None;
    }
    let mut settings = Settings::new();
    settings.add(&Source::new("service attribute"), attributes);
    let defaults = Defaults {
        mode: Some("SERVICE".to_owned()),
        namespace: Some(service.namespace.clone()),
        service: Some(service.name.clone()),
        color: Some("default".to_owned()),
    };
    Workload::read(&settings, &defaults, &service.subject(), warnings)
}

/// Whether a setting is an `NJ_ROUTE_<n>` or an `NJ_NAMESPACE_PORT_<n>`.
fn declares(name: &str) -> bool {
    let number = name
        .strip_prefix(ROUTE)
        .or_else(|| name.strip_prefix(NAMESPACE_PORT));
    number.is_some_and(is_digits)
}

/// A service, its instances, and what is wanted of them.
#[derive(Clone, Copy)]
pub(crate) struct RegisteredService<'a> {
    pub(crate) service: &'a Service,
    pub(crate) instances: &'a Instances,
    pub(crate) wanted: &'a Wanted,
}

impl RegisteredService<'_> {
    /// Adds a workload and its instances to the mesh.
    pub(crate) fn add_to(self, mesh: &mut Mesh, workload: Workload, warnings: &mut Warnings) {
        warn_of_many(self.service, self.instances, warnings);
        match workload {
            Workload::Gateway(gateway) => {
                let all = self.instances.list.iter();
                self.add_gateway(mesh, &gateway, &self.places(all), warnings);
            }
            Workload::Service(declared) => {
                let attribute = self.wanted.color_attribute.as_deref();
                let colors = color::split(
                    attribute,
                    self.service,
                    self.instances,
                    &declared.color,
                    warnings,
                );
                for (color, instances) in colors {
                    let is_own = color == declared.color;
                    let declared = workload::Service {
                        color,
                        // What a service says of its own color counts before what the instances of
                        // another one bring along, even if there is a mistake in it.
                        has_errors: declared.has_errors || !is_own,
                        ..declared.clone()
                    };
                    let places = self.places(instances.into_iter());
                    self.add_service(mesh, u64::from(is_own), &declared, &places, warnings);
                }
            }
        }
    }

    fn places<'p>(self, instances: impl Iterator<Item = &'p Instance>) -> ServiceInstances<'p>
    where
        Self: 'p,
    {
        // Without a health check there is nobody who could tell, and the status is `UNKNOWN`, or old.
        let all = self.wanted.include_unhealthy || !self.service.has_health_check;
        ServiceInstances {
            service: self.service,
            instances: instances.filter(|one| all || one.is_healthy).collect(),
            allow_loopback: self.wanted.allow_loopback,
        }
    }

    fn add_gateway(
        self,
        mesh: &mut Mesh,
        gateway: &Gateway,
        places: &ServiceInstances<'_>,
        warnings: &mut Warnings,
    ) {
        let port = gateway.port.as_ref();
        let chosen = port.filter(|found| found.setting == ROUTE_PORT);
        match places.port(chosen.map(|found| &found.value), ROUTE_PORT) {
            Ok(port) => {
                let instances = places.at(port, warnings);
                mesh.gateway(&self.service.subject(), REVISION, gateway, instances);
            }
            Err(warning) => warnings.push(*warning),
        }
    }

    fn add_service(
        self,
        mesh: &mut Mesh,
        revision: u64,
        declared: &workload::Service,
        places: &ServiceInstances<'_>,
        warnings: &mut Warnings,
    ) {
        let port = |route: &DeclaredRoute, _: &mut Warnings| {
            let choice = route.port.as_ref().map(|found| &found.value);
            places.port(choice, &route.setting)
        };
        let located = declared.locate(port, warnings);
        let Ok(groups) = located.listen(|port| {
            let index = port.map_or(0, |port| port.get().into());
            Ok::<_, Infallible>((index, places.at(*port, warnings)))
        });
        mesh.service(&self.service.subject(), revision, declared, groups);
    }
}

/// Cloud Map allows no more instances than one answer holds. Should that change, somebody has to
/// know that some are missing.
fn warn_of_many(service: &Service, instances: &Instances, warnings: &mut Warnings) {
    let found = i32::try_from(instances.list.len()).unwrap_or(i32::MAX);
    let Some(count) = service.instances.filter(|count| *count > found) else {
        return;
    };
    if found < MAX_INSTANCES {
        return;
    }
    let reason = format!(
        "it has {count} instances, and DiscoverInstances names {found} at the most; the others are \
         missing in the map"
    );
    let remedy = "spread the instances over several services of the same NJ_SERVICE and NJ_COLOR";
    warnings.push(Warning::new(service.subject(), reason).with_remedy(remedy));
}

/// A service's instances, and where they listen.
struct ServiceInstances<'a> {
    service: &'a Service,
    instances: Vec<&'a Instance>,
    allow_loopback: bool,
}

impl ServiceInstances<'_> {
    /// The port that a setting chooses, if one does.
    fn port(
        &self,
        choice: Option<&PortChoice>,
        setting: &str,
    ) -> Result<Option<Port>, Box<Warning>> {
        match choice {
            None => Ok(None),
            Some(PortChoice::Port(port)) => Ok(Some(*port)),
            Some(other) => {
                let reason = format!(
                    "port {other} of {setting} is not to be found: an instance in Cloud Map has \
                     neither containers nor further addresses"
                );
                let remedy = "give a port alone, or none for AWS_INSTANCE_PORT";
                Err(Warning::new(self.service.subject(), reason)
                    .with_remedy(remedy)
                    .into())
            }
        }
    }

    /// Where the instances listen, each at this port or else at its own.
    fn at(&self, port: Option<Port>, warnings: &mut Warnings) -> Vec<HostPort> {
        let mut places = BTreeSet::new();
        for instance in &self.instances {
            match instance::place(instance, port, self.allow_loopback) {
                Ok(place) => {
                    places.insert(place);
                }
                Err(unplaced) => {
                    let reason = unplaced.reason;
                    let reason = format!("instance {:?} is left out: {reason}", instance.id);
                    let warning = Warning::new(self.service.subject(), reason);
                    warnings.push(warning.with_remedy(unplaced.remedy));
                }
            }
        }
        places.into_iter().collect()
    }
}
