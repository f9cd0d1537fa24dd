//! No request is lost to a change of configuration.

use e2e::{
    eventually,
    load::{Clients, Load},
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use nightjar_core::template::SHIPPED;
use serde_json::{Value, json};
use std::{fs, io::Write as _, path::Path, thread};

/// Rollouts under load, at the least.
const ROLLOUTS: u32 = 60;

/// A small mesh with everything that can change: the parts that vary come from a step's number.
struct Story {
    blue: Backend,
    green: Backend,
    red: Backend,
    other: Backend,
    egress_port: u16,
}

impl Story {
    fn begin() -> Self {
        Self {
            blue: Backend::start("shop", "blue"),
            green: Backend::start("shop", "green"),
            red: Backend::start("shop", "red"),
            other: Backend::start("bank", "blue"),
            egress_port: ports::free(),
        }
    }

    /// The mesh after a step. `/who` is served at every step, by whichever colors then do.
    fn map(&self, step: u32) -> Value {
        let who = prefix("/who");
        let extra = with(prefix("/who/extra"), json!({"default-access": false}));
        let heavy = |weight: u32| with(prefix("/who"), json!({"weight": weight}));
        let shop = |color: &str, ports: &[u16], routes: &[Value]| {
            service_color("shop", color, ports, routes)
        };
        let (blue, green, red) = (self.blue.port, self.green.port, self.red.port);
        let mut colors = match step % 10 {
            // A cluster is swapped for another.
            1 => vec![shop("green", &[green], &[who])],
            0 | 2 => vec![shop("blue", &[blue], &[who])],
            // A route is added, then removed.
            3 => vec![shop("blue", &[blue], &[who, extra])],
            // A second color, then another weight.
            4 => vec![
                shop("blue", &[blue], &[who]),
                shop("green", &[green], &[heavy(3)]),
            ],
            5 => vec![
                shop("blue", &[blue], &[heavy(9)]),
                shop("green", &[green], &[who]),
            ],
            // An endpoint changes, and one is added.
            6 => vec![
                shop("blue", &[red], std::slice::from_ref(&who)),
                shop("green", &[green, red], &[who]),
            ],
            // A color is scaled to zero and back.
            7 => vec![
                shop("blue", &[], std::slice::from_ref(&who)),
                shop("green", &[green], &[who]),
            ],
            8 => vec![
                shop("blue", &[blue], std::slice::from_ref(&who)),
                shop("green", &[], &[who]),
            ],
            _ => vec![shop("red", &[red], &[who])],
        };
        // The viewer's own service-color is always there; so is, now and then, its way to `bank`.
        let egress = json!([{
            "namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": self.egress_port}
        }]);
        let egress = if step.is_multiple_of(3) {
            egress
        } else {
            json!([])
        };
        colors.push(with(
            service_color("client", "blue", &[], &[]),
            json!({"namespace-egress": egress}),
        ));
        let bank = service_color("bank", "blue", &[self.other.port], &[prefix("/who")]);
        map(&[namespace("n1", &colors), namespace("bank", &[bank])])
    }

    /// Whether the step's configuration is the one that answers.
    fn wait_for(proxy: &Proxy, step: u32) {
        let by = match step % 10 {
            1 => "shop-green",
            0 | 2 | 3 => "shop-blue",
            _ => return,
        };
        proxy.wait_for_answer("/who", by);
    }
}

/// Writes the shipped templates as a folder whose bootstrap carries a mark.
fn write_templates(folder: &Path, mark: u32) {
    let folder = folder.join("service/_default/_default/_default");
    fs::create_dir_all(&folder).unwrap();
    for (purpose, text) in SHIPPED {
        let text = if purpose == "envoy-config.yaml" {
            format!("{text}\n# mark {mark}\n")
        } else {
            text.to_owned()
        };
        let path = folder.join(format!("{purpose}.mustache"));
        let unfinished = folder.join(format!(".{mark}"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(&unfinished, path).unwrap();
    }
}

/// Envoy chooses a request's route before it holds the request back, and looks the cluster up afterwards.
#[test]
fn a_request_that_is_held_back_is_answered_by_the_color_that_goes() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let mesh = |color: &str, port: u16| {
        let slow = with(
            prefix("/who/slow"),
            json!({"properties": {"delay": "1500ms", "prefix-rewrite": "/who"}}),
        );
        let shop = service_color("shop", color, &[port], &[prefix("/who"), slow]);
        map(&[namespace("n1", &[shop])])
    };
    let proxy = Plan::gateway("n1", &mesh("blue", blue.port)).start();
    thread::scope(|scope| {
        let held = scope.spawn(|| proxy.get("/who/slow"));
        eventually("the request is held", || {
            let stats = proxy.admin("/stats?filter=delays_injected").body;
            stats.contains("delays_injected: 1").then_some(())
        });
        proxy.set_map(&mesh("green", green.port));
        proxy.wait_for_answer("/who", "shop-green");
        let answer = held.join().unwrap();
        assert_eq!(
            (answer.status, answer.by()),
            (200, "shop-blue"),
            "{answer:?}"
        );
    });
    eventually("the old cluster goes", || {
        let text = fs::read_to_string(proxy.config_dir().join("cds.json")).unwrap();
        (!text.contains("c-shop-blue-1")).then_some(())
    });
}

#[test]
fn no_request_is_lost_over_rollouts_of_every_kind() {
    let story = Story::begin();
    let folder = tempfile::tempdir().unwrap();
    write_templates(folder.path(), 0);
    let program = e2e::program("ext-store-local");
    let proxy = Plan::sidecar("n1", "client", "blue", &story.map(0))
        .env("DATA_STORE_EXEC", program.display())
        .env("NJ_DSLOCAL_DIR_TEMPLATES", folder.path().display())
        .env("ENVOY_DRAIN_TIME", 1)
        .start();
    let load = Load::start(
        proxy.address(),
        "/who",
        Clients {
            keep_alive: 4,
            one_shot: 2,
        },
    );
    let rollouts = || proxy.metric("nightjar_rollout_seconds_count");
    let before = rollouts();
    let mut step = 0;
    while rollouts() - before < f64::from(ROLLOUTS) {
        step += 1;
        assert!(
            step < 3 * ROLLOUTS,
            "too few of the changes led to a rollout:\n{}",
            proxy.log()
        );
        let count = rollouts();
        proxy.set_map(&story.map(step));
        if step.is_multiple_of(20) {
            write_templates(folder.path(), step);
        }
        Story::wait_for(&proxy, step);
        eventually("the rollout", || (rollouts() > count).then_some(()));
    }
    let report = load.stop();
    // Past the test harness, which would keep the figures of a test that passes to itself.
    let _ = writeln!(
        std::io::stderr(),
        "{} requests over {} rollouts, {} lost",
        report.sent,
        rollouts() - before,
        report.lost.len()
    );
    assert_eq!(
        report.lost,
        [""; 0],
        "of {} requests\n{}",
        report.sent,
        proxy.log()
    );
    assert!(
        proxy.metric("nightjar_envoy_starts_total") >= 3.0,
        "hot restarts were part of it"
    );
    assert!(proxy.metric("nightjar_configuration_refused") < 0.5);
}
