//! One discovery: asks Cloud Map as little as will do, and puts the map together.

use crate::{
    calls::Registry,
    discovery_cache::{Attributes, DiscoveryCache, Instances},
    error::DiscoveryError,
    registered_service,
    registry::{self, Namespace, Service},
    wanted::Wanted,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use nightjar_core::{
    document::discovery_map::DiscoveryMap,
    workload::{Mesh, Warnings, Workload},
};
/// How many namespaces or services are asked for their attributes at a time. How many such calls AWS
/// allows in a second is not published, so this is modest.
const ATTRIBUTE_CALLS: usize = 10;
/// How many services are asked for their instances at a time. AWS allows 1,000 such calls in a
/// second: as many as this makes if one takes 20 ms.
const INSTANCE_CALLS: usize = 20;

/// A discovery, and what is known of services before, during and after it.
pub(crate) struct Discovery<'a> {
    pub(crate) wanted: &'a Wanted,
    pub(crate) registry: &'a Registry,
    pub(crate) cache: &'a DiscoveryCache,
}

impl Discovery<'_> {
    /// The map. Any call that fails ends it.
    pub(crate) async fn map(&self) -> Result<(DiscoveryMap, Warnings), DiscoveryError> {
        let services = self.services().await?;
        let mut warnings = Warnings::new();
        let workloads: Vec<(&Service, Workload)> = self
            .all_attributes(&services)
            .await?
            .iter()
            .filter_map(|(service, attributes)| {
                let workload = registered_service::workload(service, attributes, &mut warnings)?;
                Some((*service, workload))
            })
            .collect();
        let instances = self.all_instances(&workloads).await?;
        let mut mesh = Mesh::new();
        for ((service, workload), instances) in workloads.into_iter().zip(&instances) {
            let registered = registered_service::RegisteredService {
                service,
                instances,
                wanted: self.wanted,
            };
            registered.add_to(&mut mesh, workload, &mut warnings);
        }
        let (map, more) = mesh.finish();
        warnings.append(more);
        Ok((map, warnings))
    }

    /// The services of all the namespaces.
    async fn services(&self) -> Result<Vec<Service>, DiscoveryError> {
        let is_arn = |asked: &String| asked.starts_with(registry::ARN);
        let (arns, names): (Vec<_>, Vec<_>) =
            self.wanted.namespaces.iter().cloned().partition(is_arn);
        let mut chosen = Vec::<Namespace>::new();
        // A name means this account's own, whatever others share. Where both are asked for, there are
        // two lists, as nothing in one says which account is this one.
        for (asked, with_shared) in [(names, false), (arns, true)] {
            if !asked.is_empty() {
                let all = self.registry.namespaces(with_shared).await?;
                registry::choose(&mut chosen, &asked, &all, self.registry.region())?;
            }
        }
        let services: Vec<Vec<Service>> = stream::iter(&chosen)
            .map(|namespace| self.registry.services(namespace))
            .buffer_unordered(ATTRIBUTE_CALLS)
            .try_collect()
            .await?;
        Ok(services.into_iter().flatten().collect())
    }

    async fn all_attributes<'s>(
        &self,
        services: &'s [Service],
    ) -> Result<Vec<(&'s Service, Attributes)>, DiscoveryError> {
        stream::iter(services)
            .map(async |service| Ok((service, self.attributes(service).await?)))
            .buffer_unordered(ATTRIBUTE_CALLS)
            .try_collect()
            .await
    }

    /// The instances of each workload's service.
    async fn all_instances(
        &self,
        workloads: &[(&Service, Workload)],
    ) -> Result<Vec<Instances>, DiscoveryError> {
        stream::iter(workloads)
            .map(async |(service, workload)| match workload {
                // It only calls others, and nobody asks for the colors of its instances.
                Workload::Service(declared)
                    if declared.routes.is_empty() && self.wanted.color_attribute.is_none() =>
                {
                    Ok(Instances::default())
                }
                _ => self.instances(service).await,
            })
            .buffered(INSTANCE_CALLS)
            .try_collect()
            .await
    }

    /// A service's settings. Nothing shows when somebody changes them, so they are read again after
    /// a while.
    async fn attributes(&self, service: &Service) -> Result<Attributes, DiscoveryError> {
        let age = self.wanted.attributes_age;
        if let Some(cached) = self.cache.attributes(service, age) {
            return Ok(cached);
        }
        let attributes = self.registry.attributes(service).await?;
        self.cache.keep_attributes(service, &attributes);
        Ok(attributes)
    }

    /// A service's instances. Their revision shows when one comes or goes, but not when its health
    /// changes: where health matters, nothing spares the call, and nothing is kept.
    async fn instances(&self, service: &Service) -> Result<Instances, DiscoveryError> {
        let color = self.wanted.color_attribute.as_deref();
        if service.has_health_check && !self.wanted.include_unhealthy {
            return self.registry.instances(service, color).await;
        }
        if let Some(cached) = self.cache.instances(service, color)
            && cached.revision == Some(self.registry.revision(service).await?)
        {
            return Ok(cached);
        }
        let instances = self.registry.instances(service, color).await?;
        self.cache.keep_instances(service, color, &instances);
        Ok(instances)
    }
}
