//! The tables that types stand for: fields, properties and exit codes.

use e2e::tables::table;
use nightjar_core::{
    context::properties::{DOCUMENTED_PROPERTIES, Documented, Target},
    document::{self, discovery_map::DiscoveryMap, proxy_input::ProxyInput, templates::Templates},
    extension::args::{EXIT_CONFLICT, EXIT_DONE, EXIT_RETRY, EXIT_UNCHANGED},
    template::SHIPPED,
};
use serde_json::Value;

/// Every table, with its name.
pub(super) fn tables() -> Vec<(String, String)> {
    let mut tables = vec![
        ("exit codes of extensions".to_owned(), exit_codes()),
        ("properties".to_owned(), properties()),
    ];
    let documents = [
        ("discovery map", document::schema::<DiscoveryMap>()),
        ("templates", document::schema::<Templates>()),
        ("context", document::schema::<ProxyInput>()),
    ];
    for (document, schema) in documents {
        let schema = serde_json::to_value(schema).unwrap();
        for (name, record) in records(&schema) {
            let table = fields(document, &schema, record);
            tables.push((format!("{document} {name}"), table));
        }
    }
    tables
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

fn properties() -> String {
    let rows = DOCUMENTED_PROPERTIES.map(|property| {
        let level = match property.target {
            Target::Route => "route",
            Target::RouteMember => "member of a route",
            Target::Cluster => "cluster",
            Target::Proxy => "proxy",
            Target::ProxyEnvironment => "proxy, from its own environment only",
        };
        [
            format!("`{}`", property.name),
            level.to_owned(),
            value(property),
            match property.target {
                // Gateways and sidecars differ.
                Target::Proxy | Target::ProxyEnvironment => {
                    "[by role](entry-standalone.md#properties-of-the-proxy)".to_owned()
                }
                _ => shipped_default(property.name),
            },
            property.meaning.to_owned(),
        ]
    });
    table(["property", "of a", "value", "without it", "meaning"], rows)
}

fn value(property: Documented) -> String {
    let end = if property.can_be_none {
        ", or `none`"
    } else {
        ""
    };
    format!("{}{end}", property.format.description())
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
    match written {
        None => "not set".to_owned(),
        Some(value) if value.contains("{{") => "by other properties".to_owned(),
        Some(value) => format!("`{value}`"),
    }
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
            // What is not set is absent.
            let kind = kind(schema, field).trim_end_matches(" or null").to_owned();
            [format!("`{name}`"), kind, meaning(name, field)]
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
