//! What every story begins with: a cluster of ECS, a bucket, and tasks whose containers are real
//! programs on this machine.

use e2e::{
    WAIT_TIMEOUT,
    aws::{Aws, Cluster, Instance, Running, Task, TaskDefinition},
    central::Central,
    eventually,
    load::{Clients, Load},
    maps::map,
    mesh::{Backend, Plan, Proxy},
    ports, program, status,
};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

/// The port on which the app listens inside its container, in bridge networks.
const APP_PORT: u16 = 3000;
/// How often everybody looks, in seconds. In production it is 30 by default; what a story shows
/// does not depend on it.
const REFRESH: &str = "0.3";

/// How tasks are reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Network {
    /// At the instance's address, each on a port that ECS chose.
    Bridge,
    /// Each at an address of its own, all on the same port.
    Awsvpc,
}

/// One mesh in one cluster: the namespace `n1`.
pub(super) struct Mesh {
    pub(super) aws: Aws,
    pub(super) cluster: Cluster,
    pub(super) bucket: String,
    network: Network,
    host: Instance,
    /// The port that all apps of an awsvpc network listen on.
    port: u16,
    addresses: std::cell::Cell<u8>,
}

/// A task with its app.
pub(super) struct Deployed {
    pub(super) task: Running,
    pub(super) app: Backend,
    /// Where the app is reached, `address:port`.
    address: String,
}

impl Mesh {
    pub(super) fn begin(network: Network) -> Self {
        let aws = Aws::start();
        let cluster = aws.cluster("mesh");
        Self {
            bucket: aws.bucket(),
            host: cluster.instance("127.0.0.1"),
            network,
            port: ports::free(),
            addresses: std::cell::Cell::new(2),
            aws,
            cluster,
        }
    }

    /// Registers a revision of a service's task definition. All of its tasks serve `/<service>/`.
    pub(super) fn register(&self, service: &str, tags: &[(&str, &str)]) -> String {
        let definition = match self.network {
            Network::Bridge => TaskDefinition::bridge(service).container("app", &[APP_PORT]),
            Network::Awsvpc => TaskDefinition::awsvpc(service).container("app", &[self.port]),
        };
        let definition = definition
            .health_check()
            .container("proxy", &[8080])
            .tag("NJ_PROXY_MODE", "service")
            .tag("NJ_NAMESPACE", "n1")
            .tag("NJ_SERVICE", service)
            .tag("NJ_ROUTE_1", &format!("/{service}/"))
            .tag("NJ_ROUTE_PORT", &format!("app:{}", self.app_port()));
        let tagged =
            |definition: TaskDefinition, (key, value): &(&str, &str)| definition.tag(key, value);
        self.cluster.register(tags.iter().fold(definition, tagged))
    }

    /// The container port of every app, which is the index of its service-colors.
    pub(super) fn app_port(&self) -> u16 {
        match self.network {
            Network::Bridge => APP_PORT,
            Network::Awsvpc => self.port,
        }
    }

    /// Runs a task of a definition as one color: its app listens before ECS says that it runs.
    pub(super) fn run(&self, definition: &str, service: &str, color: &str) -> Deployed {
        self.run_tagged(definition, service, color, &[])
    }

    pub(super) fn run_tagged(
        &self,
        definition: &str,
        service: &str,
        color: &str,
        tags: &[(&str, &str)],
    ) -> Deployed {
        let task = Task::of(definition).tag("NJ_COLOR", color);
        let task = tags
            .iter()
            .fold(task, |task, (key, value)| task.tag(key, value));
        let prefix = ("PATH_PREFIX", format!("/{service}"));
        let env = [(prefix.0, prefix.1.as_str())];
        let (app, task, address) = match self.network {
            Network::Bridge => {
                let app = Backend::start_with(service, color, &env);
                let task = task.on(&self.host).bind("app", APP_PORT, app.port);
                (app, task, "127.0.0.1".to_owned())
            }
            Network::Awsvpc => {
                let address = format!("127.0.0.{}", self.addresses.get());
                self.addresses.set(self.addresses.get() + 1);
                let env = [env[0], ("SERVICE_ADDRESS", address.as_str())];
                let app = Backend::start_at(self.port, service, color, &env);
                (app, task.at(&address), address)
            }
        };
        Deployed {
            task: self.cluster.run(task),
            address: format!("{address}:{}", app.port),
            app,
        }
    }

    /// Runs a task of the namespace's gateway: what it serves is this proxy.
    pub(super) fn run_gateway(&self, proxy: &Proxy) -> Running {
        let definition = TaskDefinition::bridge("gateway").container("proxy", &[8080]);
        let definition = self.cluster.register(definition);
        let task = Task::of(&definition).on(&self.host).gateway("n1");
        let task = task.tag("NJ_PREFER_GATEWAY", "yes");
        self.cluster.run(task.bind("proxy", 8080, proxy.port))
    }

    /// A task that nobody asks anything.
    pub(super) fn run_without_app(&self, definition: &str, color: &str) {
        let task = Task::of(definition).tag("NJ_COLOR", color);
        let task = task.on(&self.host).bind("app", APP_PORT, 1);
        self.cluster.run(task);
    }

