//! A template as JSON, and its parameters.

use e2e::root;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, process::Command};

/// cfn-lint's own reader knows the short forms, such as `!Ref`.
const TO_JSON: &str = "import json, sys\n\
    from cfnlint.decode.cfn_yaml import load\n\
    json.dump(load(sys.argv[1]), sys.stdout)";

/// A template of the example.
pub(super) struct Template {
    json: Value,
}

impl Template {
    /// Where a template is.
    pub(super) fn path(name: &str) -> PathBuf {
        root().join("examples/aws-ecs-tags").join(name)
    }

    /// Reads a template.
    pub(super) fn read(name: &str) -> Self {
        let read = Command::new(root().join(".venv/bin/python"))
            .args(["-c", TO_JSON])
            .arg(Self::path(name))
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success(), "{name}: {complaint}");
        Self {
            json: serde_json::from_slice(&read.stdout).unwrap(),
        }
    }

    /// The properties of a resource.
    pub(super) fn properties(&self, resource: &str) -> &Value {
        &self.json["Resources"][resource]["Properties"]
    }

    /// The resources of a type, with their properties.
    pub(super) fn of_type(&self, wanted: &str) -> Vec<(&String, &Value)> {
        let resources = self.json["Resources"].as_object().unwrap();
        let of_type = resources.iter().filter(|(_, one)| one["Type"] == wanted);
        of_type
            .map(|(name, one)| (name, &one["Properties"]))
            .collect()
    }

    /// The parameters that have a default, with these in their places.
    pub(super) fn parameters(&self, given: &[(&str, &str)]) -> BTreeMap<String, String> {
        let declared = self.json["Parameters"].as_object().unwrap();
        let mut parameters = BTreeMap::new();
        for (name, parameter) in declared {
            let said = given.iter().find(|(known, _)| known == name);
            let value = match (said, &parameter["Default"]) {
                (Some((_, value)), _) => (*value).to_owned(),
                (None, Value::String(value)) => value.clone(),
                (None, Value::Number(value)) => value.to_string(),
                (None, _) => panic!("{name} is not given"),
            };
            parameters.insert(name.clone(), value);
        }
        parameters
    }
}
