//! Choice of the port that a route or a gateway uses.

use super::published::{PortAddress, PublishedPorts};
use crate::resources::Ports;
use nightjar_core::{
    report::listed,
    workload::{PortChoice, Source, Sourced, Warning, Warnings},
};
use std::{collections::BTreeSet, net::IpAddr};

/// One port of one container, perhaps at one address alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ChosenPort<'a> {
    pub(crate) port: u16,
    pub(crate) container: &'a str,
    /// The address, where it was chosen too.
    pub(crate) ip: Option<IpAddr>,
}

impl ChosenPort<'_> {
    /// Whether this is the port that was chosen.
    pub(crate) fn is(&self, published: &PublishedPorts) -> bool {
        published.ports.has(self.port)
            && self.container == published.container
            && self.ip.is_none_or(|ip| is_at(published.at, ip))
    }
}

/// Chooses among a task's ports.
#[derive(Debug)]
pub(crate) struct PortChooser<'a> {
    pub(crate) workload_id: &'a str,
    pub(crate) published: &'a [PublishedPorts],
    /// What becomes of what has no port: `the route is left out`.
    pub(crate) outcome: &'static str,
    /// Whether any port is better than none.
    pub(crate) is_needed: bool,
}

/// A setting that needs a port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PortRequest<'a> {
    pub(crate) setting: &'a str,
    pub(crate) source: Option<&'a Source>,
}

impl<'a> PortChooser<'a> {
    /// The port that `found` names, or the default one if nothing names one.
    pub(crate) fn choose(
        &self,
        found: Option<&Sourced<PortChoice>>,
        request: PortRequest<'_>,
        warnings: &mut Warnings,
    ) -> Result<ChosenPort<'a>, Box<Warning>> {
        let Some(found) = found else {
            return self.default_port(request, warnings);
        };
        match self.named(found, request, warnings) {
            Err(warning) if self.is_needed => {
                warnings.push(*warning);
                self.default_port(request, warnings)
            }
            chosen => chosen,
        }
    }

    fn named(
        &self,
        found: &Sourced<PortChoice>,
        request: PortRequest<'_>,
        warnings: &mut Warnings,
    ) -> Result<ChosenPort<'a>, Box<Warning>> {
        let published = self.published.iter();
        let fits = |one: &&PublishedPorts| match &found.value {
            PortChoice::Port(_) => true,
            PortChoice::OfContainer { container, .. } => one.container == *container,
            PortChoice::OfAddress { ip, .. } => is_at(one.at, *ip),
        };
        let port = found.value.port().get();
        let fitting: Vec<&PublishedPorts> = published
            .filter(|one| one.ports.has(port))
            .filter(fits)
            .collect();
        let declaring_container = request.source.or(Some(&found.source));
        let declaring_container =
            declaring_container.and_then(|source| source.container.as_deref());
        let own = fitting
            .iter()
            .find(|one| Some(one.container.as_str()) == declaring_container);
        let Some(first) = own.or(fitting.first()) else {
            let outcome = if self.is_needed {
                "the choice is ignored because the route is private and must stay in the map"
            } else {
                self.outcome
            };
            let reason = format!("the task does not publish this port; {outcome}");
            let warning = Warning::about(self.workload_id, found, reason);
            return Err(warning.with_remedy(self.remedy()).into());
        };
        let containers: BTreeSet<&str> = fitting.iter().map(|one| one.container.as_str()).collect();
        if own.is_none() && containers.len() > 1 {
            let containers = containers.into_iter().collect::<Vec<_>>().join(", ");
            let reason = format!(
                "several containers publish it ({containers}); that of {} is used",
                first.container
            );
            let warning = Warning::about(self.workload_id, found, reason);
            warnings.push(warning.with_remedy("write container-name:port"));
        }
        let ip = match found.value {
            PortChoice::OfAddress { ip, .. } => Some(ip),
            _ => None,
        };
        Ok(chosen(first, port, ip))
    }

    /// The only port of the container that needs it, or of the task; of several, the lowest.
    fn default_port(
        &self,
        request: PortRequest<'_>,
        warnings: &mut Warnings,
    ) -> Result<ChosenPort<'a>, Box<Warning>> {
        let declaring_container = request
            .source
            .and_then(|source| source.container.as_deref());
        let is_own = |one: &&PublishedPorts| Some(one.container.as_str()) == declaring_container;
        let mut candidates: Vec<&PublishedPorts> = self.published.iter().filter(is_own).collect();
        if candidates.is_empty() {
            candidates = self.published.iter().collect();
        }
        candidates.sort_by_key(|one| (one.ports.first, one.order));
        let warning = |reason: String| Warning {
            setting: Some(request.setting.to_owned()),
            source: request.source.map(ToString::to_string),
            ..Warning::new(self.workload_id, reason)
        };
        let Some(first) = candidates.first() else {
            let reason = format!("the task publishes no port; {}", self.outcome);
            return Err(warning(reason).with_remedy(self.remedy()).into());
        };
        let lowest = Ports::one(first.ports.first);
        let is_other =
            |one: &&PublishedPorts| (one.ports, &one.container) != (lowest, &first.container);
        if candidates.iter().any(is_other) {
            let reason = format!(
                "no port is chosen among several; the lowest, {}:{}, is used",
                first.container, lowest.first
            );
            let remedy = format!("set NJ_ROUTE_PORT to one of {}", self.names());
            warnings.push(warning(reason).with_remedy(remedy));
        }
        Ok(chosen(first, lowest.first, None))
    }

    fn remedy(&self) -> String {
        if self.published.is_empty() {
            return "publish the port in portMappings of the task definition".to_owned();
        }
        let names = self.names();
        format!(
            "set it to one of {names}, or publish the port in portMappings of the task definition"
        )
    }

    /// The ports that can be chosen, as they would be written.
    fn names(&self) -> String {
        const MAX_NAMES: usize = 8;
        let names: BTreeSet<(usize, Ports, &str)> = self
            .published
            .iter()
            .map(|one| (one.order, one.ports, one.container.as_str()))
            .collect();
        let names = names
            .iter()
            .map(|(_, ports, name)| format!("{name}:{ports}"));
        listed(names, MAX_NAMES)
    }
}

fn chosen(published: &PublishedPorts, port: u16, ip: Option<IpAddr>) -> ChosenPort<'_> {
    ChosenPort {
        port,
        container: &published.container,
        ip,
    }
}

/// Whether a port is at an address. Any address of the host is written `0.0.0.0` or `::`.
fn is_at(at: PortAddress, ip: IpAddr) -> bool {
    match at {
        PortAddress::Bound(bound) => bound == ip,
        PortAddress::Interface(own) => own == Some(ip),
        PortAddress::Host(_) => ip.is_unspecified(),
    }
}
