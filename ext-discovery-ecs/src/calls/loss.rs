//! What became of the tasks of the last map.
//!
//! A listing that leaves tasks out looks like one of a mesh that has shrunk. So if more than half of the
//! last map's tasks are not listed any more, they are described: those that have stopped are not
//! missed, and if one runs after all, there is no map.

use super::{
    Aws,
    ecs::{LIST_TASKS, id, on_cluster},
};
use crate::{described::Task, error::DiscoveryError};
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// The ARNs of tasks, by the name of their cluster.
pub(super) type ByCluster = BTreeMap<String, BTreeSet<String>>;

impl Aws<'_> {
    /// Fails if most of the last map's tasks are not listed, and some of these run. What is said of
    /// clusters that are not asked any more does not matter.
    pub(super) async fn check_loss(&mut self, listed: &ByCluster) -> Result<(), DiscoveryError> {
        let mut missing = Vec::new();
        for (cluster, arns) in listed {
            let before = self.tasks.get(id(cluster), None);
            let before: BTreeSet<String> = before.unwrap_or_default();
            let arns: Vec<String> = before.difference(arns).cloned().collect();
            missing.push((cluster, arns));
            self.last.insert(cluster.clone(), before);
        }
        let all: usize = self.last.values().map(BTreeSet::len).sum();
        let count: usize = missing.iter().map(|(_, arns)| arns.len()).sum();
        if count * 2 <= all {
            return Ok(());
        }
        let described = missing.into_iter().map(async |(cluster, arns)| {
            let tasks = self.ecs.tasks(cluster, arns).await?;
            let running = tasks.into_iter().find(Task::is_meant_to_run);
            running.map_or(Ok(()), |task| {
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
        });
        try_join_all(described).await.map(|_| ())
    }

    /// Keeps which tasks are in the map, each with its cluster.
    pub(crate) fn keep_tasks<'t>(&mut self, tasks: impl Iterator<Item = (&'t str, &'t str)>) {
        let mut by_cluster: ByCluster = BTreeMap::new();
        for cluster in self.last.keys() {
            by_cluster.insert(cluster.clone(), BTreeSet::new());
        }
        for (cluster, arn) in tasks {
            let arns = by_cluster.entry(cluster.to_owned()).or_default();
            arns.insert(arn.to_owned());
        }
        for (cluster, arns) in by_cluster {
            if self.last.get(&cluster) != Some(&arns) {
                self.tasks.put(id(&cluster), &arns);
            }
        }
    }
}
