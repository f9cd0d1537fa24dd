//! A store that says one thing and does another.

use crate::central::scene::Scene;
use e2e::{eventually, maps::shop};

#[test]
fn a_commit_that_was_done_and_reported_as_failed_is_undone_when_the_mesh_goes_back() {
    let (first, second) = (shop("blue", 4001), shop("blue", 4002));
    let scene = Scene::new(&first);
    let central = scene.central().start();
    scene.wait_published(&first);
    scene.put("first.json", first.to_string());
    // It is done, the mesh goes back meanwhile, and the news is that it failed.
    scene.put(
        "commit.sh",
        r#"rm "$SCENE/commit.sh"; ext-store-local "$@"; cp "$SCENE/published.json" "$SCENE/second.json"
           cp "$SCENE/first.json" "$SCENE/back.json"; mv "$SCENE/back.json" "$SCENE/source.json"; exit 9"#,
    );
    scene.set_source(&second);
    eventually("it fails", || {
        (central.metric("commits_total{result=\"failed\"}") == Some(1)).then_some(())
    });
    assert!(scene.path("second.json").exists(), "it was done");
    scene.wait_published(&first);
    central.wait_told(200, "ready\n");
    assert_eq!(central.metric("commit_pending"), Some(0));
}

#[test]
fn a_commit_that_was_done_and_reported_as_failed_is_not_made_twice() {
    let (first, second) = (shop("blue", 4001), shop("blue", 4002));
    let scene = Scene::new(&first);
    let central = scene.central().start();
    scene.put(
        "commit.sh",
        r#"rm "$SCENE/commit.sh"; ext-store-local "$@"; exit 9"#,
    );
    scene.set_source(&second);
    eventually("it fails", || {
        (central.metric("commits_total{result=\"failed\"}") == Some(1)).then_some(())
    });
    central.wait_told(200, "ready\n");
    central.wait_refreshes(3);
    scene.wait_published(&second);
    assert_eq!(scene.commits(), 2);
    assert_eq!(central.metric("commit_pending"), Some(0));
}
