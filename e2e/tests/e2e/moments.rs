//! What may happen at the worst moment, to Envoy, to a port, to the disk or to Nightjar itself: what
//! serves goes on serving, what can be served is, and what is amiss is told for as long as it is.
//!
//! ```text
//! refresh         Envoy's life while a discovery hangs
//! ports           a port that others hold
//! swaps           ports that pass from one listener to another
//! handover        one Envoy takes over from another, and either ends, hangs or is late
//! bootstraps      bootstraps that change while a hand-over is going on
//! putback         what could not be put back, and what could not be confirmed
//! templates_down  templates that are bad or cannot be had, while the mesh moves
//! start           changes of a proxy that has never been ready
//! memory          who goes first when memory is short, and how much Nightjar takes
//! admin           an admin interface that is late
//! alerts          the alerts of the documentation, each provoked
//! inotify         more files to watch than the kernel lets a user watch
//! template_sets   sets whose statistics have other names, or none
//! certificates    files behind files
//! stop            a stop at the wrong moment, and signals that are none
//! folder          a folder that loses files, or is gone
//! previous        maps and files that were in force before
//! ready_file      a `--check-ready` that has only old news
//! central         a store that says one thing and does another
//! settings        two proxies that want the same, and a log that nobody reads
//! ```

mod admin;
mod alerts;
mod bootstraps;
mod central;
pub(crate) mod certificates;
mod folder;
mod handover;
mod inotify;
mod memory;
mod ports;
mod previous;
mod putback;
mod ready_file;
mod refresh;
mod settings;
mod start;
mod stop;
mod swaps;
mod template_sets;
mod templates_down;

use e2e::{
    WAIT_TIMEOUT, envoy, eventually, http,
    load::{Clients, Load},
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Proxy},
    scripts,
};
use nightjar_core::atomic_file::replace_own;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, Instant},
};

/// The callers of a route: enough to notice a moment without an answer.
const CALLERS: Clients = Clients {
    keep_alive: 2,
    one_shot: 2,
};

/// The mesh of a sidecar: `shop` in its own namespace, and two namespaces that it calls.
struct Mesh {
    blue: Backend,
    green: Backend,
    bank: Backend,
    stock: Backend,
}

impl Mesh {
    fn open() -> Self {
        Self {
            blue: Backend::start("shop", "blue"),
            green: Backend::start("shop", "green"),
            bank: Backend::start("bank", "blue"),
            stock: Backend::start("stock", "blue"),
        }
    }

    /// A map in which one color of `shop` answers `/who`, and the sidecar of `client` has these
    /// egress ports.
    fn map(&self, color: &str, egress: &[(&str, u16)]) -> Value {
        let shop = if color == "blue" {
            &self.blue
        } else {
            &self.green
        };
        let egress: Vec<Value> = egress
            .iter()
            .map(|(namespace, port)| {
                json!({"namespace": namespace, "interface": {"ipv4": "127.0.0.1", "port": port}})
            })
            .collect();
        let client = with(
            service_color("client", "blue", &[], &[]),
            json!({"namespace-egress": egress}),
        );
        let of = |name: &str, backend: &Backend| {
            let service = service_color(name, "blue", &[backend.port], &[prefix("/who")]);
            namespace(name, &[service])
        };
        map(&[
            namespace(
                "n1",
                &[
                    service_color("shop", color, &[shop.port], &[prefix("/who")]),
                    client,
                ],
            ),
            of("bank", &self.bank),
            of("stock", &self.stock),
        ])
    }
}

/// Who answers `/who` on a port; `None` if nobody does.
fn answers(port: u16) -> Option<String> {
    let answer = http::get((Ipv4Addr::LOCALHOST, port).into(), "/who", &[]).ok()?;
    (answer.status == 200).then(|| answer.by().to_owned())
}

/// Waits until `/who` on a port is answered by this sample service.
fn wait_answers(port: u16, by: &str) {
    eventually(&format!("port {port} answers as {by}"), || {
        (answers(port)? == by).then_some(())
    });
}

/// Holds a port so that Envoy, which shares its ports, cannot have it.
fn hold(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
}

/// Holds a port as soon as nobody else does.
fn hold_when_free(port: u16) -> TcpListener {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Ok(held) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return held;
        }
        assert!(Instant::now() < deadline, "port {port} is never free");
        thread::yield_now();
    }
}

