//! Discovery maps.

use super::{Checked, Rule, check, each_breaks_its_rule, rules};
use std::collections::BTreeSet;

const MAP: &str = include_str!("../../../starter/discovery-map.json");

fn check_discovery(rule: &str) -> Checked {
    let timeout = if rule == "ends-in-time" { "0.5" } else { "60" };
    let timeout = format!("--timeout={timeout}");
    check(
        rule,
        &[("data/discovery-map.json", MAP)],
        &[
            "discovery-map",
            "--setting=BROKEN_DIR",
            "--change=sed -i s/hello/hallo/ $BROKEN_DIR/discovery-map.json",
            "--take-away=rm $BROKEN_DIR/discovery-map.json",
            &timeout,
        ],
    )
}

#[test]
fn one_that_keeps_all_rules_passes_them_all() {
    let found = check_discovery("");
    let none = BTreeSet::new();
    assert_eq!(
        (&found.failed, &found.not_tried),
        (&none, &none),
        "{}",
        found.json
    );
    assert_eq!(found.code, Some(0));
}

#[test]
fn each_broken_extension_breaks_its_rule_alone() {
    let check = |rule: &Rule| check_discovery(&rule.name);
    each_breaks_its_rule(&rules("discovery-map"), &[], check);
}
