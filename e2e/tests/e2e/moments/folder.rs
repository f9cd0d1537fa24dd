//! A folder that loses files, or is gone: all its bytes are known, so all is written again.

use super::{load, none_lost, only_envoy, send};
use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
};
use rustix::process::Signal;
use std::{fs, io, path::Path};

struct Scene {
    blue: Backend,
    green: Backend,
    proxy: Proxy,
}

impl Scene {
    fn set() -> Self {
        let (blue, green) = (
            Backend::start("shop", "blue"),
            Backend::start("shop", "green"),
        );
        let proxy = Plan::gateway("n1", &shop("blue", blue.port))
            .env("ENVOY_DRAIN_TIME", 1)
            .start();
        Self { blue, green, proxy }
    }

    /// Waits until every file is there again, as it was.
    fn is_restored(&self, before: &[(String, String)]) {
        eventually("all files are there again", || {
            let read = |name: &String| fs::read_to_string(self.proxy.config_dir().join(name)).ok();
            before
                .iter()
                .all(|(name, text)| read(name).as_ref() == Some(text))
                .then_some(())
        });
        self.proxy.wait_told(200, "ready\n");
        eventually("--check-ready says so too", || {
            (self.proxy.run(&["--check-ready"]).0 == Some(0)).then_some(())
        });
    }

    /// Checks that the mesh can change, twice.
    fn follows(&self) {
        for (color, port) in [("green", self.green.port), ("blue", self.blue.port)] {
            self.proxy.set_map(&shop(color, port));
            self.proxy.wait_for_answer("/who", &format!("shop-{color}"));
        }
        self.proxy.wait_told(200, "ready\n");
    }
}

#[test]
fn a_file_that_is_deleted_is_written_again() {
    let scene = Scene::set();
    let load = load(&scene.proxy);
    let before = scene.proxy.contents();
    for (name, _) in &before {
        fs::remove_file(scene.proxy.config_dir().join(name)).unwrap();
        scene.is_restored(&before);
    }
    scene.follows();
    none_lost(load);
}

#[test]
fn a_folder_that_is_deleted_is_made_again() {
    let scene = Scene::set();
    let load = load(&scene.proxy);
    let before = scene.proxy.contents();
    remove(&scene.proxy.config_dir());
    scene.is_restored(&before);
    // Envoy watched the folder that is gone.
    scene.follows();
    none_lost(load);
    assert_eq!(scene.proxy.count("nightjar_envoy_exits_total"), Some(0));
}

/// Removes a folder, again if Nightjar writes into it meanwhile.
fn remove(folder: &Path) {
    eventually("the folder is removed", || {
        let removed = fs::remove_dir_all(folder);
        let is_written = |error: &io::Error| error.kind() == io::ErrorKind::DirectoryNotEmpty;
        (!removed.as_ref().is_err_and(is_written)).then_some(removed)
    })
    .unwrap();
}

#[test]
fn an_envoy_that_dies_beside_a_deleted_folder_comes_back() {
    let scene = Scene::set();
    let before = scene.proxy.contents();
    let envoy = only_envoy(&scene.proxy);
    remove(&scene.proxy.config_dir());
    send(envoy, Signal::KILL);
    scene.is_restored(&before);
    scene.follows();
}
