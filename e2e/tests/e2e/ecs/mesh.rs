//! What becomes of tasks in each network mode, of clusters, containers and revisions.

use super::{blue, discovery, route, said, shop, told};
use e2e::{
    aws::{Aws, Task, TaskDefinition},
    extension::Extension,
};
use serde_json::{Value, json};

#[test]
fn every_task_on_a_bridge_has_its_own_port_of_its_instance() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let (one, other) = (cluster.instance("10.0.0.5"), cluster.instance("10.0.0.6"));
    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
    cluster.run(blue(&definition).on(&one).bind("app", 3000, 32768));
    cluster.run(blue(&definition).on(&one).bind("app", 3000, 32769));
    cluster.run(blue(&definition).on(&other).bind("app", 3000, 32768));
    cluster.run(
        blue(&definition)
            .on(&other)
            .bind_to("192.168.0.6", "app", 3000, 40000),
    );

    let found = discovery(&aws).call(&[]);
    assert_eq!(
        told(&found),
        [
            "n1 shop-blue-3000 /shop/ @ 10.0.0.5 32768 10.0.0.5 32769 10.0.0.6 32768 192.168.0.6 40000"
        ]
    );
    assert_eq!((found.code, said(&found).as_str()), (Some(0), ""));
}

#[test]
fn a_task_with_the_hosts_network_has_the_port_that_it_listens_on() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.5");
    let definition = cluster.register(route(TaskDefinition::host("shop"), "/shop/"));
    cluster.run(blue(&definition).on(&host));
    assert_eq!(
        told(&discovery(&aws).call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 10.0.0.5 3000"]
    );
}

#[test]
fn a_fargate_task_has_its_own_address_and_its_host_is_nobodys_business() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let definition = cluster.register(route(TaskDefinition::awsvpc("shop"), "/shop/"));
    cluster.run(blue(&definition).at("10.1.0.7"));
    cluster.run(blue(&definition).at_ipv6("2001:db8::7"));
    cluster.run(blue(&definition).at("10.1.0.8").at_ipv6("2001:db8::8"));
    assert_eq!(
        told(&discovery(&aws).call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 10.1.0.7 3000 10.1.0.8 3000 2001:db8::7 3000"]
    );
    let calls: Vec<String> = aws.wire.calls().into_keys().collect();
    assert_eq!(
        calls,
        [
            "ecs:DescribeTaskDefinition",
            "ecs:DescribeTasks",
            "ecs:ListTasks"
        ]
    );
}

#[test]
fn an_instance_may_have_an_ipv6_address_alone() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance_with(Value::Null, json!(["2001:db8::5"]), Value::Null);
    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
    cluster.run(
        blue(&definition)
            .on(&host)
            .bind_to("::", "app", 3000, 32768),
    );
    assert_eq!(
        told(&discovery(&aws).call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 2001:db8::5 32768"]
    );
}

#[test]
fn several_clusters_make_one_mesh() {
    let aws = Aws::start();
    for (number, name) in ["blue", "green"].into_iter().enumerate() {
        let cluster = aws.cluster(name);
        let host = cluster.instance(&format!("10.0.{number}.5"));
        let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
        let task = Task::of(&definition).service_color("n1", "shop", name);
        cluster.run(task.on(&host).bind("app", 3000, 32768));
    }
    let by_arn = format!("arn:aws:ecs:eu-central-1:{}:cluster/blue", aws.account());
    let clusters = format!("blue, green,{by_arn}");
    let found = discovery(&aws)
        .env("NJ_DMECS_AWS_CLUSTERS", clusters)
        .call(&[]);
    assert_eq!(
        told(&found),
        [
            "n1 shop-blue-3000 /shop/ @ 10.0.0.5 32768",
            "n1 shop-green-3000 /shop/ @ 10.0.1.5 32768",
        ]
    );
}

