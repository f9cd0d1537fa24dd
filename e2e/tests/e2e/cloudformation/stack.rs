//! A template deployed on moto, with its tasks running.
//!
//! moto's CloudFormation makes real clusters, services, task definitions, buckets and roles, from
//! the very template. What it cannot do is played here:
//!
//! - It knows load balancers for HTTP alone, so the listener's protocol is changed in the text that
//!   it gets.
//! - It leaves out what it does not know: capacity providers, the bucket's policy.
//! - Of a task definition it keeps the containers. Network mode, compatibilities and tags are taken
//!   from the template, in another revision of the same containers.
//! - Its services run no tasks. As many as a service wants are run, of that revision: on two
//!   instances and on ephemeral ports, or each at an address of its own.

use super::template::Template;
use e2e::{
    aws::{Aws, Cluster, Instance, Running, Task},
    extension::Extension,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, process::Command};

/// The first host port that an instance gives.
const EPHEMERAL: u16 = 32_768;

/// What a template made.
pub(super) struct Stack {
    pub(super) name: String,
    pub(super) template: Template,
    /// Logical names, and what they stand for.
    pub(super) resources: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// By the family's name without the stack's: the definition that runs.
    definitions: BTreeMap<String, Value>,
    /// Families by the same names, with a task that runs.
    tasks: Vec<(String, Running)>,
}

impl Stack {
    /// Deploys a template and runs its tasks.
    pub(super) fn deploy(aws: &Aws, file: &str) -> Self {
        let name = format!("mesh-{}", &file[..2]);
        let template = Template::read(file);
        let network = aws.network();
        let parameters = template.parameters(&[
            ("VpcId", network["vpc"].as_str().unwrap()),
            ("SubnetIds", network["subnet"].as_str().unwrap()),
            ("ClientCidr", "203.0.113.0/24"),
            ("StandaloneImage", "registry.test/nightjar-standalone:1"),
            ("CentralImage", "registry.test/nightjar-central:1"),
        ]);
        let text = fs::read_to_string(Template::path(file)).unwrap();
        let given = parameters
            .iter()
            .map(|(name, value)| json!({"ParameterKey": name, "ParameterValue": value}))
            .collect::<Vec<_>>();
        let wanted = json!({
            "StackName": name,
            "TemplateBody": text.replace("Protocol: TCP", "Protocol: HTTP"),
            "Parameters": given,
            "Capabilities": ["CAPABILITY_IAM"],
        });
        aws.call("cloudformation", "create_stack", wanted);
        let mut stack = Self {
            resources: resources(aws, &name),
            name,
            template,
            parameters,
            definitions: BTreeMap::new(),
            tasks: Vec::new(),
        };
        stack.run(aws);
        stack
    }

    /// An extension with the environment that a container of the stack gives it.
    pub(super) fn extension(
        &self,
        aws: &Aws,
        program: &str,
        family: &str,
        container: &str,
    ) -> Extension {
        let env = self.environment(family, container);
        Extension::new(program).envs(aws.env()).envs(env)
    }

    /// The tasks of a family.
    pub(super) fn tasks(&self, family: &str) -> impl Iterator<Item = &Running> {
        let of_family = self.tasks.iter().filter(move |(name, _)| name == family);
        of_family.map(|(_, task)| task)
    }

