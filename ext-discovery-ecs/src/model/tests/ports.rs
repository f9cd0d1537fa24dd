//! Addresses and ports in each network mode.

use super::{
    Cluster, blue, bridge, container, declared, definition, interface, on_fargate, on_host, shop,
    task,
};
use crate::resources::{ContainerDefinition, NetworkBinding, NetworkMode, PortMapping, Ports};

const ROUTE: (&str, &str) = ("NJ_ROUTE_1", "/shop/");

fn chosen(port: &'static str) -> Vec<(&'static str, &'static str)> {
    blue(&[ROUTE, ("NJ_ROUTE_PORT_1", port)])
}

#[test]
fn every_bridge_task_has_another_port_of_its_instance() {
    let mesh = on_host().with(
        bridge("shop"),
        [shop("a", 32768, &[ROUTE]), shop("b", 32769, &[ROUTE])],
    );
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1:32768 10.0.0.1:32769"]
    );
    assert_eq!(mesh.asked_for(), ["host"]);
}

#[test]
fn a_port_that_the_definition_fixes_needs_no_binding() {
    let fixed = ContainerDefinition {
        ports: vec![PortMapping {
            container: Ports::one(80),
            host: Some(8080),
        }],
        ..declared("app", &[], &[])
    };
    let definition = definition("shop", NetworkMode::Bridge, vec![fixed]);
    let mesh = on_host().with(
        definition,
        [task("a", vec![container("app", &[])], &blue(&[ROUTE]))],
    );
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:8080"]);
}

#[test]
fn a_task_whose_port_is_not_bound_yet_waits() {
    let waiting = task("a", vec![container("app", &[])], &blue(&[ROUTE]));
    let mesh = on_host().with(bridge("shop"), [waiting]);
    // Its routes wait, too: somebody else may have their requests as yet.
    assert_eq!(mesh.told(), ["n1 shop-blue-0  @ "]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): port 80 of container app has no port on the host yet; the task is left out\n  \
          hint: this resolves itself when the task has started"
        ]
    );
}

#[test]
fn host_tasks_have_the_same_ports_outside() {
    let definition = definition("shop", NetworkMode::Host, vec![declared("app", &[80], &[])]);
    let mesh = on_host().with(
        definition,
        [task("a", vec![container("app", &[])], &blue(&[ROUTE]))],
    );
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:80"]);
}

#[test]
fn awsvpc_tasks_have_an_address_of_their_own_and_nobody_is_asked_for_it() {
    let awsvpc = || {
        definition(
            "shop",
            NetworkMode::Awsvpc,
            vec![declared("app", &[80], &[])],
        )
    };
    let running = || vec![container("app", &[])];
    let ipv4 = on_fargate(task("a", running(), &blue(&[ROUTE])), "10.1.0.7");
    let ipv6 = on_fargate(task("b", running(), &blue(&[ROUTE])), "fd00::7");
    let mut both = task("c", running(), &blue(&[ROUTE]));
    for container in &mut both.containers {
        container.interface = interface(&["fd00::8", "10.1.0.8"]);
    }
    let mesh = Cluster::default().with(awsvpc(), [ipv4, ipv6, both]);
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/ @ 10.1.0.7:80 10.1.0.8:80 [fd00::7]:80"]
    );
    assert_eq!(mesh.asked_for(), [""; 0]);

    let pending = on_fargate(task("a", running(), &blue(&[ROUTE])), "");
    let mesh = Cluster::default().with(awsvpc(), [pending]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): its network interface has no address yet; the task is left out\n  \
          hint: this resolves itself when the task has started"
        ]
    );
}

