//! Which tasks get requests.

use super::{Cluster, bridge, container, declared, definition, on_host, overridden, shop, task};
use crate::resources::{ContainerDefinition, Health, LaunchType, NetworkMode, Task};

const ROUTE: (&str, &str) = ("NJ_ROUTE_1", "/shop/");
const REMEDY: &str = "hint: check why the container's health check fails; \
                      NJ_DMECS_INCLUDE_UNHEALTHY=true keeps unhealthy tasks in the mesh";

fn good() -> Task {
    shop("good", 1, &[ROUTE])
}

#[test]
fn only_tasks_that_run_and_are_meant_to_are_in_the_mesh() {
    for (last, desired) in [
        ("PROVISIONING", "RUNNING"),
        ("PENDING", "RUNNING"),
        ("ACTIVATING", "RUNNING"),
        ("RUNNING", "STOPPED"),
        ("DEACTIVATING", "STOPPED"),
        ("STOPPING", "STOPPED"),
        ("DEPROVISIONING", "STOPPED"),
        ("STOPPED", "STOPPED"),
        ("DELETED", "STOPPED"),
    ] {
        let other = Task {
            last_status: last.to_owned(),
            desired_status: desired.to_owned(),
            ..shop("other", 2, &[ROUTE])
        };
        let mesh = on_host().with(bridge("shop"), [good(), other]);
        assert_eq!(
            mesh.told(),
            ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"],
            "{last} {desired}"
        );
        assert_eq!(mesh.warned(), [""; 0]);
    }
}

/// An app that waits for its proxy keeps its task from running until the proxy knows the service-color.
#[test]
fn the_first_task_of_a_service_color_is_announced_while_it_starts() {
    for last in ["PROVISIONING", "PENDING", "ACTIVATING"] {
        let first = Task {
            last_status: last.to_owned(),
            ..shop("first", 1, &[ROUTE, ("NJ_NAMESPACE_PORT_1", "n2:3101")])
        };
        let mesh = on_host().with(bridge("shop"), [first]);
        assert_eq!(mesh.told(), ["n1 shop-blue-0  @ "], "{last}");
        let namespaces = mesh.map().0.namespaces.into_iter();
        let mut entries = namespaces.flat_map(|namespace| namespace.service_colors);
        let egress = entries.next().map(|entry| entry.namespace_egress.len());
        assert_eq!(egress, Some(1), "{last}");
    }
}

/// Its app may not listen yet; or ECS does not know, of no task at all.
#[test]
fn a_task_whose_health_check_has_told_nothing_waits_while_another_of_its_service_is_well() {
    let checked = ContainerDefinition {
        is_checked: true,
        ..declared("app", &[80], &[])
    };
    let checked = definition("shop", NetworkMode::Bridge, vec![checked]);
    let in_state = |name, port, health, color| {
        let mut task = shop(name, port, &[ROUTE]);
        let color = ("NJ_COLOR".to_owned(), str::to_owned(color));
        task.tags.insert(0, color);
        task.containers[0].health = health;
        task
    };
    let told = |tasks: Vec<Task>| on_host().with(checked.clone(), tasks).told();
    let green = || in_state("first", 1, Health::Unknown, "green");
    let is_in = "n1 shop-green-80 /shop/ @ 10.0.0.1:1";
    assert_eq!(told(vec![green()]), [is_in]);
    let available = in_state("available", 2, Health::Healthy, "green");
    let two = told(vec![green(), available]);
    assert_eq!(two, ["n1 shop-green-80 /shop/ @ 10.0.0.1:2"]);
    let blue = |health| in_state("blue", 3, health, "blue");
    let blue_is_in = "n1 shop-blue-80 /shop/ @ 10.0.0.1:3";
    let both = told(vec![green(), blue(Health::Healthy)]);
    assert_eq!(both, [blue_is_in, "n1 shop-green-0  @ "]);
    let neither = told(vec![green(), blue(Health::Unknown)]);
    assert_eq!(neither, [blue_is_in, is_in]);
    let tasks = [green(), blue(Health::Healthy)];
    let mut mesh = on_host().with(checked.clone(), tasks);
    assert_eq!(mesh.warned(), [""; 0]);
    mesh.rules.include_unhealthy = true;
    assert_eq!(mesh.told(), [blue_is_in, is_in]);
}

