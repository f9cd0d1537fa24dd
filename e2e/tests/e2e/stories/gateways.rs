//! Gateways are tasks like any other, and other namespaces may go through them.

use super::mesh::{Mesh, Network, load_at, nothing_lost, wait_addresses};
use e2e::{eventually, http, ports};
use std::net::{Ipv4Addr, SocketAddr};

const CLUSTER: &str = "remote-n1-gateway";

/// ECS stops the old gateway as it stops everything: it says so and sends SIGTERM, both at once.
/// Nightjar takes requests until nobody sends any more, which is once the mesh has moved.
#[test]
fn a_gateway_is_replaced_while_another_namespace_calls_through_it() {
    let mesh = Mesh::begin(Network::Bridge);
    let shop = mesh.register("shop", &[]);
    let _shop = mesh.run(&shop, "shop", "blue");
    let client = mesh.register("client", &[]);
    let egress = ports::free();
    let to_n1 = format!("n1:{egress}");
    let tags = [
        ("NJ_NAMESPACE", "n2"),
        ("NJ_NAMESPACE_PORT_1", to_n1.as_str()),
    ];
    let _client = mesh.run_tagged(&client, "client", "blue", &tags);
    let _central = mesh.central();
    let mut old = mesh.gateway().env("ENVOY_DRAIN_TIME", 20).start();
    let old_task = mesh.run_gateway(&old);
    let sidecar = mesh.sidecar_in("n2", "client", "blue").start();
    wait_addresses(&sidecar, CLUSTER, vec![old.address().to_string()]);
    let egress: SocketAddr = (Ipv4Addr::LOCALHOST, egress).into();
    eventually("the shop answers n2", || {
        let answer = http::get(egress, "/shop/who", &[]).ok()?;
        (answer.by() == "shop-blue").then_some(())
    });
    let load = load_at(egress, "/shop/who");

    let new = mesh.gateway().start();
    let _new_task = mesh.run_gateway(&new);
    let both = vec![old.address().to_string(), new.address().to_string()];
    wait_addresses(&sidecar, CLUSTER, both);
    old_task.draining();
    old.process().stop();
    old_task.stopped();
    wait_addresses(&sidecar, CLUSTER, vec![new.address().to_string()]);
    nothing_lost(vec![load]);
}
