//! What AWS answers, member by member: what moto leaves out, and what ECS says that it does not.
//!
//! ```text
//! instances   EC2 instances that are not known, or left out
//! listing     listings that are not whole, and their pages
//! members     tasks and definitions with members that moto does not have
//! ```

mod instances;
mod listing;
mod members;

use super::{discovery, said, told};
use e2e::{
    aws::{Answers, Aws, Fault},
    extension::Extension,
};
use serde_json::{Value, json};
use std::{thread, time::Duration};

/// An account of which these answers are all that is known.
struct Scene {
    aws: Aws,
    answers: Answers,
    discovery: Extension,
}

impl Scene {
    fn of(answers: &str) -> Self {
        Self::with(serde_json::from_str(answers).unwrap())
    }

    fn with(answers: Value) -> Self {
        let aws = Aws::start();
        let answers = Answers::play(&aws.wire, answers);
        let discovery = discovery(&aws).env("NJ_DMECS_AWS_CLUSTERS", "field");
        Self {
            aws,
            answers,
            discovery,
        }
    }

    /// The map in a few words, and what was said.
    fn found(&self) -> (Vec<String>, String) {
        let ending = self.discovery.call(&[]);
        assert_eq!(ending.code, Some(0), "{ending:?}");
        (told(&ending), said(&ending))
    }
}

/// The same account and folder, for a program with another setting.
fn with(scene: Scene, name: &str, value: &str) -> Scene {
    Scene {
        discovery: scene.discovery.env(name, value),
        ..scene
    }
}

#[test]
fn a_container_that_no_definition_declares_never_decides_about_a_task() {
    let both = "store till-blue-8080 /till/ @ 10.0.1.11 8080 10.0.1.12 8080";
    for answers in [
        include_str!("answers/agent-stopped.json"),
        include_str!("answers/agent-unhealthy.json"),
    ] {
        let scene = Scene::of(answers);
        assert_eq!(scene.found(), (vec![both.to_owned()], String::new()));
        // ECS may say of a task what it says of the container.
        scene.answers.change(|all| {
            all["ecs"]["tasks"][0]["healthStatus"] = json!("UNHEALTHY");
            all["ecs"]["tasks"][0]["containers"][0]["healthStatus"] = json!("UNHEALTHY");
        });
        assert_eq!(scene.found(), (vec![both.to_owned()], String::new()));
    }
}

#[test]
fn a_hint_offers_no_switch_that_does_not_help() {
    let scene = Scene::of(include_str!("answers/agent-stopped.json"));
    let other = "store till-blue-8080 /till/ @ 10.0.1.12 8080";
    let arn = "arn:aws:ecs:eu-central-1:111122223333:task/field/t11";
    let app = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), json!(value));
        scene
            .answers
            .change(move |all| all["ecs"]["tasks"][0]["containers"][1][name] = value);
        let (map, said) = scene.found();
        assert_eq!(map, [other]);
        said.replace(arn, "ARN")
    };
    assert_eq!(
        app("healthStatus", "UNHEALTHY"),
        " WARN ARN (till:1): its essential container till is UNHEALTHY; the task is left out\n  hint: check \
         why the container's health check fails; NJ_DMECS_INCLUDE_UNHEALTHY=true keeps unhealthy tasks in the mesh\n"
    );
    assert_eq!(
        app("lastStatus", "STOPPED"),
        " WARN ARN (till:1): its essential container till has stopped; the task is left out\n  hint: check \
         the container's exit code and log\n"
    );
}

