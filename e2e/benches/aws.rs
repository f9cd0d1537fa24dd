//! What one call of an extension on AWS costs, against a program that does nothing but make the
//! same calls by the same SDK, in one run, over plain HTTP.
//!
//! Run it with `make bench`, which builds the programs as they are shipped.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and may fail as it likes"
)]

use e2e::{
    aws::{Aws, Task, TaskDefinition},
    extension::Extension,
};
use serde_json::{Value, json};
use std::{ffi::OsStr, path::PathBuf, process::Command, time::Duration};

/// How often each program is run in one measurement.
const RUNS: u32 = 40;
/// How many measurements of each there are, in turns; the least counts.
const TURNS: u32 = 3;
/// How many tasks are discovered.
const TASKS: u16 = 10;

fn main() {
    let aws = Aws::start();
    unchanged_fetch(&aws);
    unchanged_discovery(&aws);
    large_discovery();
}

/// A fetch from S3 that finds nothing newer.
fn unchanged_fetch(aws: &Aws) {
    let bucket = aws.bucket();
    let store = Extension::new("ext-store-s3")
        .envs(aws.env())
        .env("NJ_DSS3_BUCKET", &bucket)
        .env("NJ_DSS3_FORCE_PATH_STYLE", "true");
    let document = ["--document=discovery-map"];
    let map = e2e::maps::map(&[e2e::maps::namespace("n1", &[])]);
    let commit = store.give(&map, &[&document[..], &["--action=commit"]].concat());
    assert_eq!(commit.code, Some(0), "{}", commit.stderr);
    let fetch = [&document[..], &["--action=fetch"]].concat();
    let version = store.call(&fetch).version().to_owned();

    let mut ours = store.command();
    ours.args(&fetch)
        .arg(format!("--previous-document-version={version}"));
    let key = "nightjar-datastore/discovery-map/current.json";
    let mut bare = Command::new(example("bare-s3"));
    bare.args([&bucket, key, &version]);
    same_environment(&mut bare, &ours);
    compare("an unchanged fetch from S3", &ours, (&bare, 30));
}

/// A discovery of tasks on one EC2 instance that finds nothing newer.
fn unchanged_discovery(aws: &Aws) {
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("10.0.0.1");
    let definition = cluster.register(
        TaskDefinition::bridge("shop")
            .container("app", &[3000])
            .tag("NJ_ROUTE_1", "/shop/"),
    );
    let tasks = (0..TASKS).map(|number| {
        Task::of(&definition)
            .on(&host)
            .bind("app", 3000, 40000 + number)
            .service_color("n1", "shop", "blue")
    });
    cluster.run_all(tasks.collect());
    let discovery = Extension::new("ext-discovery-ecs")
        .envs(aws.env())
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh")
        .env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "3600");
    let first = discovery.call(&[]);
    let found = first.document.as_ref().and_then(|map| {
        map.pointer("/namespaces/0/service-colors/0/instances")
            .and_then(Value::as_array)
    });
    assert_eq!(found.map(Vec::len), Some(TASKS.into()), "{}", first.stderr);
    let version = first.version().to_owned();
    aws.wire.forget();
    assert_eq!(discovery.call_after(&version, &[]).code, Some(30));
    println!(
        "{}",
        json!({"calls of an unchanged discovery": aws.wire.calls()})
    );

    let mut ours = discovery.command();
    ours.arg(format!("--previous-document-version={version}"));
    let mut bare = Command::new(example("bare-ecs"));
    bare.arg("mesh");
    same_environment(&mut bare, &ours);
    let what = format!("an unchanged discovery of {TASKS} tasks on ECS");
    compare(&what, &ours, (&bare, 0));
}

