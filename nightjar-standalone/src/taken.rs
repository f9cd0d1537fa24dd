//! Whether Envoy has taken a file, told by its stats.

use crate::{admin::Stats, plan::Write};
use nightjar_core::envoy::Role;

/// The stats that show what became of a file.
pub(crate) const STATS: &str = "(version_text%7Cupdate_success%7Cupdate_rejected%7Cupdate_failure%7C\
                     warming_clusters%7Ctotal_listeners_warming)$";

/// What Envoy's stats say of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Taken,
    Open,
    Refused,
}

pub(crate) fn verdict(write: &Write, before: &Stats, now: &Stats) -> Verdict {
    let Some(role) = &write.role else {
        return Verdict::Taken;
    };
    if *role == Role::Bootstrap {
        return Verdict::Taken;
    }
    let more = |counter| counter_of(role, now, counter) > counter_of(role, before, counter);
    if more("update_rejected") || more("update_failure") {
        return Verdict::Refused;
    }
    let version = |stats| readout_of(role, stats);
    let taken = match &write.version {
        Some(wanted) if version(before) != Some(wanted.as_str()) => {
            version(now) == Some(wanted.as_str())
        }
        // Without a version, or with the one that was there before, only the counter moves.
        _ => more("update_success"),
    };
    if taken { Verdict::Taken } else { Verdict::Open }
}

/// Whether Envoy shows the version of a file; a file without one is taken on trust.
pub(crate) fn is_shown(file: &Write, now: &Stats) -> bool {
    match (&file.role, &file.version) {
        (None | Some(Role::Bootstrap), _) | (_, None) => true,
        (Some(role), Some(version)) => readout_of(role, now) == Some(version),
    }
}

/// Whether a stat belongs to the subscription of a role, and its last part.
fn part_of<'a>(role: &Role, name: &'a str) -> Option<&'a str> {
    let (scope, part) = name.rsplit_once('.')?;
    let own = match role {
        Role::Clusters => scope == "cluster_manager.cds",
        Role::Listeners => scope == "listener_manager.lds",
        Role::Routes(routes) => {
            let scope = scope.strip_suffix(routes.replace(':', "_").as_str());
            scope.is_some_and(|scope| scope.starts_with("http.") && scope.ends_with(".rds."))
        }
        Role::Endpoints(cluster) => {
            scope.strip_prefix("cluster.") == Some(cluster.replace(':', "_").as_str())
        }
        Role::Bootstrap => false,
    };
    own.then_some(part)
}

fn counter_of(role: &Role, stats: &Stats, counter: &str) -> u64 {
    let own = stats
        .iter()
        .filter(|(name, _)| part_of(role, name) == Some(counter));
    own.filter_map(|(_, value)| value.parse::<u64>().ok()).sum()
}

fn readout_of<'a>(role: &Role, stats: &'a Stats) -> Option<&'a str> {
    let own = |(name, _): &(&String, &String)| part_of(role, name) == Some("version_text");
    stats.iter().find(own).map(|(_, value)| value.as_str())
}

pub(crate) fn warming(stats: &Stats) -> u64 {
    [
        "cluster_manager.warming_clusters",
        "listener_manager.total_listeners_warming",
    ]
    .iter()
    .filter_map(|name| stats.get(*name)?.parse::<u64>().ok())
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(items: &[(&str, &str)]) -> Stats {
        items
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn write(role: Role, version: Option<&str>) -> Write {
        Write {
            name: "file".to_owned(),
            text: String::new(),
            role: Some(role),
            version: version.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_version_is_taken_when_envoy_reports_it() {
        let write = write(Role::Routes("routes-80".to_owned()), Some("v2"));
        let before = stats(&[("http.local.rds.routes-80.version_text", "v1")]);
        let other = stats(&[("http.local.rds.other-routes-80.version_text", "v2")]);
        let after = stats(&[("http.local.rds.routes-80.version_text", "v2")]);
        assert_eq!(verdict(&write, &before, &before), Verdict::Open);
        assert_eq!(verdict(&write, &before, &other), Verdict::Open);
        assert_eq!(verdict(&write, &before, &after), Verdict::Taken);
    }

    #[test]
    fn a_version_that_does_not_change_is_told_by_the_counter() {
        let write = write(Role::Clusters, None);
        let before = stats(&[("cluster_manager.cds.update_success", "3")]);
        let after = stats(&[("cluster_manager.cds.update_success", "4")]);
        assert_eq!(verdict(&write, &before, &before), Verdict::Open);
        assert_eq!(verdict(&write, &before, &after), Verdict::Taken);
    }

    #[test]
    fn a_rejection_is_a_refusal() {
        let write = write(Role::Listeners, Some("v2"));
        let before = stats(&[("listener_manager.lds.update_rejected", "0")]);
        let after = stats(&[("listener_manager.lds.update_rejected", "1")]);
        assert_eq!(verdict(&write, &before, &after), Verdict::Refused);
    }
}
