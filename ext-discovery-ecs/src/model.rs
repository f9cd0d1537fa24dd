//! From tasks as AWS describes them to the discovery map. Nothing here asks anybody anything.
//!
//! ```text
//! member    which tasks are in the mesh, and what they declare
//! settings  what is said of a task, and where it is not seen
//! publish   the ports of a task, and where each is reached
//! choose    which of them a route or a gateway means
//! place     a member with its addresses -> instances and groups of routes
//! ```
//!
//! It goes in two steps, because only the first one tells whose addresses are needed:
//! [`members`], then [`map`].

mod choose;
mod member;
mod place;
mod publish;
mod settings;

use member::Stage;
pub(crate) use member::{Member, Rules, members};

use crate::described::Instance;
use nightjar_core::{
    document::discovery_map::DiscoveryMap,
    workload::{Mesh, Warnings},
};
use std::collections::{BTreeMap, BTreeSet};

/// The container instances whose addresses the members need, by cluster.
pub(crate) fn needed<'a>(members: &[Member<'a>]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut needed = BTreeMap::<&str, BTreeSet<&str>>::new();
    for member in members.iter().filter(|member| member.needs_instance()) {
        if let Some(arn) = &member.task.container_instance {
            needed.entry(member.cluster).or_default().insert(arn);
        }
    }
    needed
}

/// The discovery map that the members make. Their order does not matter.
///
/// A service-color of which no task can take requests keeps its routes, without instances: its paths
/// must not fall to a wider route of somebody else. One whose first task is still starting has
/// neither, as nobody is to be sent there yet. A gateway that takes no requests still makes its
/// namespace known, without which its proxy never gets ready.
pub(crate) fn map(
    members: &[Member<'_>],
    instances: &BTreeMap<String, Instance>,
) -> (DiscoveryMap, Warnings) {
    let of = |stage| members.iter().filter(move |member| member.stage == stage);
    let mut placed = Placed::default();
    for member in of(Stage::Fit) {
        placed.add(member, instances);
    }
    let well = placed.services.clone();
    for member in of(Stage::Untold) {
        if well.contains(&member.service()) {
            placed.starting.push(member);
        } else {
            placed.add(member, instances);
        }
    }
    placed.unfit.extend(of(Stage::Unfit));
    placed.starting.extend(of(Stage::Starting));
    placed.finish()
}

/// The members that are in the mesh so far, and those that still wait for what others are.
#[derive(Default)]
struct Placed<'a> {
    mesh: Mesh,
    warnings: Warnings,
    services: BTreeSet<[&'a str; 2]>,
    present: BTreeSet<[&'a str; 3]>,
    unfit: Vec<&'a Member<'a>>,
    starting: Vec<&'a Member<'a>>,
}

impl<'a> Placed<'a> {
    /// Adds a member that takes requests, if it can be reached.
    fn add(&mut self, member: &'a Member<'a>, instances: &BTreeMap<String, Instance>) {
        let container_instance = member.task.container_instance.as_ref();
        let instance = container_instance.and_then(|arn| instances.get(arn));
        let Err(left_out) = place::add(member, instance, &mut self.mesh, &mut self.warnings) else {
            self.services.insert(member.service());
            self.present.insert(member.identity());
            return;
        };
        self.warnings.push(*left_out.warning);
        if left_out.stage == Stage::Starting {
            self.starting.push(member);
        } else {
            self.unfit.push(member);
        }
    }

    /// Adds what the others stand for, where nobody who takes requests does.
    fn finish(mut self) -> (DiscoveryMap, Warnings) {
        let (present, mesh) = (&mut self.present, &mut self.mesh);
        self.unfit.retain(|one| !present.contains(&one.identity()));
        for member in self.unfit {
            place::add_routes(member, mesh, &mut self.warnings);
            present.insert(member.identity());
        }
        for member in self.starting {
            if !present.contains(&member.identity()) {
                place::announce(member, mesh);
            }
        }
        let (map, of_mesh) = self.mesh.finish();
        self.warnings.append(of_mesh);
        (map, self.warnings)
    }
}

#[cfg(test)]
mod tests;
