//! Which tasks are in the mesh, and what they declare.

use super::{
    published::{PortAddress, PublishedPorts, published},
    settings,
};
use crate::resources::{Container, ContainerDefinition, Health, LaunchType, Task, TaskDefinition};
use nightjar_core::workload::{Defaults, Service, Warning, Warnings, Workload};
use std::collections::{BTreeMap, BTreeSet};

const STOPPED: &str = "STOPPED";

/// Which tasks may be in the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// A tag that a task has to have, and its value unless any will do.
    pub(crate) required_tag: Option<(String, Option<String>)>,
    pub(crate) include_unhealthy: bool,
}

/// A task in the mesh.
#[derive(Debug)]
pub(crate) struct MeshTask<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) task: &'a Task,
    /// Its name in warnings: its ARN, with the family and revision of its definition.
    pub(crate) workload_id: String,
    pub(crate) workload: Workload,
    /// Greater for a newer task definition.
    pub(crate) revision: u64,
    pub(crate) published: Vec<PublishedPorts>,
    pub(crate) state: TaskState,
    /// The containers that take no requests.
    pub(crate) down: BTreeSet<&'a str>,
}

/// Whether a task takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    /// It takes requests.
    Ready,
    /// It runs and takes no requests. Its routes stay in the map as long as no other task of its
    /// service-color provides them.
    Unavailable,
    /// It runs, and its health check has no result yet: it may not listen yet, or ECS may just not
    /// know. It takes requests if no other task of its service does.
    HealthUnknown,
    /// It does not run yet.
    Starting,
}

impl Rules {
    /// Whether a task's own state and tags let it into the mesh, whatever it declares.
    ///
    /// A task that starts takes no requests, but its proxy has to learn of its service-color to get
    /// ready. ECS calls a task RUNNING when its last container has started, and an app may wait
    /// for its proxy to be healthy: the first task of a service-color would never run.
    pub(crate) fn admit(&self, task: &Task) -> bool {
        let is_tagged = self.required_tag.as_ref().is_none_or(|(name, value)| {
            let mut tags = task.tags.iter();
            tags.any(|(tag, is)| tag == name && value.as_ref().is_none_or(|value| value == is))
        });
        is_tagged && task.is_meant_to_run()
    }

    fn is_down(&self, container: &Container) -> bool {
        let is_unhealthy = container.health == Health::Unhealthy && !self.include_unhealthy;
        is_unhealthy || container.last_status == STOPPED
    }

    /// Whether a container has a health check without a result yet.
    fn is_health_unknown(&self, container: &Container, definition: &TaskDefinition) -> bool {
        let is_checked = |declared: &ContainerDefinition| declared.is_checked;
        container.health == Health::Unknown
            && !self.include_unhealthy
            && definition
                .container(&container.name)
                .is_some_and(is_checked)
    }
}

impl MeshTask<'_> {
    /// Namespace, service and color of a service; the namespace of a gateway.
    pub(crate) fn identity(&self) -> [&str; 3] {
        match &self.workload {
            Workload::Service(Service {
                namespace,
                service,
                color,
                ..
            }) => [namespace, service, color],
            Workload::Gateway(gateway) => [&gateway.namespace, "", ""],
        }
    }

    /// Namespace and service, of whatever color; the namespace of a gateway.
    pub(crate) fn service(&self) -> [&str; 2] {
        let [namespace, service, _] = self.identity();
        [namespace, service]
    }

    /// Whether the address of its instance is needed.
    pub(crate) fn needs_instance(&self) -> bool {
        let has_instances = match &self.workload {
            Workload::Service(service) => !service.routes.is_empty(),
            Workload::Gateway(_) => true,
        };
        let is_on_host = |port: &PublishedPorts| matches!(port.at, PortAddress::Host(_));
        has_instances
            && matches!(self.state, TaskState::Ready | TaskState::HealthUnknown)
            && self.task.launch_type == LaunchType::Ec2
            && self.published.iter().any(is_on_host)
    }
}

/// The tasks that are in the mesh, of those that the rules [admit](Rules::admit).
pub(crate) fn mesh_tasks<'a>(
    tasks: impl IntoIterator<Item = (&'a str, &'a Task)>,
    definitions: &'a BTreeMap<String, TaskDefinition>,
    rules: &Rules,
    warnings: &mut Warnings,
) -> Vec<MeshTask<'a>> {
    let mut seen = BTreeSet::new();
    let mut mesh_tasks = Vec::new();
    for (cluster, task) in tasks {
        // A cluster may be named twice, by its name and by its ARN.
        let is_new = seen.insert(&task.arn);
        let definition = definitions.get(&task.definition);
        if let Some(definition) = definition.filter(|_| is_new) {
            mesh_tasks.extend(mesh_task(cluster, task, definition, rules, warnings));
        }
    }
    mesh_tasks
}

