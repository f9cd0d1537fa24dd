//! The tables that programs stand for: what they say of themselves, and which calls they make.

use crate::{central::scene::Scene, cloudmap, ecs};
use e2e::{
    maps::{map, namespace},
    mesh::Plan,
    program, status,
    tables::{grouped, table},
};
use std::{collections::BTreeMap, process::Command};

const PROGRAMS: &[&str] = &[
    "nightjar-standalone",
    "nightjar-central",
    "ext-discovery-ecs",
    "ext-store-local",
    "ext-store-s3",
    "ext-discovery-cloudmap",
];

/// Every table, by its name.
pub(super) fn all() -> BTreeMap<String, String> {
    let mut tables = BTreeMap::from([
        ("calls of ext-discovery-cloudmap", calls_for_services()),
        ("calls of ext-discovery-ecs", calls_for_tasks()),
        ("metrics", metrics_of_a_gateway()),
        ("metrics of nightjar-central", metrics_of_central()),
    ])
    .into_iter()
    .map(|(name, table)| (name.to_owned(), table))
    .collect::<BTreeMap<_, _>>();
    for name in ["nightjar-standalone", "nightjar-central"] {
        tables.insert(format!("exit codes of {name}"), program_exit_codes(name));
    }
    for name in PROGRAMS {
        let rows = settings(name)
            .into_iter()
            .map(|[variable, default, meaning]| [format!("`{variable}`"), default, meaning]);
        let head = ["variable", "default", "meaning"];
        tables.insert(format!("{name} settings"), table(head, rows));
    }
    tables
}

/// Every variable that a program reads.
pub(super) fn variables() -> Vec<String> {
    let of_programs = PROGRAMS.iter().flat_map(|name| settings(name));
    of_programs.map(|[variable, ..]| variable).collect()
}

fn help(name: &str) -> String {
    let output = Command::new(program(name)).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Variable, default and meaning of each setting that `--help` lists.
fn settings(name: &str) -> Vec<[String; 3]> {
    let help = help(name);
    let (_, listed) = help.split_once("\nEnvironment:\n").unwrap();
    let lines: Vec<&str> = listed.lines().collect();
    let setting = |pair: &[&str]| {
        let (variable, default) = pair[0].trim().split_once(" (").unwrap();
        let default = default.strip_suffix(')').unwrap();
        let default = match default.split_once(": ") {
            Some(("default", value)) => format!("`{value}`"),
            Some(("not set", words)) => words.to_owned(),
            _ => default.to_owned(),
        };
        [variable.to_owned(), default, pair[1].trim().to_owned()]
    };
    lines
        .chunks(2)
        .filter(|pair| pair.len() == 2)
        .map(setting)
        .collect()
}

/// What `--help` of a long-running program says.
fn program_exit_codes(name: &str) -> String {
    let help = help(name);
    let line = help
        .lines()
        .find_map(|line| line.strip_prefix("Exit codes: "));
    let codes = line.unwrap().trim_end_matches('.').split("; ").map(|item| {
        let (code, meaning) = item.split_once(' ').unwrap();
        [code.to_owned(), meaning.to_owned()]
    });
    table(["exit code", "meaning"], codes)
}

fn metrics_of_a_gateway() -> String {
    let gateway = Plan::gateway("n1", &map(&[namespace("n1", &[])])).start();
    metrics(gateway.status_port)
}

fn metrics_of_central() -> String {
    let scene = Scene::new(&map(&[namespace("n1", &[])]));
    let central = scene.central().env("NJ_EMPTY_MAP_GRACE", 1).start();
    metrics(central.status_port())
}

/// What a status port serves.
fn metrics(port: u16) -> String {
    let text = status::page(port, "/metrics").unwrap().body;
    let help = text.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let rows = help.map(|line| {
        let (name, meaning) = line.split_once(' ').unwrap();
        let kind = format!("# TYPE {name} ");
        let kind = text
            .lines()
            .find_map(|line| line.strip_prefix(&kind))
            .unwrap();
        [format!("`{name}`"), kind.to_owned(), meaning.to_owned()]
    });
    table(["metric", "type", "meaning"], rows)
}

/// What `ecs::calls` counts on the wire.
fn calls_for_tasks() -> String {
    let rows = ecs::calls::FLEETS.map(|size| {
        let [first, next] = ecs::calls::calls(size).map(|calls| {
            let counts: Vec<usize> = calls.into_iter().map(|(_, count)| count).collect();
            let terms: Vec<String> = counts.iter().map(ToString::to_string).collect();
            format!("{} = {}", terms.join(" + "), counts.iter().sum::<usize>())
        });
        let [tasks, definitions, instances] = size.map(|count| grouped(count as u64));
        [tasks, definitions, instances, first, next]
    });
    let head = [
        "tasks",
        "definitions",
        "instances",
        "first refresh",
        "next refresh",
    ];
    table(head, rows)
}

/// What `cloudmap::calls` counts on the wire.
fn calls_for_services() -> String {
    let rows = cloudmap::calls::SERVICES.map(|services| {
        let totals = cloudmap::calls::calls_of(services)
            .map(|calls| calls.into_iter().map(|(_, count)| count).sum::<u64>());
        let [first, unchanged, changed] = totals.map(grouped);
        [grouped(services), first, unchanged, changed]
    });
    let head = [
        "services",
        "first refresh",
        "nothing changed",
        "3 services changed",
    ];
    table(head, rows)
}