/// Waits until `/ready` has this status and speaks of all of this.
fn wait_told_of(proxy: &Proxy, status: u16, things: &[&str]) {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let last = proxy.status("/ready");
        if let Some(answer) = &last
            && answer.status == status
            && things.iter().all(|thing| answer.body.contains(thing))
        {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "/ready is not {status} with {things:?}, but {last:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// Requests to a proxy's main listener without pause, which have begun.
fn load(proxy: &Proxy) -> Load {
    let load = Load::start(proxy.address(), "/who", CALLERS);
    eventually("requests flow", || (load.sent() > 50).then_some(()));
    load
}

/// Ends a load and checks that every request was answered.
fn none_lost(load: Load) {
    let report = load.stop();
    assert_eq!(report.lost, [""; 0], "of {} requests", report.sent);
}

fn send(process: u32, signal: Signal) {
    let process = Pid::from_raw(process.cast_signed()).unwrap();
    kill_process(process, signal).unwrap();
}

/// Lets a program, and what it starts from then on, write files of this size at the most. Stands in
/// for a full disk, if the program was launched by [`IGNORES_LIMIT`].
fn limit_files(proxy: &mut Proxy, bytes: Option<u64>) {
    let process = Pid::from_raw(proxy.process().id().cast_signed());
    let limit = Rlimit {
        current: bytes,
        maximum: None,
    };
    prlimit(process, Resource::Fsize, limit).unwrap();
}

/// Writing past a limit is an error, and not the end of the program.
const IGNORES_LIMIT: &str = "trap '' XFSZ; exec \"$0\"";

/// A process that is stopped, and goes on when this is dropped.
struct Paused(u32);

impl Paused {
    fn new(process: u32) -> Self {
        send(process, Signal::STOP);
        Self(process)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        if let Some(process) = Pid::from_raw(self.0.cast_signed()) {
            let _ = kill_process(process, Signal::CONT);
        }
    }
}

/// The only Envoy of a proxy that serves, by its process id.
fn only_envoy(proxy: &Proxy) -> u32 {
    let envoys = proxy.envoys();
    let [(process, _)] = envoys[..] else {
        panic!("{envoys:?}")
    };
    process
}

/// Puts a shell script before the Envoy of a proxy that is not started yet. The proxy's folder is
/// `$HERE`, and the script does not see the calls that only ask.
fn with_script(proxy: &mut Proxy, script: &str) {
    let text = format!(
        "HERE={here}\ncase \"$*\" in *--version* | *validate*) exec {envoy} \"$@\" ;; esac\n\
         {script}\nexec {envoy} \"$@\"",
        here = proxy.folder().display(),
        envoy = envoy().display(),
    );
    let program = scripts::executable(&proxy.folder().join("scripted-envoy"), &text);
    let program = program.display().to_string();
    proxy.env.insert("ENVOY_EXEC".to_owned(), program);
}

/// The same for the first Envoy that takes over from another.
fn with_first_successor(proxy: &mut Proxy, script: &str) {
    let script = format!(
        "case \"$*\" in\n  *\"--restart-epoch 0\"*) ;;\n  *) if mkdir $HERE/succeeded \
         2>/dev/null; then\n{script}\nfi ;;\nesac"
    );
    with_script(proxy, &script);
}

/// Discovery does what the file `map.json.sh` of the proxy says.
const SCRIPTED: &str = r#". "$NJ_DSLOCAL_FILE_DISCOVERY_MAP.sh""#;

/// Says what a scripted discovery does from now on.
fn discovery_does(proxy: &Proxy, script: &str) {
    replace_own(&proxy.folder().join("map.json.sh"), script.as_bytes()).unwrap();
}

/// The text of one of a proxy's files, if it is there.
fn text(proxy: &Proxy, file: &str) -> Option<String> {
    std::fs::read_to_string(proxy.config_dir().join(file)).ok()
}

/// Waits until the bootstrap that carries this mark is in force, as far as its file shows it.
fn wait_marked(proxy: &Proxy, mark: &str) {
    eventually(&format!("the bootstrap has the mark {mark}"), || {
        text(proxy, "envoy-config.yaml")?
            .ends_with(&format!("# {mark}\n"))
            .then_some(())
    });
}
