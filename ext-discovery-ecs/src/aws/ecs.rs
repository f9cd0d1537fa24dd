//! The calls to ECS.

use super::{convert, rate_limit};
use crate::{
    error::DiscoveryError,
    resources::{Task, TaskDefinition},
};
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Attribute, ContainerInstance, DesiredStatus, Failure, TaskDefinitionField, TaskField},
};
use aws_smithy_runtime_api::http::Response;
use aws_types::SdkConfig;
use futures_util::{TryStreamExt, stream};
use nightjar_aws::{Call, CallError};
use rate_limit::{MAX_CONCURRENT_CALLS, RateLimiter};
use std::collections::{BTreeSet, HashSet};

pub(super) const LIST_TASKS: &str = "ecs:ListTasks";
pub(super) const DESCRIBE_TASKS: &str = "ecs:DescribeTasks";
const DESCRIBE_DEFINITION: &str = "ecs:DescribeTaskDefinition";
const DESCRIBE_INSTANCES: &str = "ecs:DescribeContainerInstances";

/// How many things one call can ask for.
const BATCH: usize = 100;
const PAGE: i32 = 100;

/// ECS, called no faster than it allows.
pub(crate) struct EcsClient {
    client: Client,
    cluster_calls: RateLimiter,
    definition_calls: RateLimiter,
}

/// A container instance, as ECS knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RegisteredInstance {
    pub(crate) arn: String,
    /// The EC2 instance.
    pub(crate) ec2_id: String,
    /// The network that its agent found it in.
    pub(crate) vpc: Option<String>,
    pub(crate) subnet: Option<String>,
}

impl EcsClient {
    /// No call is made yet.
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
            cluster_calls: RateLimiter::new(),
            definition_calls: RateLimiter::new(),
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
        Box::pin(
            described
                .try_buffer_unordered(MAX_CONCURRENT_CALLS)
                .try_concat(),
        )
        .await
    }

    async fn list_tasks(
        &self,
        cluster: &str,
        token: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), DiscoveryError> {
        let call = self.client.list_tasks().cluster(cluster).max_results(PAGE);
        let call = call.desired_status(DesiredStatus::Running);
        let sent = call.set_next_token(token).send();
        let page = self.cluster_calls.call(Box::pin(sent)).await;
        let page = page.map_err(|error| cluster_error(LIST_TASKS, cluster, &error))?;
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
        let response = self.cluster_calls.call(Box::pin(sent)).await;
        let response = response.map_err(|error| cluster_error(DESCRIBE_TASKS, cluster, &error))?;
        let tasks: Vec<Task> = response
            .tasks
            .into_iter()
            .flatten()
            .map(convert::task)
            .collect();
        let known: Vec<&str> = tasks.iter().map(|task| task.arn.as_str()).collect();
        check_complete(DESCRIBE_TASKS, cluster, &arns, &known, response.failures)?;
        Ok(tasks)
    }

    /// A task definition with its tags; [`DiscoveryError::NoTaskDefinition`] if it is gone.
    pub(crate) async fn definition(&self, arn: &str) -> Result<TaskDefinition, DiscoveryError> {
        let call = self.client.describe_task_definition().task_definition(arn);
        let sent = call.include(TaskDefinitionField::Tags).send();
        let response = self.definition_calls.call(Box::pin(sent)).await;
        let response = response.map_err(|error| {
            let error = Call::new(DESCRIBE_DEFINITION, arn).error(&error);
            if is_gone(&error) {
                DiscoveryError::NoTaskDefinition(error)
            } else {
                DiscoveryError::Call(error)
            }
        })?;
        let Some(definition) = response.task_definition else {
            return Err(DiscoveryError::Incomplete {
                action: DESCRIBE_DEFINITION,
                on: arn.to_owned(),
                arn: arn.to_owned(),
                reason: "the answer has no task definition".to_owned(),
            });
        };
        Ok(convert::definition(definition, response.tags))
    }

    /// Container instances of one cluster. Those that were deregistered meanwhile are left out.
    pub(crate) async fn instances(
        &self,
        cluster: &str,
        arns: &[String],
    ) -> Result<Vec<RegisteredInstance>, DiscoveryError> {
        let batches = arns.chunks(BATCH).map(|batch| Ok(batch.to_vec()));
        let described = stream::iter(batches).map_ok(|batch| self.describe(cluster, batch));
        described
            .try_buffer_unordered(MAX_CONCURRENT_CALLS)
            .try_concat()
            .await
    }

    async fn describe(
        &self,
        cluster: &str,
        arns: Vec<String>,
    ) -> Result<Vec<RegisteredInstance>, DiscoveryError> {
        let call = self.client.describe_container_instances().cluster(cluster);
        let sent = call.set_container_instances(Some(arns.clone())).send();
        let response = self.cluster_calls.call(Box::pin(sent)).await;
        let response =
            response.map_err(|error| cluster_error(DESCRIBE_INSTANCES, cluster, &error))?;
        let described = response.container_instances.into_iter().flatten();
        let instances: Vec<RegisteredInstance> = described.map(registered).collect();
        let known: Vec<&str> = instances.iter().map(|one| one.arn.as_str()).collect();
        check_complete(
            DESCRIBE_INSTANCES,
            cluster,
            &arns,
            &known,
            response.failures,
        )?;
        Ok(instances)
    }
}

/// Whether a definition cannot be described as it is not there. `ClientException` alone says only that
/// the call was at error.
fn is_gone(error: &CallError) -> bool {
    let detail = error.detail.to_ascii_lowercase();
    error.code.as_deref() == Some("ClientException")
        && detail.contains("unable to describe task definition")
}

fn registered(instance: ContainerInstance) -> RegisteredInstance {
    let of = |name: &str| {
        let found = instance.attributes().iter().find(|one| one.name() == name);
        found.and_then(Attribute::value).map(ToOwned::to_owned)
    };
    RegisteredInstance {
        vpc: of("ecs.vpc-id"),
        subnet: of("ecs.subnet-id"),
        arn: instance.container_instance_arn.unwrap_or_default(),
        ec2_id: instance.ec2_instance_id.unwrap_or_default(),
    }
}

/// What is gone since it was listed is no error. Anything else that is missing in an answer is:
/// half of a mesh must not be taken for the whole.
fn check_complete(
    action: &'static str,
    cluster: &str,
    asked: &[String],
    response: &[&str],
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
    let answered: HashSet<&str> = response.iter().map(|arn| id(arn)).chain(gone).collect();
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

fn cluster_error<E>(
    action: &'static str,
    cluster: &str,
    error: &SdkError<E, Response>,
) -> DiscoveryError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let error = Call::new(action, on_cluster(cluster)).error(error);
    match error.code.as_deref() {
        Some("ClusterNotFoundException") => DiscoveryError::NoCluster(error),
        _ => DiscoveryError::Call(error),
    }
}
