//! The tables that the code stands for.

mod costs;
pub(super) mod images;
mod rust;

use crate::central::scene::Scene;
use e2e::{
    maps::{map, namespace},
    mesh::Plan,
    program, status,
};
use nightjar_core::{
    context::properties::{DOCUMENTED, Level},
    document::{self, discovery_map::DiscoveryMap, proxy_input::ProxyInput, templates::Templates},
    extension::args::{EXIT_CONFLICT, EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED},
    template::SHIPPED,
};
use serde_json::Value;
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
        ("exit codes of extensions".to_owned(), exit_codes()),
        ("metrics".to_owned(), metrics_of_a_gateway()),
        (
            "metrics of nightjar-central".to_owned(),
            metrics_of_central(),
        ),
        ("properties".to_owned(), properties()),
    ]);
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
    tables.extend(costs::tables());
    tables.extend(images::tables());
    tables.extend(rust::tables());
    let documents = [
        ("discovery map", document::schema::<DiscoveryMap>()),
        ("templates", document::schema::<Templates>()),
        ("context", document::schema::<ProxyInput>()),
    ];
    for (document, schema) in documents {
        let schema = serde_json::to_value(schema).unwrap();
        for (name, record) in records(&schema) {
            tables.insert(
                format!("{document} {name}"),
                fields(document, &schema, record),
            );
        }
    }
    tables
}

/// Every variable that a program reads.
pub(super) fn variables() -> Vec<String> {
    let of_programs = PROGRAMS.iter().flat_map(|name| settings(name));
    of_programs.map(|[variable, ..]| variable).collect()
}

fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(N));
    for row in rows {
        let cells = row.map(|cell| escaped(&cell));
        text.push_str(&["| ", &cells.join(" | "), " |\n"].concat());
    }
    text
}

/// Markdown takes `<name>` for a tag, and `|` for the end of a cell.
fn escaped(cell: &str) -> String {
    let mut text = String::new();
    for (index, part) in cell.split('`').enumerate() {
        let is_code = index % 2 == 1;
        if index > 0 {
            text.push('`');
        }
        let part = part.replace('|', "\\|");
        text.push_str(&if is_code {
            part
        } else {
            part.replace('<', "&lt;")
        });
    }
    text
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

/// The codes are constants; what they mean is a table in the protocol's own documentation.
fn exit_codes() -> String {
    let source = include_str!("../../../../nightjar-core/src/extension.rs");
    let rows: Vec<[String; 2]> = source
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .filter_map(|row| row.split_once(" | "))
        .map(|(code, meaning)| [code.to_owned(), meaning.to_owned()])
        .collect();
    let codes: Vec<&str> = rows.iter().map(|[code, _]| code.as_str()).collect();
    let known = [EXIT_DONE, EXIT_UNCHANGED, EXIT_RETRY, EXIT_CONFLICT];
    let known = known.map(|code| code.to_string());
    let expected = ["code", &known[0], &known[1], &known[2], &known[3], "other"];
    assert_eq!(codes, expected);
    table(["exit code", "meaning"], rows.into_iter().skip(1))
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

fn properties() -> String {
    let rows = DOCUMENTED.map(|property| {
        let level = match property.level {
            Level::Route => "route",
            Level::Member => "member of a route",
            Level::Cluster => "cluster",
            Level::Proxy => "proxy",
            Level::ProxyAlone => "proxy, in its own environment alone",
        };
        [
            format!("`{}`", property.name),
            level.to_owned(),
            property.form.form().to_owned(),
            shipped_default(property.name),
            property.meaning.to_owned(),
        ]
    });
    table(["property", "of a", "value", "without it", "meaning"], rows)
}

/// What the shipped templates write when a property is not set.
fn shipped_default(name: &str) -> String {
    let (open, close) = (
        format!("{{{{^properties.{name}}}}}"),
        format!("{{{{/properties.{name}}}}}"),
    );
    let written = SHIPPED.iter().find_map(|(_, text)| {
        let (_, rest) = text.split_once(&open)?;
        Some(rest.split_once(&close)?.0)
    });
    written.map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"))
}

/// The objects that a schema describes: the whole document first under its own name.
fn records(schema: &Value) -> Vec<(String, &Value)> {
    let title = schema["title"].as_str().unwrap().to_owned();
    let definitions = schema["$defs"].as_object().unwrap();
    let others = definitions
        .iter()
        .map(|(name, record)| (name.clone(), record));
    std::iter::once((title, schema))
        .chain(others)
        .filter(|(_, record)| record.get("properties").is_some())
        .collect()
}

/// One object's fields: those that have to be there first, as the type declares them.
fn fields(document: &str, schema: &Value, record: &Value) -> String {
    let required: Vec<&str> = record["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let place = |name: &str| required.iter().position(|known| *known == name);
    let mut fields: Vec<(&String, &Value)> =
        record["properties"].as_object().unwrap().iter().collect();
    fields.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    if document == "context" {
        // A context is made by Nightjar, and always whole.
        let rows = fields.into_iter().map(|(name, field)| {
            [
                format!("`{name}`"),
                kind(schema, field),
                meaning(name, field),
            ]
        });
        return table(["field", "type", "meaning"], rows);
    }
    let rows = fields.into_iter().map(|(name, field)| {
        let required = if place(name).is_some() { "yes" } else { "no" };
        let kind = kind(schema, field);
        [
            format!("`{name}`"),
            kind,
            required.to_owned(),
            meaning(name, field),
        ]
    });
    table(["field", "type", "required", "meaning"], rows)
}

fn meaning(name: &str, field: &Value) -> String {
    let text = match (field["description"].as_str(), name) {
        (Some(text), _) => text,
        // The parts of a place are checked together, and have no words of their own.
        (None, "ipv4") => "An IPv4 address.",
        (None, "ipv6") => "An IPv6 address, without brackets.",
        (None, "hostname") => "A DNS name.",
        (None, "port") => "The TCP port.",
        (None, name) => panic!("{name} has no description"),
    };
    match field.get("default") {
        None | Some(Value::Array(_) | Value::Null) => text.replace('\n', " "),
        Some(value) => format!("{} Default: `{value}`.", text.replace('\n', " ")),
    }
}

fn kind(schema: &Value, field: &Value) -> String {
    if let Some(reference) = field["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let target = &schema["$defs"][name];
        return match name {
            "Protocol" => "`\"HTTP1.1\"` or `\"HTTP2\"`, in any case".to_owned(),
            _ if target.get("properties").is_some() => {
                format!("[{name}](#{})", name.to_lowercase())
            }
            _ => kind(schema, target),
        };
    }
    if let Some(choices) = field["anyOf"].as_array() {
        let kinds: Vec<String> = choices.iter().map(|choice| kind(schema, choice)).collect();
        return kinds.join(" or ");
    }
    if let Some(items) = field.get("items") {
        return format!("list of {}", kind(schema, items));
    }
    if let Some(values) = field["enum"].as_array() {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let name = match &field["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            names.join(" or ")
        }
        other => panic!("a field has the type {other}"),
    };
    match (
        name.as_str(),
        field["minimum"].as_u64(),
        field["maximum"].as_u64(),
    ) {
        ("object", ..) => "object of strings".to_owned(),
        (_, Some(least), Some(most)) => format!("{name}, {least} to {most}"),
        _ => name,
    }
}
