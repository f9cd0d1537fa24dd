//! From workloads to the map.

use super::{gateway, lines, service};
use insta::{assert_json_snapshot, assert_snapshot};
use nightjar_core::{
    document::discovery_map::{DiscoveryMap, Host, HostPort, Port, Protocol},
    workload::{DeclaredRoute, Mesh, ServedPorts, Service, Warning, Warnings},
};
use std::convert::Infallible;

fn at(port: u16) -> HostPort {
    HostPort {
        host: Host::Ipv4([10, 0, 0, 1].into()),
        port: Port::new(port).unwrap(),
    }
}

/// What a workload serves that listens on this index with all its routes.
fn on(service: &Service, index: i64, ports: &[u16]) -> ServedPorts {
    on_each(service, |_| index, ports)
}

/// What a workload serves whose routes listen on indexes of their own.
fn on_each(service: &Service, index: impl Fn(&str) -> i64, ports: &[u16]) -> ServedPorts {
    let located = service.locate(|route, _| Ok(index(&route.setting)), &mut Warnings::new());
    let instances: Vec<HostPort> = ports.iter().copied().map(at).collect();
    let listen = |index: &i64| Ok::<_, Infallible>((*index, instances.clone()));
    let Ok(groups) = located.listen(listen);
    groups
}

/// The routes and instances of a map's only service-color, a line for each index.
fn told(map: &DiscoveryMap) -> Vec<String> {
    let groups = map.namespaces.iter().flat_map(|n| &n.service_colors);
    let tell = |group: &nightjar_core::document::discovery_map::ServiceColor| {
        let routes = group.routes.iter();
        let routes: Vec<String> = routes
            .map(|route| format!("{}*{}", route.path_match.text(), route.weight))
            .collect();
        let ports: Vec<u16> = group.instances.iter().map(|i| i.port.get()).collect();
        format!("{}: {} at {ports:?}", group.index, routes.join(" "))
    };
    groups.map(tell).collect()
}

/// A workload of one group that declares routes.
struct Task {
    who: &'static str,
    revision: u64,
    index: i64,
    at: u16,
    settings: &'static [(&'static str, &'static str)],
}

fn task(
    who: &'static str,
    revision: u64,
    index: i64,
    at: u16,
    settings: &'static [(&'static str, &'static str)],
) -> Task {
    Task {
        who,
        revision,
        index,
        at,
        settings,
    }
}

/// The map of some tasks, in both orders, and the warnings.
fn mesh(tasks: &[Task]) -> (DiscoveryMap, String) {
    let build = |tasks: &mut dyn Iterator<Item = &Task>| {
        let mut mesh = Mesh::new();
        for task in tasks {
            let (service, _) = service(task.settings);
            let groups = on(&service, task.index, &[task.at]);
            mesh.service(task.who, task.revision, &service, groups);
        }
        mesh.finish()
    };
    let (map, warnings) = build(&mut tasks.iter());
    assert_eq!(
        build(&mut tasks.iter().rev()),
        (map.clone(), warnings.clone())
    );
    (map, lines(&warnings).join("\n"))
}

#[test]
fn a_rich_mesh() {
    let mut mesh = Mesh::new();
    let (entrance, _) = gateway(&[("NJ_PREFER_GATEWAY", "true"), ("NJ_PROP_TIMEOUT", "5s")]);
    mesh.gateway("task/9", 3, &entrance, vec![at(80), at(80), at(79)]);
    let (shop, _) = service(&[
        ("NJ_ROUTE_1", "/shop"),
        ("NJ_ROUTE_WEIGHT_1", "9"),
        ("NJ_ROUTE_2", "-/shop/admin/"),
        ("NJ_ROUTE_PROP_1_RETRY_ON", "5xx"),
        ("NJ_PROTOCOL", "HTTP2"),
        ("NJ_PROP_CONNECT_TIMEOUT", "1s"),
        ("NJ_NAMESPACE_PORT_1", "bank:3001"),
    ]);
    let index = |setting: &str| if setting == "NJ_ROUTE_1" { 3000 } else { 9000 };
    mesh.service("task/1", 7, &shop, on_each(&shop, index, &[32768]));
    mesh.service("task/2", 7, &shop, on_each(&shop, index, &[32770]));
    let (map, warnings) = mesh.finish();
    assert_eq!(
        lines(&warnings),
        ["the mesh: shop/blue in n1: \"bank\" is not a namespace of this map"]
    );
    assert_json_snapshot!(map);
}

