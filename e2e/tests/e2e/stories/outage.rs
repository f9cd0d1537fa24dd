//! AWS fails, in every way; the mesh goes on with what it knows, and follows again afterwards.

use super::mesh::{Deployed, Mesh, Network, load, nothing_lost, wait_endpoints};
use e2e::{aws::Fault, central::Central, eventually, mesh::Proxy};
use std::time::Duration;

const CLUSTER: &str = "c-shop-blue-3000";

/// A mesh that serves, and all that it consists of.
struct Serving {
    mesh: Mesh,
    definition: String,
    tasks: Vec<Deployed>,
    central: Central,
    gateway: Proxy,
}

impl Serving {
    fn begin() -> Self {
        let mesh = Mesh::begin(Network::Bridge);
        let definition = mesh.register("shop", &[]);
        let tasks = vec![mesh.run(&definition, "shop", "blue")];
        let central = mesh.central();
        let gateway = mesh.gateway().start();
        let serving = Self {
            mesh,
            definition,
            tasks,
            central,
            gateway,
        };
        serving.wait();
        serving
    }

    /// Waits until the gateway has all tasks.
    fn wait(&self) {
        let tasks: Vec<&Deployed> = self.tasks.iter().collect();
        wait_endpoints(&self.gateway, CLUSTER, &tasks);
    }

    /// Runs another task while something is broken; it joins the mesh once that is mended.
    fn survive(&mut self, break_it: impl FnOnce(&Self), is_noticed: impl Fn(&Self) -> bool) {
        self.mesh.aws.wire.forget();
        break_it(self);
        let task = self.mesh.run(&self.definition, "shop", "blue");
        eventually("somebody notices that AWS fails", || {
            is_noticed(self).then_some(())
        });
        self.wait();
        self.tasks.push(task);
        self.mesh.aws.wire.restore();
        self.wait();
    }

    /// The same with a fault of one call, noticed once it has been made so many times.
    fn survive_fault(&mut self, call: &'static str, fault: Fault, times: u64) {
        let name = |serving: &Self| {
            let calls = serving.mesh.aws.wire.calls();
            let start = call.trim_end_matches('*');
            let wanted = calls.iter().filter(|(made, _)| made.starts_with(start));
            wanted.map(|(_, count)| *count).sum::<u64>() >= times
        };
        self.survive(|one| one.mesh.aws.wire.fail(call, fault), name);
    }
}

#[test]
fn ecs_that_fails_takes_nothing_out_of_the_mesh() {
    let mut serving = Serving::begin();
    let loads = load(&[&serving.gateway], "/shop/who");
    serving.survive_fault("ecs:ListTasks", Fault::Throttled, 3);
    serving.survive_fault("ecs:DescribeTasks", Fault::Denied, 1);
    serving.central.wait_logged("ecs:DescribeTasks on");
    serving.survive_fault("ecs:*", Fault::Expired, 1);
    serving.survive_fault("ecs:DescribeTasks", Fault::Half, 2);
    nothing_lost(loads);
}

#[test]
fn s3_that_fails_takes_nothing_out_of_the_mesh() {
    let mut serving = Serving::begin();
    let loads = load(&[&serving.gateway], "/shop/who");
    serving.survive_fault("s3:PutObject", Fault::Denied, 1);
    serving.central.wait_logged("s3:PutObject on");
    serving.survive_fault("s3:GetObject", Fault::Throttled, 3);
    serving.survive_fault("s3:*", Fault::Broken, 3);
    nothing_lost(loads);
}

#[test]
fn nobody_who_cannot_reach_aws_stops_serving() {
    let mut serving = Serving::begin();
    let loads = load(&[&serving.gateway], "/shop/who");
    let refused = |serving: &Serving| {
        let log = serving.gateway.log() + &serving.central.log();
        log.contains("Connection refused")
    };
    serving.survive(|one| one.mesh.aws.wire.refuse(), refused);
    serving.survive_fault("*", Fault::Stall(Duration::from_mins(1)), 2);
    nothing_lost(loads);
}
