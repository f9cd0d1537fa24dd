//! What is asked of AWS, and how often.

use super::{blue, discovery, route, shop};
use e2e::{
    aws::{Aws, Cluster, Instance, Task, TaskDefinition},
    extension::Extension,
};
use std::{collections::BTreeMap, process::Command, thread, time::Duration};

/// Tasks, definitions and instances.
pub(crate) const FLEETS: [[usize; 3]; 3] = [[10, 2, 2], [100, 10, 10], [1000, 50, 120]];

/// The calls of the first refresh, and of the next one.
pub(crate) fn calls(
    [tasks, definitions, instances]: [usize; 3],
) -> [Vec<(&'static str, usize)>; 2] {
    let lists = ["ecs:ListTasks", "ecs:DescribeTasks"].map(|call| (call, tasks.div_ceil(100)));
    let details = [
        ("ecs:DescribeTaskDefinition", definitions),
        ("ecs:DescribeContainerInstances", instances.div_ceil(100)),
        ("ec2:DescribeInstances", instances.div_ceil(200)),
    ];
    [[&lists[..], &details].concat(), lists.to_vec()]
}

/// Tasks of a few definitions on a few instances.
fn fleet(aws: &Aws, tasks: usize, definitions: usize, instances: usize) -> Cluster {
    let cluster = aws.cluster("mesh");
    let instances: Vec<Instance> = (0..instances)
        .map(|number| cluster.instance(&format!("10.0.{}.{}", number / 250, number % 250 + 1)))
        .collect();
    let definitions: Vec<String> = (0..definitions)
        .map(|number| {
            let path = format!("/service-{number}/");
            let definition = TaskDefinition::bridge(&format!("service-{number}"));
            cluster.register(route(definition, &path))
        })
        .collect();
    let task = |number: usize| {
        let service = number % definitions.len();
        let instance = &instances[number % instances.len()];
        let port = 32768 + u16::try_from(number / instances.len()).unwrap();
        Task::of(&definitions[service])
            .service_color("n1", &format!("service-{service}"), "blue")
            .on(instance)
            .bind("app", 3000, port)
    };
    cluster.run_all((0..tasks).map(task).collect());
    cluster
}

fn counts(aws: &Aws) -> BTreeMap<String, u64> {
    let calls = aws.wire.calls();
    aws.wire.forget();
    calls
}

fn expected(calls: &[(&str, usize)]) -> BTreeMap<String, u64> {
    calls
        .iter()
        .map(|(call, count)| ((*call).to_owned(), u64::try_from(*count).unwrap()))
        .collect()
}

fn instances_in_map(discovery: &Extension) -> usize {
    let map = discovery.call(&[]).document.unwrap();
    let groups = map["namespaces"][0]["service-colors"].as_array().unwrap();
    groups
        .iter()
        .map(|group| group["instances"].as_array().unwrap().len())
        .sum()
}

#[test]
fn calls_per_refresh() {
    println!("tasks definitions instances: calls of the first refresh; of the next one");
    for size @ [tasks, definitions, instances] in FLEETS {
        let [of_first, of_next] = calls(size);
        let aws = Aws::start();
        fleet(&aws, tasks, definitions, instances);
        let discovery = discovery(&aws);
        assert_eq!(instances_in_map(&discovery), tasks);
        let first = counts(&aws);
        assert_eq!(first, expected(&of_first));
        assert_eq!(instances_in_map(&discovery), tasks);
        let next = counts(&aws);
        assert_eq!(next, expected(&of_next));
        println!("{tasks} {definitions} {instances}: {first:?}; {next:?}");
    }
}

#[test]
fn a_large_mesh_stays_within_the_rates_that_aws_allows() {
    let aws = Aws::start();
    fleet(&aws, 1000, 120, 120);
    assert_eq!(discovery(&aws).call(&[]).code, Some(0));

    // No bucket may run dry: 50 calls at once, then 20 a second.
    let mut at: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let requests = aws.wire.requests();
    for request in &requests {
        let bucket = match request.call.as_str() {
            "ecs:DescribeTaskDefinition" => "definitions",
            "ec2:DescribeInstances" => "instances",
            _ => "clusters",
        };
        at.entry(bucket).or_default().push(request.at);
    }
    for (bucket, at) in at {
        let began = at[0];
        for (number, at) in at.iter().enumerate() {
            let allowed = 55 + 20 * at.saturating_sub(began).as_millis() / 1000;
            assert!((number as u128) < allowed, "{bucket}: {number} at {at:?}");
        }
    }
}

#[test]
fn a_definition_is_asked_for_once_in_its_period() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = shop(&cluster);
    let period = "NJ_DMECS_TASKDEF_CACHE_SECONDS";
    let discovery = discovery(&aws).env(period, "3600");
    for _ in 0..3 {
        assert_eq!(discovery.call(&[]).code, Some(0));
    }
    assert_eq!(aws.wire.count("ecs:DescribeTaskDefinition"), 1);
    let discovery = discovery.env(period, "1");
    thread::sleep(Duration::from_millis(1100));
    discovery.call(&[]);
    assert_eq!(aws.wire.count("ecs:DescribeTaskDefinition"), 2);
    let discovery = discovery.env(period, "3600");

    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/new/"));
    cluster.run(blue(&definition).on(&host).bind("app", 3000, 32769));
    discovery.call(&[]);
    assert_eq!(aws.wire.count("ecs:DescribeTaskDefinition"), 3);
    assert_eq!(aws.wire.count("ec2:DescribeInstances"), 1);
}