/// The time of a discovery that knows nothing yet, of many tasks, far from AWS.
fn large_discovery() {
    const DEFINITIONS: usize = 50;
    const INSTANCES: usize = 120;
    const TASKS: usize = 1000;
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let instances: Vec<_> = (1..=INSTANCES)
        .map(|number| cluster.instance(&format!("10.0.0.{number}")))
        .collect();
    let definitions: Vec<_> = (0..DEFINITIONS)
        .map(|number| {
            let definition = TaskDefinition::bridge(&format!("service-{number}"));
            let path = format!("/service-{number}/");
            cluster.register(
                definition
                    .container("app", &[3000])
                    .tag("NJ_ROUTE_1", &path),
            )
        })
        .collect();
    let tasks = definitions.iter().enumerate().cycle().take(TASKS);
    let tasks = tasks.zip(instances.iter().cycle()).zip(30000..);
    let tasks = tasks.map(|(((service, definition), instance), port)| {
        Task::of(definition)
            .service_color("n1", &format!("service-{service}"), "blue")
            .on(instance)
            .bind("app", 3000, port)
    });
    cluster.run_all(tasks.collect());
    for milliseconds in [0, 50] {
        aws.wire.set_latency(Duration::from_millis(milliseconds));
        let times = (0..TURNS).map(|_| {
            let discovery = Extension::new("ext-discovery-ecs")
                .envs(aws.env())
                .env("NJ_DMECS_AWS_CLUSTERS", "mesh");
            let (ending, took) = discovery.timed(&[]);
            assert_eq!(ending.code, Some(0), "{}", ending.stderr);
            took
        });
        let best = times.min().unwrap_or_default();
        println!(
            "a first discovery of {TASKS} tasks of {DEFINITIONS} definitions on {INSTANCES} \
             instances, {milliseconds} ms more for each call: {best:.2?}, the best of {TURNS}"
        );
    }
}

/// An example of the workspace, built beside the programs.
fn example(name: &str) -> PathBuf {
    let programs = e2e::program("ext-store-s3");
    let folder = programs.parent().expect("programs are in a folder");
    let path = folder.join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make bench`",
        path.display()
    );
    path
}

fn same_environment(to: &mut Command, from: &Command) {
    to.env_clear();
    to.envs(
        from.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
}

/// Prints what both cost. Ours ends with 30, the bare program with the given code.
fn compare(what: &str, ours: &Command, (bare, code): (&Command, i32)) {
    let mut best = [Cost::WORST; 2];
    for _ in 0..TURNS {
        for (best, (command, code)) in best.iter_mut().zip([(ours, 30), (bare, code)]) {
            *best = best.or_less(Cost::of(command, code));
        }
    }
    let [ours, bare] = best;
    println!(
        "{what}: {:.1} ms of CPU and {:.1} MiB at most; a bare program with the same calls: \
         {:.1} ms and {:.1} MiB; {:.2} times the CPU",
        ours.milliseconds,
        ours.mebibytes,
        bare.milliseconds,
        bare.mebibytes,
        ours.milliseconds / bare.milliseconds
    );
}

#[derive(Clone, Copy)]
struct Cost {
    milliseconds: f64,
    mebibytes: f64,
}

impl Cost {
    const WORST: Self = Self {
        milliseconds: f64::INFINITY,
        mebibytes: 0.0,
    };

    /// The mean over [`RUNS`] runs, and the largest of them.
    fn of(command: &Command, code: i32) -> Self {
        let output = Command::new(e2e::root().join(".venv/bin/python"))
            .arg(e2e::root().join("e2e/benches/cost.py"))
            .args([RUNS.to_string(), code.to_string()])
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value): (_, Option<&OsStr>)| Some((name, value?))),
            )
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let cost: Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |name: &str| cost[name].as_f64().unwrap();
        Self {
            milliseconds: number("milliseconds"),
            mebibytes: number("mebibytes"),
        }
    }

    fn or_less(self, other: Self) -> Self {
        Self {
            milliseconds: self.milliseconds.min(other.milliseconds),
            mebibytes: self.mebibytes.max(other.mebibytes),
        }
    }
}
