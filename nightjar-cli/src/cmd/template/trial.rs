//! Trial of templates on the proxies of a map: each is rendered, and Envoy is asked about some.

use super::place::{self, Place, Set};
use crate::cmd::check;
use nightjar_core::{
    context::{self, ProxyConfig, ProxyRole},
    document::{
        discovery_map::{DiscoveryMap, Namespace},
        proxy_input::Properties,
        templates::Templates,
    },
    envoy::EnvoyProgram,
    proxy::defaults,
    proxy_files::{self, ProxyFiles, ProxyFilesError},
    report,
    template::TemplateSet,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::Ipv4Addr,
    path::Path,
};

/// The first port that a proxy gets. What its service calls others by comes first.
const FIRST_PORT: u16 = 15_000;
/// How many proxies one finding names.
const MAX_NAMED: usize = 3;

/// A set of templates, and the mesh that it is for.
pub(super) struct Trial<'a> {
    pub(super) map: &'a DiscoveryMap,
    pub(super) bootstrap: &'a str,
    /// Whether the shipped templates lie beneath them.
    pub(super) shipped_templates: bool,
    pub(super) old: &'a Set,
    pub(super) new: &'a Set,
}

/// A proxy of the map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Proxy {
    namespace: String,
    /// Service and color; a gateway has none.
    service: Option<(String, String)>,
}

/// What is wrong or doubtful, and for which proxies.
#[derive(Default)]
pub(super) struct TrialFindings(BTreeMap<String, Vec<Proxy>>);

/// What came of rendering.
pub(super) struct Rendered<'a> {
    pub(super) good: Good<'a>,
    pub(super) faults: TrialFindings,
    /// What is doubtful in the files of those that went well.
    pub(super) warnings: TrialFindings,
}

/// The proxies that all went well for: those of one set of templates together, each with the size of
/// its files.
pub(super) struct Good<'a> {
    trial: &'a Trial<'a>,
    templates: Templates,
    by_set: BTreeMap<Vec<&'a Place>, Vec<(usize, Proxy)>>,
}

/// What Envoy said.
pub(super) struct Asked {
    pub(super) version: String,
    pub(super) count: usize,
    pub(super) faults: TrialFindings,
}

impl Proxy {
    fn role(&self) -> ProxyRole {
        match &self.service {
            None => ProxyRole::Gateway,
            Some((service, color)) => ProxyRole::Service {
                service: service.clone(),
                color: color.clone(),
            },
        }
    }

    fn config(&self, map: &DiscoveryMap) -> ProxyConfig {
        let mut free = free_ports(self, map);
        let mut port = || free.next().unwrap_or(FIRST_PORT);
        ProxyConfig {
            role: self.role(),
            namespace: self.namespace.clone(),
            listen_port: port(),
            listen_address: Ipv4Addr::UNSPECIFIED.into(),
            admin_port: Some(port()),
            admin_address: Ipv4Addr::LOCALHOST.into(),
            status: None,
            properties: Properties::new(),
            config_dir: defaults::CONFIG_DIR.to_owned(),
        }
    }
}

/// Ports that the proxy's service does not call others by.
fn free_ports(proxy: &Proxy, map: &DiscoveryMap) -> impl Iterator<Item = u16> {
    let entries = map
        .namespaces
        .iter()
        .flat_map(|namespace| &namespace.service_colors);
    let in_use: BTreeSet<u16> = entries
        .filter(|entry| {
            let service = proxy.service.as_ref();
            service.is_some_and(|(service, color)| {
                entry.service == **service && entry.color == **color
            })
        })
        .flat_map(|entry| &entry.namespace_egress)
        .map(|egress| egress.interface.port.get())
        .collect();
    (FIRST_PORT..).filter(move |port| !in_use.contains(port))
}

impl fmt::Display for Proxy {
    /// As `--from` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            None => write!(f, "gateway:{}", self.namespace),
            Some((service, color)) => write!(f, "{}/{service}/{color}", self.namespace),
        }
    }
}

impl<'a> Trial<'a> {
    /// Every proxy that the map may have: a sidecar of each service-color, and a gateway of each
    /// namespace. Without any templates for gateways, or for sidecars, before and after, there are
    /// none of these.
    pub(super) fn proxies(&self) -> Vec<Proxy> {
        let of_kind = |kind| {
            let mut places = self.old.keys().chain(self.new.keys());
            places.any(|place| place.scope.kind() == kind)
        };
        let (gateways, sidecars) = (of_kind("gateway"), of_kind("service"));
        let proxies = self.map.namespaces.iter().flat_map(|namespace| {
            let gateway = gateways.then(|| gateway(namespace));
            let sidecars = sidecars.then(|| sidecars_of(namespace));
            gateway.into_iter().chain(sidecars.into_iter().flatten())
        });
        proxies.collect()
    }