#[test]
fn ranges_lead_port_by_port() {
    let ports = |first, last| Ports { first, last };
    let ranged = ContainerDefinition {
        ports: vec![PortMapping {
            container: ports(8000, 8005),
            host: None,
        }],
        ..declared("app", &[], &[])
    };
    let mut running = container("app", &[]);
    running.bindings.push(NetworkBinding {
        ip: "0.0.0.0".parse().ok(),
        container: ports(8000, 8005),
        host: ports(49153, 49158),
    });
    let bridge = definition("shop", NetworkMode::Bridge, vec![ranged.clone()]);
    let mesh = on_host().with(bridge, [task("a", vec![running], &chosen("8003"))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-8003 /shop/ @ 10.0.0.1:49156"]);

    let awsvpc = definition("shop", NetworkMode::Awsvpc, vec![ranged]);
    let mine = on_fargate(
        task("a", vec![container("app", &[])], &chosen("8005")),
        "10.1.0.7",
    );
    let mesh = Cluster::default().with(awsvpc, [mine]);
    assert_eq!(mesh.told(), ["n1 shop-blue-8005 /shop/ @ 10.1.0.7:8005"]);
}

#[test]
fn the_end_of_the_ports_is_no_place_to_fall_over() {
    assert_eq!(
        Ports::range("65530-65535").map(|ports| ports.last),
        Some(65535)
    );
    for text in ["0-3", "5-4", "1", "a-b", "65535-65536", ""] {
        assert_eq!(Ports::range(text), None, "{text}");
    }
    let whole = ContainerDefinition {
        ports: vec![PortMapping {
            container: Ports {
                first: 65530,
                last: 65535,
            },
            host: Some(65534),
        }],
        ..declared("app", &[], &[])
    };
    let definition = definition("shop", NetworkMode::Bridge, vec![whole]);
    let high = task("a", vec![container("app", &[])], &chosen("65531"));
    let low = task("b", vec![container("app", &[])], &chosen("65535"));
    let mesh = on_host().with(definition, [high, low]);
    assert_eq!(mesh.told(), ["n1 shop-blue-65531 /shop/ @ 10.0.0.1:65535"]);
}

#[test]
fn an_address_that_a_port_is_bound_to_is_its_address() {
    let bindings = [("192.168.7.7", 80, 32768)];
    let bound = || vec![container("app", &bindings)];
    let mesh = on_host().with(bridge("shop"), [task("a", bound(), &blue(&[ROUTE]))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 192.168.7.7:32768"]);
    assert_eq!(mesh.asked_for(), [""; 0]);

    let bindings = [("10.0.0.8", 80, 1), ("10.0.0.9", 80, 2), ("fd00::9", 80, 3)];
    for (choice, at) in [
        ("10.0.0.9:80", "10.0.0.9:2"),
        ("fd00::9:80", "[fd00::9]:3"),
        ("80", "10.0.0.8:1"),
    ] {
        let task = task("a", vec![container("app", &bindings)], &chosen(choice));
        let mesh = on_host().with(bridge("shop"), [task]);
        assert_eq!(
            mesh.told(),
            [format!("n1 shop-blue-80 /shop/ @ {at}")],
            "{choice}"
        );
    }
}

#[test]
fn of_two_families_the_one_counts_that_the_instance_has() {
    let bindings = [("0.0.0.0", 80, 4), ("::", 80, 6)];
    let both = || task("a", vec![container("app", &bindings)], &blue(&[ROUTE]));
    for (addresses, at) in [
        (&["10.0.0.1", "fd00::1"][..], "10.0.0.1:4"),
        (&["fd00::1"], "[fd00::1]:6"),
    ] {
        let mesh = Cluster::default().instance("host", "i-1", addresses);
        let mesh = mesh.with(bridge("shop"), [both()]);
        assert_eq!(mesh.told(), [format!("n1 shop-blue-80 /shop/ @ {at}")]);
    }
}

#[test]
fn groups_that_share_a_container_port_are_told_apart_by_their_names() {
    let containers = vec![
        declared("a", &[80], &[("NJ_ROUTE_1", "/a/")]),
        declared("b", &[80], &[("NJ_ROUTE_1", "/b/")]),
    ];
    let running = vec![
        container("a", &[("0.0.0.0", 80, 1)]),
        container("b", &[("0.0.0.0", 80, 2)]),
    ];
    let two = definition("shop", NetworkMode::Bridge, containers);
    let mesh = on_host().with(two, [task("t", running, &blue(&[]))]);
    let mut told = mesh.told();
    told.sort_by_key(|line| line.contains("/b/"));
    let index = |line: &String| -> Option<u64> { line.split(['-', ' ']).nth(3)?.parse().ok() };
    let indexes: Vec<Option<u64>> = told.iter().map(index).collect();
    assert_eq!(
        indexes,
        [Some(3_196_846_160), Some(3_712_483_408)],
        "{told:?}"
    );
    assert!(indexes.iter().flatten().all(|index| index % 65536 == 80));
    assert!(told[0].ends_with("/a/ @ 10.0.0.1:1") && told[1].ends_with("/b/ @ 10.0.0.1:2"));
}

#[test]
fn a_port_that_is_not_published_costs_its_route() {
    let tags = blue(&[
        ROUTE,
        ("NJ_ROUTE_PORT_1", "81"),
        ("NJ_ROUTE_2", "/cart/"),
        ("NJ_ROUTE_PORT_2", "app:80"),
    ]);
    let two = task("a", vec![container("app", &[("0.0.0.0", 80, 1)])], &tags);
    let mesh = on_host().with(bridge("shop"), [two]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /cart/ @ 10.0.0.1:1"]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_PORT_1=\"81\" (task tag): the task does not publish this port; the route is \
          left out\n  hint: set it to one of app:80, or publish the port in portMappings of the task \
          definition"
        ]
    );
}

#[test]
fn a_private_route_stays_whatever_port_it_names() {
    let tags = blue(&[
        ROUTE,
        ("NJ_ROUTE_2", "!/shop/admin/"),
        ("NJ_ROUTE_PORT_2", "81"),
    ]);
    let two = task("a", vec![container("app", &[("0.0.0.0", 80, 1)])], &tags);
    let mesh = on_host().with(bridge("shop"), [two]);
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/,/shop/admin/ @ 10.0.0.1:1"]
    );
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_PORT_2=\"81\" (task tag): the task does not publish this port; the \
          choice is ignored because the route is private and must stay in the map\n  hint: set it to one of app:80, or publish the port \
          in portMappings of the task definition"
        ]
    );
}

