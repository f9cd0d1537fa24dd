//! AWS on one machine: moto behind a wire that counts calls and makes faults, an account for every
//! test, and tasks as the ECS agent would report them.
//!
//! ```no_run
//! use e2e::{aws::{Aws, Fault, Task, TaskDefinition}, extension::Extension, mesh::Backend};
//!
//! let aws = Aws::start();                          // an account of its own, a wire of its own
//! let cluster = aws.cluster("mesh");
//! let host = cluster.instance("127.0.0.1");        // an EC2 instance with this private address
//! let shop = cluster.register(
//!     TaskDefinition::bridge("shop").container("app", &[3000]).tag("NJ_ROUTE_1", "/shop/"),
//! );
//! let blue = Backend::start("shop", "blue");
//! let task = cluster.run(
//!     Task::of(&shop).on(&host).bind("app", 3000, blue.port)
//!         .service_color("n1", "shop", "blue"),
//! );
//!
//! aws.wire.fail_times(2, "ecs:ListTasks", Fault::Throttled);
//! let discovery = Extension::new("ext-discovery-ecs")
//!     .envs(aws.env())
//!     .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
//!     .call(&[]);
//! assert_eq!((discovery.code, aws.wire.calls()["ecs:ListTasks"]), (Some(0), 3));
//!
//! task.set_health("app", "UNHEALTHY");             // and what else may become of a task
//! task.draining();                                 // to be stopped, and still running
//! task.stopped();
//! ```
//!
//! ```text
//! answers   what ECS and EC2 answer, member by member, where moto leaves things out
//! server    the one moto of a test program, and the door to what it lacks
//! task      task definitions and tasks, before there are any
//! cluster   ECS clusters, EC2 instances, and tasks that run
//! wire      the proxy between a program and moto: counts, delays, faults
//! ```

mod answers;
mod cluster;
mod server;
mod task;
mod wire;

pub use answers::Answers;
pub use cluster::{Cluster, Instance, Running};
pub use task::{Task, TaskDefinition};
pub use wire::{Fault, Request, Wire};

use serde_json::{Map, Value, json};
use server::Server;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

/// The region of everything.
pub const REGION: &str = "eu-central-1";

/// An account of AWS, as far as one test sees it.
pub struct Aws {
    /// What lies between a program and AWS.
    pub wire: Wire,
    account: Account,
    keys: Keys,
}

/// The account's id, and whoever acts on it.
#[derive(Clone)]
struct Account {
    id: String,
    server: &'static Server,
}

impl Account {
    /// Asks the control port to do something; fails the test if that fails.
    fn order<const N: usize>(&self, what: &str, details: [(&str, Value); N]) -> Value {
        let mut order = Map::new();
        order.insert("do".to_owned(), what.into());
        order.insert("account".to_owned(), self.id.clone().into());
        order.extend(details.map(|(name, value)| (name.to_owned(), value)));
        self.server.order(&order.into())
    }

    /// One call as boto3 makes it.
    fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        let details = [
            ("service", service.into()),
            ("operation", operation.into()),
            ("parameters", parameters),
        ];
        self.order("call", details)
    }
}

/// Credentials that look like real ones, other ones for every test.
struct Keys {
    id: String,
    secret: String,
    token: String,
}

impl Aws {
    /// A fresh account, and a wire to it.
    pub fn start() -> Self {
        static ACCOUNTS: AtomicU64 = AtomicU64::new(100_000_000_001);
        let number = ACCOUNTS.fetch_add(1, Ordering::Relaxed);
        let account = Account {
            id: number.to_string(),
            server: server::shared(),
        };
        Self {
            wire: Wire::start(account.server.address(), &account.id),
            keys: Keys {
                id: format!("AKIA{number:0>16}"),
                secret: format!("secret-of-{number}-wJalrXUtnFEMI/K7MDENG"),
                token: format!("token-of-{number}-IQoJb3JpZ2luX2VjEF8aCXVzLWVhc3QtMSJ"),
            },
            account,
        }
    }

    /// The account's id: twelve digits, other ones in every test.
    pub fn account(&self) -> &str {
        &self.account.id
    }

    /// The standard AWS settings of a program that is to use this account, over the wire.
    pub fn env(&self) -> BTreeMap<String, String> {
        let nothing = "/nonexistent/nightjar-e2e";
        [
            ("AWS_ENDPOINT_URL", self.wire.url().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", &self.keys.id),
            ("AWS_SECRET_ACCESS_KEY", &self.keys.secret),
            ("AWS_SESSION_TOKEN", &self.keys.token),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", nothing),
            ("AWS_SHARED_CREDENTIALS_FILE", nothing),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The same, around the wire: straight to moto's server, for measurements.
    pub fn env_without_wire(&self) -> BTreeMap<String, String> {
        let mut env = self.env();
        let url = format!("http://{}", self.account.server.address());
        env.insert("AWS_ENDPOINT_URL".to_owned(), url);
        env
    }

    /// What no log may ever hold: the secret key and the session token.
    pub fn secrets(&self) -> [&str; 2] {
        [&self.keys.secret, &self.keys.token]
    }

    /// The id of the access key.
    pub fn access_key(&self) -> &str {
        &self.keys.id
    }

    /// One call as boto3 makes it, not over the wire: `aws.call("s3", "put_object", json!({…}))`.
    /// Times come back as text, an object's `Body` as text too.
    pub fn call(&self, service: &str, operation: &str, parameters: Value) -> Value {
        self.account.call(service, operation, parameters)
    }

    /// A new, empty bucket.
    pub fn bucket(&self) -> String {
        static BUCKETS: AtomicU64 = AtomicU64::new(1);
        let number = BUCKETS.fetch_add(1, Ordering::Relaxed);
        let name = format!("mesh-{}-{number}", self.account.id);
        let place = json!({"LocationConstraint": REGION});
        let parameters = json!({"Bucket": name, "CreateBucketConfiguration": place});
        self.call("s3", "create_bucket", parameters);
        name
    }

    /// A new ECS cluster.
    pub fn cluster(&self, name: &str) -> Cluster {
        self.call("ecs", "create_cluster", json!({"clusterName": name}));
        Cluster::new(name, self.account.clone())
    }

    /// The account's own VPC, subnet and security group: `{"vpc", "subnet", "group"}`.
    pub fn network(&self) -> Value {
        self.account.order("network", [])
    }
}