#[test]
fn containers_speak_for_themselves_and_overrides_count_before_definitions() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let definition = cluster.register(
        TaskDefinition::awsvpc("pair")
            .container("shop", &[3000])
            .environment("NJ_ROUTE_1", "/shop/")
            .environment("DATABASE_PASSWORD", "hunter2")
            .container("cart", &[4000, 4001])
            .environment("NJ_ROUTE_1", "/cart/")
            .environment("NJ_ROUTE_PORT_1", "4001")
            .environment("NJ_ROUTE_2", "/not-so-fast/"),
    );
    let overrides = [
        ("NJ_ROUTE_2", "!/cart/admin/"),
        ("NJ_ROUTE_PORT_2", "cart:4000"),
    ];
    let task = blue(&definition)
        .at("10.1.0.7")
        .overriding("cart", &overrides);
    cluster.run(task);
    let discovery = discovery(&aws).env("DEBUG", "true");
    let found = discovery.call(&[]);
    assert_eq!(
        told(&found),
        [
            "n1 shop-blue-3000 /shop/ @ 10.1.0.7 3000",
            "n1 shop-blue-4000 /cart/admin/ @ 10.1.0.7 4000",
            "n1 shop-blue-4001 /cart/ @ 10.1.0.7 4001",
        ]
    );
    assert!(!everything_written(&discovery).contains("hunter2"));
    assert!(!found.stderr.contains("hunter2"));
}

/// All that the program left in files.
fn everything_written(discovery: &Extension) -> String {
    let mut folders = vec![discovery.folder().to_owned()];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(text.contains("NJ_ROUTE_1"), "{text}");
    text
}

#[test]
fn while_two_revisions_run_the_newer_ones_routes_count() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.5");
    let run = |path: &str, port: u16| {
        let definition = cluster.register(route(TaskDefinition::bridge("shop"), path));
        cluster.run(blue(&definition).on(&host).bind("app", 3000, port))
    };
    let _newer_number_matters_not_the_text: Vec<_> = (1..9)
        .map(|number| run("/old/", 32768 + number).stopped())
        .collect();
    run("/old/", 40000);
    run("/new/", 40001);
    let found = discovery(&aws).call(&[]);
    assert_eq!(
        told(&found),
        ["n1 shop-blue-3000 /new/ @ 10.0.0.5 40000 10.0.0.5 40001"]
    );
}

#[test]
fn gateways_are_found_where_they_listen() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let definition = cluster.register(
        TaskDefinition::awsvpc("edge")
            .container("envoy", &[8080, 9901])
            .environment("NJ_LISTEN_PORT", "8080"),
    );
    let gateway = Task::of(&definition).gateway("n1");
    cluster.run(gateway.clone().at("10.1.0.7"));
    cluster.run(gateway.at("10.1.0.8").tag("NJ_PREFER_GATEWAY", "true"));
    let found = discovery(&aws).call(&[]);
    assert_eq!(told(&found), ["n1 gateway @ 10.1.0.7 8080 10.1.0.8 8080"]);
}

#[test]
fn only_tasks_with_the_required_tag_are_in_the_mesh() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let definition = cluster.register(route(TaskDefinition::awsvpc("shop"), "/shop/"));
    cluster.run(blue(&definition).at("10.1.0.7").tag("mesh", "main"));
    cluster.run(blue(&definition).at("10.1.0.8").tag("mesh", "test"));
    cluster.run(blue(&definition).at("10.1.0.9"));
    let tagged = || discovery(&aws).env("NJ_DMECS_REQUIRED_TAG", "mesh");
    let main = tagged().env("NJ_DMECS_REQUIRED_TAG_VALUE", "main");
    assert_eq!(
        told(&main.call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 10.1.0.7 3000"]
    );
    assert_eq!(
        told(&tagged().call(&[])),
        ["n1 shop-blue-3000 /shop/ @ 10.1.0.7 3000 10.1.0.8 3000"]
    );
}

