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
use crate::{error::DiscoveryError, resources::Task};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long a refusal to describe the last map's tasks holds the map back before they are forgotten.
const DESCRIBE_RETRY_TIMEOUT: Duration = Duration::from_mins(5);

/// The ARNs of tasks, by the name of their cluster.
pub(super) type TasksByCluster = BTreeMap<String, BTreeSet<String>>;

/// What is kept of a cluster in the last map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PreviousTasks {
    /// The ARNs of its tasks.
    arns: BTreeSet<String>,
    /// The Unix seconds since when ECS has refused to describe them, if it does.
    #[serde(rename = "refused")]
    denied_since: Option<u64>,
}

impl Aws<'_> {
    /// Fails if most of the last map's tasks are not listed, and some of these run. What is said of
    /// clusters that are not asked any more does not matter.
    pub(super) async fn check_unlisted(
        &mut self,
        listed: &TasksByCluster,
    ) -> Result<(), DiscoveryError> {
        let mut missing = Vec::new();
        for (cluster, arns) in listed {
            let kept: Option<PreviousTasks> = self.tasks.get(&key(&self.scope, cluster), None);
            let mut previous = kept.unwrap_or_default();
            let region_and_account_of = |arn: &str| {
                region_and_account(arn)
                    .map(|[region, account]| [region.to_owned(), account.to_owned()])
            };
            let here: BTreeSet<_> = arns
                .iter()
                .chain([cluster])
                .filter_map(|arn| region_and_account_of(arn))
                .collect();
            let is_here = |arn: &str| match region_and_account_of(arn) {
                Some([region, _]) if here.is_empty() => self.region == region,
                Some(account) => here.contains(&account),
                None => false,
            };
            previous.arns.retain(|arn| is_here(arn));
            let gone: Vec<String> = previous.arns.difference(arns).cloned().collect();
            missing.push((cluster, gone));
            self.previous.insert(cluster.clone(), previous);
        }
        let all = self.task_count();
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
            Err(error) => return self.tolerate(error),
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
    fn tolerate(&mut self, error: DiscoveryError) -> Result<(), DiscoveryError> {
        let (DiscoveryError::Call(error) | DiscoveryError::NoCluster(error)) = error else {
            return Err(error);
        };
        if error.kind.is_retryable() {
            return Err(error.into());
        }
        let now = super::now();
        let since = self
            .previous
            .values()
            .filter_map(|previous| previous.denied_since)
            .min();
        // A time in the future comes from a clock that was set since, and means nothing.
        let since = since.filter(|since| *since <= now).unwrap_or(now);
        if now - since >= DESCRIBE_RETRY_TIMEOUT.as_secs() {
            return Ok(());
        }
        for (cluster, previous) in &mut self.previous {
            previous.denied_since = Some(since);
            self.tasks.put(&key(&self.scope, cluster), previous);
        }
        Err(DiscoveryError::PreviousTasksDenied(error))
    }

    /// Fails if most of the last map's tasks are listed and not described, and are listed once more.
    pub(super) async fn check_described(
        &self,
        listed: &TasksByCluster,
        described: &[(String, Vec<Task>)],
    ) -> Result<(), DiscoveryError> {
        let described_ids: BTreeSet<&str> = described
            .iter()
            .flat_map(|(_, tasks)| tasks.iter().map(|task| id(&task.arn)))
            .collect();
        let undescribed = |cluster: &str, listed: &BTreeSet<String>| -> Vec<String> {
            let previous = self.previous.get(cluster).map(|previous| &previous.arns);
            let previous = previous.into_iter().flatten();
            let undescribed =
                previous.filter(|arn| listed.contains(*arn) && !described_ids.contains(id(arn)));
            undescribed.cloned().collect()
        };
        let all = self.task_count();
        let count = |listed: &TasksByCluster| -> usize {
            listed
                .iter()
                .map(|(cluster, arns)| undescribed(cluster, arns).len())
                .sum()
        };
        if count(listed) * 2 <= all {
            return Ok(());
        }
        let again = self.listed(listed.keys()).await?;
        let still = count(&again);
        let first = again.iter().find_map(|(cluster, arns)| {
            Some((cluster, undescribed(cluster, arns).into_iter().next()?))
        });
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

    fn task_count(&self) -> usize {
        self.previous
            .values()
            .map(|previous| previous.arns.len())
            .sum()
    }

    /// Keeps which tasks are in the map, each with its cluster.
    pub(crate) fn keep_tasks<'t>(&mut self, tasks: impl Iterator<Item = (&'t str, &'t str)>) {
        let mut by_cluster = BTreeMap::<&str, PreviousTasks>::new();
        for cluster in self.previous.keys() {
            by_cluster.insert(cluster, PreviousTasks::default());
        }
        for (cluster, arn) in tasks {
            let previous = by_cluster.entry(cluster).or_default();
            previous.arns.insert(arn.to_owned());
        }
        for (cluster, previous) in by_cluster {
            if self.previous.get(cluster) != Some(&previous) {
                self.tasks.put(&key(&self.scope, cluster), &previous);
            }
        }
    }
}

fn key(scope: &str, cluster: &str) -> String {
    format!("{scope} {cluster}")
}

/// The region and account of an ARN.
fn region_and_account(arn: &str) -> Option<[&str; 2]> {
    let mut parts = arn.strip_prefix("arn:")?.split(':').skip(2);
    Some([parts.next()?, parts.next()?])
}
