//! Listings of tasks that are not whole, and their pages.

use super::{Scene, tasks_on_instances};
use crate::ecs::{said, told};
use serde_json::{Value, json};

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
                "ext-discovery-ecs: ecs:ListTasks on cluster field told nothing of {}: it runs, as \
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
