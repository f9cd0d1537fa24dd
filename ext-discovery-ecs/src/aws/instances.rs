//! Container instances with their addresses.
//!
//! Addresses are kept for as long as the instance lives. EC2 may leave out an instance that it has
//! without an error, while a zone is in trouble or the instance is new. A map without its tasks would be
//! half a mesh, so there is none for a while; but nor may one instance hold the mesh for ever.

use super::{
    Aws,
    ec2::{DESCRIBE_INSTANCES, DescribedInstances, Ec2Client},
    ecs::RegisteredInstance,
    instance_address,
};
use crate::{
    error::DiscoveryError,
    resources::{ContainerInstance, InstanceState},
};
use futures_util::future::try_join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long EC2 may leave out an instance before the map goes without its tasks.
const MISSING_TIMEOUT: Duration = Duration::from_mins(5);
/// How long an instance that nobody asks about is still known to be missing. Programs that share a
/// folder ask about different ones.
const MISSING_AGE: Duration = Duration::from_hours(1);

impl Aws<'_> {
    /// Container instances, by cluster, with their addresses. Those that are gone are left out.
    pub(crate) async fn instances(
        &mut self,
        arns: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> Result<BTreeMap<String, ContainerInstance>, DiscoveryError> {
        let mut found = BTreeMap::new();
        let mut unknown: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (cluster, arns) in arns {
            for arn in arns {
                match self.instances.get(arn, None) {
                    Some(instance) => {
                        found.insert((*arn).to_owned(), instance);
                    }
                    None => unknown.entry(cluster).or_default().push((*arn).to_owned()),
                }
            }
        }
        let mut missing = BTreeSet::new();
        for instance in self.describe_instances(&unknown).await? {
            // An instance without an address may get one yet.
            if instance.interface().address().is_some() {
                self.instances.put(&instance.arn, &instance);
            }
            if instance.state == InstanceState::Missing {
                missing.insert(instance.ec2_id.clone());
            } else {
                self.instances.remove(&self.missing_key(&instance.ec2_id));
            }
            found.insert(instance.arn.clone(), instance);
        }
        self.check_missing(&missing)?;
        Ok(found)
    }

    async fn describe_instances(
        &self,
        arns: &BTreeMap<&str, Vec<String>>,
    ) -> Result<Vec<ContainerInstance>, DiscoveryError> {
        let of_each = arns
            .iter()
            .map(|(cluster, arns)| self.ecs.instances(cluster, arns));
        let registered: Vec<RegisteredInstance> = try_join_all(of_each).await?.concat();
        let ids: BTreeSet<&String> = registered
            .iter()
            .map(|one| &one.ec2_id)
            .filter(|id| instance_address::is_ec2(id))
            .collect();
        if ids.is_empty() {
            return Ok(instance_address::with_addresses(
                registered,
                DescribedInstances::default(),
            ));
        }
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let ec2 = Ec2Client::new(self.config).await?;
        Ok(instance_address::with_addresses(
            registered,
            ec2.instances(&ids).await?,
        ))
    }

    /// Fails while one of these instances has not been missing for long.
    fn check_missing(&mut self, ids: &BTreeSet<String>) -> Result<(), DiscoveryError> {
        let now = super::now();
        let mut recent = None;
        for id in ids {
            let key = self.missing_key(id);
            let known: Option<u64> = self.instances.get(&key, Some(MISSING_AGE));
            // A time in the future comes from a clock that was set since, and means nothing.
            let since = known.filter(|since| *since <= now).unwrap_or(now);
            self.instances.put(&key, &since);
            if now - since < MISSING_TIMEOUT.as_secs() {
                recent = recent.or(Some(id));
            }
        }
        match recent {
            None => Ok(()),
            Some(id) => Err(DiscoveryError::Incomplete {
                action: DESCRIBE_INSTANCES,
                on: "the instances of the clusters".to_owned(),
                arn: id.clone(),
                reason: format!(
                    "the answer does not mention it; after {} minutes of this its tasks are left out, if \
                     NJ_TEMP_DIR is kept",
                    MISSING_TIMEOUT.as_secs() / 60
                ),
            }),
        }
    }

    /// What is kept under this key is the Unix seconds since when an instance has been missing.
    fn missing_key(&self, id: &str) -> String {
        format!("missing {} {id}", self.region)
    }
}
