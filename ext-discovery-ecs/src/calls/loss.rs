//! What became of the tasks of the last map.
//!
//! A listing that leaves tasks out looks like one of a mesh that has shrunk. So if more than half of the
//! last map's tasks are not listed any more, they are described: those that have stopped are not
//! missed, and if one runs after all, there is no map. Nor is there one if more than half of them are
//! listed, twice, and yet not described.

use super::{
    Aws,
    ecs::{DESCRIBE_TASKS, LIST_TASKS, id, on_cluster},
};
use crate::{described::Task, error::DiscoveryError};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long a refusal to describe the last map's tasks holds the map back before they are forgotten.
const REFUSED_TIMEOUT: Duration = Duration::from_mins(5);

/// The ARNs of tasks, by the name of their cluster.
pub(super) type ByCluster = BTreeMap<String, BTreeSet<String>>;

/// What is kept of a cluster in the last map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// The ARNs of its tasks.
    arns: BTreeSet<String>,
    /// The Unix seconds since when ECS has refused to describe them, if it does.
    refused: Option<u64>,
}

impl Aws<'_> {
    /// Fails if most of the last map's tasks are not listed, and some of these run. What is said of
    /// clusters that are not asked any more does not matter.
    pub(super) async fn check_loss(&mut self, listed: &ByCluster) -> Result<(), DiscoveryError> {
        let mut missing = Vec::new();
        for (cluster, arns) in listed {
            let kept: Option<Last> = self.tasks.get(&key(&self.scope, cluster), None);
            let mut last = kept.unwrap_or_default();
            let place = |arn: &str| {
                place(arn).map(|[region, account]| [region.to_owned(), account.to_owned()])
            };
            let here: BTreeSet<_> = arns
                .iter()
                .chain([cluster])
                .filter_map(|arn| place(arn))
                .collect();
            let is_here = |arn: &str| match place(arn) {
                Some([region, _]) if here.is_empty() => self.region == region,
                Some(place) => here.contains(&place),
                None => false,
            };
            last.arns.retain(|arn| is_here(arn));
            let gone: Vec<String> = last.arns.difference(arns).cloned().collect();
            missing.push((cluster, gone));
            self.last.insert(cluster.clone(), last);
        }
        let all = self.count();
        let count: usize = missing.iter().map(|(_, arns)| arns.len()).sum();
        if count * 2 <= all {
            return Ok(());
        }
        let ecs = &self.ecs;
        let described = missing.iter().map(async |(cluster, arns)| {
            let tasks = ecs.tasks(cluster, arns.clone()).await?;
            Ok((*cluster, tasks.into_iter().find(Task::is_meant_to_run)))
        });
        let described = match try_join_all(described).await {
            Ok(described) => described,
            Err(error) => return self.bear(error),
        };
        let running = described.into_iter();
        let mut running = running.filter_map(|(cluster, task)| Some((cluster, task?)));
        running.next().map_or(Ok(()), |(cluster, task)| {
            Err(DiscoveryError::Incomplete {
                action: LIST_TASKS,
                on: on_cluster(cluster),
                arn: task.arn,
                reason: format!(
                    "it runs, as ecs:DescribeTasks says, and {count} of the last map's {all} tasks \
                     are not listed"
                ),
            })
        })
    }

    /// What a failure to describe the last map's tasks means. Nothing else asks for these, so a
    /// refusal is worth another try for a while, and then they are forgotten.
    fn bear(&mut self, error: DiscoveryError) -> Result<(), DiscoveryError> {
        let (DiscoveryError::Call(fault) | DiscoveryError::NoCluster(fault)) = error else {
            return Err(error);
        };
        if fault.reason.may_pass() {
            return Err(fault.into());
        }
        let now = super::now();
        let since = self.last.values().filter_map(|last| last.refused).min();
        // A time in the future comes from a clock that was set since, and tells nothing.
        let since = since.filter(|since| *since <= now).unwrap_or(now);
        if now - since >= REFUSED_TIMEOUT.as_secs() {
            return Ok(());
        }
        for (cluster, last) in &mut self.last {
            last.refused = Some(since);
            self.tasks.put(&key(&self.scope, cluster), last);
        }
        Err(DiscoveryError::Untold(fault))
    }

    /// Fails if most of the last map's tasks are listed and not described, and are listed once more.
    pub(super) async fn check_described(
        &self,
        listed: &ByCluster,
        described: &[(String, Vec<Task>)],
    ) -> Result<(), DiscoveryError> {
        let told: BTreeSet<&str> = described
            .iter()
            .flat_map(|(_, tasks)| tasks.iter().map(|task| id(&task.arn)))
            .collect();
        let untold = |cluster: &str, listed: &BTreeSet<String>| -> Vec<String> {
            let last = self.last.get(cluster).map(|last| &last.arns);
            let last = last.into_iter().flatten();
            let untold = last.filter(|arn| listed.contains(*arn) && !told.contains(id(arn)));
            untold.cloned().collect()
        };
        let all = self.count();
        let count = |listed: &ByCluster| -> usize {
            listed
                .iter()
                .map(|(cluster, arns)| untold(cluster, arns).len())
                .sum()
        };
        if count(listed) * 2 <= all {
            return Ok(());
        }
        let again = self.listed(listed.keys()).await?;
        let still = count(&again);
        let first = again
            .iter()
            .find_map(|(cluster, arns)| Some((cluster, untold(cluster, arns).into_iter().next()?)));
        let first = first.filter(|_| still * 2 > all);
        first.map_or(Ok(()), |(cluster, arn)| {
            Err(DiscoveryError::Incomplete {
                action: DESCRIBE_TASKS,
                on: on_cluster(cluster),
                arn,
                reason: format!(
                    "ecs:ListTasks lists it, and {still} of the last map's {all} tasks are listed and \
                     not described"
                ),
            })
        })
    }

    fn count(&self) -> usize {
        self.last.values().map(|last| last.arns.len()).sum()
    }

    /// Keeps which tasks are in the map, each with its cluster.
    pub(crate) fn keep_tasks<'t>(&mut self, tasks: impl Iterator<Item = (&'t str, &'t str)>) {
        let mut by_cluster = BTreeMap::<&str, Last>::new();
        for cluster in self.last.keys() {
            by_cluster.insert(cluster, Last::default());
        }
        for (cluster, arn) in tasks {
            let last = by_cluster.entry(cluster).or_default();
            last.arns.insert(arn.to_owned());
        }
        for (cluster, last) in by_cluster {
            if self.last.get(cluster) != Some(&last) {
                self.tasks.put(&key(&self.scope, cluster), &last);
            }
        }
    }
}

fn key(scope: &str, cluster: &str) -> String {
    format!("{scope} {cluster}")
}

/// The region and account of an ARN.
fn place(arn: &str) -> Option<[&str; 2]> {
    let mut parts = arn.strip_prefix("arn:")?.split(':').skip(2);
    Some([parts.next()?, parts.next()?])
}
