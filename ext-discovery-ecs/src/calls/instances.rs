//! Container instances with their addresses.
//!
//! Addresses are kept for as long as the instance lives. EC2 may leave out an instance that it has
//! without a word, while a zone is in trouble or the instance is new. A map without its tasks would be
//! half a mesh, so there is none for a while; but nor may one instance hold the mesh for ever.

use super::{
    Aws,
    ec2::{DESCRIBE_INSTANCES, Ec2, Told},
    ecs::Registered,
    locate,
};
use crate::{
    described::{Instance, InstanceState},
    error::DiscoveryError,
};
use futures_util::future::try_join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long EC2 may leave out an instance before the map goes without its tasks.
const MISSING_TIMEOUT: Duration = Duration::from_mins(5);
/// What [`Missing`] is kept under, beside the instances.
const MISSING: &str = "missing";

/// EC2 instances that were left out in the last answer, with the Unix seconds since when.
type Missing = BTreeMap<String, u64>;

impl Aws<'_> {
    /// Container instances, by cluster, with their addresses. Those that are gone are left out.
    pub(crate) async fn instances(
        &mut self,
        arns: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> Result<BTreeMap<String, Instance>, DiscoveryError> {
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
        for instance in self.ask_for_instances(&unknown).await? {
            // An instance without an address may get one yet.
            if instance.interface().address().is_some() {
                self.instances.put(&instance.arn, &instance);
            } else if instance.state == InstanceState::Missing {
                missing.insert(instance.ec2.clone());
            }
            found.insert(instance.arn.clone(), instance);
        }
        self.check_missing(&missing)?;
        Ok(found)
    }

    async fn ask_for_instances(
        &self,
        arns: &BTreeMap<&str, Vec<String>>,
    ) -> Result<Vec<Instance>, DiscoveryError> {
        let of_each = arns
            .iter()
            .map(|(cluster, arns)| self.ecs.instances(cluster, arns));
        let registered: Vec<Registered> = try_join_all(of_each).await?.concat();
        let ids: BTreeSet<&String> = registered
            .iter()
            .map(|one| &one.ec2)
            .filter(|id| locate::is_ec2(id))
            .collect();
        if ids.is_empty() {
            return Ok(locate::all(registered, Told::default()));
        }
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let ec2 = Ec2::new(self.config).await?;
        Ok(locate::all(registered, ec2.instances(&ids).await?))
    }

    /// Fails while one of these instances has not been missing for long.
    fn check_missing(&mut self, ids: &BTreeSet<String>) -> Result<(), DiscoveryError> {
        let known: Missing = self.instances.get(MISSING, None).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let missing = since(&known, ids, now);
        if missing != known {
            self.instances.put(MISSING, &missing);
        }
        let mut young = missing
            .iter()
            .filter(|(_, since)| now - **since < MISSING_TIMEOUT.as_secs());
        match young.next() {
            None => Ok(()),
            Some((id, _)) => Err(DiscoveryError::Incomplete {
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
}

/// Since when each of the instances has been missing.
fn since(known: &Missing, ids: &BTreeSet<String>, now: u64) -> Missing {
    let since = |id: &String| {
        // A time in the future comes from a clock that was set since, and tells nothing.
        let known = known.get(id).copied().filter(|since| *since <= now);
        (id.clone(), known.unwrap_or(now))
    };
    ids.iter().map(since).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_was_there_again_starts_anew() {
        let ids = |ids: &[&str]| {
            ids.iter()
                .map(|id| str::to_owned(id))
                .collect::<BTreeSet<_>>()
        };
        let told = |known: &[(&str, u64)]| {
            let owned = known.iter().map(|(id, since)| (str::to_owned(id), *since));
            owned.collect::<Missing>()
        };
        let first = since(&Missing::new(), &ids(&["i-1", "i-2"]), 100);
        assert_eq!(first, told(&[("i-1", 100), ("i-2", 100)]));
        let second = since(&first, &ids(&["i-2", "i-3"]), 160);
        assert_eq!(second, told(&[("i-2", 100), ("i-3", 160)]));
        assert_eq!(since(&second, &ids(&[]), 170), Missing::new());
        assert_eq!(since(&second, &ids(&["i-3"]), 150), told(&[("i-3", 150)]));
    }
}