/// A gateway's proxy needs its namespace in the map to get ready.
#[test]
fn a_gateway_that_takes_no_requests_makes_its_namespace_known() {
    let gateway = |change: fn(&mut Task)| {
        let tags = [("NJ_PROXY_MODE", "GATEWAY"), ("NJ_NAMESPACE", "n1")];
        let mut gateway = task("g", vec![container("app", &[("0.0.0.0", 80, 1)])], &tags);
        change(&mut gateway);
        let map = on_host().with(bridge("gateway"), [gateway]).map().0;
        let known = map.namespaces.iter();
        let known = known.map(|one| (one.namespace.to_string(), one.gateways.instances.len()));
        known.collect::<Vec<_>>()
    };
    assert_eq!(gateway(|_| {}), [("n1".to_owned(), 1)]);
    let none = [("n1".to_owned(), 0)];
    assert_eq!(gateway(|one| one.health = Health::Unhealthy), none);
    assert_eq!(gateway(|one| one.last_status = "PENDING".to_owned()), none);
    assert_eq!(gateway(|one| one.containers[0].bindings.clear()), none);
}

#[test]
fn unhealthy_tasks_are_left_out_unless_they_are_let_in() {
    let mut unhealthy = shop("unhealthy", 2, &[ROUTE]);
    unhealthy.health = Health::Unhealthy;
    for container in &mut unhealthy.containers {
        container.health = Health::Unhealthy;
    }
    let mut mesh = on_host().with(bridge("shop"), [good(), unhealthy]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"]);
    assert_eq!(
        mesh.warned(),
        [format!(
            "task/unhealthy (shop:1): its essential container app is UNHEALTHY; the task is left out\n  {REMEDY}"
        )]
    );
    mesh.rules.include_unhealthy = true;
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1 10.0.0.1:2"]
    );
    assert_eq!(mesh.warned(), [""; 0]);
}

