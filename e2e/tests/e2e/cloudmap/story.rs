//! A gateway that follows Cloud Map: told from the first instance to the last.

use super::{Registry, Service};
use e2e::{
    aws::Fault,
    eventually,
    load::{Clients, Load},
    mesh::{Backend, Plan, Proxy},
    program,
};

const LOCAL: &str = "127.0.0.1";

fn gateway(registry: &Registry) -> Proxy {
    let none = e2e::maps::map(&[]);
    Plan::gateway("n1", &none)
        .discovery(program("ext-discovery-cloudmap").display())
        .envs(registry.aws.env())
        .env("NJ_DMCM_NAMESPACES", "n1")
        .env("NJ_DMCM_ALLOW_LOOPBACK", "true")
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "0.5")
        .env("REFRESH_TIME", "0.4")
        .start()
}

fn color<'a>(registry: &'a Registry, color: &str, weight: &str, backend: &Backend) -> Service<'a> {
    let service = registry.judged_service(
        &format!("shop-{color}"),
        &[
            ("NJ_SERVICE", "shop"),
            ("NJ_COLOR", color),
            ("NJ_ROUTE_1", "/shop/"),
            ("NJ_ROUTE_2", "-/shop/key/"),
            ("NJ_ROUTE_WEIGHT_1", weight),
        ],
    );
    service.register("i-1", LOCAL, backend.port);
    service
}

/// Whether the gateway itself refuses a path, so that no service sees it.
fn is_closed(proxy: &Proxy, path: &str) -> bool {
    let answer = proxy.get(path);
    answer.status == 404 && !answer.by().starts_with("shop")
}

#[test]
fn a_gateway_follows_cloud_map_and_loses_no_request() {
    let registry = Registry::new();
    let backend = |color| Backend::start_with("shop", color, &[("PATH_PREFIX", "/shop")]);
    let (blue, green) = (backend("blue"), backend("green"));
    let blue_service = color(&registry, "blue", "1", &blue);
    let proxy = gateway(&registry);
    proxy.wait_for_answer("/shop/", "shop-blue");
    let who = proxy.get("/shop/who");
    assert_eq!(who.status, 200, "{who:?}");
    assert!(is_closed(&proxy, "/shop/key/x"));
    let clients = Clients {
        keep_alive: 2,
        one_shot: 1,
    };
    let load = Load::start(proxy.address(), "/shop/", clients);

    // Green gets a share, then all but nothing is left to blue.
    let green_service = color(&registry, "green", "1", &green);
    proxy.wait_for_answer("/shop/", "shop-green");
    green_service.set(&[("NJ_ROUTE_WEIGHT_1", "32767")]);
    eventually("nearly all goes to green", || {
        let all = (0..20).all(|_| proxy.get("/shop/").by() == "shop-green");
        all.then_some(())
    });

    // Somebody finds blue unhealthy: it is gone, whatever its weight.
    green_service.set(&[("NJ_ROUTE_WEIGHT_1", "1")]);
    proxy.wait_for_answer("/shop/", "shop-blue");
    blue_service.judge("i-1", "UNHEALTHY");
    proxy.wait_refreshes(2);
    assert!((0..20).all(|_| proxy.get("/shop/").by() == "shop-green"));
    blue_service.judge("i-1", "HEALTHY");
    proxy.wait_for_answer("/shop/", "shop-blue");

    // Cloud Map answers nobody: what was known holds.
    registry.aws.wire.fail("*", Fault::Denied);
    proxy.wait_refreshes(2);
    assert!(
        proxy.log().contains("servicediscovery:ListNamespaces"),
        "{}",
        proxy.log()
    );
    green_service.deregister("i-1");
    assert!((0..20).any(|_| proxy.get("/shop/").by() == "shop-green"));
    registry.aws.wire.restore();
    eventually("all goes to blue", || {
        let all = (0..20).all(|_| proxy.get("/shop/").by() == "shop-blue");
        all.then_some(())
    });

    let report = load.stop();
    println!("{} requests, {} lost", report.sent, report.lost.len());
    let lost: Vec<&String> = report.lost.iter().take(10).collect();
    assert!(report.sent > 100 && lost.is_empty(), "{lost:?}");
    assert!(is_closed(&proxy, "/shop/key/x"));
}
