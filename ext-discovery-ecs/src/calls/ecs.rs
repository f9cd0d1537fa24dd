//! The calls to ECS.

use super::{convert, pace};
use crate::{
    described::{Definition, Task},
    error::DiscoveryError,
};
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Attribute, ContainerInstance, DesiredStatus, Failure, TaskDefinitionField, TaskField},
};
use aws_smithy_runtime_api::http::Response;
use aws_types::SdkConfig;
use futures_util::{TryStreamExt, stream};
use nightjar_aws::{Call, CallFault};
use pace::{AT_ONCE, Pace};
use std::collections::{BTreeSet, HashSet};

pub(super) const LIST_TASKS: &str = "ecs:ListTasks";
pub(super) const DESCRIBE_TASKS: &str = "ecs:DescribeTasks";
const DESCRIBE_DEFINITION: &str = "ecs:DescribeTaskDefinition";
const DESCRIBE_INSTANCES: &str = "ecs:DescribeContainerInstances";

/// How many things one call can ask for.
const BATCH: usize = 100;
const PAGE: i32 = 100;

/// ECS, called no faster than it allows.
pub(crate) struct Ecs {
    client: Client,
    clusters: Pace,
    definitions: Pace,
}

/// A container instance, as ECS knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Registered {
    pub(crate) arn: String,
    /// The EC2 instance.
    pub(crate) ec2: String,
    /// The network that its agent found it in.
    pub(crate) vpc: Option<String>,
    pub(crate) subnet: Option<String>,
}

