//! Discovery of ECS tasks over AWS's wire protocol.
//!
//! ```text
//! mesh      what becomes of tasks in each network mode, of clusters, containers and revisions
//! mistakes  wrong tags, and tasks that are not well
//! calls     what is asked of AWS, and how often
//! faults    calls that fail
//! answers   what AWS answers, member by member, where moto leaves things out
//! ```

mod answers;
pub(crate) mod calls;
mod faults;
mod mesh;
mod mistakes;

use e2e::{
    aws::{Aws, Cluster, Instance, Task, TaskDefinition},
    extension::{Ending, Extension},
};

/// The program with an account's settings, looking at the cluster `mesh`.
fn discovery(aws: &Aws) -> Extension {
    Extension::new("ext-discovery-ecs")
        .envs(aws.env())
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
}

/// `n1/shop-blue` with one task on one instance, whatever else is in the mesh.
fn shop(cluster: &Cluster) -> Instance {
    let host = cluster.instance("10.0.0.5");
    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
    cluster.run(blue(&definition).on(&host).bind("app", 3000, 32768));
    host
}

/// One container `app` that publishes port 3000, and a route to it.
fn route(definition: TaskDefinition, path: &str) -> TaskDefinition {
    definition.container("app", &[3000]).tag("NJ_ROUTE_1", path)
}

fn blue(definition: &str) -> Task {
    Task::of(definition).service_color("n1", "shop", "blue")
}

/// The map in a few words, a line for each gateway and each group of routes.
fn told(ending: &Ending) -> Vec<String> {
    let document = ending.document.as_ref();
    let document = document.unwrap_or_else(|| panic!("no document: {ending:?}"));
    let mut lines = Vec::new();
    for namespace in document["namespaces"].as_array().unwrap() {
        let name = namespace["namespace"].as_str().unwrap();
        let gateways = at(&namespace["gateways"]);
        if !gateways.is_empty() {
            lines.push(format!("{name} gateway @{gateways}"));
        }
        for group in namespace["service-colors"].as_array().unwrap() {
            let word = |field: &str| group[field].as_str().unwrap();
            let paths: Vec<&str> = group["routes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|route| route["path-match"]["value"].as_str().unwrap())
                .collect();
            lines.push(format!(
                "{name} {}-{}-{} {} @{}",
                word("service"),
                word("color"),
                group["index"],
                paths.join(","),
                at(group)
            ));
        }
    }
    lines
}

fn at(group: &serde_json::Value) -> String {
    let instances = group["instances"].as_array().unwrap().iter();
    let one = |instance: &serde_json::Value| {
        let host = instance.get("ipv4").or_else(|| instance.get("ipv6"));
        format!(" {} {}", host.unwrap().as_str().unwrap(), instance["port"])
    };
    instances.map(one).collect()
}

/// What was said, without the SDK's own remarks on the test's settings.
fn said(ending: &Ending) -> String {
    let lines = ending.stderr.lines();
    let own = lines.filter(|line| !line.contains("config file overridden"));
    own.flat_map(|line| [line, "\n"]).collect()
}
