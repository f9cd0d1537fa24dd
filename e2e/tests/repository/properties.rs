//! The documented properties, each held to the test that shows what a real Envoy does with it.

mod proofs;
mod source;

use self::{proofs::PROOFS, source::Source};
use e2e::root;
use nightjar_core::context::properties::{DOCUMENTED_PROPERTIES, Documented, documented};
use std::{collections::BTreeSet, fs, path::PathBuf};

const TABLE: &str = "e2e/tests/repository/properties/proofs.rs";

/// Whether a text sets a property, in a map or as a setting. Of a family any member counts.
fn sets(text: &str, name: &str) -> bool {
    let family = documented(name).and_then(Documented::family);
    let in_map = match family {
        Some(family) => format!("\"{family}"),
        None => format!("\"{name}\":"),
    };
    let setting = name.to_uppercase().replace('-', "_");
    text.contains(&in_map) || text.contains(&format!("PROP_{setting}\""))
}

/// The text of a test with what it uses of its file.
fn test(path: &str) -> Option<String> {
    let (module, function) = path.rsplit_once("::")?;
    let file = format!("e2e/tests/e2e/{}.rs", module.replace("::", "/"));
    let file: PathBuf = root().join(file);
    Source::read(&fs::read_to_string(file).ok()?).test(function)
}

/// What is wrong with a row of the table.
fn fault((name, path): &(&str, &str)) -> Option<String> {
    let problem = match test(path) {
        _ if DOCUMENTED_PROPERTIES.iter().all(|it| it.name != *name) => {
            "is not documented: remove its row".to_owned()
        }
        None => format!("has the test `{path}`, which is not there: name the one that shows it"),
        Some(text) if sets(&text, name) => return None,
        Some(_) => format!("is not set by its test `{path}`: name the one that shows it"),
    };
    Some(format!("`{name}` {problem}"))
}

#[test]
fn every_documented_property_has_a_test_with_a_real_envoy() {
    let rows: BTreeSet<&str> = PROOFS.iter().map(|(name, _)| *name).collect();
    assert_eq!(rows.len(), PROOFS.len(), "{TABLE} names a property twice");
    let missing = DOCUMENTED_PROPERTIES
        .iter()
        .filter(|property| !rows.contains(property.name));
    let missing = missing.map(|property| {
        format!(
            "`{}` has no row: add one, with a test that sends requests through Envoy and fails without the property",
            property.name
        )
    });
    let faults: Vec<String> = PROOFS.iter().filter_map(fault).chain(missing).collect();
    assert!(faults.is_empty(), "{TABLE}:\n{}", faults.join("\n"));
}

#[test]
fn a_row_that_proves_nothing_is_told() {
    const WAITING: &str = "templates::waiting::timeout_and_idle_timeout_cut_a_slow_answer";
    for (row, told) in [
        (("timeout", WAITING), None),
        (("time-out", WAITING), Some("is not documented")),
        (("delay", WAITING), Some("is not set by its test")),
        // The name of a helper, and of nothing.
        (("hash-on", "field::hashing::spread"), Some("not there")),
        (("timeout", "templates::none::at_all"), Some("not there")),
    ] {
        let fault = fault(&row);
        let is_told = match (&fault, told) {
            (Some(fault), Some(told)) => fault.contains(told),
            (fault, told) => fault.is_none() && told.is_none(),
        };
        assert!(is_told, "{row:?}: {fault:?}");
    }
}

#[test]
fn a_test_sets_what_its_helpers_and_constants_say() {
    let source = Source::read(
        r#"
const SETTING: &str = "NJ_PROXY_PROP_TRUSTED_HOPS";

fn started() -> Proxy {
    plan().env(SETTING, 1)
}

#[test]
fn with_a_helper() {
    started();
}

#[test]
fn without() {
    json!({"idle-timeout": "1s"});
}
"#,
    );
    let of = |test: &str, name: &str| sets(&source.test(test).unwrap(), name);
    assert!(of("with_a_helper", "trusted-hops"));
    assert!(!of("without", "trusted-hops"));
    assert!(of("without", "idle-timeout"));
    assert!(!of("without", "timeout"));
    assert!(source.test("started").is_none());
}