    /// What discovery needs to know.
    pub(super) fn discovery(&self) -> BTreeMap<String, String> {
        let mut env = self.aws.env();
        env.extend(
            [
                ("NJ_DMECS_AWS_CLUSTERS", self.cluster.name.as_str()),
                // A tag of a task definition counts as soon as it is set.
                ("NJ_DMECS_TASKDEF_CACHE_SECONDS", "1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        env
    }

    /// What the store needs to know.
    pub(super) fn store(&self) -> BTreeMap<String, String> {
        let mut env = self.aws.env();
        env.insert("NJ_DSS3_BUCKET".to_owned(), self.bucket.clone());
        env
    }

    /// Central, which publishes what ECS runs to the bucket.
    pub(super) fn central(&self) -> Central {
        self.central_with(&[])
    }

    pub(super) fn central_with(&self, more: &[(&str, &str)]) -> Central {
        let mut env = self.discovery();
        env.extend(self.store());
        let more = more.iter().map(|(name, value)| (*name, *value));
        let own = [("REFRESH_TIME", REFRESH), ("FAILURE_SLEEP", REFRESH)];
        let pairs = own.into_iter().chain(more);
        env.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Central::start(env)
    }

    /// A gateway that follows what central publishes.
    pub(super) fn gateway(&self) -> Plan {
        self.following(Plan::gateway("n1", &map(&[])))
    }

    /// A sidecar of a service-color that follows what central publishes.
    pub(super) fn sidecar(&self, service: &str, color: &str) -> Plan {
        self.sidecar_in("n1", service, color)
    }

    /// The same in another namespace.
    pub(super) fn sidecar_in(&self, namespace: &str, service: &str, color: &str) -> Plan {
        self.following(Plan::sidecar(namespace, service, color, &map(&[])))
    }

    fn following(&self, plan: Plan) -> Plan {
        let store = program("ext-store-s3");
        let fetch = "--document=discovery-map --action=fetch";
        plan.discovery(format!("{} {fetch}", store.display()))
            .envs(self.store())
            .env("REFRESH_TIME", REFRESH)
    }

    /// The same proxies without central: each asks ECS itself.
    pub(super) fn alone(&self, plan: Plan) -> Plan {
        plan.discovery(program("ext-discovery-ecs").display())
            .envs(self.discovery())
            .env("REFRESH_TIME", REFRESH)
    }
}

impl Deployed {
    /// What ECS does with a task that a deployment replaces: it is to stop, and its app gets
    /// SIGTERM. The app goes on serving until no request comes any more, as far as `moved` tells.
    pub(super) fn retire(self, moved: impl FnOnce(&Self)) {
        self.task.draining();
        moved(&self);
        self.end();
    }

    /// The app ends as it does on SIGTERM, and then the task.
    pub(super) fn end(mut self) {
        self.app.process.signal(Signal::TERM);
        self.app.process.wait(Duration::from_secs(10));
        self.task.stopped();
    }
}

/// Load on a path of several proxies; keep-alive clients and one-shot ones.
pub(super) fn load(proxies: &[&Proxy], path: &str) -> Vec<Load> {
    let start = |proxy: &&Proxy| load_at(proxy.address(), path);
    proxies.iter().map(start).collect()
}

/// The same on any listener.
pub(super) fn load_at(address: SocketAddr, path: &str) -> Load {
    let clients = Clients {
        keep_alive: 2,
        one_shot: 1,
    };
    Load::start(address, path, clients)
}

/// Stops the load; not one of its requests may have been lost.
pub(super) fn nothing_lost(loads: Vec<Load>) {
    for load in loads {
        let report = load.stop();
        assert_eq!(report.lost, [""; 0], "of {}", report.sent);
        assert!(report.sent > 100, "only {} requests were sent", report.sent);
        println!("{} requests, and none was lost", report.sent);
    }
}

/// Waits until Envoy has the addresses of these tasks in a cluster, and no other.
pub(super) fn wait_endpoints(proxy: &Proxy, cluster: &str, wanted: &[&Deployed]) {
    let wanted = wanted.iter().map(|one| one.address.clone());
    wait_addresses(proxy, cluster, wanted.collect());
}

/// The same with the addresses themselves.
pub(super) fn wait_addresses(proxy: &Proxy, cluster: &str, mut wanted: Vec<String>) {
    wanted.sort();
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        let seen = endpoints(proxy, cluster);
        if seen == wanted {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{cluster} has {seen:?}, not {wanted:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

/// The endpoints that Envoy has in a cluster, as `address:port`.
fn endpoints(proxy: &Proxy, cluster: &str) -> Vec<String> {
    let text = proxy.admin("/clusters?format=json").body;
    let all: Value = serde_json::from_str(&text).unwrap();
    let known = all["cluster_statuses"].as_array().into_iter().flatten();
    let found = known.filter(|one| one["name"] == cluster);
    let hosts = found.flat_map(|one| one["host_statuses"].as_array().into_iter().flatten());
    let mut endpoints: Vec<String> = hosts
        .map(|host| {
            let socket = &host["address"]["socket_address"];
            let address = socket["address"].as_str().unwrap();
            format!("{address}:{}", socket["port_value"])
        })
        .collect();
    endpoints.sort();
    endpoints
}

/// The share of a color among so many answers, in percent.
pub(super) fn share(proxy: &Proxy, path: &str, color: &str, of: u32) -> u32 {
    let by = |_: &u32| proxy.get(path).by().ends_with(color);
    let count = (0..of).filter(by).count();
    u32::try_from(count).unwrap() * 100 / of
}

/// Waits until the status of a proxy says that its last refresh failed, or that it did not.
pub(super) fn wait_failing(port: u16, failing: bool) {
    eventually(&format!("/ready that fails: {failing}"), || {
        let said = status::page(port, "/ready")?;
        (said.body.contains("failed:") == failing).then_some(())
    });
}
