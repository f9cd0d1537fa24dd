//! Deployments under load, published by central: no request is lost.

use super::mesh::{Deployed, Mesh, Network, load, nothing_lost, share, wait_endpoints};
use e2e::{eventually, mesh::Proxy};

const PATH: &str = "/shop/who";

/// Everybody who routes to the shop: its clusters are named by who looks.
struct Viewers {
    gateway: Proxy,
    sidecar: Proxy,
}

impl Viewers {
    /// A gateway, and the sidecar of a client that runs.
    fn start(mesh: &Mesh) -> Self {
        Self {
            gateway: mesh.gateway().start(),
            sidecar: mesh.sidecar("client", "blue").start(),
        }
    }

    fn all(&self) -> [&Proxy; 2] {
        [&self.gateway, &self.sidecar]
    }

    /// Waits until everybody has these tasks of a color, and no other.
    fn wait(&self, mesh: &Mesh, color: &str, wanted: &[&Deployed]) {
        let identity = format!("shop-{color}-{}", mesh.app_port());
        wait_endpoints(&self.gateway, &format!("c-{identity}"), wanted);
        wait_endpoints(&self.sidecar, &format!("local-{identity}"), wanted);
    }

    fn wait_for_answer(&self, path: &str, by: &str) {
        for proxy in self.all() {
            proxy.wait_for_answer(path, by);
        }
    }

    /// Waits until everybody gives a color this weight.
    fn wait_for_weight(&self, mesh: &Mesh, color: &str, weight: u32) {
        let cluster = format!("shop-{color}-{}", mesh.app_port());
        for proxy in self.all() {
            eventually(&format!("weight {weight} of {cluster}"), || {
                let routes = proxy
                    .admin("/config_dump?resource=dynamic_route_configs")
                    .body;
                let routes: String = routes.split_whitespace().collect();
                let wanted = format!("{cluster}\",\"weight\":{weight}");
                routes.contains(&wanted).then_some(())
            });
        }
    }

    /// Checks the share of green, in percent, in what everybody is answered.
    fn assert_share_of_green(&self, expected: std::ops::RangeInclusive<u32>) {
        for proxy in self.all() {
            let share = share(proxy, PATH, "green", 300);
            assert!(
                expected.contains(&share),
                "{share} % is not in {expected:?}"
            );
        }
    }
}

/// Blue and green at the same time, in a bridge network: two tasks of blue and all the others share
/// one instance, each on a port that ECS chose.
#[test]
fn green_takes_over_from_blue_by_weights() {
    let mesh = Mesh::begin(Network::Bridge);
    let definition = mesh.register("shop", &[("NJ_ROUTE_WEIGHT_1", "9")]);
    let blue = [
        mesh.run(&definition, "shop", "blue"),
        mesh.run(&definition, "shop", "blue"),
    ];
    let client = mesh.register("client", &[]);
    let _client = mesh.run(&client, "client", "blue");
    let _central = mesh.central();
    let viewers = Viewers::start(&mesh);
    viewers.wait(&mesh, "blue", &[&blue[0], &blue[1]]);
    viewers.wait_for_answer(PATH, "shop-blue");
    let shop = load(&viewers.all(), PATH);
    let others = load(&viewers.all(), "/client/who");

    // Green comes with a tenth of the requests.
    let definition = mesh.register("shop", &[("NJ_ROUTE_WEIGHT_1", "1")]);
    let green = mesh.run(&definition, "shop", "green");
    viewers.wait(&mesh, "green", &[&green]);
    viewers.wait_for_answer(PATH, "shop-green");
    viewers.assert_share_of_green(3..=20);

    // It proves itself, and gets nine tenths.
    green.task.tag("NJ_ROUTE_WEIGHT_1", "81");
    viewers.wait_for_weight(&mesh, "green", 81);
    viewers.assert_share_of_green(80..=97);

    // Blue is drained, one task after the other.
    let [first, second] = blue;
    first.retire(|_| viewers.wait(&mesh, "blue", &[&second]));
    second.retire(|_| viewers.wait(&mesh, "blue", &[]));
    viewers.assert_share_of_green(100..=100);
    nothing_lost(shop);

    // Scaled to zero, the shop is gone, and nobody else is.
    green.retire(|_| viewers.wait(&mesh, "green", &[]));
    for proxy in viewers.all() {
        proxy.wait_for_status(PATH, 404);
    }

    // And back.
    let again = mesh.run(&definition, "shop", "green");
    viewers.wait(&mesh, "green", &[&again]);
    viewers.wait_for_answer(PATH, "shop-green");
    nothing_lost(others);
}

/// What ECS does to a service whose task definition changes: new tasks come, old ones go, one by
/// one, all of one color. Every task has an address of its own, and they share a port.
#[test]
fn a_rolling_deployment_brings_the_routes_of_the_new_revision() {
    let mesh = Mesh::begin(Network::Awsvpc);
    let first = mesh.register("shop", &[]);
    let old = [
        mesh.run(&first, "shop", "blue"),
        mesh.run(&first, "shop", "blue"),
    ];
    let client = mesh.register("client", &[]);
    let _client = mesh.run(&client, "client", "blue");
    let _central = mesh.central();
    let viewers = Viewers::start(&mesh);
    viewers.wait(&mesh, "blue", &[&old[0], &old[1]]);
    viewers.wait_for_answer("/shop/status/200", "shop-blue");
    let loads = load(&viewers.all(), PATH);

    // The second revision keeps a part of the shop to the namespace.
    let second = mesh.register("shop", &[("NJ_ROUTE_2", "!/shop/status/")]);
    let [one, other] = old;
    let newer = mesh.run(&second, "shop", "blue");
    viewers.wait(&mesh, "blue", &[&newer, &one, &other]);
    viewers.gateway.wait_for_status("/shop/status/200", 404);
    assert_eq!(viewers.sidecar.get("/shop/status/200").status, 200);

    one.retire(|_| viewers.wait(&mesh, "blue", &[&newer, &other]));
    let newest = mesh.run(&second, "shop", "blue");
    viewers.wait(&mesh, "blue", &[&newer, &newest, &other]);
    other.retire(|_| viewers.wait(&mesh, "blue", &[&newer, &newest]));
    nothing_lost(loads);
}
