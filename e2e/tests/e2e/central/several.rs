//! Several programs that publish in one store.

use super::scene::{Central, Scene};
use e2e::{
    eventually,
    maps::{map, shop},
};
use rustix::process::Signal;

#[test]
fn two_that_see_the_same_do_not_contend() {
    let scene = Scene::new(&shop("blue", 4001));
    let first = scene.central().start();
    let second = scene.central().start();
    assert_eq!(scene.commits(), 1);
    for port in 4002..4007 {
        let before = scene.commits();
        let source = shop("blue", port);
        scene.set_source(&source);
        scene.wait_published(&source);
        for central in [&first, &second] {
            central.wait_refreshes(4);
        }
        let more = scene.commits() - before;
        assert!((1..=2).contains(&more), "{more} commits of one change");
    }
}

#[test]
fn one_is_enough_and_the_other_takes_over() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut first = scene.central().start();
    let second = scene.central().start();
    assert_eq!(first.process().stop().code(), Some(0));
    let source = shop("blue", 4002);
    scene.set_source(&source);
    scene.wait_published(&source);
    second.wait_refreshes(3);
    assert_eq!(scene.commits(), 2);
}

#[test]
fn one_whose_discovery_is_broken_undoes_nothing() {
    let scene = Scene::new(&shop("blue", 4001));
    let good = scene.central().start();
    scene.put("other.json", shop("blue", 4001).to_string());
    let other = scene
        .central()
        .env("NJ_EMPTY_MAP_GRACE", 1000)
        .discovers_by(r#"cp "$SCENE/other.json" "$file"; . "$SCENE/other.sh""#);
    scene.put("other.sh", "");
    let other = other.start();
    let source = shop("blue", 4002);
    scene.set_source(&source);
    scene.wait_published(&source);
    // It stands still at the old mesh.
    other.wait_refreshes(5);
    assert_eq!(scene.commits(), 2);
    // It fails, hands over garbage, or a mesh without endpoints.
    for (script, reason) in [
        ("exit 1", "fetch of discovery-map by sh failed"),
        (r#"echo "{" >"$file""#, "sh provided an invalid document"),
    ] {
        scene.put("other.sh", script);
        other.wait_logged(&format!("ERROR refresh failed: {reason}"));
    }
    scene.put("other.json", map(&[]).to_string());
    scene.put("other.sh", "");
    other.wait_logged("WARN the discovery map lost its last endpoint");
    scene.put("other.json", shop("blue", 4001).to_string());
    other.wait_told(200, "ready\n");
    other.wait_refreshes(3);
    good.wait_refreshes(3);
    scene.wait_published(&source);
    assert_eq!(scene.commits(), 2);
}

#[test]
fn a_view_that_was_overtaken_is_not_published() {
    let scene = Scene::new(&shop("blue", 4001));
    let _quick = scene.central().start();
    let slow = scene.central().discovers_by(r#". "$SCENE/slow.sh""#);
    let sees = r#"cp "$SCENE/source.json" "$file""#;
    scene.put("slow.sh", sees);
    let slow = slow.start();
    // It looks at the mesh, and thinks for a while.
    scene.put("hold", "");
    scene.put("older.json", shop("blue", 4002).to_string());
    scene.put(
        "slow.sh",
        r#"cp "$SCENE/older.json" "$file"; echo >"$SCENE/looked"
           while [ -e "$SCENE/hold" ]; do sleep 0.02; done"#,
    );
    eventually("it looks", || scene.path("looked").exists().then_some(()));
    let newest = shop("blue", 4003);
    scene.set_source(&newest);
    scene.wait_published(&newest);
    assert_eq!(scene.commits(), 2);
    scene.put("slow.sh", sees);
    scene.remove("hold");
    slow.wait_refreshes(3);
    assert_eq!(
        slow.logged("INFO another"),
        [
            "INFO another program has published a map in the meantime; running discovery again",
            "INFO another program has already published this map",
        ]
    );
    scene.wait_published(&newest);
    assert_eq!(scene.commits(), 2);
}

/// One is slow between its look at the store and the end of its commit, and another publishes
/// something newer meanwhile.
#[test]
fn a_view_that_was_overtaken_on_its_way_to_the_store_is_not_published() {
    let oldest = shop("blue", 4001);
    let scene = Scene::new(&oldest);
    let quick = scene.central().start();
    scene.put("seen.json", oldest.to_string());
    let sees = scene
        .central()
        .discovers_by(r#"cp "$SCENE/seen.json" "$file""#);
    let slow = sees.env("WHO", "slow").start();
    scene.put("hold", "");
    scene.put(
        "commit.sh",
        r#"if [ "$WHO" = slow ]; then
               echo >"$SCENE/held"; while [ -e "$SCENE/hold" ]; do sleep 0.02; done
           fi"#,
    );
    scene.put("seen.json", shop("blue", 4002).to_string());
    eventually("its commit is held", || {
        scene.path("held").exists().then_some(())
    });
    let newest = shop("blue", 4003);
    scene.set_source(&newest);
    scene.wait_published(&newest);
    scene.put("seen.json", newest.to_string());
    scene.remove("hold");
    slow.wait_metric("commits_total{result=\"conflict\"}", 1);
    slow.wait_refreshes(3);
    quick.wait_refreshes(1);
    scene.wait_published(&newest);
    assert_eq!(
        slow.logged("INFO the commit was rejected"),
        [
            "INFO the commit was rejected: another program has published a map since this one read the store"
        ]
    );
    assert_eq!(
        slow.logged("INFO another"),
        [
            "INFO another program has published a map in the meantime; running discovery again",
            "INFO another program has already published this map",
        ]
    );
    assert_eq!(slow.logged("ERROR"), [""; 0]);
    let ended = |central: &Central, result: &str| {
        central.metric(&format!("commits_total{{result=\"{result}\"}}"))
    };
    assert_eq!(
        (ended(&quick, "done"), ended(&slow, "done")),
        (Some(2), Some(0))
    );
    assert_eq!(slow.metric("commit_pending"), Some(0));
    // The first commit of all, the one that came too late, and the newest.
    assert_eq!(scene.commits(), 3);
}

/// A store that says so for ever does not keep discovery busy.
#[test]
fn a_store_in_which_another_is_always_first_is_a_failure() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().start();
    scene.put("commit.sh", "exit 32");
    scene.set_source(&shop("blue", 4002));
    let told = central.wait_logged("ERROR refresh failed");
    assert_eq!(
        told[0],
        "ERROR refresh failed: another program published first, twice in a row"
    );
    central.wait_told(
        200,
        "ready\nfailed: another program published first, twice in a row\n",
    );
    assert!(central.metric("commits_total{result=\"conflict\"}") >= Some(2));
    assert_eq!(central.metric("commit_pending"), Some(1));
    scene.remove("commit.sh");
    scene.wait_published(&shop("blue", 4002));
    central.wait_told(200, "ready\n");
}

#[test]
fn a_view_is_not_published_when_the_mesh_seems_empty() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().env("NJ_EMPTY_MAP_GRACE", 1000);
    let mut central = central.start();
    scene.set_source(&map(&[]));
    central.wait_logged("WARN the discovery map lost its last endpoint");
    // Another has published something newer, and this one is to look at the store.
    let newer = shop("blue", 4002);
    scene.put("published.json", newer.to_string());
    central.process().signal(Signal::HUP);
    central.wait_logged("INFO refreshing now because of SIGHUP");
    central.wait_refreshes(3);
    scene.wait_published(&newer);
    assert_eq!(scene.commits(), 1);
}

#[test]
fn a_hangup_makes_the_store_hold_what_is_seen() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene.central().env("REFRESH_TIME", 3600).start();
    // Somebody removes the document, or puts another in its place.
    scene.remove("published.json");
    central.process().signal(Signal::HUP);
    scene.wait_published(&shop("blue", 4001));
    central.wait_metric("commits_total{result=\"done\"}", 2);
    scene.put("published.json", shop("blue", 4009).to_string());
    central.process().signal(Signal::HUP);
    scene.wait_published(&shop("blue", 4001));
    central.wait_metric("commits_total{result=\"done\"}", 3);
    central.process().signal(Signal::HUP);
    central.wait_refreshes(1);
    assert_eq!(scene.commits(), 3);
}