fn mesh_task<'a>(
    cluster: &'a str,
    task: &'a Task,
    definition: &'a TaskDefinition,
    rules: &Rules,
    warnings: &mut Warnings,
) -> Option<MeshTask<'a>> {
    let workload_id = workload_id(task, definition);
    let settings = settings::all(task, definition);
    let workload = Workload::read(&settings, &Defaults::default(), &workload_id, warnings);
    // Most tasks of a cluster may have nothing to do with the mesh.
    if rules.required_tag.is_some() || settings::has_settings(task, definition) {
        settings::warn_of_unread(
            &workload_id,
            &settings,
            definition,
            workload.as_ref(),
            warnings,
        );
    }
    let workload = workload?;
    settings::warn_of_hidden(&workload_id, task, definition, warnings);
    let state = if task.is_starting() {
        TaskState::Starting
    } else if let Some(warning) = unavailable(&workload_id, task, definition, rules) {
        warnings.push(warning);
        TaskState::Unavailable
    } else if essential(task, definition).any(|one| rules.is_health_unknown(one, definition)) {
        TaskState::HealthUnknown
    } else {
        TaskState::Ready
    };
    let containers = task.containers.iter();
    let down = containers.filter(|container| rules.is_down(container));
    Some(MeshTask {
        cluster,
        task,
        workload_id,
        workload,
        revision: revision(definition),
        published: published(task, definition),
        state,
        down: down.map(|container| container.name.as_str()).collect(),
    })
}

fn workload_id(task: &Task, definition: &TaskDefinition) -> String {
    let TaskDefinition {
        arn,
        family,
        revision,
        ..
    } = definition;
    match family.as_str() {
        "" => format!("{} ({})", task.arn, arn.rsplit('/').next().unwrap_or(arn)),
        family => format!("{} ({family}:{revision})", task.arn),
    }
}

/// The containers without which a task ends, as its definition says. Those that it does not declare
/// were added by a platform, such as an agent that watches the task, and never decide about it.
fn essential<'a>(
    task: &'a Task,
    definition: &TaskDefinition,
) -> impl Iterator<Item = &'a Container> {
    let containers = task.containers.iter();
    containers.filter(|one| {
        definition
            .container(&one.name)
            .is_some_and(|declared| declared.essential)
    })
}

/// Why a running task gets no requests, if it is unhealthy or an essential container has stopped.
fn unavailable(
    workload_id: &str,
    task: &Task,
    definition: &TaskDefinition,
    rules: &Rules,
) -> Option<Warning> {
    let of_essential = |is: fn(&Container) -> bool| {
        let found = essential(task, definition).find(|one| is(one));
        found.map(|container| format!("its essential container {}", container.name))
    };
    let excluded = |reason: String, remedy: &str| {
        let reason = format!("{reason}; the task is left out");
        Some(Warning::new(workload_id, reason).with_remedy(remedy))
    };
    if let Some(container) = of_essential(|one| one.last_status == STOPPED) {
        let remedy = "check the container's exit code and log";
        return excluded(format!("{container} has stopped"), remedy);
    }
    let is_unhealthy = |one: &Container| one.health == Health::Unhealthy;
    let unhealthy = of_essential(is_unhealthy).or_else(|| {
        let mut containers = task.containers.iter();
        // The task's status may be that of a container that does not matter.
        let is_added =
            containers.any(|one| is_unhealthy(one) && definition.container(&one.name).is_none());
        (task.health == Health::Unhealthy && !is_added).then(|| "it".to_owned())
    });
    let unhealthy = unhealthy.filter(|_| !rules.include_unhealthy)?;
    let remedy = "check why the container's health check fails; NJ_DMECS_INCLUDE_UNHEALTHY=true keeps \
                  unhealthy tasks in the mesh";
    excluded(format!("{unhealthy} is UNHEALTHY"), remedy)
}

/// A number that is greater for a newer definition: the time of its registration, which goes up with
/// the revision in a family and compares families, then the revision.
fn revision(definition: &TaskDefinition) -> u64 {
    const REVISION_BITS: u32 = 20;
    let time = u64::try_from(definition.registered).unwrap_or_default();
    let number = u64::try_from(definition.revision).unwrap_or_default();
    (time << REVISION_BITS) | number.min((1 << REVISION_BITS) - 1)
}
