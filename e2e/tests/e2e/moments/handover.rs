//! One Envoy takes over from another, and one of them ends: whoever is left serves, at once.

use super::{answers, load, none_lost, only_envoy, send, wait_marked, with_first_successor};
use e2e::{
    eventually,
    load::Load,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    templates::Templates,
};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// How long nobody may answer when the Envoy that served is gone: the second until the next start,
/// the start itself, and a slow machine.
const OUTAGE: Duration = Duration::from_secs(10);

/// A gateway whose old Envoy drains for so many seconds, and a load on it.
struct Scene {
    _blue: Backend,
    green: Backend,
    templates: Templates,
    proxy: Proxy,
}

impl Scene {
    fn set(drain: u32, successor: &str) -> Self {
        let (blue, green) = (
            Backend::start("shop", "blue"),
            Backend::start("shop", "green"),
        );
        let templates = Templates::shipped();
        let mut proxy = Plan::gateway("n1", &shop("blue", blue.port))
            .envs(templates.env())
            .env("ENVOY_DRAIN_TIME", drain)
            .prepare();
        with_first_successor(&mut proxy, successor);
        proxy.launch();
        proxy.wait_told(200, "ready\n");
        Self {
            _blue: blue,
            green,
            templates,
            proxy,
        }
    }

    /// Gives the bootstrap a mark, and waits until the new Envoy has taken over while the old one
    /// drains: their process ids.
    fn hand_over(&self) -> (u32, u32) {
        let old = only_envoy(&self.proxy);
        self.templates.mark_bootstrap("one");
        wait_marked(&self.proxy, "one");
        eventually("the rollout has ended", || {
            (self.proxy.count("nightjar_rollout_seconds_count") == Some(2)).then_some(())
        });
        let envoys = self.proxy.envoys();
        let new = envoys.iter().map(|(id, _)| *id).find(|id| *id != old);
        assert_eq!(envoys.len(), 2, "the old one drains");
        (old, new.unwrap())
    }

    /// Waits until somebody answers again, which must not take long.
    fn answers_soon(&self) {
        let began = Instant::now();
        eventually("somebody answers", || answers(self.proxy.port));
        let took = began.elapsed();
        assert!(took < OUTAGE, "nobody answered for {took:?}");
    }

    /// Checks that all is well: the marked bootstrap is in force, and the mesh can change.
    fn is_well(&self) {
        wait_marked(&self.proxy, "one");
        self.proxy.wait_told(200, "ready\n");
        self.proxy.set_map(&shop("green", self.green.port));
        self.proxy.wait_for_answer("/who", "shop-green");
        self.proxy.wait_told(200, "ready\n");
        assert_eq!(self.proxy.count("nightjar_configuration_refused"), Some(0));
    }

    fn load(&self) -> Load {
        load(&self.proxy)
    }
}

#[test]
fn a_new_envoy_that_is_killed_before_it_takes_over_is_started_again() {
    let scene = Scene::set(1, "kill -KILL $$");
    let load = scene.load();
    scene.templates.mark_bootstrap("one");
    eventually("it has died", || {
        scene
            .proxy
            .folder()
            .join("succeeded")
            .exists()
            .then_some(())
    });
    scene.is_well();
    none_lost(load);
}

#[test]
fn a_new_envoy_that_hangs_and_is_killed_is_started_again() {
    let scene = Scene::set(1, "echo $$ >$HERE/hangs; sleep 3600");
    let load = scene.load();
    scene.templates.mark_bootstrap("one");
    let hangs = eventually("it hangs", || {
        let text = std::fs::read_to_string(scene.proxy.folder().join("hangs")).ok()?;
        text.trim().parse::<u32>().ok()
    });
    send(hangs, Signal::KILL);
    scene.is_well();
    none_lost(load);
}

#[test]
fn an_envoy_that_dies_while_its_successor_starts_is_made_up_for_at_once() {
    let scene = Scene::set(1, "touch $HERE/starts; sleep 2");
    let old = only_envoy(&scene.proxy);
    scene.templates.mark_bootstrap("one");
    eventually("the new one starts", || {
        scene.proxy.folder().join("starts").exists().then_some(())
    });
    send(old, Signal::KILL);
    scene.answers_soon();
    scene.is_well();
}

#[test]
fn an_envoy_that_dies_while_a_successor_hangs_is_made_up_for_at_once() {
    let scene = Scene::set(1, "touch $HERE/starts; sleep 3600");
    let old = only_envoy(&scene.proxy);
    scene.templates.mark_bootstrap("one");
    eventually("the new one starts", || {
        scene.proxy.folder().join("starts").exists().then_some(())
    });
    send(old, Signal::KILL);
    scene.answers_soon();
    scene.is_well();
}

#[test]
fn a_new_envoy_that_dies_while_the_old_one_drains_is_made_up_for_at_once() {
    let scene = Scene::set(30, ":");
    let (_, new) = scene.hand_over();
    send(new, Signal::KILL);
    eventually("its end is seen", || {
        (scene.proxy.count("nightjar_envoy_exits_total") == Some(1)).then_some(())
    });
    scene.answers_soon();
    scene.is_well();
}

#[test]
fn an_old_envoy_that_dies_while_it_drains_costs_nothing() {
    let scene = Scene::set(30, ":");
    let load = scene.load();
    let (old, new) = scene.hand_over();
    let began = Instant::now();
    send(old, Signal::KILL);
    scene.is_well();
    let took = began.elapsed();
    assert!(took < OUTAGE, "the next change took {took:?}");
    assert!(
        scene.proxy.envoys().iter().any(|(id, _)| *id == new),
        "the new one serves on"
    );
    none_lost(load);
}