impl Ecs {
    /// No call is made yet.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            clusters: Pace::new(),
            definitions: Pace::new(),
        }
    }

    /// The ARNs of the tasks of a cluster that are meant to run.
    pub(crate) async fn listed(&self, cluster: &str) -> Result<BTreeSet<String>, DiscoveryError> {
        let mut listed = BTreeSet::new();
        let mut token = None;
        loop {
            let (arns, next) = self.list_tasks(cluster, token).await?;
            listed.extend(arns);
            if next.is_none() {
                return Ok(listed);
            }
            token = next;
        }
    }

    /// Tasks of one cluster. Those that stopped and are forgotten meanwhile are left out.
    pub(crate) async fn tasks(
        &self,
        cluster: &str,
        arns: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Task>, DiscoveryError> {
        let arns: Vec<String> = arns.into_iter().collect();
        let batches = arns.chunks(BATCH).map(|batch| Ok(batch.to_vec()));
        let described = stream::iter(batches).map_ok(|batch| self.describe_tasks(cluster, batch));
        Box::pin(described.try_buffer_unordered(AT_ONCE).try_concat()).await
    }

    async fn list_tasks(
        &self,
        cluster: &str,
        token: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), DiscoveryError> {
        let call = self.client.list_tasks().cluster(cluster).max_results(PAGE);
        let call = call.desired_status(DesiredStatus::Running);
        let sent = call.set_next_token(token).send();
        let page = self.clusters.call(Box::pin(sent)).await;
        let page = page.map_err(|error| of_cluster(LIST_TASKS, cluster, &error))?;
        let next = page.next_token.filter(|token| !token.is_empty());
        // An answer that is not from ECS may be empty; a cluster without tasks has an empty list.
        match page.task_arns {
            Some(arns) => Ok((arns, next)),
            None => Err(DiscoveryError::Incomplete {
                action: LIST_TASKS,
                on: on_cluster(cluster),
                arn: "its tasks".to_owned(),
                reason: "the answer has no list of tasks".to_owned(),
            }),
        }
    }

    async fn describe_tasks(
        &self,
        cluster: &str,
        arns: Vec<String>,
    ) -> Result<Vec<Task>, DiscoveryError> {
        let call = self.client.describe_tasks().cluster(cluster);
        let call = call.set_tasks(Some(arns.clone()));
        let sent = call.include(TaskField::Tags).send();
        let told = self.clusters.call(Box::pin(sent)).await;
        let told = told.map_err(|error| of_cluster(DESCRIBE_TASKS, cluster, &error))?;
        let tasks: Vec<Task> = told
            .tasks
            .into_iter()
            .flatten()
            .map(convert::task)
            .collect();
        let known: Vec<&str> = tasks.iter().map(|task| task.arn.as_str()).collect();
        complete(DESCRIBE_TASKS, cluster, &arns, &known, told.failures)?;
        Ok(tasks)
    }

    /// A task definition with its tags; [`DiscoveryError::NoDefinition`] if it is gone.
    pub(crate) async fn definition(&self, arn: &str) -> Result<Definition, DiscoveryError> {
        let call = self.client.describe_task_definition().task_definition(arn);
        let sent = call.include(TaskDefinitionField::Tags).send();
        let told = self.definitions.call(Box::pin(sent)).await;
        let told = told.map_err(|error| {
            let fault = Call::new(DESCRIBE_DEFINITION, arn).failed(&error);
            if is_gone(&fault) {
                DiscoveryError::NoDefinition(fault)
            } else {
                DiscoveryError::Call(fault)
            }
        })?;
        let Some(definition) = told.task_definition else {
            return Err(DiscoveryError::Incomplete {
                action: DESCRIBE_DEFINITION,
                on: arn.to_owned(),
                arn: arn.to_owned(),
                reason: "the answer has no task definition".to_owned(),
            });
        };
        Ok(convert::definition(definition, told.tags))
    }

    /// Container instances of one cluster. Those that were deregistered meanwhile are left out.
    pub(crate) async fn instances(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<Registered>, DiscoveryError> {
        let batches = arns.chunks(BATCH).map(|batch| Ok(batch.to_vec()));
        let described = stream::iter(batches).map_ok(|batch| self.describe(cluster, batch));
        described.try_buffer_unordered(AT_ONCE).try_concat().await
    }

    async fn describe(
        &self,
        cluster: &str,
        arns: Vec<String>,
    ) -> Result<Vec<Registered>, DiscoveryError> {
        let call = self.client.describe_container_instances().cluster(cluster);
        let sent = call.set_container_instances(Some(arns.clone())).send();
        let told = self.clusters.call(Box::pin(sent)).await;
        let told = told.map_err(|error| of_cluster(DESCRIBE_INSTANCES, cluster, &error))?;
        let told_of = told.container_instances.into_iter().flatten();
        let instances: Vec<Registered> = told_of.map(registered).collect();
        let known: Vec<&str> = instances.iter().map(|one| one.arn.as_str()).collect();
        complete(DESCRIBE_INSTANCES, cluster, &arns, &known, told.failures)?;
        Ok(instances)
    }
}

/// Whether a definition cannot be described as it is not there. `ClientException` alone says only that
/// the call was at fault.
fn is_gone(fault: &CallFault) -> bool {
    let detail = fault.detail.to_ascii_lowercase();
    fault.code.as_deref() == Some("ClientException")
        && detail.contains("unable to describe task definition")
}

fn registered(instance: ContainerInstance) -> Registered {
    let of = |name: &str| {
        let found = instance.attributes().iter().find(|one| one.name() == name);
        found.and_then(Attribute::value).map(ToOwned::to_owned)
    };
    Registered {
        vpc: of("ecs.vpc-id"),
        subnet: of("ecs.subnet-id"),
        arn: instance.container_instance_arn.unwrap_or_default(),
        ec2: instance.ec2_instance_id.unwrap_or_default(),
    }
}

/// What is gone since it was listed is no fault. Anything else that is missing in an answer is:
/// half of a mesh must not be taken for the whole.
fn complete(
    action: &'static str,
    cluster: &str,
    asked: &[String],
    told: &[&str],
    failures: Option<Vec<Failure>>,
) -> Result<(), DiscoveryError> {
    let failures = failures.unwrap_or_default();
    let missing = |arn: &str, reason: String| DiscoveryError::Incomplete {
        action,
        on: on_cluster(cluster),
        arn: arn.to_owned(),
        reason,
    };
    let is_gone = |failure: &Failure| matches!(failure.reason(), Some("MISSING" | "INACTIVE"));
    if let Some(failure) = failures.iter().find(|failure| !is_gone(failure)) {
        let reason = failure.reason().unwrap_or("AWS gives no reason");
        let reason = match failure.detail() {
            Some(detail) => format!("{reason} ({detail})"),
            None => reason.to_owned(),
        };
        return Err(missing(failure.arn().unwrap_or("one of them"), reason));
    }
    let gone = failures.iter().filter_map(Failure::arn).map(id);
    let answered: HashSet<&str> = told.iter().map(|arn| id(arn)).chain(gone).collect();
    let is_lost = |arn: &&String| !answered.contains(id(arn));
    match asked.iter().find(is_lost) {
        Some(arn) => Err(missing(arn, "the answer does not mention it".to_owned())),
        None => Ok(()),
    }
}

/// The end of an ARN. Older ARNs have no cluster before it.
pub(super) fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

pub(super) fn on_cluster(cluster: &str) -> String {
    format!("cluster {cluster}")
}

fn of_cluster<E>(
    action: &'static str,
    cluster: &str,
    error: &SdkError<E, Response>,
) -> DiscoveryError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let fault = Call::new(action, on_cluster(cluster)).failed(error);
    match fault.code.as_deref() {
        Some("ClusterNotFoundException") => DiscoveryError::NoCluster(fault),
        _ => DiscoveryError::Call(fault),
    }
}
