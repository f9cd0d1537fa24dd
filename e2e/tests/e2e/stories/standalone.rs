//! Without central: every proxy asks ECS itself.

use super::mesh::{Mesh, Network, load, nothing_lost, wait_endpoints, wait_failing};
use e2e::{aws::Fault, maps::map, mesh::Plan};

#[test]
fn a_gateway_follows_ecs_itself_while_tasks_come_and_go() {
    let mesh = Mesh::begin(Network::Bridge);
    let definition = mesh.register("shop", &[]);
    let first = mesh.run(&definition, "shop", "blue");
    let gateway = mesh.alone(Plan::gateway("n1", &map(&[]))).start();
    gateway.wait_for_answer("/shop/who", "shop-blue");
    let cluster = "c-shop-blue-3000";
    let load = load(&[&gateway], "/shop/who");

    // Scale out; both tasks run on one instance, each on a port of its own.
    let second = mesh.run(&definition, "shop", "blue");
    wait_endpoints(&gateway, cluster, &[&first, &second]);

    // A failing health check takes a task out, a passing one takes it in again.
    second.task.set_health("app", "UNHEALTHY");
    wait_endpoints(&gateway, cluster, &[&first]);
    second.task.set_health("app", "HEALTHY");
    wait_endpoints(&gateway, cluster, &[&first, &second]);

    // Scale in.
    first.retire(|_| wait_endpoints(&gateway, cluster, &[&second]));

    // Nobody may ask ECS any more: what was known stays in force.
    mesh.aws.wire.fail("ecs:*", Fault::Denied);
    wait_failing(gateway.status_port, true);
    assert_eq!(gateway.get("/shop/who").by(), "shop-blue");
    mesh.aws.wire.restore();
    wait_failing(gateway.status_port, false);
    let third = mesh.run(&definition, "shop", "blue");
    wait_endpoints(&gateway, cluster, &[&second, &third]);

    nothing_lost(load);
}