#[test]
fn a_task_counts_as_ill_as_soon_as_ecs_or_one_essential_container_says_so() {
    let mut by_task = shop("a", 2, &[ROUTE]);
    by_task.health = Health::Unhealthy;
    let mut stopped = shop("b", 3, &[ROUTE]);
    for container in &mut stopped.containers {
        container.last_status = "STOPPED".to_owned();
    }
    let mut mesh = on_host().with(bridge("shop"), [good(), by_task, stopped]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"]);
    assert_eq!(
        mesh.warned(),
        [
            format!("task/a (shop:1): it is UNHEALTHY; the task is left out\n  {REMEDY}"),
            "task/b (shop:1): its essential container app has stopped; the task is left out\n  \
                 hint: check the container's exit code and log"
                .to_owned(),
        ]
    );
    mesh.rules.include_unhealthy = true;
    assert_eq!(
        mesh.told(),
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1 10.0.0.1:2"]
    );
}

/// Platforms add containers to tasks, such as agents that watch them.
#[test]
fn a_container_that_no_definition_declares_never_decides() {
    let with_agent = |change: fn(&mut Task)| {
        let mut task = shop("a", 1, &[ROUTE]);
        let bindings = [("0.0.0.0", 80, 7)];
        task.containers.insert(0, container("agent", &bindings));
        change(&mut task);
        on_host().with(bridge("shop"), [task])
    };
    let changes: [fn(&mut Task); 5] = [
        |_| {},
        |task| task.containers[0].last_status = "STOPPED".to_owned(),
        |task| task.containers[0].health = Health::Unhealthy,
        |task| {
            task.containers[0].health = Health::Unhealthy;
            task.health = Health::Unhealthy;
        },
        |task| *task = overridden(task.clone(), "agent", &[("NJ_PROXY_MODE", "NONE")]),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mesh = with_agent(change);
        let is_in = ["n1 shop-blue-80 /shop/ @ 10.0.0.1:1"];
        assert_eq!(
            (mesh.told(), mesh.warned()),
            (is_in.map(str::to_owned).into(), vec![]),
            "{number}"
        );
    }
    let unhealthy = with_agent(|task| {
        for container in &mut task.containers {
            container.health = Health::Unhealthy;
        }
    });
    assert_eq!(unhealthy.told(), ["n1 shop-blue-80 /shop/ @ "]);
}

#[test]
fn a_container_that_is_not_essential_takes_only_its_own_routes_with_it() {
    let extra = ContainerDefinition {
        essential: false,
        ..declared("extra", &[81], &[("NJ_ROUTE_1", "/extra/")])
    };
    let app = declared("app", &[80], &[("NJ_ROUTE_1", "/shop/")]);
    let two = definition("shop", NetworkMode::Bridge, vec![app, extra]);
    let running = |name: &str, port: u16| {
        let containers = vec![
            container("app", &[("0.0.0.0", 80, port)]),
            container("extra", &[("0.0.0.0", 81, port + 1)]),
        ];
        task(name, containers, &super::BLUE)
    };
    let mut half = running("b", 3);
    for container in half.containers.iter_mut().filter(|one| one.name == "extra") {
        container.last_status = "STOPPED".to_owned();
        container.bindings.clear();
    }
    let mesh = on_host().with(two, [running("a", 1), half]);
    assert_eq!(
        mesh.told(),
        [
            "n1 shop-blue-80 /shop/ @ 10.0.0.1:1 10.0.0.1:3",
            "n1 shop-blue-81 /extra/ @ 10.0.0.1:2",
        ]
    );
    assert_eq!(mesh.warned(), [""; 0]);
}

#[test]
fn tasks_without_an_address_are_left_out_and_the_reason_is_told() {
    let passes = "hint: this resolves itself while an instance starts or stops";
    let mesh = Cluster::default().with(bridge("shop"), [good()]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ "]);
    assert_eq!(
        mesh.warned(),
        [format!(
            "task/good (shop:1): its container instance host is gone; the task is left out\n  {passes}"
        )]
    );
    let mesh = Cluster::default().instance("host", "i-1", &[]);
    let mesh = mesh.with(bridge("shop"), [good()]);
    assert_eq!(
        mesh.warned(),
        [format!(
            "task/good (shop:1): EC2 returns no private address for its instance i-1; the task is left out\n  \
             {passes}"
        )]
    );
}

#[test]
fn routes_of_which_no_task_is_well_stay_without_instances() {
    let mut unhealthy = shop("unhealthy", 2, &[("NJ_ROUTE_1", "!/admin/")]);
    unhealthy.health = Health::Unhealthy;
    let mut other = shop("other", 3, &[("NJ_ROUTE_1", "/")]);
    for tag in other
        .tags
        .iter_mut()
        .filter(|(name, _)| name == "NJ_SERVICE")
    {
        tag.1 = "other".to_owned();
    }
    let mesh = on_host().with(bridge("shop"), [unhealthy, other]);
    assert_eq!(
        mesh.told(),
        [
            "n1 other-blue-80 / @ 10.0.0.1:3",
            "n1 shop-blue-80 /admin/ @ "
        ]
    );
    assert_eq!(mesh.asked_for(), ["host"]);
}

#[test]
fn tasks_outside_aws_need_a_port_that_is_bound_to_an_address() {
    let outside = |task: Task| Task {
        launch_type: LaunchType::External,
        ..task
    };
    let tags = super::blue(&[ROUTE]);
    let bound = task(
        "bound",
        vec![container("app", &[("192.168.1.5", 80, 1)])],
        &tags,
    );
    let mesh = Cluster::default().with(bridge("shop"), [outside(good()), outside(bound)]);
    assert_eq!(mesh.told(), ["n1 shop-blue-80 /shop/ @ 192.168.1.5:1"]);
    assert_eq!(mesh.asked_for(), [""; 0]);
    assert_eq!(
        mesh.warned(),
        [
            "task/good (shop:1): it runs on a machine outside AWS, whose address AWS does not know; the task is left \
          out\n  hint: configure the host's Docker to publish ports on one address (its default bind \
          address), or run the task on EC2 or Fargate"
        ]
    );
}
