//! Rewrites of declared routes: one without a trailing slash is an exact and a prefix route.

use super::{GATEWAY, Tool, by, declared::BOTH};
use crate::cloudmap::Registry;
use e2e::{
    aws::{Aws, Task, TaskDefinition},
    maps::map,
    mesh::{Backend, Plan, Proxy},
    program,
};

/// Routes with a rewrite: one without a trailing slash, one with it, and one to the root.
const REWRITTEN: [(&str, &str); 6] = [
    ("NJ_ROUTE_1", "/stock"),
    ("NJ_ROUTE_PROP_1_PREFIX_REWRITE", "/v1"),
    ("NJ_ROUTE_2", "/cost/"),
    ("NJ_ROUTE_PROP_2_PREFIX_REWRITE", "/v2"),
    ("NJ_ROUTE_3", "/root"),
    ("NJ_ROUTE_PROP_3_PREFIX_REWRITE", "/"),
];

/// Checks what the service sees through a gateway.
fn are_rewritten(proxy: &Proxy) {
    proxy.wait_for_status("/root", 200);
    let expected = [
        ("/stock", "/v1"),
        ("/stock?x=1", "/v1?x=1"),
        ("/stock/", "/v1/"),
        ("/stock/item/7", "/v1/item/7"),
        ("/root", "/"),
        ("/root/who", "/who"),
    ];
    for (path, seen) in expected {
        let answer = proxy.get(path);
        let found = answer.header("x-sample-path");
        assert_eq!(
            (by(&answer).as_str(), found),
            ("stock-blue", Some(seen)),
            "{path}"
        );
    }
    assert_eq!(by(&proxy.get("/stocks")), "404");
}

#[test]
fn a_rewrite_of_a_route_of_ecs_keeps_what_is_below_it() {
    let stock = Backend::start("stock", "blue");
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("127.0.0.1");
    let definition = TaskDefinition::bridge("stock").container("app", &[3000]);
    let declare = |definition: TaskDefinition, (name, value): &(&str, &str)| {
        definition.environment(name, value)
    };
    let definition = cluster.register(REWRITTEN.iter().fold(definition, declare));
    let task = Task::of(&definition).service_color("n1", "stock", "blue");
    cluster.run(task.on(&host).bind("app", 3000, stock.port));
    let proxy = Plan::gateway("n1", &map(&[]))
        .discovery(program("ext-discovery-ecs").display())
        .envs(aws.env())
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
        .start();
    are_rewritten(&proxy);
}

#[test]
fn a_rewrite_of_a_route_of_cloud_map_keeps_what_is_below_it() {
    let stock = Backend::start("stock", "blue");
    let registry = Registry::new();
    let identity = [("NJ_COLOR", "blue")];
    let service = registry.service("stock", &[&identity[..], &REWRITTEN].concat());
    service.register("i-1", "127.0.0.1", stock.port);
    let proxy = Plan::gateway("n1", &map(&[]))
        .discovery(program("ext-discovery-cloudmap").display())
        .envs(registry.aws.env())
        .env("NJ_DMCM_NAMESPACES", "n1")
        .env("NJ_DMCM_ALLOW_LOOPBACK", "true")
        .start();
    are_rewritten(&proxy);
}

#[test]
fn a_rewrite_that_cannot_fit_is_warned_of() {
    for (name, discovery) in BOTH {
        let found = discovery(&REWRITTEN);
        let (_, told) = Tool::with(found.map()).context(&GATEWAY);
        // Where both the path and its replacement end alike, there is nothing to say.
        let lines = told.lines().filter(|line| line.contains("prefix-rewrite"));
        let lines: Vec<&str> = lines.collect();
        assert_eq!(lines.len(), 1, "{name}: {told}");
        assert!(lines[0].contains("/cost/"), "{name}: {told}");
    }
}
