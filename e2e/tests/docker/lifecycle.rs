//! How containers stop, what survives in them, and what they may not do.

use crate::{
    engine::{Image, beside, complaint, docker, inspect, logs, run},
    example::{Example, turn},
};
use e2e::{eventually, http::Connection, ports};
use std::{
    net::{Ipv4Addr, SocketAddr},
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
    let (proxy, _) = Single::launch(&[
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
    let killed = processes(&gateway, "envoy");
    beside(&gateway, &format!("kill -KILL {}", killed.join(" ")));
    let began = Instant::now();
    eventually("another Envoy answers", || {
        (example.get("/stock/who")?.status == 200).then_some(())?;
        let now = processes(&gateway, "envoy");
        (now.len() == 1 && now != killed).then_some(())
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
fn the_first_process_clears_away_what_others_leave_behind() {
    let _turn = turn();
    let proxy = Single::start(&[]);
    // A second proxy inside, killed: its Envoy ends, and is left to the first process.
    let second = [
        "exec",
        "--detach",
        "--env=NJ_LISTEN_PORT=8081",
        "--env=NJ_ADMIN_PORT=9902",
        "--env=ENVOY_BASE_ID=1",
        "--env=ENVOY_CONFIGURATION_DIR=/tmp/second",
    ];
    docker(&[&second[..], &[&proxy.id, "nightjar-standalone"]].concat());
    eventually("two Envoys run", || {
        (processes(&proxy.id, "envoy").len() == 2).then_some(())
    });
    let own = processes(&proxy.id, "envoy")[0].clone();
    // Killed by one command, and looked for by the same: it is gone within seconds.
    let dead = beside(
        &proxy.id,
        "for process in /proc/[0-9]*; do \
             [ \"$(cat $process/comm)\" = nightjar-standa ] && [ $process != /proc/1 ] && \
                 kill -KILL ${process#/proc/}; \
         done; \
         until grep -h ') Z 1 ' /proc/[0-9]*/stat 2>/dev/null; do :; done",
    );
    assert!(dead.contains("(envoy) Z 1 "), "{dead}");
    eventually("its Envoy is cleared away", || {
        (processes(&proxy.id, "envoy") == [own.as_str()]).then_some(())
    });
    docker(&["exec", &proxy.id, "nightjar-standalone", "--check-ready"]);
}

#[test]
fn any_user_will_do() {
    let _turn = turn();
    let user = "--user=12345:54321";
    let proxy = Single::start(&[user, "--volume=/tmp/envoy"]);
    docker(&["exec", &proxy.id, "nightjar-standalone", "--check-ready"]);
    assert_users(&proxy.id, "12345");
    for image in [Image::Standalone, Image::Central] {
        let map = format!("{}:/maps:ro", Single::maps());
        docker(&[
            "run",
            "--rm",
            "--read-only",
            user,
            "--volume",
            &map,
            "--volume=/usr/share/nightjar/data-store",
            "--entrypoint=ext-store-local",
            &image.name(),
            "--api-version=1",
            "--document=discovery-map",
            "--action=commit",
            "--action-file=/maps/1-stock-and-shop.json",
        ]);
    }
}

#[test]
fn what_root_copied_in_can_be_replaced_by_a_commit() {
    let example = Example::up(FILE, "/shop/who");
    // `docker cp` makes files that belong to root.
    example.save_map("02-dynamic-configuration/2-shop-without-route.json");
    eventually("the shop is gone", || {
        (example.get("/shop/who")?.status == 404).then_some(())
    });
    docker(&["start", "--attach", &example.container("map")]);
    eventually("the shop is back", || {
        (example.get("/shop/who")?.status == 200).then_some(())
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
    assert_users(&gateway, "65532");
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

/// Fails unless Nightjar and Envoy run in a container, and everything there is this user's.
fn assert_users(container: &str, user: &str) {
    let users = docker(&["top", container, "-eo", "pid,uid,comm"]);
    for line in users.lines().skip(1) {
        assert_eq!(line.split_whitespace().nth(1), Some(user), "{users}");
    }
    assert!(
        users.contains("envoy") && users.contains("nightjar"),
        "{users}"
    );
}

/// The processes of a container that run this program, or have ended and not been waited for: their
/// numbers in the container, in order.
fn processes(container: &str, program: &str) -> Vec<String> {
    let script = format!("grep -lx {program} /proc/[0-9]*/comm || true");
    let found = beside(container, &script);
    let number = |path: &str| path.split('/').nth(2).map(ToOwned::to_owned);
    let mut numbers: Vec<String> = found.lines().filter_map(number).collect();
    numbers.sort_by_key(|number| number.parse::<u32>().unwrap_or_default());
    numbers
}

/// One gateway without Compose and without an init: Nightjar is the container's first process.
struct Single {
    id: String,
}

impl Single {
    /// Starts one that answers.
    fn start(more: &[&str]) -> Self {
        let (single, address) = Self::launch(more);
        eventually("the gateway takes requests", || {
            let answer = e2e::http::get(address, "/nowhere", &[]).ok()?;
            (answer.status == 404).then_some(())
        });
        single
    }

    fn maps() -> String {
        let folder = e2e::root().join("examples/simple-mesh/02-dynamic-configuration");
        folder.display().to_string()
    }

    fn launch(more: &[&str]) -> (Self, SocketAddr) {
        let mount = format!(
            "{}/1-stock-and-shop.json:/usr/share/nightjar/data-store/discovery-map.json:ro",
            Self::maps()
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
        (single, address)
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        run(&["rm", "--force", "--volumes", &self.id]);
    }
}