#[test]
fn a_discovery_that_finds_nothing_new_says_so() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    shop(&cluster);
    let discovery = discovery(&aws);
    let found = discovery.call(&[]);
    let again = discovery.call(&[]);
    assert_eq!(again.document, found.document);
    let unchanged = discovery.call_after(found.version(), &[]);
    assert_eq!((unchanged.code, unchanged.document), (Some(30), None));
    let newer = discovery.call_after("another", &[]);
    assert_eq!((newer.code, newer.document), (Some(0), found.document));
}

#[test]
fn a_cluster_without_tasks_gives_an_empty_map() {
    let aws = Aws::start();
    aws.cluster("mesh");
    let found = discovery(&aws).call(&[]);
    assert_eq!((found.code, told(&found)), (Some(0), Vec::new()));
    assert_eq!(
        aws.wire.calls().into_iter().collect::<Vec<_>>(),
        [("ecs:ListTasks".to_owned(), 1)]
    );
}

#[test]
fn a_cluster_named_twice_is_asked_once() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    shop(&cluster);
    let arn = format!("arn:aws:ecs:eu-central-1:{}:cluster/mesh", aws.account());
    for clusters in [
        "mesh,mesh",
        &format!("mesh,{arn}"),
        &format!("{arn},mesh,{arn}"),
    ] {
        aws.wire.forget();
        let found = discovery(&aws)
            .env("NJ_DMECS_AWS_CLUSTERS", clusters)
            .call(&[]);
        assert_eq!(told(&found), ["n1 shop-blue-3000 /shop/ @ 10.0.0.5 32768"]);
        let asked = ["ecs:ListTasks", "ecs:DescribeTasks"].map(|call| aws.wire.count(call));
        assert_eq!(asked, [1, 1], "{clusters}");
    }
}

#[test]
fn a_port_that_is_bound_to_loopback_is_for_nobody_else() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.5");
    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
    let task = blue(&definition).on(&host);
    let within = cluster.run(task.clone().bind_to("127.0.0.1", "app", 3000, 32768));
    cluster.run(task.bind("app", 3000, 32769));
    let found = discovery(&aws).call(&[]);
    assert_eq!(told(&found), ["n1 shop-blue-3000 /shop/ @ 10.0.0.5 32769"]);
    assert_eq!(
        said(&found),
        format!(
            " WARN {} (shop:1): port 3000 of container app is bound to 127.0.0.1, which other machines \
             cannot reach; this address is left out\n  hint: configure the host's Docker to publish ports \
             on another address (its default bind address)\n",
            within.arn
        )
    );
}

#[test]
fn while_a_service_moves_to_another_port_its_weight_is_divided_by_tasks() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let register = |port: u16| {
        let definition = TaskDefinition::awsvpc("shop").container("app", &[port]);
        cluster.register(definition.tag("NJ_ROUTE_1", "/shop/"))
    };
    let (old, new) = (register(3000), register(4000));
    let weighing = |definition: &str, color: &str, weight: &str| {
        let task = Task::of(definition).service_color("n1", "shop", color);
        task.tag("NJ_ROUTE_WEIGHT_1", weight)
    };
    for number in 1..10 {
        cluster.run(weighing(&old, "blue", "9").at(&format!("10.1.0.{number}")));
    }
    cluster.run(weighing(&new, "blue", "9").at("10.1.0.10"));
    cluster.run(weighing(&old, "green", "1").at("10.1.0.11"));
    let map = discovery(&aws).call(&[]).document.unwrap();
    let groups = map["namespaces"][0]["service-colors"].as_array().unwrap();
    let weights: Vec<Value> = groups
        .iter()
        .map(|group| json!([group["color"], group["index"], group["routes"][0]["weight"]]))
        .collect();
    // Of 100: 81 for nine old ones, 9 for the first new one, 10 for the other color as before.
    let expected = [
        json!(["blue", 3000, 81]),
        json!(["blue", 4000, 9]),
        json!(["green", 3000, 10]),
    ];
    assert_eq!(weights, expected);
}
