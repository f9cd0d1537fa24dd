//! The alerts of central, each provoked.

use super::{
    ALL_FAIL, EMPTY, NO_NEWS, NONE_READY, PENDING,
    condition::{no_alert, wait_age, wait_alert},
};
use crate::central::scene::Scene;
use e2e::{
    eventually,
    maps::{map, namespace, shop},
};

#[test]
pub(super) fn a_central_that_never_sees_the_mesh() {
    let scene = Scene::new(&map(&[]));
    let central = scene.central().discovers_by("exit 1").launch();
    wait_alert(central.status_port(), ALL_FAIL);
    wait_alert(central.status_port(), NONE_READY);
    let failed = "extension_run_seconds_count{extension=\"discovery\",result=\"failed\"}";
    assert!(central.metric(failed) > Some(3));
    assert!(central.metric("process_resident_memory_bytes") > Some(1_000_000));
}

#[test]
pub(super) fn a_central_that_does_not_see_the_mesh_any_more() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().start();
    let port = central.status_port();
    no_alert(port, &[NONE_READY, PENDING, ALL_FAIL, EMPTY]);
    scene.put("source.json", "{}");
    wait_age(port, NO_NEWS);
    wait_alert(port, ALL_FAIL);
    no_alert(port, &[NONE_READY]);
}

#[test]
pub(super) fn a_store_that_does_not_take_the_map() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().start();
    no_alert(central.status_port(), &[PENDING]);
    scene.put("commit.sh", "exit 9");
    scene.set_source(&shop("blue", 4002));
    wait_alert(central.status_port(), PENDING);
    let failed = "extension_run_seconds_count{extension=\"store\",result=\"failed\"}";
    eventually("its runs count", || {
        (central.metric(failed) >= Some(1)).then_some(())
    });
}

#[test]
pub(super) fn a_mesh_that_seems_empty_to_central() {
    let scene = Scene::new(&shop("blue", 4001));
    let central = scene.central().env("NJ_EMPTY_MAP_GRACE", 1000).start();
    no_alert(central.status_port(), &[EMPTY]);
    scene.set_source(&map(&[namespace("n1", &[])]));
    wait_alert(central.status_port(), EMPTY);
}
