//! What is asked of AWS: no more than is needed, and no faster than it allows.
//!
//! ```text
//! ecs       tasks, task definitions, container instances
//! ec2       the addresses of EC2 instances; its answers: ec2_xml; where it is: ec2_endpoint
//! instances container instances with their addresses; of several, the one that counts: locate
//! loss      what became of the tasks of the last map
//! convert   from the SDK's types to what is kept of them
//! pace      AWS's request rates
//! ```

mod convert;
mod ec2;
mod ec2_endpoint;
mod ec2_xml;
mod ecs;
mod instance_address;
mod instances;
mod previous_tasks;
mod rate_limit;

use crate::{
    error::DiscoveryError,
    resources::{Task, TaskDefinition},
};
use aws_types::SdkConfig;
use ecs::EcsClient;
use futures_util::{
    StreamExt,
    future::try_join_all,
    stream::{self},
};
use nightjar_core::{
    extension::Cache,
    workload::{Warning, Warnings},
};
use previous_tasks::{PreviousTasks, TasksByCluster};
use rate_limit::MAX_CONCURRENT_CALLS;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// AWS, with what is known of it from earlier runs.
pub(crate) struct Aws<'a> {
    config: &'a SdkConfig,
    ecs: EcsClient,
    definitions: Cache,
    instances: Cache,
    tasks: Cache,
    /// The tasks of the last map, of the clusters that are asked.
    previous: BTreeMap<String, PreviousTasks>,
    /// What distinguishes these from those that other programs ask for.
    scope: String,
    region: String,
    definition_age: Duration,
}

impl<'a> Aws<'a> {
    /// No call is made yet. What is known is kept in `folder`; a definition for `definition_age`.
    /// Programs that choose tasks by other rules than `chosen_by` have other last maps.
    pub(crate) fn new(
        config: &'a SdkConfig,
        folder: Option<&Path>,
        definition_age: Duration,
        chosen_by: &str,
    ) -> Self {
        let region = config.region().map(AsRef::as_ref).unwrap_or_default();
        let endpoint = config.endpoint_url().unwrap_or_default();
        Self {
            scope: format!("{endpoint} {region} {chosen_by}"),
            region: region.to_owned(),
            config,
            ecs: EcsClient::new(config),
            definitions: Cache::open(folder, "task-definitions"),
            instances: Cache::open(folder, "instances"),
            tasks: Cache::open(folder, "tasks"),
            previous: BTreeMap::new(),
            definition_age,
        }
    }

    /// The tasks that are meant to run, by cluster.
    pub(crate) async fn tasks(
        &mut self,
        clusters: &[String],
    ) -> Result<Vec<(String, Vec<Task>)>, DiscoveryError> {
        let listed = self.listed(clusters.iter()).await?;
        self.check_unlisted(&listed).await?;
        let described = listed.iter().map(async |(cluster, arns)| {
            let tasks = self.ecs.tasks(cluster, arns.iter().cloned()).await?;
            Ok::<_, DiscoveryError>((cluster.clone(), tasks))
        });
        let described = try_join_all(described).await?;
        self.check_described(&listed, &described).await?;
        Ok(described)
    }

    async fn listed(
        &self,
        clusters: impl Iterator<Item = &String>,
    ) -> Result<TasksByCluster, DiscoveryError> {
        let listed = clusters.map(async |cluster| {
            let arns = self.ecs.listed(cluster).await?;
            Ok::<_, DiscoveryError>((cluster.clone(), arns))
        });
        Ok(try_join_all(listed).await?.into_iter().collect())
    }

    /// Task definitions by their ARNs. One that is gone is as it was known last, with a warning.
    pub(crate) async fn definitions(
        &mut self,
        arns: BTreeSet<&str>,
        warnings: &mut Warnings,
    ) -> Result<BTreeMap<String, TaskDefinition>, DiscoveryError> {
        let mut found = BTreeMap::<String, TaskDefinition>::new();
        let (mut unknown, mut old) = (Vec::new(), Vec::new());
        for arn in arns {
            let Some((definition, since)) = self.definitions.get_with_age(arn) else {
                unknown.push(arn);
                continue;
            };
            found.insert(arn.to_owned(), definition);
            if since >= self.definition_age {
                old.push((since, arn));
            }
        }
        unknown.extend(refreshed(old, unknown.len()));
        let ecs = &self.ecs;
        let asked = unknown.into_iter();
        let asked = asked.map(async |arn| (arn, ecs.definition(arn).await));
        let mut described = stream::iter(asked).buffer_unordered(MAX_CONCURRENT_CALLS);
        // What was described before a call fails is kept, so that another try needs fewer.
        while let Some((arn, described)) = described.next().await {
            let definition = match described {
                Err(DiscoveryError::NoTaskDefinition(error)) if found.contains_key(arn) => {
                    let reason = format!("what was known of it last counts: {error}");
                    let remedy = "this passes by itself when the last task of the definition stops";
                    warnings.push(Warning::new(arn, reason).with_remedy(remedy));
                    continue;
                }
                described => described?,
            };
            self.definitions.put(arn, &definition);
            found.insert(arn.to_owned(), definition);
        }
        Ok(found)
    }

    /// Forgets what nothing has asked for in a long time.
    pub(crate) fn sweep(&self) {
        self.definitions.sweep();
        self.instances.sweep();
        self.tasks.sweep();
    }
}

/// Unix seconds.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

/// How many definitions one run asks for again. That takes a third of the time that a run has by
/// default; without such an end, those that are read first would be old again before the last ones
/// are read, and thousands would never be read in one run.
const MAX_REFRESHED: usize = 400;

/// Which of the definitions that may have changed are asked for again, besides `unknown` others: the
/// oldest first.
fn refreshed(mut old: Vec<(Duration, &str)>, unknown: usize) -> Vec<&str> {
    old.sort_unstable_by(|left, right| right.cmp(left));
    let most = MAX_REFRESHED.saturating_sub(unknown);
    old.into_iter().take(most).map(|(_, arn)| arn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_old_definitions_the_oldest_are_asked_for_again() {
        let arns: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let old = || {
            let aged = |(arn, seconds): (&'static str, u64)| (Duration::from_secs(seconds), arn);
            [("young", 60), ("older", 90)].map(aged).to_vec()
        };
        assert_eq!(refreshed(old(), 0), ["older", "young"]);
        assert_eq!(refreshed(old(), MAX_REFRESHED - 1), ["older"]);
        assert_eq!(refreshed(old(), 5000), [""; 0]);
        let many = arns
            .iter()
            .map(|arn| (Duration::from_mins(1), arn.as_str()));
        assert_eq!(refreshed(many.collect(), 0).len(), MAX_REFRESHED);
    }
}