    /// The proxies that one of these templates is for.
    pub(super) fn affected(&self, changed: &[&Place]) -> Vec<Proxy> {
        let mut proxies = self.proxies();
        proxies.retain(|proxy| {
            let role = proxy.role();
            changed
                .iter()
                .any(|place| place.scope.has(&proxy.namespace, &role))
        });
        proxies
    }

    /// Whether there is a proxy that a template is for.
    pub(super) fn is_used(&self, place: &Place) -> bool {
        !self.affected(&[place]).is_empty()
    }

    /// Renders the files of these proxies. It waits for nothing, but can be interrupted between them.
    pub(super) async fn render(&'a self, proxies: &[Proxy]) -> Rendered<'a> {
        let mut good = Good {
            trial: self,
            templates: place::document(self.new),
            by_set: BTreeMap::new(),
        };
        let mut faults = TrialFindings::default();
        let mut warnings = TrialFindings::default();
        for proxy in proxies {
            match good.files(proxy) {
                Ok(made) => {
                    for warning in made.warnings {
                        warnings.add(warning.to_string(), proxy);
                    }
                    let configuration = made.configuration;
                    let size = configuration.iter().map(|file| file.text().len()).sum();
                    let role = proxy.role();
                    let places = self.new.keys();
                    let own = places.filter(|place| place.scope.has(&proxy.namespace, &role));
                    let same_set = good.by_set.entry(own.collect()).or_default();
                    same_set.push((size, proxy.clone()));
                }
                Err(reason) => faults.add(reason, proxy),
            }
            tokio::task::yield_now().await;
        }
        Rendered {
            good,
            faults,
            warnings,
        }
    }
}

fn gateway(namespace: &Namespace) -> Proxy {
    Proxy {
        namespace: namespace.namespace.to_string(),
        service: None,
    }
}

fn sidecars_of(namespace: &Namespace) -> BTreeSet<Proxy> {
    let sidecars = namespace.service_colors.iter().map(|entry| Proxy {
        namespace: namespace.namespace.to_string(),
        service: Some((entry.service.to_string(), entry.color.to_string())),
    });
    sidecars.collect()
}

impl Good<'_> {
    fn files(&self, proxy: &Proxy) -> Result<ProxyFiles, String> {
        let map = self.trial.map;
        let context =
            context::proxy_input(map, &proxy.config(map)).map_err(|error| error.to_string())?;
        let set = TemplateSet::for_proxy(&self.templates, &context.input)
            .and_then(|set| {
                if self.trial.shipped_templates {
                    set.over_shipped()
                } else {
                    Ok(set)
                }
            })
            .map_err(|errors| ProxyFilesError::Templates(errors).to_string())?;
        proxy_files::make(&set, &context.input, self.trial.bootstrap, None)
            .map_err(|error| error.to_string())
    }

    /// The proxies with the most text in their files, of each set of templates in turn.
    fn largest(&self, limit: usize) -> Vec<&Proxy> {
        let mut ranked = Vec::new();
        for proxies in self.by_set.values() {
            let mut by_size: Vec<&(usize, Proxy)> = proxies.iter().collect();
            by_size.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
            ranked.extend(by_size.into_iter().map(|(_, proxy)| proxy).enumerate());
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked
            .into_iter()
            .map(|(_, proxy)| proxy)
            .take(limit)
            .collect()
    }

    /// Asks Envoy about the files of some of them.
    pub(super) async fn ask(
        &self,
        envoy: &EnvoyProgram,
        limit: usize,
        temp: &Path,
    ) -> anyhow::Result<Asked> {
        let proxies = self.largest(limit);
        let mut asked = Asked {
            version: check::version(envoy).await?,
            count: proxies.len(),
            faults: TrialFindings::default(),
        };
        for proxy in proxies {
            // It was read before.
            let Ok(made) = self.files(proxy) else {
                continue;
            };
            let dir = defaults::CONFIG_DIR;
            if let Some(reason) = check::refusal(envoy, &made.configuration, dir, temp).await? {
                asked.faults.add(reason, proxy);
            }
        }
        Ok(asked)
    }
}

impl TrialFindings {
    fn add(&mut self, reason: String, proxy: &Proxy) {
        self.0.entry(reason).or_default().push(proxy.clone());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each finding once, with whom it is for.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(reason, proxies)| {
            format!("for {}: {reason}", report::listed(proxies, MAX_NAMED))
        })
    }
}
