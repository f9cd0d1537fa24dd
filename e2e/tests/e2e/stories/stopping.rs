//! How a task leaves the mesh, what is promised of it, and what is not.
//!
//! ECS does two things at once when it stops a task: it says so (`desiredStatus` is STOPPED) and
//! sends SIGTERM to the containers; after the container's `stopTimeout`, 30 s by default, comes
//! SIGKILL. Discovery leaves the task out from then on, so the last proxy has moved after at most
//!
//! * one `REFRESH_TIME` of central, and the time of one discovery and one commit,
//! * one `REFRESH_TIME` of the proxy, and the time of one rollout.
//!
//! An app that takes requests for that long after SIGTERM loses none. With the default of 30 s for
//! both that is more than the default `stopTimeout`: set `stopTimeout` to 90 or more (120 is the
//! most that ECS allows), or `REFRESH_TIME` to 10 or less.
//!
//! A task that crashes says nothing beforehand, and an app that closes its port on SIGTERM says it
//! too late. Until the mesh has moved, requests still go there: those that cannot be connected are
//! tried again elsewhere as the templates come; those that were under way, or met a connection just
//! being closed, are lost unless the route allows to send them twice (`retry-on` with `reset`).
//! Without that, 16 tasks that closed their port at once cost 5 of 63,567 requests.

use super::mesh::{Mesh, Network, load, nothing_lost, wait_endpoints};
use rustix::process::Signal;
use std::{
    thread,
    time::{Duration, Instant},
};

/// For how long an app serves on after SIGTERM: a third of the default `stopTimeout`.
const SERVES_ON: Duration = Duration::from_secs(10);
const CLUSTER: &str = "c-shop-blue-3000";

#[test]
fn an_app_that_serves_on_for_a_while_after_sigterm_loses_no_request() {
    let mesh = Mesh::begin(Network::Bridge);
    let definition = mesh.register("shop", &[]);
    let (old, new) = (
        mesh.run(&definition, "shop", "blue"),
        mesh.run(&definition, "shop", "blue"),
    );
    let _central = mesh.central();
    let gateway = mesh.gateway().start();
    wait_endpoints(&gateway, CLUSTER, &[&old, &new]);
    let loads = load(&[&gateway], "/shop/who");

    // It ends then, whatever the mesh knows.
    let mut moved = Duration::ZERO;
    old.retire(|_| {
        let began = Instant::now();
        wait_endpoints(&gateway, CLUSTER, &[&new]);
        moved = began.elapsed();
        thread::sleep(SERVES_ON.saturating_sub(moved));
    });
    assert!(moved < SERVES_ON, "the mesh took {moved:?} to move");
    nothing_lost(loads);
}

#[test]
fn a_task_that_goes_all_at_once_costs_nothing_where_requests_may_be_sent_twice() {
    let mesh = Mesh::begin(Network::Bridge);
    let twice = "connect-failure,refused-stream,reset";
    let definition = mesh.register("shop", &[("NJ_ROUTE_PROP_1_RETRY_ON", twice)]);
    let stays = mesh.run(&definition, "shop", "blue");
    let _central = mesh.central();
    let gateway = mesh.gateway().start();
    wait_endpoints(&gateway, CLUSTER, &[&stays]);
    let loads = load(&[&gateway], "/shop/who");
    let run = || {
        let task = mesh.run(&definition, "shop", "blue");
        wait_endpoints(&gateway, CLUSTER, &[&stays, &task]);
        task
    };

    // It closes its port as soon as ECS sends SIGTERM.
    run().retire(|_| ());
    wait_endpoints(&gateway, CLUSTER, &[&stays]);

    // It crashes, and ECS notices it some time later.
    let crashing = run();
    crashing.app.process.signal(Signal::KILL);
    thread::sleep(Duration::from_secs(1));
    crashing.task.stopped();
    wait_endpoints(&gateway, CLUSTER, &[&stays]);
    nothing_lost(loads);
}
