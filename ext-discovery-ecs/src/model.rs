//! Model of the mesh: from tasks as AWS describes them to the discovery map, without I/O.
//!
//! ```text
//! mesh_task    which tasks are in the mesh, and what they declare
//! settings     the settings of a task, and those that cannot be read
//! published    the ports that a task publishes, and the address of each
//! port_choice  which of them a route or a gateway uses
//! endpoints    a task with its addresses -> instances and groups of routes
//! ```
//!
//! There are two steps, because only the first one shows whose addresses are needed:
//! [`mesh_tasks`], then [`map`].

mod endpoints;
mod mesh_task;
mod port_choice;
mod published;
mod settings;

use mesh_task::TaskState;
pub(crate) use mesh_task::{MeshTask, Rules, mesh_tasks};

use crate::resources::ContainerInstance;
use nightjar_core::{
    document::discovery_map::DiscoveryMap,
    workload::{Mesh, Warnings},
};
use std::collections::{BTreeMap, BTreeSet};

/// The container instances whose addresses the tasks need, by cluster.
pub(crate) fn needed_instances<'a>(
    mesh_tasks: &[MeshTask<'a>],
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut needed = BTreeMap::<&str, BTreeSet<&str>>::new();
    for mesh_task in mesh_tasks
        .iter()
        .filter(|mesh_task| mesh_task.needs_instance())
    {
        if let Some(arn) = &mesh_task.task.container_instance {
            needed.entry(mesh_task.cluster).or_default().insert(arn);
        }
    }
    needed
}

/// The discovery map that the tasks make. Their order does not matter.
///
/// A service-color of which no task can take requests keeps its routes, without instances: its paths
/// must not fall to a wider route of somebody else. One whose first task is still starting has
/// neither, as nobody is to be sent there yet. A gateway that takes no requests still makes its
/// namespace known, without which its proxy never gets ready.
pub(crate) fn map(
    mesh_tasks: &[MeshTask<'_>],
    instances: &BTreeMap<String, ContainerInstance>,
) -> (DiscoveryMap, Warnings) {
    let of = |state| {
        mesh_tasks
            .iter()
            .filter(move |mesh_task| mesh_task.state == state)
    };
    let mut builder = MapBuilder::default();
    for mesh_task in of(TaskState::Ready) {
        builder.add(mesh_task, instances);
    }
    let available = builder.services.clone();
    for mesh_task in of(TaskState::HealthUnknown) {
        if available.contains(&mesh_task.service()) {
            builder.starting.push(mesh_task);
        } else {
            builder.add(mesh_task, instances);
        }
    }
    builder.unavailable.extend(of(TaskState::Unavailable));
    builder.starting.extend(of(TaskState::Starting));
    builder.finish()
}

/// A map under construction: the tasks in it so far, and those that depend on the others.
#[derive(Default)]
struct MapBuilder<'a> {
    mesh: Mesh,
    warnings: Warnings,
    services: BTreeSet<[&'a str; 2]>,
    present: BTreeSet<[&'a str; 3]>,
    unavailable: Vec<&'a MeshTask<'a>>,
    starting: Vec<&'a MeshTask<'a>>,
}

impl<'a> MapBuilder<'a> {
    /// Adds a task that takes requests, if it can be reached.
    fn add(
        &mut self,
        mesh_task: &'a MeshTask<'a>,
        instances: &BTreeMap<String, ContainerInstance>,
    ) {
        let container_instance = mesh_task.task.container_instance.as_ref();
        let instance = container_instance.and_then(|arn| instances.get(arn));
        let Err(excluded) = endpoints::add(mesh_task, instance, &mut self.mesh, &mut self.warnings)
        else {
            self.services.insert(mesh_task.service());
            self.present.insert(mesh_task.identity());
            return;
        };
        self.warnings.push(*excluded.warning);
        if excluded.state == TaskState::Starting {
            self.starting.push(mesh_task);
        } else {
            self.unavailable.push(mesh_task);
        }
    }

    /// Adds the routes of the other tasks, where no task that takes requests has them.
    fn finish(mut self) -> (DiscoveryMap, Warnings) {
        let (present, mesh) = (&mut self.present, &mut self.mesh);
        self.unavailable
            .retain(|one| !present.contains(&one.identity()));
        for mesh_task in self.unavailable {
            endpoints::add_routes(mesh_task, mesh, &mut self.warnings);
            present.insert(mesh_task.identity());
        }
        for mesh_task in self.starting {
            if !present.contains(&mesh_task.identity()) {
                endpoints::add_without_routes(mesh_task, mesh);
            }
        }
        let (map, of_mesh) = self.mesh.finish();
        self.warnings.append(of_mesh);
        (map, self.warnings)
    }
}

#[cfg(test)]
mod tests;