#[test]
fn a_new_instance_is_asked_for_alone() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    shop(&cluster);
    let discovery = discovery(&aws);
    discovery.call(&[]);
    let other = cluster.instance("10.0.0.6");
    let definition = cluster.register(route(TaskDefinition::bridge("shop"), "/shop/"));
    cluster.run(blue(&definition).on(&other).bind("app", 3000, 32769));
    aws.wire.forget();
    discovery.call(&[]);
    let requests = aws.wire.requests();
    let asked = requests
        .iter()
        .find(|request| request.call == "ec2:DescribeInstances");
    let body = String::from_utf8(asked.unwrap().body.clone()).unwrap();
    assert!(
        body.ends_with(&format!("&InstanceId.1={}", other.id)),
        "{body}"
    );
}

#[test]
fn answers_in_pages_are_read_to_their_end() {
    let aws = Aws::start();
    fleet(&aws, 230, 3, 230);
    let discovery = discovery(&aws);
    assert_eq!(instances_in_map(&discovery), 230);
    assert_eq!(aws.wire.count("ec2:DescribeInstances"), 2);
    assert_eq!(aws.wire.count("ecs:DescribeContainerInstances"), 3);
}

#[test]
fn without_a_folder_nothing_is_kept_and_all_is_asked_again() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let discovery = discovery(&aws).env("NJ_TEMP_DIR", "");
    discovery.call(&[]);
    let first = counts(&aws);
    discovery.call(&[]);
    assert_eq!(counts(&aws), first);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_once_and_costs_calls_alone() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let discovery = discovery(&aws).env("NJ_TEMP_DIR", file.path().display());
    let found = discovery.call(&[]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let told = found
        .stderr
        .matches("so every run asks for everything again: ");
    assert_eq!(told.count(), 3, "definitions, instances, tasks: {found:?}");
}

/// The table that the program's own test of its endpoints compares with.
#[test]
fn the_table_of_ec2s_endpoints_is_what_botocores_rules_say() {
    let root = e2e::root();
    let output = Command::new(root.join(".venv/bin/python"))
        .arg(root.join("e2e/aws/ec2_endpoints.py"))
        .output()
        .unwrap();
    let table = root.join("e2e/aws/ec2_endpoints.txt");
    let table = std::fs::read_to_string(table).unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), table);
}
