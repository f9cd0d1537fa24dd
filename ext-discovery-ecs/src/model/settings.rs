//! Settings of a task, and those that cannot be read.

use crate::resources::{
    ContainerDefinition, ContainerOverride, KeyValues, PREFIX, Task, TaskDefinition,
};
use nightjar_core::workload::{Settings, Source, Warning, Warnings, Workload};

const TASK_TAG: &str = "task tag";
const MODE: &str = "NJ_PROXY_MODE";

/// All settings of a task, in order of precedence.
pub(super) fn all(task: &Task, definition: &TaskDefinition) -> Settings {
    let mut settings = Settings::new();
    add(&mut settings, &Source::new(TASK_TAG), &task.tags);
    let source = Source::new("task-definition tag");
    add(&mut settings, &source, &definition.tags);
    for overridden in in_order(&task.overrides, definition) {
        let container = &overridden.container;
        let name = format!("override environment of container {container}");
        let source = Source::of_container(name, container);
        add(&mut settings, &source, &overridden.variables);
    }
    for declared in &definition.containers {
        let name = format!("environment of container {}", declared.name);
        let source = Source::of_container(name, &declared.name);
        add(&mut settings, &source, &declared.variables);
    }
    settings
}

fn add(settings: &mut Settings, source: &Source, pairs: &KeyValues) {
    settings.add(source, pairs.iter().map(|(name, value)| (name, value)));
}

/// Overrides in the order in which the definition has the containers, without those of others.
fn in_order<'a>(
    overrides: &'a [ContainerOverride],
    definition: &TaskDefinition,
) -> Vec<&'a ContainerOverride> {
    let position = |container: &str| {
        let mut containers = definition.containers.iter();
        containers.position(|declared| declared.name == container)
    };
    let mut ordered: Vec<&ContainerOverride> = overrides.iter().collect();
    ordered.retain(|one| position(&one.container).is_some());
    ordered.sort_by_key(|one| (position(&one.container), &one.container));
    ordered
}

/// Warns of each tag of a task that hides another value of the same tag of its definition: whoever
/// deploys a new definition may wonder why nothing changes.
pub(super) fn warn_of_hidden(
    workload_id: &str,
    task: &Task,
    definition: &TaskDefinition,
    warnings: &mut Warnings,
) {
    let setting = |(name, value): &(String, String)| {
        let value = value.trim();
        (name.starts_with(PREFIX) && !value.is_empty()).then(|| (name.clone(), value.to_owned()))
    };
    for (name, value) in task.tags.iter().filter_map(setting) {
        let mut hidden = definition.tags.iter().filter_map(setting);
        let hidden = hidden.find(|(other, is)| *other == name && *is != value);
        let is_same = |is: &str| name == MODE && is.eq_ignore_ascii_case(&value);
        if let Some((_, hidden)) = hidden.filter(|(_, is)| !is_same(is)) {
            let reason = format!("hides another value of the task-definition tag: {hidden:?}");
            let remedy = "remove one of the tags, or give both the same value";
            warnings.push(Warning {
                setting: Some(name),
                value: Some(value),
                source: Some(TASK_TAG.to_owned()),
                ..Warning::new(workload_id, reason).with_remedy(remedy)
            });
        }
    }
}

/// Whether a task has any setting of Nightjar.
pub(super) fn has_settings(task: &Task, definition: &TaskDefinition) -> bool {
    let mut tags = task.tags.iter().chain(&definition.tags);
    let mut overrides = task.overrides.iter();
    let mut containers = definition.containers.iter();
    tags.any(|(name, _)| name.starts_with(PREFIX))
        || overrides.any(|one| !one.variables.is_empty())
        || containers.any(|one| !(one.variables.is_empty() && one.secrets.is_empty()))
}

/// Warns of settings that are not seen, because ECS hands them to the container alone: secrets by name,
/// and files of variables where something is missing that may be in them. A mode that keeps the task
/// out says that nothing is missing.
pub(super) fn warn_of_unread(
    workload_id: &str,
    settings: &Settings,
    definition: &TaskDefinition,
    workload: Option<&Workload>,
    warnings: &mut Warnings,
) {
    let is_in = |mode: &str| {
        ["SERVICE", "GATEWAY"]
            .iter()
            .any(|one| mode.eq_ignore_ascii_case(one))
    };
    if settings.find(MODE).is_some_and(|found| !is_in(found.value)) {
        return;
    }
    let is_complete = match workload {
        Some(Workload::Service(service)) => !service.routes.is_empty(),
        Some(Workload::Gateway(_)) => true,
        None => false,
    };
    let mut warn = |secret: Option<(&String, &String)>, reason: String| {
        let remedy = "set it in the environment of the task definition or in a tag; to keep a task out of \
                      the mesh, set NJ_PROXY_MODE to NONE";
        warnings.push(Warning {
            setting: secret.map(|(name, _)| name.clone()),
            source: secret.map(|(_, container)| format!("secrets of container {container}")),
            ..Warning::new(workload_id, reason).with_remedy(remedy)
        });
    };
    for container in &definition.containers {
        let ContainerDefinition { name, secrets, .. } = container;
        for secret in secrets {
            let reason = "is ignored because secrets are never read".to_owned();
            warn(Some((secret, name)), reason);
        }
        if container.has_files && !is_complete {
            let reason =
                format!("settings in the environmentFiles of container {name} are not read");
            warn(None, reason);
        }
    }
}
