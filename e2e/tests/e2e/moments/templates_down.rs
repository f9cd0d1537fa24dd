//! Templates that are bad or cannot be had: the mesh moves, and the last good ones are used.

use super::wait_told_of;
use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    program, scripts,
    templates::Templates,
};
use nightjar_core::atomic_file::replace_own;
use rustix::process::Signal;

/// A gateway with templates of its own, and two places where its endpoint may be.
struct Scene {
    blue: Backend,
    moved: Backend,
    templates: Templates,
    proxy: Proxy,
}

impl Scene {
    fn set() -> Self {
        let blue = Backend::start("shop", "blue");
        let moved = Backend::start("shop", "moved");
        let templates = Templates::shipped();
        let proxy = Plan::gateway("n1", &shop("blue", blue.port))
            .envs(templates.env())
            .env("DATA_STORE_EXEC", store())
            .start();
        Self {
            blue,
            moved,
            templates,
            proxy,
        }
    }

    /// The clusters that Envoy reads.
    fn cds(&self) -> String {
        std::fs::read_to_string(self.proxy.config_dir().join("cds.json")).unwrap()
    }

    /// Says what the template store does before its work.
    fn store_does(&self, script: &str) {
        put(&self.proxy, script);
    }

    /// The instance moves, and is followed although `things` are wrong, which are told; then they
    /// are mended.
    fn moves(&self, things: &[&str], mend: impl FnOnce()) {
        wait_told_of(&self.proxy, 200, things);
        self.proxy.set_map(&shop("blue", self.moved.port));
        self.proxy.wait_for_answer("/who", "shop-moved");
        wait_told_of(&self.proxy, 200, things);
        // And when nothing is new in the map.
        self.proxy.wait_refreshes(2);
        wait_told_of(&self.proxy, 200, things);
        assert_eq!(self.proxy.run(&["--check-ready"]).0, Some(0));
        mend();
        self.proxy.wait_told(200, "ready\n");
        self.proxy.set_map(&shop("blue", self.blue.port));
        self.proxy.wait_for_answer("/who", "shop-blue");
        self.proxy.wait_told(200, "ready\n");
    }
}

/// A store of local files that does first what the file `map.json.store` says.
fn store() -> String {
    scripts::extension(&format!(
        "hook=\"$NJ_DSLOCAL_FILE_DISCOVERY_MAP.store\"\nif [ -e \"$hook\" ]; then . \"$hook\"; fi\n\
         exec {} \"$@\"",
        program("ext-store-local").display()
    ))
}

fn put(proxy: &Proxy, script: &str) {
    replace_own(&proxy.folder().join("map.json.store"), script.as_bytes()).unwrap();
}

#[test]
fn an_instance_that_moves_is_followed_while_the_template_store_is_down() {
    let scene = Scene::set();
    scene.store_does("echo nobody home >&2; exit 1");
    scene.moves(&["templates", "nobody home"], || scene.store_does(""));
}

#[test]
fn an_instance_that_moves_is_followed_while_the_template_store_is_tried_again() {
    let mut scene = Scene::set();
    scene.store_does("echo busy >&2; exit 31");
    wait_told_of(&scene.proxy, 200, &["templates", "has not answered"]);
    scene.proxy.set_map(&shop("blue", scene.moved.port));
    scene.proxy.wait_for_answer("/who", "shop-moved");
    scene.store_does("");
    // Ends the pause between two tries.
    scene.proxy.process().signal(Signal::HUP);
    scene.proxy.wait_told(200, "ready\n");
}

#[test]
fn templates_that_come_late_are_used_as_soon_as_they_come() {
    let scene = Scene::set();
    let go = scene.proxy.folder().join("go");
    scene.store_does(&format!(
        "until [ -e {} ]; do sleep 0.1; done",
        go.display()
    ));
    // A run that began before would read the new template at once.
    scene.proxy.wait_refreshes(2);
    scene
        .templates
        .edit("cds.json", "ROUND_ROBIN", "LEAST_REQUEST");
    scene.proxy.set_map(&shop("blue", scene.moved.port));
    scene.proxy.wait_for_answer("/who", "shop-moved");
    assert!(scene.cds().contains("ROUND_ROBIN"));
    std::fs::write(go, "").unwrap();
    eventually("the late templates are in force", || {
        let is_new = scene.cds().contains("LEAST_REQUEST");
        is_new.then_some(())
    });
    scene.proxy.wait_told(200, "ready\n");
}

#[test]
fn an_instance_that_moves_is_followed_while_a_template_does_not_parse() {
    let scene = Scene::set();
    let good = scene.templates.text("cds.json");
    scene.templates.set("cds.json", "{{#clusters}}");
    scene.moves(&["template", "cds.json"], || {
        scene.templates.set("cds.json", &good);
    });
}

#[test]
fn an_instance_that_moves_is_followed_while_templates_make_no_configuration() {
    let scene = Scene::set();
    let good = scene.templates.text("envoy-config.yaml");
    scene
        .templates
        .edit("envoy-config.yaml", "cds.json", "clusters.json");
    scene.moves(&["clusters.json"], || {
        scene.templates.set("envoy-config.yaml", &good);
    });
}

#[test]
fn an_instance_that_moves_is_followed_while_envoy_refuses_the_templates() {
    let scene = Scene::set();
    let good = scene.templates.text("cds.json");
    scene
        .templates
        .edit("cds.json", "ROUND_ROBIN", "NO_SUCH_POLICY");
    scene.moves(&["NO_SUCH_POLICY"], || {
        scene.templates.set("cds.json", &good);
    });
}

#[test]
fn a_proxy_that_has_accepted_no_templates_waits() {
    let blue = Backend::start("shop", "blue");
    let templates = Templates::shipped();
    let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("DATA_STORE_EXEC", store())
        .env("FAILURE_SLEEP", 3600)
        .prepare();
    put(&proxy, "echo nobody home >&2; exit 1");
    proxy.launch();
    wait_told_of(&proxy, 503, &["templates", "nobody home"]);
    assert_eq!(proxy.files(), [""; 0]);
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(0));
    // It tries again soon, however long the pauses after failures are.
    put(&proxy, "");
    eventually("it starts", || {
        (proxy.status("/ready")?.status == 200).then_some(())
    });
    assert_eq!(proxy.get("/who").by(), "shop-blue");
}
