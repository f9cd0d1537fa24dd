//! Which tasks are in the mesh, and what they declare.

use super::{
    publish::{At, Published, published},
    settings,
};
use crate::described::{Container, Declared, Definition, Health, Network, Place, Task};
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
pub(crate) struct Member<'a> {
    pub(crate) cluster: &'a str,
    pub(crate) task: &'a Task,
    /// What warnings call it: its ARN, with the family and revision of its definition.
    pub(crate) who: String,
    pub(crate) workload: Workload,
    /// Greater for a newer task definition.
    pub(crate) revision: u64,
    pub(crate) published: Vec<Published>,
    pub(crate) stage: Stage,
    /// The containers that take no requests.
    pub(crate) down: BTreeSet<&'a str>,
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It takes requests.
    Fit,
    /// It runs and takes no requests. It still stands for its routes, while nobody else of its
    /// service-color does.
    Unfit,
    /// It runs, and a health check has told nothing yet: it may not listen yet, or ECS may just not
    /// know. It takes requests if no other task of its service does.
    Untold,
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

    /// Whether a container has a health check that has told nothing yet.
    fn is_untold(&self, container: &Container, definition: &Definition) -> bool {
        let is_checked = |declared: &Declared| declared.is_checked;
        container.health == Health::Unknown
            && !self.include_unhealthy
            && declared(container, definition).is_some_and(is_checked)
    }
}

impl Member<'_> {
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
        let is_on_host = |port: &Published| matches!(port.at, At::Host(_));
        has_instances
            && matches!(self.stage, Stage::Fit | Stage::Untold)
            && self.task.place == Place::Ec2
            && self.published.iter().any(is_on_host)
    }
}

/// The tasks that are in the mesh, of those that the rules [admit](Rules::admit).
pub(crate) fn members<'a>(
    tasks: impl IntoIterator<Item = (&'a str, &'a Task)>,
    definitions: &'a BTreeMap<String, Definition>,
    rules: &Rules,
    warnings: &mut Warnings,
) -> Vec<Member<'a>> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for (cluster, task) in tasks {
        // A cluster may be named twice, by its name and by its ARN.
        let is_new = seen.insert(&task.arn);
        let definition = definitions.get(&task.definition);
        if let Some(definition) = definition.filter(|_| is_new) {
            members.extend(member(cluster, task, definition, rules, warnings));
        }
    }
    members
}

fn member<'a>(
    cluster: &'a str,
    task: &'a Task,
    definition: &'a Definition,
    rules: &Rules,
    warnings: &mut Warnings,
) -> Option<Member<'a>> {
    let who = who(task, definition);
    let settings = settings::all(task, definition);
    let workload = Workload::read(&settings, &Defaults::default(), &who, warnings);
    // Most tasks of a cluster may have nothing to do with the mesh.
    if rules.required_tag.is_some() || settings::is_meant(task, definition) {
        settings::warn_of_unseen(&who, &settings, definition, workload.as_ref(), warnings);
    }
    let workload = workload?;
    settings::warn_of_hidden(&who, task, definition, warnings);
    let stage = if task.is_starting() {
        Stage::Starting
    } else if let Some(warning) = unfit(&who, task, definition, rules) {
        warnings.push(warning);
        Stage::Unfit
    } else if essential(task, definition).any(|one| rules.is_untold(one, definition)) {
        Stage::Untold
    } else {
        Stage::Fit
    };
    let containers = task.containers.iter();
    let down = containers.filter(|container| rules.is_down(container));
    Some(Member {
        cluster,
        task,
        who,
        workload,
        revision: revision(definition),
        published: published(task, definition),
        stage,
        down: down.map(|container| container.name.as_str()).collect(),
    })
}

fn who(task: &Task, definition: &Definition) -> String {
    let Definition {
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
fn essential<'a>(task: &'a Task, definition: &Definition) -> impl Iterator<Item = &'a Container> {
    let containers = task.containers.iter();
    containers.filter(|one| declared(one, definition).is_some_and(|declared| declared.essential))
}

/// What its definition says of a container.
pub(super) fn declared<'a>(
    container: &Container,
    definition: &'a Definition,
) -> Option<&'a Declared> {
    let mut declared = definition.containers.iter();
    declared.find(|declared| declared.name == container.name)
}

/// Why a running task gets no requests, if it is not well.
fn unfit(who: &str, task: &Task, definition: &Definition, rules: &Rules) -> Option<Warning> {
    let of_essential = |is: fn(&Container) -> bool| {
        let found = essential(task, definition).find(|one| is(one));
        found.map(|container| format!("its essential container {}", container.name))
    };
    let left_out = |reason: String, remedy: &str| {
        let reason = format!("{reason}; the task is left out");
        Some(Warning::new(who, reason).with_remedy(remedy))
    };
    if let Some(container) = of_essential(|one| one.last_status == STOPPED) {
        let remedy = "see the container's exit code and log";
        return left_out(format!("{container} has stopped"), remedy);
    }
    let is_unhealthy = |one: &Container| one.health == Health::Unhealthy;
    let ill = of_essential(is_unhealthy).or_else(|| {
        let mut containers = task.containers.iter();
        // ECS may say of the task what it says of a container that has no say.
        let is_added =
            containers.any(|one| is_unhealthy(one) && declared(one, definition).is_none());
        (task.health == Health::Unhealthy && !is_added).then(|| "it".to_owned())
    });
    let ill = ill.filter(|_| !rules.include_unhealthy)?;
    let remedy = "see why the container's health check fails; NJ_DMECS_INCLUDE_UNHEALTHY=true lets \
                  unhealthy tasks in";
    left_out(format!("{ill} is UNHEALTHY"), remedy)
}

/// A number that is greater for a newer definition: the time of its registration, which goes up with
/// the revision in a family and compares families, then the revision.
fn revision(definition: &Definition) -> u64 {
    const REVISION_BITS: u32 = 20;
    let time = u64::try_from(definition.registered).unwrap_or_default();
    let number = u64::try_from(definition.revision).unwrap_or_default();
    (time << REVISION_BITS) | number.min((1 << REVISION_BITS) - 1)
}

/// Whether a task of this definition has a network interface of its own.
pub(super) fn has_interface(task: &Task, definition: &Definition) -> bool {
    definition.network == Network::Awsvpc || task.place == Place::Fargate
}
