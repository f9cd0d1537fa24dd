//! EC2 instances that are not known, or left out of an otherwise good answer.

use super::{Scene, tasks_on_instances, with};
use crate::ecs::said;
use e2e::{
    aws::{Answers, Request},
    extension::Extension,
};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// Takes two of four instances from EC2, and gives their ids.
fn take_two(answers: &Answers) -> Vec<String> {
    let mut taken = Vec::new();
    answers.change(|all| {
        let known = all["ec2"].as_array_mut().unwrap();
        taken = known.split_off(2);
    });
    let id = |instance: &Value| instance["id"].as_str().unwrap().to_owned();
    taken.iter().map(id).collect()
}

#[test]
fn an_instance_that_ec2_does_not_know_is_told_of_and_the_others_are_asked_for_again() {
    let scene = Scene::with(tasks_on_instances(4));
    take_two(&scene.answers);
    let (map, said) = scene.found();
    assert_eq!(
        map,
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1 8001 10.0.0.2 8002"]
    );
    for (task, instance) in [("t3", "i-03"), ("t4", "i-04")] {
        let told = format!(
            "task/field/{task} (shop:1): EC2 does not know instance {instance}; the task is left out"
        );
        assert!(said.contains(&told), "{said}");
    }
    let asked = |request: Request| {
        let body = String::from_utf8(request.body).unwrap();
        (request.call == "ec2:DescribeInstances").then_some(body)
    };
    let asked: Vec<String> = scene
        .aws
        .wire
        .requests()
        .into_iter()
        .filter_map(asked)
        .collect();
    let start = "Action=DescribeInstances&Version=2016-11-15&IncludeManagedResources=true";
    let all = "&InstanceId.1=i-01&InstanceId.2=i-02&InstanceId.3=i-03&InstanceId.4=i-04";
    let known = "&InstanceId.1=i-01&InstanceId.2=i-02";
    assert_eq!(asked, [format!("{start}{all}"), format!("{start}{known}")]);
}

#[test]
fn ids_that_ec2_refuses_without_naming_them_are_found() {
    let scene = Scene::with(tasks_on_instances(4));
    take_two(&scene.answers);
    let refusal = json!({"code": "InvalidInstanceID.Malformed", "message": "Invalid id"});
    scene.answers.change(|all| all["refusal"] = refusal);
    let (map, said) = scene.found();
    assert_eq!(
        map,
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1 8001 10.0.0.2 8002"]
    );
    assert_eq!(
        said.matches("EC2 does not know instance").count(),
        2,
        "{said}"
    );
}

#[test]
fn an_instance_that_ec2_leaves_out_holds_the_map_back_for_five_minutes_and_no_longer() {
    let scene = Scene::with(tasks_on_instances(4));
    let taken = take_two(&scene.answers);
    scene.answers.change(|all| all["silent"] = json!(taken));
    let is_held_back = || {
        let ending = scene.discovery.call(&[]);
        assert_eq!((ending.code, &ending.document), (Some(31), &None));
        assert_eq!(
            said(&ending),
            "ext-discovery-ecs: ec2:DescribeInstances on the instances of the clusters returned nothing for \
             i-03: the answer does not mention it; after 5 minutes of this its tasks are left out, if \
             NJ_TEMP_DIR is kept\n"
        );
    };
    is_held_back();
    is_held_back();
    later(&scene.discovery, 290);
    is_held_back();
    later(&scene.discovery, 10);
    let (map, said) = scene.found();
    assert_eq!(
        map,
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1 8001 10.0.0.2 8002"]
    );
    assert!(
        said.contains(
            "task/field/t4 (shop:1): EC2 does not return its instance i-04; the task is left out"
        ),
        "{said}"
    );
    // It is there again, and then again not.
    scene.answers.change(|all| {
        let known = all["ec2"].as_array_mut().unwrap();
        known.push(json!({"id": "i-03", "ipv4": "10.0.0.3"}));
        known.push(json!({"id": "i-04", "ipv4": "10.0.0.4"}));
    });
    let all = "10.0.0.1 8001 10.0.0.2 8002 10.0.0.3 8003 10.0.0.4 8004";
    assert_eq!(
        scene.found(),
        (
            vec![format!("n1 shop-blue-80 /shop/ @ {all}")],
            String::new()
        )
    );
    assert!(kept(&scene.discovery).is_empty());
}

#[test]
fn programs_that_share_a_folder_do_not_begin_anew_for_each_other() {
    let scene = Scene::with(tasks_on_instances(4));
    let taken = take_two(&scene.answers);
    scene.answers.change(|all| all["silent"] = json!(taken));
    let scene = with(scene, "NJ_DMECS_AWS_CLUSTERS", "field");
    assert_eq!(scene.discovery.call(&[]).code, Some(31));
    later(&scene.discovery, 200);
    // Of this one's cluster nothing is missing.
    let scene = with(scene, "NJ_DMECS_AWS_CLUSTERS", "other");
    assert_eq!(scene.discovery.call(&[]).code, Some(0));
    let scene = with(scene, "NJ_DMECS_AWS_CLUSTERS", "field");
    later(&scene.discovery, 100);
    let (map, _) = scene.found();
    assert_eq!(
        map,
        ["n1 shop-blue-80 /shop/ @ 10.0.0.1 8001 10.0.0.2 8002"]
    );
}

/// Since when instances have been missing, as it is kept: the files and their text.
fn kept(discovery: &Extension) -> Vec<(PathBuf, String)> {
    let folder = discovery.folder().join("ext-discovery-ecs/instances");
    let files = fs::read_dir(folder).unwrap().flatten();
    let files = files.map(|file| (file.path(), fs::read_to_string(file.path()).unwrap()));
    files.filter(|(_, text)| text.contains("missing")).collect()
}

/// Makes it so many seconds later.
fn later(discovery: &Extension, seconds: u64) {
    for (path, text) in kept(discovery) {
        let (key, since): (String, u64) = serde_json::from_str(&text).unwrap();
        fs::write(path, json!([key, since - seconds]).to_string()).unwrap();
    }
}