#[test]
fn without_a_choice_the_lowest_port_counts_and_that_is_said() {
    let several = definition(
        "shop",
        NetworkMode::Host,
        vec![
            declared("proxy", &[9000], &[]),
            declared("app", &[8080, 80], &[]),
        ],
    );
    let mesh = on_host().with(several, [task("a", Vec::new(), &blue(&[ROUTE]))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:80"]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_1 (task tag): no port is chosen among several; the lowest, app:80, is used\n  \
          hint: set NJ_ROUTE_PORT to one of proxy:9000, app:80, app:8080"
        ]
    );
}

/// One task must not make the map slow or big for all.
#[test]
fn all_ports_cost_no_more_than_one() {
    let all = PortMapping {
        container: Ports {
            first: 1,
            last: u16::MAX,
        },
        host: None,
    };
    let everything = ContainerDefinition {
        ports: vec![all; 100],
        ..declared("app", &[], &[])
    };
    let mut running = container("app", &[]);
    running.bindings = (1..=100)
        .map(|first| NetworkBinding {
            ip: "0.0.0.0".parse().ok(),
            container: Ports {
                first,
                ..all.container
            },
            host: Ports {
                first,
                ..all.container
            },
        })
        .collect();
    let definition = definition("shop", NetworkMode::Bridge, vec![everything; 10]);
    let tasks = (0..20).map(|n| task(&n.to_string(), vec![running.clone()], &chosen("50000")));
    let mesh = on_host().with(definition, tasks);
    let start = std::time::Instant::now();
    assert_eq!(mesh.told(), ["n1 shop-blue-50000 /shop/ @ 10.0.0.1:50000"]);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn a_private_route_without_any_port_keeps_its_path_closed() {
    let closed = definition("shop", NetworkMode::None, vec![declared("app", &[80], &[])]);
    let tags = blue(&[("NJ_ROUTE_1", "!/shop/admin/")]);
    let mesh = on_host().with(closed, [task("a", Vec::new(), &tags)]);
    assert_eq!(mesh.told(), ["n1 shop-blue-65536 /shop/admin/ @ "]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_1 (task tag): the task publishes no port; the route stays in the \
          map without instances, because it is private\n  hint: publish the port in portMappings of the task definition"
        ]
    );
}

