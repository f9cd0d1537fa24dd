//! How containers stop, what survives in them, and what they may not do.

use crate::{
    engine::{Image, complaint, docker, inspect, logs, run},
    example::{Example, turn},
};
use e2e::{eventually, http::Connection, ports};
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    thread,
    time::{Duration, Instant},
};

const FILE: &str = "simple-mesh/docker-compose-02.yaml";
/// What `docker stop` gives a container in the compose files.
const GRACE: Duration = Duration::from_secs(30);

#[test]
fn stopping_lets_open_requests_end() {
    let example = Example::up(FILE, "/stock/who");
    let gateway = example.container("store-gateway");
    let address = example.gateway;
    let slow = [1200, 1600, 2000, 2400].map(|milliseconds| {
        thread::spawn(move || {
            let mut connection = Connection::open(address).unwrap();
            let path = format!("/stock/delay/{milliseconds}");
            connection.request("GET", &path, &[]).unwrap()
        })
    });
    thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    docker(&["stop", "--time", &GRACE.as_secs().to_string(), &gateway]);
    let took = began.elapsed();
    for request in slow {
        let answer = request.join().unwrap();
        assert_eq!(
            (answer.status, answer.by()),
            (200, "stock-blue"),
            "{answer:?}"
        );
        assert!(
            answer.closes(),
            "the client is told to go elsewhere: {answer:?}"
        );
    }
    assert!(
        took > Duration::from_secs(1),
        "it waited for the request: {took:.2?}"
    );
    println!("docker stop with open requests of up to 2.4 s took {took:.2?}");
    assert_ended_well(&gateway, took);
}

#[test]
fn an_idle_proxy_stops_at_once_also_as_the_first_process() {
    let _turn = turn();
    let proxy = Single::start(&[]);
    let began = Instant::now();
    docker(&["stop", "--time", "30", &proxy.id]);
    let took = began.elapsed();
    println!("docker stop of an idle proxy, without an init, took {took:.2?}");
    assert!(took < Duration::from_secs(5), "{took:.2?}");
    assert_ended_well(&proxy.id, took);
}

#[test]
fn a_stop_is_heard_before_there_is_a_map() {
    // Nothing is there for it to serve: it is still asking for a map.
    let _turn = turn();
    let proxy = Single::start(&[
        "--env",
        "DISCOVERY_MAP_EXEC=ext-store-local --action=fetch --document=other",
    ]);
    // The kernel drops what comes before the first process says that it listens.
    eventually("its first words", || {
        (!logs(&proxy.id).is_empty()).then_some(())
    });
    let began = Instant::now();
    docker(&["stop", "--time", "30", &proxy.id]);
    assert_ended_well(&proxy.id, began.elapsed());
}

#[test]
fn envoy_that_is_killed_inside_comes_back() {
    let example = Example::up(FILE, "/stock/who");
    let gateway = example.container("store-gateway");
    let killed = envoy_in(&gateway);
    let ended = Command::new("kill")
        .args(["-KILL", &killed])
        .status()
        .unwrap();
    assert!(
        ended.success(),
        "this has to be the engine's own machine, and root: {killed}"
    );
    let began = Instant::now();
    eventually("another Envoy answers", || {
        (example.get("/stock/who")?.status == 200 && envoy_in(&gateway) != killed).then_some(())
    });
    println!(
        "Envoy was killed; another one answered after {:.2?}",
        began.elapsed()
    );
    let state = inspect("container", &gateway);
    assert_eq!(state["RestartCount"], 0, "the container stayed");
    assert_eq!(state["State"]["Running"], true);
    eventually("the engine finds it healthy", || {
        let state = inspect("container", &gateway);
        (state["State"]["Health"]["Status"] == "healthy").then_some(())
    });
}

#[test]
fn a_killed_container_leaves_nothing_in_its_successors_way() {
    let example = Example::up(FILE, "/stock/who");
    let gateway = example.container("store-gateway");
    docker(&["kill", &gateway]);
    assert_eq!(inspect("container", &gateway)["State"]["ExitCode"], 137);
    assert!(example.get("/stock/who").is_none());
    docker(&["start", &gateway]);
    eventually("it answers again, with the same volume", || {
        (example.get("/stock/who")?.status == 200).then_some(())
    });
}