    /// One refresh of a program with the environment that a container of the stack gives it: exit
    /// code, log, and the files that it made.
    pub(super) fn once(
        &self,
        aws: &Aws,
        program: &str,
        family: &str,
        container: &str,
    ) -> (Option<i32>, String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("envoy");
        let output = Command::new(e2e::program(program))
            .arg("--once")
            .env_clear()
            .envs(aws.env())
            .envs(self.environment(family, container))
            .env("PATH", programs())
            .env("ENVOY_EXEC", e2e::envoy())
            .env("ENVOY_CONFIGURATION_DIR", &files)
            .env("NJ_TEMP_DIR", folder.path())
            .env("TRIGGER_STOP_FILE", folder.path().join("stop"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let made = fs::read_dir(files).into_iter().flatten();
        let names = made.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        (output.status.code(), said, names)
    }

    /// The environment that a container has.
    pub(super) fn environment(&self, family: &str, container: &str) -> BTreeMap<String, String> {
        let definition = &self.definitions[family];
        let containers = definition["containerDefinitions"].as_array().unwrap();
        let container = containers.iter().find(|one| one["name"] == container);
        let variables = container.unwrap()["environment"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        variables
            .iter()
            .map(|variable| (text(&variable["name"]), text(&variable["value"])))
            .collect()
    }

    /// Sets a tag of a running task definition.
    pub(super) fn tag(&self, aws: &Aws, family: &str, key: &str, value: &str) {
        let arn = &self.definitions[family]["taskDefinitionArn"];
        let tags = json!([{"key": key, "value": value}]);
        let wanted = json!({"resourceArn": arn, "tags": tags});
        aws.call("ecs", "tag_resource", wanted);
    }

    /// What a text or reference of the template stands for.
    pub(super) fn resolve(&self, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Object(object) => {
                let name = object["Ref"].as_str().unwrap();
                let known = self.parameters.get(name).or(self.resources.get(name));
                known.unwrap_or_else(|| panic!("{name}")).clone()
            }
            other => panic!("{other} is not resolved here"),
        }
    }

    fn run(&mut self, aws: &Aws) {
        let cluster = aws.cluster(&self.name);
        let mut places = Places::new(&cluster);
        let (mut tasks, mut families) = (Vec::new(), Vec::new());
        let services: Vec<(String, String)> = self
            .template
            .of_type("AWS::ECS::Service")
            .into_iter()
            .map(|(name, service)| {
                let task = service["TaskDefinition"]["Ref"].as_str().unwrap();
                (name.clone(), task.to_owned())
            })
            .collect();
        for (service, task) in services {
            let wanted = json!({"cluster": self.name, "services": [self.resources[&service]]});
            let described = aws.call("ecs", "describe_services", wanted);
            let service = &described["services"][0];
            let made = &self.resources[&task];
            assert_eq!(service["taskDefinition"], *made);
            let definition = self.complete(aws, &task, made);
            let family = definition["family"].as_str().unwrap();
            let family = family.replace(&format!("{}-", self.name), "");
            for _ in 0..service["desiredCount"].as_u64().unwrap() {
                tasks.push(places.place(&definition));
                families.push(family.clone());
            }
            self.definitions.insert(family, definition);
        }
        self.tasks = families.into_iter().zip(cluster.run_all(tasks)).collect();
    }

    /// The same containers in a revision that has all that the template says.
    fn complete(&self, aws: &Aws, resource: &str, made: &str) -> Value {
        let wanted = json!({"taskDefinition": made});
        let described = aws.call("ecs", "describe_task_definition", wanted);
        let definition = &described["taskDefinition"];
        let declared = self.template.properties(resource);
        let mut wanted = Map::new();
        for name in ["family", "containerDefinitions"] {
            wanted.insert(name.to_owned(), definition[name].clone());
        }
        for (name, from) in [
            ("networkMode", "NetworkMode"),
            ("requiresCompatibilities", "RequiresCompatibilities"),
            ("cpu", "Cpu"),
            ("memory", "Memory"),
        ] {
            if let Some(value) = declared.get(from) {
                wanted.insert(name.to_owned(), value.clone());
            }
        }
        let tags = declared["Tags"].as_array().into_iter().flatten();
        let tags = tags.map(|tag| json!({"key": tag["Key"], "value": self.resolve(&tag["Value"])}));
        wanted.insert("tags".to_owned(), tags.collect());
        let registered = aws.call("ecs", "register_task_definition", wanted.into());
        registered["taskDefinition"].clone()
    }
}

/// A `PATH` on which the programs are.
pub(super) fn programs() -> String {
    let program = e2e::program("nightjar-standalone");
    format!("{}:/usr/bin:/bin", program.parent().unwrap().display())
}

/// What a stack made, by logical name.
fn resources(aws: &Aws, name: &str) -> BTreeMap<String, String> {
    let listed = aws.call(
        "cloudformation",
        "list_stack_resources",
        json!({"StackName": name}),
    );
    let summaries = listed["StackResourceSummaries"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    summaries
        .iter()
        .map(|one| {
            (
                text(&one["LogicalResourceId"]),
                text(&one["PhysicalResourceId"]),
            )
        })
        .collect()
}

/// Where tasks go, one after the other.
struct Places {
    instances: [Instance; 2],
    placed: u16,
}

impl Places {
    fn new(cluster: &Cluster) -> Self {
        Self {
            instances: ["10.0.0.11", "10.0.0.12"].map(|ipv4| cluster.instance(ipv4)),
            placed: 0,
        }
    }

    fn place(&mut self, definition: &Value) -> Task {
        let number = self.placed;
        self.placed += 1;
        let mut task = Task::of(definition["taskDefinitionArn"].as_str().unwrap());
        if definition["networkMode"] == "awsvpc" {
            return task.at(&format!("10.0.1.{}", 11 + number));
        }
        task = task.on(&self.instances[usize::from(number % 2)]);
        for container in definition["containerDefinitions"].as_array().unwrap() {
            for mapping in container["portMappings"].as_array().unwrap() {
                let port = u16::try_from(mapping["containerPort"].as_u64().unwrap()).unwrap();
                let name = container["name"].as_str().unwrap();
                task = task.bind(name, port, EPHEMERAL + number);
            }
        }
        task
    }
}
