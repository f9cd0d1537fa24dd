//! The calls to Cloud Map.

use crate::{
    discovery_cache::{Attributes, Instance, Instances},
    endpoint::CustomEndpoint,
    error::DiscoveryError,
    instance::ATTRIBUTES,
    registry::{Namespace, Service},
};
use aws_sdk_servicediscovery::{
    Client,
    config::Config,
    error::SdkError,
    operation::get_service_attributes::GetServiceAttributesError,
    types::{
        HealthStatus, HealthStatusFilter, NamespaceFilter, NamespaceFilterName, ServiceFilter,
        ServiceFilterName,
    },
};
use nightjar_aws::{Call, SdkConfig};

const LIST_NAMESPACES: &str = "servicediscovery:ListNamespaces";
const LIST_SERVICES: &str = "servicediscovery:ListServices";
const GET_ATTRIBUTES: &str = "servicediscovery:GetServiceAttributes";
const DISCOVER: &str = "servicediscovery:DiscoverInstances";
const REVISION: &str = "servicediscovery:DiscoverInstancesRevision";

/// The most items of a list in one answer.
const PAGE: i32 = 100;
/// The most instances in one answer, and the most that Cloud Map lets a service have.
pub(crate) const MAX_INSTANCES: i32 = 1000;

/// The value of the filter for the caller's own namespaces.
const OWN: &str = "SELF";

/// What names of settings start with; no other attribute is looked at.
const SETTING: &str = "NJ_";

/// Cloud Map, in one region and account.
pub(crate) struct Registry {
    client: Client,
    region: String,
}

