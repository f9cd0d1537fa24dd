//! The examples of the pages on AWS, run as they stand there.
//!
//! ```text
//! migration   the worked example of the page on App Mesh
//! urls        apps that keep their URLs
//! blue_green  ECS's own blue/green deployments, and tags that ECS copies
//! jobs        a scheduled job as a caller
//! ```

mod blue_green;
mod jobs;
mod migration;
mod urls;

use e2e::{
    aws::{Aws, Cluster, Instance, Running, Task, TaskDefinition},
    extension::{Ending, Extension},
    http::Answer,
    maps::map,
    markdown::{self, Block},
    mesh::{Backend, Plan, Proxy},
    program,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// The page on deployments and jobs on ECS.
const ECS: &str = "docs/ecs-deployments.md";
/// The container port of every app.
const APP_PORT: u16 = 8080;

/// Settings by their names.
type Settings = BTreeMap<String, String>;

/// The only block of a page with these words behind its opening fence.
fn block(page: &str, words: &str) -> Block {
    let pages = markdown::pages();
    let page = pages.iter().find(|one| one.name == page).unwrap();
    let mut blocks = page.blocks().into_iter();
    let mut found = blocks.by_ref().filter(|block| {
        let about = [block.language.as_str(), &block.about].join(" ");
        about == words
    });
    let block = found.next();
    assert!(
        found.next().is_none(),
        "{}: {words} appears twice",
        page.name
    );
    block.unwrap_or_else(|| panic!("{}: no block {words}", page.name))
}

fn json_block(page: &str, words: &str) -> Value {
    serde_json::from_str(&block(page, words).text).unwrap()
}

/// The settings of a block, as a shell reads them.
fn settings(block: &Block) -> Settings {
    let script = format!("set -a\n{}exec env -0", block.text);
    let output = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let pairs = text.split_terminator('\0').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    });
    pairs
        .filter(|(name, _)| name.starts_with("NJ_") || name.ends_with("_proxy"))
        .collect()
}

/// The settings of a block that its comments let be said in one place: `T` for a tag, `E` for the
/// environment.
fn marked(block: &Block, place: &str) -> BTreeSet<String> {
    let lines = block.text.lines().filter_map(|line| {
        let (setting, comment) = line.split_once('#')?;
        let (name, _) = setting.split_once('=')?;
        let places = comment.split(':').next()?;
        let is_marked = places.split_whitespace().any(|word| word == place);
        is_marked.then(|| name.to_owned())
    });
    lines.collect()
}

/// A cluster of ECS with one instance, on which apps of this machine run.
struct Mesh {
    aws: Aws,
    cluster: Cluster,
    host: Instance,
}

impl Mesh {
    fn begin() -> Self {
        let aws = Aws::start();
        let cluster = aws.cluster("mesh");
        Self {
            host: cluster.instance("127.0.0.1"),
            cluster,
            aws,
        }
    }

    /// Registers a definition with these tags and this environment of its app.
    fn register(&self, family: &str, tags: &Settings, environment: &Settings) -> String {
        let definition = TaskDefinition::bridge(family).container("app", &[APP_PORT]);
        let definition = tags.iter().fold(definition, |definition, (name, value)| {
            let is_safe = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
            assert!(value.chars().all(is_safe), "no tag holds {name}={value}");
            definition.tag(name, value)
        });
        let pairs = environment.iter();
        self.cluster
            .register(pairs.fold(definition, |definition, (name, value)| {
                definition.environment(name, value)
            }))
    }

    /// A task of a definition whose app is this one.
    fn task(&self, definition: &str, app: &Backend) -> Task {
        Task::of(definition)
            .on(&self.host)
            .bind("app", APP_PORT, app.port)
    }

    fn run(&self, definition: &str, app: &Backend) -> Running {
        self.cluster.run(self.task(definition, app))
    }

    /// A task that calls others and is called by nobody: the service `shop`.
    fn run_caller(&self) {
        let definition = TaskDefinition::bridge("shop").container("app", &[]);
        let definition = self.cluster.register(definition);
        let task = Task::of(&definition).on(&self.host);
        self.cluster
            .run(task.service_color("store", "shop", "blue"));
    }

    /// Sets a tag of a task definition.
    fn tag_definition(&self, definition: &str, key: &str, value: &str) {
        let tags = serde_json::json!([{"key": key, "value": value}]);
        let wanted = serde_json::json!({"resourceArn": definition, "tags": tags});
        self.aws.call("ecs", "tag_resource", wanted);
    }

    fn env(&self) -> Settings {
        let mut env = self.aws.env();
        let own = [
            ("NJ_DMECS_AWS_CLUSTERS", self.cluster.name.as_str()),
            ("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0"),
        ];
        env.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        env
    }

    /// What discovery finds.
    fn discover(&self) -> Ending {
        let found = Extension::new("ext-discovery-ecs")
            .envs(self.env())
            .call(&[]);
        assert_eq!(found.code, Some(0), "{found:?}");
        found
    }

    fn follow(&self, plan: Plan) -> Plan {
        plan.discovery(program("ext-discovery-ecs").display())
            .envs(self.env())
            .env("REFRESH_TIME", "0.3")
    }

    /// The sidecar of the caller.
    fn sidecar(&self) -> Proxy {
        self.follow(Plan::sidecar("store", "shop", "blue", &map(&[])))
            .start()
    }

    fn gateway(&self) -> Proxy {
        self.follow(Plan::gateway("store", &map(&[]))).start()
    }
}

/// A service's entries in a map.
fn entries<'a>(map: &'a Value, service: &str) -> Vec<&'a Value> {
    let namespaces = map["namespaces"].as_array().unwrap().iter();
    let all = namespaces.flat_map(|one| one["service-colors"].as_array().unwrap());
    all.filter(|one| one["service"] == service).collect()
}

/// What `/echo` of an app saw: who it is, the host and the path.
fn echoed(answer: &Answer) -> [String; 3] {
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo: Value = serde_json::from_str(&answer.body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    [
        answer.by().to_owned(),
        text(&echo["headers"]["host"]),
        text(&echo["path"]),
    ]
}

/// Who answers so many requests.
fn answering(proxy: &Proxy, path: &str, headers: &[(&str, &str)], of: usize) -> BTreeSet<String> {
    let by = |_| proxy.get_with(path, headers).by().to_owned();
    (0..of).map(by).collect()
}