#[test]
fn a_service_that_only_calls_others_is_in_the_map() {
    let mut mesh = Mesh::new();
    let (caller, _) = service(&[("NJ_NAMESPACE_PORT_1", "bank:3001")]);
    mesh.service("task/1", 1, &caller, ServedPorts::none());
    let (map, _) = mesh.finish();
    assert_json_snapshot!(map.namespaces[0].service_colors[0], @r#"
    {
      "service": "shop",
      "color": "blue",
      "index": 0,
      "protocol": "HTTP1.1",
      "instances": [],
      "routes": [],
      "namespace-egress": [
        {
          "namespace": "bank",
          "interface": {
            "ipv4": "127.0.0.1",
            "port": 3001
          }
        }
      ]
    }
    "#);
}

#[test]
fn an_empty_mesh_is_an_empty_map() {
    let (map, _) = Mesh::new().finish();
    assert!(map.namespaces.is_empty() && map.document_version.len() == 32);
}

#[test]
fn the_newest_revision_declares_for_all() {
    let (map, warnings) = mesh(&[
        task("task/1", 1, 3000, 1, &[("NJ_ROUTE_1", "/old/")]),
        task("task/2", 2, 3000, 2, &[("NJ_ROUTE_1", "/new/")]),
        task("task/3", 1, 3000, 3, &[("NJ_ROUTE_1", "/old/")]),
    ]);
    assert_eq!(
        (told(&map), warnings),
        (vec!["3000: /new/*1 at [1, 2, 3]".into()], String::new())
    );
}

#[test]
fn an_older_port_keeps_what_is_still_declared() {
    let (map, _) = mesh(&[
        task(
            "task/1",
            1,
            3000,
            1,
            &[("NJ_ROUTE_1", "/kept/"), ("NJ_ROUTE_2", "/gone/")],
        ),
        task(
            "task/2",
            2,
            8080,
            2,
            &[("NJ_ROUTE_1", "/kept/"), ("NJ_ROUTE_WEIGHT_1", "5")],
        ),
    ]);
    assert_eq!(
        told(&map),
        ["3000: /kept/*5 at [1]", "8080: /kept/*5 at [2]"]
    );
    let (map, _) = mesh(&[
        task("task/1", 1, 3000, 1, &[("NJ_ROUTE_1", "/gone/")]),
        task("task/2", 2, 8080, 2, &[("NJ_ROUTE_1", "/new/")]),
    ]);
    assert_eq!(told(&map), ["8080: /new/*1 at [2]"]);
}

#[test]
fn a_mistake_in_a_new_revision_takes_nothing_away() {
    let (map, warnings) = mesh(&[
        task("task/1", 1, 3000, 1, &[("NJ_ROUTE_1", "/shop/")]),
        task("task/2", 2, 3000, 2, &[("NJ_ROUTE_1", "shop")]),
    ]);
    assert_eq!(told(&map), ["3000: /shop/*1 at [1]"]);
    assert_snapshot!(warnings, @r"
    task/2: its routes contain an error, so the declarations of task/1, an older revision, are used
      hint: fix the error in the newer revision
    ");
}

#[test]
fn what_most_say_counts() {
    let (map, warnings) = mesh(&[
        task("task/1", 1, 3000, 1, &[("NJ_ROUTE_1", "/a/")]),
        task("task/2", 1, 3000, 2, &[("NJ_ROUTE_1", "/b/")]),
        task("task/3", 1, 3000, 3, &[("NJ_ROUTE_1", "/b/")]),
    ]);
    assert_eq!(told(&map), ["3000: /b/*1 at [1, 2, 3]"]);
    assert_snapshot!(warnings, @r"
    task/1: NJ_ROUTE_<n>: it differs from task/2, which has the same revision of the same service-color or gateway; the value of task/2 is used
      hint: give both the same NJ_ROUTE_<n>, or give one of them another NJ_COLOR
    ");
    let (map, warnings) = mesh(&[
        task("task/2", 1, 3000, 2, &[("NJ_PROTOCOL", "HTTP2")]),
        task("task/1", 1, 3000, 1, &[]),
    ]);
    assert_eq!(
        map.namespaces[0].service_colors[0].protocol,
        Protocol::Http1
    );
    assert!(warnings.contains("task/2: NJ_PROTOCOL: it differs from task/1"));
}

#[test]
fn a_private_route_stays_without_a_port() {
    let (shop, _) = service(&[
        ("NJ_ROUTE_1", "/shop/"),
        ("NJ_ROUTE_2", "-/shop/admin/"),
        ("NJ_ROUTE_3", "/stock/"),
    ]);
    let mut warnings = Warnings::new();
    let place = |route: &DeclaredRoute, _: &mut Warnings| match route.setting.as_str() {
        "NJ_ROUTE_1" => Ok(3000),
        lost => Err(Warning::new("task/1", format!("{lost} has no port")).into()),
    };
    let located = shop.locate(place, &mut warnings);
    let Ok(groups) = located.listen(|index| Ok::<_, Infallible>((*index, vec![at(1)])));
    assert_eq!(
        lines(&warnings),
        [
            "task/1: NJ_ROUTE_2 has no port",
            "task/1: NJ_ROUTE_3 has no port"
        ]
    );
    let mut mesh = Mesh::new();
    mesh.service("task/1", 1, &shop, groups);
    let (map, warnings) = mesh.finish();
    assert!(warnings.is_empty());
    assert_eq!(
        told(&map),
        ["3000: /shop/*1 at [1]", "65536: /shop/admin/*0 at []"]
    );
}

/// What each workload says by itself, it was told of before.
#[test]
fn what_workloads_say_together_is_warned_of() {
    let mut mesh = Mesh::new();
    for (color, settings) in [
        (
            "blue",
            [
                ("NJ_ROUTE_1", "/shop/"),
                ("NJ_PROP_TIMEOUT", "1s"),
                ("NJ_PROP_TIME_OUT", "9s"),
            ],
        ),
        (
            "green",
            [
                ("NJ_ROUTE_1", "/shop/"),
                ("NJ_PROP_TIMEOUT", "2s"),
                ("NJ_ROUTE_WEIGHT_1", "2"),
            ],
        ),
    ] {
        let (mut service, _) = service(&settings);
        service.color = color.parse().unwrap();
        mesh.service(color, 1, &service, on(&service, 3000, &[1]));
    }
    let (_, warnings) = mesh.finish();
    assert_eq!(
        lines(&warnings),
        [
            "the mesh: namespace `n1`: route `/shop/` has different values for property `timeout`: `1s` from \
             `shop/blue`, `2s` from `shop/green`; `2s` from `shop/green`, which has the greatest weight, is used \
             for all"
        ]
    );
}

/// Each index repeats what holds for the whole service-color.
#[test]
fn a_service_color_without_measure_is_left_out_alone() {
    let mut mesh = Mesh::new();
    let (mut service, _) = service(&[("NJ_ROUTE_1", "/a/")]);
    for index in 1..=200 {
        mesh.service("good", 1, &service, on(&service, index, &[1]));
    }
    service.color = "green".parse().unwrap();
    service.properties = [("x".parse().unwrap(), "y".repeat(10_000).parse().unwrap())].into();
    for index in 1..=200 {
        mesh.service("huge", 1, &service, on(&service, index, &[1]));
    }
    let (map, warnings) = mesh.finish();
    let entries = map.namespaces.iter().flat_map(|n| &n.service_colors);
    let blue = entries.filter(|entry| entry.color == "blue").count();
    assert_eq!((blue, told(&map).len()), (200, 200));
    assert_eq!(
        lines(&warnings),
        [
            "huge: its service-color declares 2029000 bytes on 200 indexes; at most 1048576 bytes are allowed; the \
             service-color is left out\n  hint: serve its routes on fewer ports, or declare less"
        ]
    );
}

const CLOSING: [(&str, &str); 2] = [("NJ_ROUTE_1", "/shop/"), ("NJ_ROUTE_2", "!/shop/admin/")];
const HEAVY: [(&str, &str); 3] = [CLOSING[0], CLOSING[1], ("NJ_ROUTE_WEIGHT_2", "heavy")];

#[test]
fn a_wrong_weight_of_a_private_route_takes_nothing_away_while_an_older_revision_runs() {
    let old = task("task/1", 1, 3000, 1, &CLOSING);
    let (map, warnings) = mesh(&[old, task("task/2", 2, 3000, 2, &HEAVY)]);
    assert_eq!(told(&map), ["3000: /shop/*1 /shop/admin/*1 at [1, 2]"]);
    assert!(
        warnings.contains("its routes contain an error, so the declarations of task/1"),
        "{warnings}"
    );
}

#[test]
fn a_private_route_of_a_wrong_weight_shares_no_index_with_what_is_served() {
    let (map, _) = mesh(&[task("task/2", 2, 0, 2, &HEAVY)]);
    assert_eq!(
        told(&map),
        ["0: /shop/*1 at [2]", "65536: /shop/admin/*0 at []"]
    );
}