#[test]
fn a_definition_that_is_gone_is_as_it_was_known_last() {
    let scene = Scene::of(include_str!("answers/anywhere-beside-ec2.json"));
    let scene = Scene {
        discovery: scene.discovery.env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0"),
        ..scene
    };
    let before = scene.found();
    let gone = |all: &mut Value| all["ecs"]["definitions"] = json!({});
    scene.answers.change(gone);
    let (map, said) = scene.found();
    assert_eq!(map, before.0);
    let told = "what was known of it last counts: ecs:DescribeTaskDefinition on ";
    assert!(said.contains(told), "{said}");
    assert_eq!(scene.aws.wire.count("ecs:DescribeTaskDefinition"), 2);
    // It is asked for again, as what is known is as old as it was.
    let scene = Scene {
        discovery: scene.discovery.env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "1"),
        ..scene
    };
    thread::sleep(Duration::from_millis(1100));
    for _ in 0..2 {
        assert_eq!(scene.found().0, before.0);
    }
    assert_eq!(scene.aws.wire.count("ecs:DescribeTaskDefinition"), 4);
}

#[test]
fn another_mistake_in_the_call_is_not_taken_for_a_definition_that_is_gone() {
    let scene = Scene::of(include_str!("answers/anywhere-beside-ec2.json"));
    let scene = Scene {
        discovery: scene.discovery.env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0"),
        ..scene
    };
    scene.found();
    let refusal = Fault::Answer {
        status: 400,
        headers: Vec::new(),
        body: json!({"__type": "ClientException", "message": "Invalid include."}).to_string(),
    };
    scene.aws.wire.fail("ecs:DescribeTaskDefinition", refusal);
    let ending = scene.discovery.call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(1), &None));
    assert!(
        said(&ending).contains("was rejected: ClientException: Invalid include."),
        "{ending:?}"
    );
}

#[test]
fn without_one_that_was_known_there_is_no_map() {
    let scene = Scene::of(include_str!("answers/service-connect.json"));
    let mail = "arn:aws:ecs:eu-central-1:111122223333:task-definition/mail:1";
    scene.answers.change(|all| {
        all["ecs"]["definitions"]
            .as_object_mut()
            .unwrap()
            .remove(mail);
    });
    let ending = scene.discovery.call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(31), &None));
    assert_eq!(
        said(&ending),
        format!(
            "ext-discovery-ecs: ecs:DescribeTaskDefinition on {mail} was rejected: ClientException: Unable \
             to describe task definition.\n  hint: this resolves itself: the last task of the \
             definition has stopped meanwhile\n"
        )
    );
}

/// Tasks `t1`, `t2` …, each on an instance of its own, in the cluster `field`.
fn tasks_on_instances(count: u8) -> Value {
    let arn = |kind: &str, name: &str| format!("arn:aws:ecs:eu-central-1:1:{kind}/field/{name}");
    let each = |make: &dyn Fn(u8) -> Value| (1..=count).map(make).collect::<Vec<Value>>();
    let tasks = each(&|n| {
        json!({
            "taskArn": arn("task", &format!("t{n}")), "taskDefinitionArn": "shop:1",
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "launchType": "EC2",
            "containerInstanceArn": arn("container-instance", &format!("c{n}")),
            "containers": [{"name": "app", "lastStatus": "RUNNING", "networkBindings": [
                {"bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 8000 + u16::from(n)},
            ]}],
        })
    });
    let settings = [
        ("NJ_PROXY_MODE", "SERVICE"),
        ("NJ_NAMESPACE", "n1"),
        ("NJ_SERVICE", "shop"),
        ("NJ_COLOR", "blue"),
        ("NJ_ROUTE_1", "/shop/"),
    ];
    let settings = settings.map(|(name, value)| json!({"name": name, "value": value}));
    let definition = json!({
        "taskDefinitionArn": "shop:1", "family": "shop", "revision": 1, "networkMode": "bridge",
        "containerDefinitions": [
            {"name": "app", "portMappings": [{"containerPort": 80}], "environment": settings},
        ],
    });
    let instances = each(&|n| {
        let name = arn("container-instance", &format!("c{n}"));
        json!({"containerInstanceArn": name, "ec2InstanceId": format!("i-0{n}")})
    });
    let ec2 = each(&|n| json!({"id": format!("i-0{n}"), "ipv4": format!("10.0.0.{n}")}));
    json!({
        "ecs": {"tasks": tasks, "definitions": {"shop:1": definition}, "containerInstances": instances},
        "ec2": ec2,
    })
}
