//! What holds for any document, however broken.

use super::full;
use jsonschema::Validator;
use nightjar_core::document::{
    self,
    discovery_map::{
        DiscoveryMap, FieldName, HostName, Name, PathMatch, PathMatchType, Pattern, Protocol, Text,
    },
};
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::LazyLock};

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let is = |text: &str, kind| PathMatch::new(kind, text).is_ok();
    // The rules that the schema calls by a name.
    jsonschema::options()
        .should_validate_formats(true)
        .with_format("name", |text: &str| text.parse::<Name>().is_ok())
        .with_format("dns-name", |text: &str| text.parse::<HostName>().is_ok())
        .with_format("plain-text", |text: &str| text.parse::<Text>().is_ok())
        .with_format("field-name", |text: &str| text.parse::<FieldName>().is_ok())
        .with_format("protocol", |text: &str| text.parse::<Protocol>().is_ok())
        .with_format("regular-expression", |text: &str| {
            text.parse::<Pattern>().is_ok()
        })
        .with_format("path", move |text: &str| is(text, PathMatchType::Exact))
        .with_format("path-prefix", move |text: &str| {
            is(text, PathMatchType::Prefix)
        })
        // Of numbers.
        .with_format("int64", |_: &str| true)
        .should_ignore_unknown_formats(false)
        .build(document::schema::<DiscoveryMap>().as_value())
        .unwrap()
});

/// One way to change a document.
#[derive(Debug, Clone)]
enum Change {
    Remove,
    Replace(Value),
    Add(&'static str, Value),
    Repeat,
}

fn value() -> impl Strategy<Value = Value> {
    let fixed = [
        Value::Null,
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(65536),
        json!(1.5),
        json!(3.0),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("a\nb"),
        json!("("),
        json!("HTTP2"),
        json!("regex"),
        json!("present"),
        json!("exact"),
        json!("prefix"),
        json!("suffix"),
        json!("/a?b"),
        json!("/a/../b"),
        json!("10.0.0.1"),
        json!("n1"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"port": 1, "hostname": "a"}),
    ];
    prop_oneof![
        5 => proptest::sample::select(fixed.to_vec()),
        1 => any::<String>().prop_map(Value::from),
    ]
}

fn change() -> impl Strategy<Value = (Index, Change)> {
    let name = proptest::sample::select(vec![
        "ipv4",
        "ipv6",
        "hostname",
        "value",
        "protocol",
        "properties",
        "headers",
        "query_parameters",
        "unknown",
    ]);
    let change = prop_oneof![
        Just(Change::Remove),
        value().prop_map(Change::Replace),
        (name, value()).prop_map(|(name, value)| Change::Add(name, value)),
        Just(Change::Repeat),
    ];
    (any::<Index>(), change)
}

/// The pointers of everything in a value but itself.
fn pointers(value: &Value, prefix: &str, found: &mut Vec<String>) {
    let mut enter = |step: &str, value: &Value| {
        let step = step.replace('~', "~0").replace('/', "~1");
        let pointer = format!("{prefix}/{step}");
        found.push(pointer.clone());
        pointers(value, &pointer, found);
    };
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                enter(&index.to_string(), item);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                enter(name, member);
            }
        }
        _ => {}
    }
}

fn changed(mut document: Value, at: Index, change: Change) -> Value {
    let mut all = Vec::new();
    pointers(&document, "", &mut all);
    if all.is_empty() {
        return document;
    }
    let pointer = at.get(&all);
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match change {
        Change::Replace(value) => *document.pointer_mut(pointer).unwrap() = value,
        Change::Add(name, value) => {
            if let Some(members) = document.pointer_mut(pointer).unwrap().as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        }
        Change::Remove => match document.pointer_mut(parent).unwrap() {
            Value::Array(items) => drop(items.remove(last.parse().unwrap())),
            Value::Object(members) => {
                drop(members.remove(&last.replace("~1", "/").replace("~0", "~")));
            }
            _ => {}
        },
        Change::Repeat => {
            if let Some(items) = document.pointer_mut(parent).unwrap().as_array_mut() {
                items.push(items[last.parse::<usize>().unwrap()].clone());
            }
        }
    }
    document
}

/// The same with every object beyond the size up to which a part is judged in one piece.
fn padded(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(padded).collect(),
        Value::Object(members) => {
            let padding = ("x-padding".to_owned(), "x".repeat(65 << 10).into());
            let members = members
                .into_iter()
                .map(|(name, member)| (name, padded(member)));
            members.chain([padding]).collect()
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_types_the_schema_and_the_rules_agree(changes in prop::collection::vec(change(), 1..4)) {
        let map = changes
            .into_iter()
            .fold(full(), |map, (at, change)| changed(map, at, change));
        let text = map.to_string();
        let decodes = serde_json::from_str::<DiscoveryMap>(&text);
        let fits = SCHEMA.is_valid(&map);
        match document::read::<DiscoveryMap>(text.as_bytes()) {
            Ok(read) => {
                prop_assert!(fits, "read, though the schema refuses {text}");
                let again = serde_json::to_vec(&read).unwrap();
                prop_assert_eq!(document::read::<DiscoveryMap>(&again).unwrap(), read);
            }
            Err(refused) => {
                prop_assert!(!refused.faults.is_empty(), "no reason for {text}");
                for fault in &refused.faults {
                    prop_assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault:?}");
                }
            }
        }
        if fits {
            prop_assert!(decodes.is_ok(), "{:?}, though the schema takes {text}", decodes.err());
            let names: Vec<&Name> = decodes.iter().flat_map(|map| &map.namespaces).map(|n| &n.namespace).collect();
            let is_unique = names.iter().collect::<BTreeSet<_>>().len() == names.len();
            let read = document::read::<DiscoveryMap>(text.as_bytes());
            prop_assert_eq!(read.is_ok(), is_unique, "{:?}", read.err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_with_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(refused) = document::read::<DiscoveryMap>(&bytes) {
            prop_assert!(!refused.faults.is_empty());
        }
        document::recognise(&bytes);
    }

    #[test]
    fn a_damaged_text_is_refused_with_a_reason(at in any::<Index>(), byte in any::<u8>()) {
        let mut bytes = full().to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(refused) = document::read::<DiscoveryMap>(&bytes) {
            prop_assert!(!refused.faults.is_empty());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A large document is judged part by part.
    #[test]
    fn what_is_said_does_not_depend_on_the_size(changes in prop::collection::vec(change(), 1..6)) {
        let map = changes
            .into_iter()
            .fold(full(), |map, (at, change)| changed(map, at, change));
        let said = |map: &Value| {
            let (read, unknown) = document::inspect::<DiscoveryMap>(map.to_string().as_bytes());
            (read.err(), unknown)
        };
        prop_assert_eq!(said(&map), said(&padded(map)));
    }
}
