//! Acknowledgements of files: Envoy's statistics say whether it has a file or has rejected it.

use nightjar_core::envoy::FileRole;
use std::{collections::HashMap, fmt, sync::Arc};

/// The counters of Envoy's subscriptions, by name.
pub(crate) type Counters = Arc<HashMap<String, u64>>;

/// The versions that Envoy reports, by the name of the statistic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions(HashMap<String, String>);

/// A listener that Envoy could not bind, while it took the rest of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unbound {
    pub(crate) listener: String,
    /// The port, if Envoy's message names it.
    pub(crate) port: Option<u16>,
    pub(crate) reason: String,
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listener {:?} is closed: {}", self.listener, self.reason)
    }
}

/// The path of the versions: text readouts cost Envoy next to nothing.
pub(crate) const VERSIONS: &str = "/stats?type=TextReadouts";

/// The path of the counters. Envoy looks through all that it has for them, so they are asked for only
/// when a version is late.
pub(crate) const COUNTERS: &str =
    "/stats?type=Counters&filter=%5C.update_%28success%7Crejected%7Cfailure%29$";

/// The path of what is warming.
pub(crate) const WARMING: &str = "/stats?type=Gauges&filter=%5E%28cluster_manager%5C.warming_clusters\
                                  %7Clistener_manager%5C.total_listeners_warming%29$";

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name, value.trim()))
    })
}

impl Versions {
    /// Reads the answer to [`VERSIONS`].
    pub(crate) fn read(text: &str) -> Self {
        let versions = pairs(text).filter(|(name, _)| name.ends_with(".version_text"));
        Self(
            versions
                .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
                .collect(),
        )
    }

    /// The version that Envoy reports for a role; `None` if it has no such subscription.
    pub(crate) fn of(&self, role: &FileRole) -> Option<&str> {
        let own = |(name, _): &(&String, &String)| statistic_of(role, name) == Some("version_text");
        self.0.iter().find(own).map(|(_, version)| version.as_str())
    }
}

/// Reads the answer to [`COUNTERS`].
pub(crate) fn read_counters(text: &str) -> Counters {
    let counters =
        pairs(text).filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
    Arc::new(counters.collect())
}

/// Reads the answer to [`WARMING`].
pub(crate) fn read_warming(text: &str) -> u64 {
    pairs(text)
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum()
}

/// A counter of a role, over all of its subscriptions.
pub(crate) fn total(role: &FileRole, counter: &str, counters: &Counters) -> u64 {
    values(role, counter, counters).sum()
}

/// The latest of a role's times, over all of its subscriptions.
pub(crate) fn latest(role: &FileRole, time: &str, counters: &Counters) -> u64 {
    values(role, time, counters).max().unwrap_or_default()
}

fn values(role: &FileRole, name: &str, counters: &Counters) -> impl Iterator<Item = u64> {
    let own = counters
        .iter()
        .filter(move |(full, _)| statistic_of(role, full) == Some(name));
    own.map(|(_, value)| *value)
}

/// Whether a counter of a role rose.
pub(crate) fn rose(role: &FileRole, counter: &str, before: &Counters, now: &Counters) -> bool {
    total(role, counter, now) > total(role, counter, before)
}

/// The last part of a statistic's name, if it is of the subscription of a role.
fn statistic_of<'a>(role: &FileRole, name: &'a str) -> Option<&'a str> {
    let (scope, part) = name.rsplit_once('.')?;
    // Envoy writes `_` for `:` in names of statistics.
    let stat = |name: &str| name.replace(':', "_");
    let own = match role {
        FileRole::Clusters => scope == "cluster_manager.cds",
        FileRole::Listeners => scope == "listener_manager.lds",
        FileRole::Routes(routes) => {
            let scope = scope.strip_suffix(stat(routes).as_str());
            scope.is_some_and(|scope| scope.starts_with("http.") && scope.ends_with(".rds."))
        }
        FileRole::Endpoints {
            stat_name: cluster, ..
        } => scope.strip_prefix("cluster.") == Some(stat(cluster).as_str()),
        FileRole::Secrets(secret) => {
            let secret = format!("sds.{}", stat(secret));
            scope == secret || scope.ends_with(&format!(".{secret}"))
        }
        FileRole::Bootstrap => false,
    };
    own.then_some(part)
}

/// What Envoy says of a listener that it could not bind.
pub(crate) fn unbound(listener: &str, details: &str) -> Option<Unbound> {
    let (_, rest) = details.split_once("cannot bind '")?;
    let port = rest
        .split_once('\'')
        .and_then(|(address, _)| address.rsplit_once(':'))
        .and_then(|(_, port)| port.parse().ok());
    Some(Unbound {
        listener: listener.to_owned(),
        port,
        reason: format!("cannot bind '{}", rest.trim()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(items: &[(&str, u64)]) -> Counters {
        let items = items
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        Arc::new(items.collect())
    }

    #[test]
    fn a_version_belongs_to_the_subscription_of_its_name() {
        let versions = Versions::read(
            "cluster_manager.cds.version_text: \"c1\"\nhttp.local.rds.other-routes-80.version_text: \"r0\"\n\
             http.local.rds.routes-80.version_text: \"r1\"\nsds.cert.version_text: \"s1\"\nx: \"y\"\n\
             cluster.a_b.version_text: \"e1\"\n",
        );
        let endpoints = FileRole::Endpoints {
            resource: "svc".to_owned(),
            stat_name: "a:b".to_owned(),
        };
        for (role, version) in [
            (FileRole::Clusters, Some("c1")),
            (FileRole::Listeners, None),
            (FileRole::Routes("routes-80".to_owned()), Some("r1")),
            (FileRole::Routes("80".to_owned()), None),
            (FileRole::Secrets("cert".to_owned()), Some("s1")),
            (endpoints, Some("e1")),
        ] {
            assert_eq!(versions.of(&role), version, "{role:?}");
        }
    }

    #[test]
    fn a_counter_that_rose_is_the_roles_own() {
        let before = counters(&[("listener_manager.lds.update_rejected", 1)]);
        let after = counters(&[
            ("listener_manager.lds.update_rejected", 2),
            ("cluster_manager.cds.update_rejected", 0),
        ]);
        assert!(rose(
            &FileRole::Listeners,
            "update_rejected",
            &before,
            &after
        ));
        assert!(!rose(
            &FileRole::Clusters,
            "update_rejected",
            &before,
            &after
        ));
        assert!(!rose(
            &FileRole::Listeners,
            "update_failure",
            &before,
            &after
        ));
    }

    #[test]
    fn a_port_that_is_taken_is_not_a_refusal() {
        let message =
            "error adding listener 'egress-80': cannot bind '127.0.0.1:80': Address already in use";
        let unbound = unbound("egress-80", message).unwrap();
        assert_eq!(unbound.port, Some(80));
        assert_eq!(
            unbound.to_string(),
            "listener \"egress-80\" is closed: cannot bind '127.0.0.1:80': Address already in use"
        );
        assert_eq!(super::unbound("a", "no such filter"), None);
    }
}
