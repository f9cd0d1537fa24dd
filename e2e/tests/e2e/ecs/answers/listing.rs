//! Listings of tasks that are not whole, and their pages.

use super::{Scene, tasks_on_instances, with};
use crate::ecs::{said, told};
use e2e::aws::Fault;
use serde_json::{Value, json};
use std::fs;

fn arn(number: u8) -> String {
    format!("arn:aws:ecs:eu-central-1:1:task/field/t{number}")
}

/// How many instances the map has.
fn count(scene: &Scene) -> usize {
    let (map, _) = scene.found();
    map.join(" ").matches("10.0.0.").count()
}

fn unlist(scene: &Scene, tasks: &[u8]) {
    let arns: Vec<String> = tasks.iter().copied().map(arn).collect();
    scene.answers.change(|all| all["unlisted"] = json!(arns));
}

fn stop(all: &mut Value, number: usize) {
    all["ecs"]["tasks"][number]["desiredStatus"] = json!("STOPPED");
}

#[test]
fn a_listing_that_leaves_out_most_tasks_is_looked_into() {
    let scene = Scene::with(tasks_on_instances(8));
    assert_eq!(count(&scene), 8);
    unlist(&scene, &[4, 5, 6, 7, 8]);
    scene.aws.wire.forget();
    for _ in 0..2 {
        let ending = scene.discovery.call(&[]);
        assert_eq!((ending.code, &ending.document), (Some(31), &None));
        assert_eq!(
            said(&ending),
            format!(
                "ext-discovery-ecs: ecs:ListTasks on cluster field returned nothing for {}: it runs, as \
                 ecs:DescribeTasks says, and 5 of the last map's 8 tasks are not listed\n",
                arn(4)
            )
        );
    }
    assert_eq!(scene.aws.wire.count("ecs:DescribeTasks"), 2);
    // What runs is listed again.
    unlist(&scene, &[]);
    assert_eq!(count(&scene), 8);
}

#[test]
fn a_real_loss_is_published_at_once() {
    let scene = Scene::with(tasks_on_instances(8));
    assert_eq!(count(&scene), 8);
    scene.answers.change(|all| {
        for number in 3..7 {
            stop(all, number);
        }
        // ECS forgets a task an hour after its end.
        all["ecs"]["tasks"].as_array_mut().unwrap().pop();
    });
    scene.aws.wire.forget();
    assert_eq!(count(&scene), 3);
    assert_eq!(scene.aws.wire.count("ecs:DescribeTasks"), 2);
    // It is the last map from now on.
    assert_eq!(count(&scene), 3);
    assert_eq!(scene.aws.wire.count("ecs:DescribeTasks"), 3);
    scene.answers.change(|all| stop(all, 0));
    assert_eq!(count(&scene), 2);
    assert_eq!(scene.aws.wire.count("ecs:DescribeTasks"), 4);
    scene.answers.change(|all| all["ecs"]["tasks"] = json!([]));
    let ending = scene.discovery.call(&[]);
    assert_eq!((ending.code, told(&ending)), (Some(0), vec![]));
}

#[test]
fn a_loss_of_half_is_believed_and_so_is_that_of_a_cluster_that_is_not_asked_any_more() {
    let mut answers = tasks_on_instances(8);
    for number in 4..8 {
        let arn = arn(number + 1).replace("/field/", "/other/");
        answers["ecs"]["tasks"][usize::from(number)]["taskArn"] = json!(arn);
    }
    let mut scene = Scene::with(answers);
    let ask = |scene: Scene, clusters: &str| Scene {
        discovery: scene.discovery.env("NJ_DMECS_AWS_CLUSTERS", clusters),
        ..scene
    };
    scene = ask(scene, "field,other");
    assert_eq!(count(&scene), 8);
    unlist(&scene, &[1, 2, 3, 4]);
    assert_eq!(count(&scene), 4);
    unlist(&scene, &[]);
    assert_eq!(count(&scene), 8);
    scene = ask(scene, "other");
    assert_eq!(count(&scene), 4);
    // Of those that are asked it still counts.
    unlist(&scene, &[5, 6, 7, 8]);
    scene.answers.change(|all| {
        let listed = all["unlisted"].as_array_mut().unwrap();
        for arn in listed {
            *arn = json!(arn.as_str().unwrap().replace("/field/", "/other/"));
        }
    });
    assert_eq!(scene.discovery.call(&[]).code, Some(31));
}