impl Registry {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::from_conf(Config::from(config)),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
        }
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// All namespaces of this account, or those that other accounts share as well.
    pub(crate) async fn namespaces(
        &self,
        with_shared: bool,
    ) -> Result<Vec<Namespace>, DiscoveryError> {
        let own = NamespaceFilter::builder()
            .name(NamespaceFilterName::ResourceOwner)
            .values(OWN)
            .build()?;
        let call = self.client.list_namespaces().max_results(PAGE);
        let call = call.set_filters((!with_shared).then(|| vec![own]));
        let mut pages = call.into_paginator().send();
        let mut namespaces = Vec::new();
        while let Some(page) = pages.next().await {
            let on = format!("the namespaces in {}", self.region);
            let page = page.map_err(|error| Call::new(LIST_NAMESPACES, on).error(&error))?;
            for item in &given(page.namespaces, LIST_NAMESPACES, "Namespaces")? {
                let namespace = Namespace::new(item);
                let member = "a namespace's id, ARN or name";
                namespaces.push(given(namespace, LIST_NAMESPACES, member)?);
            }
        }
        Ok(namespaces)
    }

    /// All services of a namespace.
    pub(crate) async fn services(
        &self,
        namespace: &Namespace,
    ) -> Result<Vec<Service>, DiscoveryError> {
        let filter = ServiceFilter::builder()
            .name(ServiceFilterName::NamespaceId)
            .values(namespace.handle())
            .build()?;
        let call = self.client.list_services();
        let call = call.filters(filter).max_results(PAGE);
        let mut pages = call.into_paginator().send();
        let mut services = Vec::new();
        while let Some(page) = pages.next().await {
            let on = format!("namespace {} ({})", namespace.name, namespace.id);
            let page = page.map_err(|error| Call::new(LIST_SERVICES, on).error(&error))?;
            for item in &given(page.services, LIST_SERVICES, "Services")? {
                let service = Service::new(item, namespace);
                services.push(given(
                    service,
                    LIST_SERVICES,
                    "a service's id, ARN or name",
                )?);
            }
        }
        Ok(services)
    }

    /// A service's attributes, as far as they are settings.
    pub(crate) async fn attributes(&self, service: &Service) -> Result<Attributes, DiscoveryError> {
        let call = self.client.get_service_attributes();
        let answer = call.service_id(service.handle()).send().await;
        let answer = answer.map_err(|error| {
            let is_gone = is(&error, GetServiceAttributesError::is_service_not_found);
            failed(GET_ATTRIBUTES, service, &error, is_gone)
        })?;
        // A service may have none, but an answer about it names it.
        let answer = answer
            .service_attributes
            .filter(|all| all.service_arn.is_some());
        let answer = given(answer, GET_ATTRIBUTES, "ServiceAttributes")?;
        let attributes = answer.attributes.into_iter().flatten();
        Ok(attributes
            .filter(|(name, _)| name.starts_with(SETTING))
            .collect())
    }

    /// The revision of a service's instances: another one whenever an instance comes or goes, but
    /// not when its health changes.
    pub(crate) async fn revision(&self, service: &Service) -> Result<i64, DiscoveryError> {
        let call = self
            .client
            .discover_instances_revision()
            .namespace_name(&service.http_namespace)
            .service_name(&service.name)
            .set_owner_account(service.owner.clone())
            .customize()
            .interceptor(CustomEndpoint);
        let answer = call.send().await.map_err(|error| {
            let is_gone = is(&error, |error| {
                error.is_service_not_found() || error.is_namespace_not_found()
            });
            failed(REVISION, service, &error, is_gone)
        })?;
        given(answer.instances_revision, REVISION, "InstancesRevision")
    }

    /// A service's instances, whatever their health, with the attributes that matter.
    pub(crate) async fn instances(
        &self,
        service: &Service,
        color_attribute: Option<&str>,
    ) -> Result<Instances, DiscoveryError> {
        let call = self
            .client
            .discover_instances()
            .namespace_name(&service.http_namespace)
            .service_name(&service.name)
            .set_owner_account(service.owner.clone())
            .health_status(HealthStatusFilter::All)
            .max_results(MAX_INSTANCES)
            .customize()
            .interceptor(CustomEndpoint);
        let answer = call.send().await.map_err(|error| {
            let is_gone = is(&error, |error| {
                error.is_service_not_found() || error.is_namespace_not_found()
            });
            failed(DISCOVER, service, &error, is_gone)
        })?;
        let revision = answer.instances_revision;
        let is_needed = |name: &str| ATTRIBUTES.contains(&name) || Some(name) == color_attribute;
        let list = given(answer.instances, DISCOVER, "Instances")?
            .into_iter()
            .map(|instance| Instance {
                id: instance.instance_id.unwrap_or_default(),
                is_healthy: !matches!(
                    &instance.health_status,
                    Some(health) if *health != HealthStatus::Healthy
                ),
                attributes: instance
                    .attributes
                    .unwrap_or_default()
                    .into_iter()
                    .filter(|(name, _)| is_needed(name))
                    .collect(),
            })
            .collect();
        Ok(Instances { revision, list })
    }
}

/// What an answer has to have. One without its list is not an empty list.
fn given<T>(
    member: Option<T>,
    call: &'static str,
    name: &'static str,
) -> Result<T, DiscoveryError> {
    member.ok_or(DiscoveryError::Answer { call, member: name })
}

fn is<E>(
    error: &SdkError<E, aws_smithy_runtime_api::http::Response>,
    is_such: impl FnOnce(&E) -> bool,
) -> bool {
    error.as_service_error().is_some_and(is_such)
}

fn failed<E>(
    action: &'static str,
    service: &Service,
    error: &SdkError<E, aws_smithy_runtime_api::http::Response>,
    is_gone: bool,
) -> DiscoveryError
where
    E: std::error::Error
        + aws_smithy_types::error::metadata::ProvideErrorMetadata
        + Send
        + Sync
        + 'static,
{
    let fault = Call::new(action, service.to_string()).error(error);
    if is_gone {
        DiscoveryError::Vanished(fault)
    } else {
        DiscoveryError::Call(fault)
    }
}