#[test]
fn inside_a_container_nothing_but_its_volume_can_be_written() {
    let example = Example::up(FILE, "/stock/who");
    let gateway = example.container("store-gateway");
    let init = |folder: &str| run(&["exec", &gateway, "nightjar", "init", folder]);
    for folder in [
        "/usr/local/bin/mesh",
        "/usr/share/nightjar/data-store/mesh",
        "/etc/mesh",
    ] {
        let refused = init(folder);
        assert!(!refused.status.success(), "{folder}");
        assert!(
            complaint(&refused).contains("Read-only file system"),
            "{}",
            complaint(&refused)
        );
    }
    let taken = init("/tmp/mesh");
    assert!(taken.status.success(), "{}", complaint(&taken));
    assert!(
        !run(&["exec", &gateway, "sh", "-c", "true"])
            .status
            .success(),
        "there is no shell"
    );
    let users = docker(&["top", &gateway, "-eo", "pid,uid,comm"]);
    for line in users.lines().skip(1) {
        assert!(line.split_whitespace().nth(1) == Some("65532"), "{users}");
    }
    assert!(
        users.contains("envoy") && users.contains("nightjar"),
        "{users}"
    );
}

#[test]
fn without_a_shell_everything_can_be_looked_at() {
    let example = Example::up(FILE, "/stock/who");
    let gateway = example.container("store-gateway");
    docker(&["exec", &gateway, "nightjar-standalone", "--check-ready"]);
    let checked = docker(&["exec", &gateway, "nightjar", "check", "/tmp/envoy"]);
    assert!(checked.contains("valid: envoy"), "{checked}");
    let map = "--discovery-map=/usr/share/nightjar/data-store/discovery-map.json";
    docker(&[
        "exec",
        &gateway,
        "nightjar",
        "validate",
        "/usr/share/nightjar/data-store/discovery-map.json",
    ]);
    let route = [
        "exec",
        &gateway,
        "nightjar",
        "context",
        map,
        "--mode=gateway",
        "--namespace=store",
        "--listen-port=8080",
    ];
    assert!(docker(&route).contains("c-stock-blue-3000"));

    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("envoy").display().to_string();
    docker(&["cp", &format!("{gateway}:/tmp/envoy"), &to]);
    let clusters = std::fs::read_to_string(folder.path().join("envoy/cds.json")).unwrap();
    assert!(clusters.contains("c-stock-blue-3000"), "{clusters}");
    assert_eq!(
        example.told("store-gateway", "envoy is live"),
        1,
        "its log is the container's"
    );
}

/// Fails unless a container ended by itself, with 0, within its grace.
fn assert_ended_well(container: &str, took: Duration) {
    assert!(took < GRACE, "{took:.2?}");
    let state = inspect("container", container)["State"].clone();
    assert_eq!(state["Running"], false, "{state}");
    assert_eq!(state["ExitCode"], 0, "{state}");
    assert_eq!(state["OOMKilled"], false, "{state}");
}

/// The process of Envoy in a container, as the engine's machine numbers it.
fn envoy_in(container: &str) -> String {
    let found = run(&["top", container, "-eo", "pid,comm"]);
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let line = text.lines().find(|line| line.ends_with(" envoy"));
    let pid = line.and_then(|line| line.split_whitespace().next());
    pid.unwrap_or_default().to_owned()
}

/// One gateway without Compose and without an init: Nightjar is the container's first process.
struct Single {
    id: String,
}

impl Single {
    fn start(more: &[&str]) -> Self {
        let map =
            e2e::root().join("examples/simple-mesh/02-dynamic-configuration/1-stock-and-shop.json");
        let mount = format!(
            "{}:/usr/share/nightjar/data-store/discovery-map.json:ro",
            map.display()
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let publish = format!("{address}:8080");
        let image = Image::Standalone.name();
        let mut arguments = vec![
            "run",
            "--detach",
            "--read-only",
            "--cap-drop=ALL",
            "--volume",
            &mount,
            "--publish",
            &publish,
        ];
        for setting in [
            "DISCOVERY_MAP_EXEC=ext-store-local --document=discovery-map --action=fetch",
            "NJ_PROXY_MODE=gateway",
            "NJ_NAMESPACE=store",
            "NJ_LISTEN_PORT=8080",
            "NJ_ADMIN_PORT=9901",
            "ENVOY_UPDATE_TIMEOUT=1",
        ] {
            arguments.extend(["--env", setting]);
        }
        arguments.extend(more);
        arguments.push(&image);
        let single = Self {
            id: docker(&arguments),
        };
        if more.is_empty() {
            eventually("the gateway takes requests", || {
                let answer = e2e::http::get(address, "/nowhere", &[]).ok()?;
                (answer.status == 404).then_some(())
            });
        }
        single
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        run(&["rm", "--force", "--volumes", &self.id]);
    }
}
