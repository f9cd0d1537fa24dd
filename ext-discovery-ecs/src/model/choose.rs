//! Which port of a task a route or a gateway means.

use super::publish::{At, Published};
use crate::described::Ports;
use nightjar_core::{
    report::listed,
    workload::{PortChoice, Source, Sourced, Warning, Warnings},
};
use std::{collections::BTreeSet, net::IpAddr};

/// One port of one container, perhaps at one address alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chosen<'a> {
    pub(crate) port: u16,
    pub(crate) container: &'a str,
    /// The address, where it was chosen too.
    pub(crate) ip: Option<IpAddr>,
}

impl Chosen<'_> {
    /// Whether this is the port that was chosen.
    pub(crate) fn is(&self, published: &Published) -> bool {
        published.ports.has(self.port)
            && self.container == published.container
            && self.ip.is_none_or(|ip| is_at(published.at, ip))
    }
}

/// Who chooses.
#[derive(Debug)]
pub(crate) struct Chooser<'a> {
    pub(crate) who: &'a str,
    pub(crate) published: &'a [Published],
    /// What becomes of what has no port: `the route is left out`.
    pub(crate) outcome: &'static str,
    /// Whether any port is better than none.
    pub(crate) is_needed: bool,
}

/// A setting that needs a port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared<'a> {
    pub(crate) setting: &'a str,
    pub(crate) source: Option<&'a Source>,
}

impl<'a> Chooser<'a> {
    /// The port that `found` names, or the one that is meant where nothing names one.
    pub(crate) fn choose(
        &self,
        found: Option<&Sourced<PortChoice>>,
        declared: Declared<'_>,
        warnings: &mut Warnings,
    ) -> Result<Chosen<'a>, Box<Warning>> {
        let Some(found) = found else {
            return self.meant(declared, warnings);
        };
        match self.named(found, declared, warnings) {
            Err(warning) if self.is_needed => {
                warnings.push(*warning);
                self.meant(declared, warnings)
            }
            chosen => chosen,
        }
    }

    fn named(
        &self,
        found: &Sourced<PortChoice>,
        declared: Declared<'_>,
        warnings: &mut Warnings,
    ) -> Result<Chosen<'a>, Box<Warning>> {
        let published = self.published.iter();
        let fits = |one: &&Published| match &found.value {
            PortChoice::Port(_) => true,
            PortChoice::OfContainer { container, .. } => one.container == *container,
            PortChoice::OfAddress { ip, .. } => is_at(one.at, *ip),
        };
        let port = found.value.port().get();
        let fitting: Vec<&Published> = published
            .filter(|one| one.ports.has(port))
            .filter(fits)
            .collect();
        let speaker = declared.source.or(Some(&found.source));
        let speaker = speaker.and_then(|source| source.container.as_deref());
        let own = fitting
            .iter()
            .find(|one| Some(one.container.as_str()) == speaker);
        let Some(first) = own.or(fitting.first()) else {
            let outcome = if self.is_needed {
                "it is ignored, because the route is private and must stay in the map"
            } else {
                self.outcome
            };
            let reason = format!("the task publishes no such port; {outcome}");
            let warning = Warning::about(self.who, found, reason);
            return Err(warning.with_remedy(self.remedy()).into());
        };
        let containers: BTreeSet<&str> = fitting.iter().map(|one| one.container.as_str()).collect();
        if own.is_none() && containers.len() > 1 {
            let containers = containers.into_iter().collect::<Vec<_>>().join(", ");
            let reason = format!(
                "several containers publish it ({containers}); that of {} is used",
                first.container
            );
            let warning = Warning::about(self.who, found, reason);
            warnings.push(warning.with_remedy("write container-name:port"));
        }
        let ip = match found.value {
            PortChoice::OfAddress { ip, .. } => Some(ip),
            _ => None,
        };
        Ok(chosen(first, port, ip))
    }

    /// The only port of the container that needs it, or of the task; of several, the lowest.
    fn meant(
        &self,
        declared: Declared<'_>,
        warnings: &mut Warnings,
    ) -> Result<Chosen<'a>, Box<Warning>> {
        let speaker = declared
            .source
            .and_then(|source| source.container.as_deref());
        let of_speaker = |one: &&Published| Some(one.container.as_str()) == speaker;
        let mut candidates: Vec<&Published> = self.published.iter().filter(of_speaker).collect();
        if candidates.is_empty() {
            candidates = self.published.iter().collect();
        }
        candidates.sort_by_key(|one| (one.ports.first, one.order));
        let warning = |reason: String| Warning {
            setting: Some(declared.setting.to_owned()),
            source: declared.source.map(ToString::to_string),
            ..Warning::new(self.who, reason)
        };
        let Some(first) = candidates.first() else {
            let reason = format!("the task publishes no port; {}", self.outcome);
            return Err(warning(reason).with_remedy(self.remedy()).into());
        };
        let lowest = Ports::one(first.ports.first);
        let is_other = |one: &&Published| (one.ports, &one.container) != (lowest, &first.container);
        if candidates.iter().any(is_other) {
            let reason = format!(
                "no port is chosen of several; {}:{}, the lowest, is used",
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

    /// What may be chosen, as it would be written.
    fn names(&self) -> String {
        const SHOWN: usize = 8;
        let names: BTreeSet<(usize, Ports, &str)> = self
            .published
            .iter()
            .map(|one| (one.order, one.ports, one.container.as_str()))
            .collect();
        let names = names
            .iter()
            .map(|(_, ports, name)| format!("{name}:{ports}"));
        listed(names, SHOWN)
    }
}

fn chosen(published: &Published, port: u16, ip: Option<IpAddr>) -> Chosen<'_> {
    Chosen {
        port,
        container: &published.container,
        ip,
    }
}

/// Whether a port is at an address. Any address of the host is written `0.0.0.0` or `::`.
fn is_at(at: At, ip: IpAddr) -> bool {
    match at {
        At::Bound(bound) => bound == ip,
        At::Interface(own) => own == Some(ip),
        At::Host(_) => ip.is_unspecified(),
    }
}
