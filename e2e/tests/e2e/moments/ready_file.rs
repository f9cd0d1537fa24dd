//! A `--check-ready` that has only old news, or none that can be read, says that nothing is ready.

use super::{IGNORES_LIMIT, Paused, limit_files, only_envoy};
use crate::central::scene::Scene;
use e2e::{
    WAIT_TIMEOUT, eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
};
use rustix::process::Signal;

fn gateway(blue: &Backend) -> Plan {
    Plan::gateway("n1", &shop("blue", blue.port))
}

/// Waits until `--check-ready` ends with this code, and gives what it says.
fn wait_checked(proxy: &Proxy, code: i32) -> String {
    eventually(&format!("--check-ready ends with {code}"), || {
        let (seen, _, said) = proxy.run(&["--check-ready"]);
        (seen == Some(code)).then_some(said)
    })
}

#[test]
fn a_stopped_nightjar_is_not_ready() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).start();
    wait_checked(&proxy, 0);
    let paused = Paused::new(proxy.process().id());
    let said = wait_checked(&proxy, 1);
    assert!(said.contains("not ready"), "{said}");
    drop(paused);
    wait_checked(&proxy, 0);
}

#[test]
fn a_ready_file_that_cannot_be_written_is_not_ready() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).env("REFRESH_TIME", 3600).prepare();
    proxy.launch_by(IGNORES_LIMIT);
    proxy.wait_told(200, "ready\n");
    wait_checked(&proxy, 0);
    // Stands in for a full disk.
    limit_files(&mut proxy, Some(8));
    let paused = Paused::new(only_envoy(&proxy));
    let said = wait_checked(&proxy, 1);
    assert!(said.contains("not ready"), "{said}");
    drop(paused);
    limit_files(&mut proxy, None);
    wait_checked(&proxy, 0);
}

#[test]
fn a_ready_file_that_cannot_be_read_is_not_ready() {
    let blue = Backend::start("shop", "blue");
    let mut proxy = gateway(&blue).env("REFRESH_TIME", 3600).start();
    wait_checked(&proxy, 0);
    let file = proxy.config_dir().join(".nightjar-status.json");
    let paused = Paused::new(proxy.process().id());
    for text in ["", "{", "[]", "\u{0}\u{0}\u{0}"] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(proxy.run(&["--check-ready"]).0, Some(1), "{text:?}");
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(proxy.run(&["--check-ready"]).0, Some(1));
    drop(paused);
    // It is written again, though nothing changes.
    wait_checked(&proxy, 0);
    std::fs::remove_file(&file).unwrap();
    wait_checked(&proxy, 0);
}

#[test]
fn central_is_not_ready_while_it_stops() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene.central().start();
    assert_eq!(central.run(&["--check-ready"]).0, Some(0));
    scene.put(
        "commit.sh",
        r#"echo >"$SCENE/begun"; while ! [ -e "$SCENE/go" ]; do sleep 0.02; done"#,
    );
    scene.set_source(&shop("blue", 4002));
    eventually("the commit has begun", || {
        scene.path("begun").exists().then_some(())
    });
    central.process().signal(Signal::TERM);
    central.wait_told(503, "not ready: stopping\n");
    assert_eq!(central.run(&["--check-ready"]).0, Some(1));
    scene.put("go", "");
    assert_eq!(central.process().wait(WAIT_TIMEOUT).code(), Some(0));
    scene.wait_published(&shop("blue", 4002));
}

#[test]
fn a_stopped_central_is_not_ready() {
    let scene = Scene::new(&shop("blue", 4001));
    let mut central = scene.central().start();
    assert_eq!(central.run(&["--check-ready"]).0, Some(0));
    let paused = Paused::new(central.process().id());
    eventually("it is not ready", || {
        (central.run(&["--check-ready"]).0 == Some(1)).then_some(())
    });
    drop(paused);
    eventually("it is ready again", || {
        (central.run(&["--check-ready"]).0 == Some(0)).then_some(())
    });
}