/// Nobody is sent to a private route whose weight is wrong, and nobody past it.
#[test]
fn a_private_route_of_a_wrong_weight_has_no_instances() {
    let tags = blue(&[
        ROUTE,
        ("NJ_ROUTE_2", "!/shop/admin/"),
        ("NJ_ROUTE_WEIGHT_2", "heavy"),
        ("NJ_ROUTE_3", "!/shop/stock/"),
        ("NJ_ROUTE_WEIGHT_3", "0"),
    ]);
    let task = task("a", vec![container("app", &[("0.0.0.0", 80, 1)])], &tags);
    let mesh = on_host().with(bridge("shop"), [task]);
    assert_eq!(
        mesh.told(),
        [
            "n1 shop-blue-80 /shop/,/shop/stock/ @ 10.0.0.1:1",
            "n1 shop-blue-65536 /shop/admin/ @ ",
        ]
    );
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_WEIGHT_2=\"heavy\" (task tag): \"heavy\" is not between 0 and 32767; the route stays \
          in the map without instances, because it is private\n  hint: give it a whole number from 0 to 32767, or \
          remove it for 1"
        ]
    );
}

#[test]
fn a_task_that_publishes_nothing_has_no_routes() {
    let closed = definition("shop", NetworkMode::None, vec![declared("app", &[80], &[])]);
    let mesh = on_host().with(closed, [task("a", Vec::new(), &blue(&[ROUTE]))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-0  @ "]);
    assert_eq!(
        mesh.warned(),
        [
            "task/a (shop:1): NJ_ROUTE_1 (task tag): the task publishes no port; the route is left out\n  \
          hint: publish the port in portMappings of the task definition"
        ]
    );
}

#[test]
fn a_port_of_several_containers_is_that_of_the_first_and_that_is_said() {
    let twice = definition(
        "shop",
        NetworkMode::Bridge,
        vec![declared("b", &[80], &[]), declared("a", &[80], &[])],
    );
    let running = vec![
        container("a", &[("0.0.0.0", 80, 1)]),
        container("b", &[("0.0.0.0", 80, 2)]),
    ];
    let mesh = on_host().with(twice, [task("t", running, &chosen("80"))]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:2"]);
    assert_eq!(
        mesh.warned(),
        [
            "task/t (shop:1): NJ_ROUTE_PORT_1=\"80\" (task tag): several containers publish it (a, b); that of b is \
          used\n  hint: write container-name:port"
        ]
    );
}

#[test]
fn where_only_its_host_gets_to_a_port_nobody_is_sent() {
    let told = |bindings: &[(&str, u16, u16)]| {
        let at = task("a", vec![container("app", bindings)], &blue(&[ROUTE]));
        let mesh = on_host().with(bridge("shop"), [at, shop("b", 7, &[ROUTE])]);
        (mesh.told(), mesh.warned())
    };
    let warning = |ip: &str| {
        vec![format!(
            "task/a (shop:1): port 80 of container app is bound to {ip}, which other machines cannot \
             reach; this address is left out\n  hint: configure the host's Docker to publish ports on another address \
             (its default bind address)"
        )]
    };
    for ip in ["127.0.0.1", "127.8.0.9", "::1", "::ffff:127.0.0.1"] {
        let others = vec!["n1 shop-blue-80 /shop/ @ 10.0.0.1:7".to_owned()];
        assert_eq!(told(&[(ip, 80, 1)]), (others, warning(ip)));
    }
    let (map, warned) = told(&[("127.0.0.1", 80, 1), ("0.0.0.0", 80, 2)]);
    assert_eq!(map, ["n1 shop-blue-80 /shop/ @ 10.0.0.1:2 10.0.0.1:7"]);
    assert_eq!(warned, warning("127.0.0.1"));
    // What AWS says of interfaces and instances is taken as it is.
    let mesh = Cluster::default().instance("host", "i-1", &["127.0.0.1"]);
    let mesh = mesh.with(bridge("shop"), [shop("b", 7, &[ROUTE])]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 127.0.0.1:7"]);
}