#[test]
fn tasks_are_described_by_the_hundred_however_the_listing_is_paged() {
    let mut answers = tasks_on_instances(230);
    answers["page"] = json!(7);
    let scene = Scene::with(answers);
    assert_eq!(count(&scene), 230);
    let calls = scene.aws.wire.calls();
    assert_eq!(calls["ecs:ListTasks"], 33);
    assert_eq!(calls["ecs:DescribeTasks"], 3);
}

#[test]
fn the_last_map_is_that_of_the_same_region_account_and_tag() {
    let scene = Scene::with(tasks_on_instances(8));
    assert_eq!(count(&scene), 8);
    // Another program's map says nothing of this one's.
    let scene = with(scene, "NJ_DMECS_REQUIRED_TAG", "team");
    assert_eq!(count(&scene), 0);
    let scene = with(scene, "NJ_DMECS_REQUIRED_TAG", "");
    unlist(&scene, &[1, 2, 3, 4, 5]);
    assert_eq!(scene.discovery.call(&[]).code, Some(31));
    let scene = with(scene, "AWS_REGION", "eu-west-1");
    unlist(&scene, &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(count(&scene), 0);

    // Nobody here can describe what another account has.
    let scene = with(scene, "AWS_REGION", "eu-central-1");
    unlist(&scene, &[]);
    assert_eq!(count(&scene), 8);
    scene.answers.change(|all| {
        for task in all["ecs"]["tasks"].as_array_mut().unwrap() {
            let arn = task["taskArn"].as_str().unwrap().replace(":1:", ":2:");
            task["taskArn"] = json!(arn);
        }
    });
    scene.aws.wire.forget();
    assert_eq!(count(&scene), 8);
    assert_eq!(scene.aws.wire.count("ecs:DescribeTasks"), 1);
}

#[test]
fn a_refusal_to_describe_the_last_maps_tasks_passes_by_itself() {
    let scene = Scene::with(tasks_on_instances(8));
    assert_eq!(count(&scene), 8);
    unlist(&scene, &[1, 2, 3, 4, 5, 6, 7, 8]);
    scene.aws.wire.fail("ecs:DescribeTasks", Fault::Denied);
    for _ in 0..2 {
        let ending = scene.discovery.call(&[]);
        assert_eq!((ending.code, &ending.document), (Some(31), &None));
        let said = said(&ending);
        let hint = "after 5 minutes of this error they are forgotten";
        assert!(
            said.contains("ecs:DescribeTasks on cluster field is not allowed")
                && said.contains(hint),
            "{said}"
        );
    }
    let folder = scene.discovery.folder().join("ext-discovery-ecs/tasks");
    for file in fs::read_dir(folder).unwrap().flatten() {
        let text = fs::read_to_string(file.path()).unwrap();
        let since = text.split("\"refused\":").nth(1).unwrap();
        let since: String = since.chars().take_while(char::is_ascii_digit).collect();
        let earlier = since.parse::<u64>().unwrap() - 300;
        fs::write(file.path(), text.replace(&since, &earlier.to_string())).unwrap();
    }
    assert_eq!(count(&scene), 0);
    scene.aws.wire.restore();
    unlist(&scene, &[]);
    assert_eq!(count(&scene), 8);
}

#[test]
fn tasks_that_are_listed_twice_and_not_described_are_missed() {
    let scene = Scene::with(tasks_on_instances(8));
    assert_eq!(count(&scene), 8);
    let untell = |tasks: &[u8]| {
        let arns: Vec<String> = tasks.iter().copied().map(arn).collect();
        scene.answers.change(|all| all["untold"] = json!(arns));
    };
    untell(&[4, 5, 6, 7, 8]);
    scene.aws.wire.forget();
    let ending = scene.discovery.call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(31), &None));
    assert_eq!(
        said(&ending),
        format!(
            "ext-discovery-ecs: ecs:DescribeTasks on cluster field returned nothing for {}: ecs:ListTasks \
             lists it, and 5 of the last map's 8 tasks are listed and not described\n",
            arn(4)
        )
    );
    assert_eq!(scene.aws.wire.count("ecs:ListTasks"), 2);
    untell(&[5, 6, 7, 8]);
    assert_eq!(count(&scene), 4);
}
