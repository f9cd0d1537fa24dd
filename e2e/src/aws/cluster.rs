//! ECS clusters, EC2 instances, and tasks that run.

use super::{Account, Task, TaskDefinition};
use serde_json::{Value, json};

/// An ECS cluster.
#[derive(Clone)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    account: Account,
}

/// An EC2 instance, registered with a cluster.
#[derive(Debug, Clone)]
pub struct Instance {
    /// `i-…`
    pub id: String,
    /// The ARN of the container instance.
    pub arn: String,
}

/// A task that runs, until a test says otherwise.
pub struct Running {
    /// The task's ARN.
    pub arn: String,
    account: Account,
}

impl Cluster {
    pub(super) fn new(name: &str, account: Account) -> Self {
        Self {
            name: name.to_owned(),
            account,
        }
    }

    /// An EC2 instance with this private IPv4 address.
    pub fn instance(&self, ipv4: &str) -> Instance {
        self.instance_with(ipv4.into(), Value::Null, Value::Null)
    }

    /// The same with an IPv4 address or null, a list of IPv6 addresses or null, and a subnet or null
    /// for the account's own.
    pub fn instance_with(&self, ipv4: Value, ipv6: Value, subnet: Value) -> Instance {
        let cluster = self.name.clone().into();
        let details = [
            ("cluster", cluster),
            ("ipv4", ipv4),
            ("ipv6", ipv6),
            ("subnet", subnet),
        ];
        let made = self.account.order("instance", details);
        Instance {
            id: text(&made["id"]),
            arn: text(&made["arn"]),
        }
    }

    /// Registers a task definition: its ARN, `…:task-definition/<family>:<revision>`.
    pub fn register(&self, definition: TaskDefinition) -> String {
        let made = self.account.call(
            "ecs",
            "register_task_definition",
            definition.into_parameters(),
        );
        text(&made["taskDefinition"]["taskDefinitionArn"])
    }

    /// Runs a task.
    pub fn run(&self, task: Task) -> Running {
        self.run_all(vec![task]).remove(0)
    }

    /// Runs many tasks in one go, a thousand in a fraction of a second.
    pub fn run_all(&self, tasks: Vec<Task>) -> Vec<Running> {
        let tasks: Vec<Value> = tasks.into_iter().map(Task::into_wanted).collect();
        let details = [
            ("cluster", self.name.clone().into()),
            ("tasks", tasks.into()),
        ];
        let arns = self.account.order("tasks", details);
        let running = |arn: &Value| Running {
            arn: text(arn),
            account: self.account.clone(),
        };
        arns.as_array().unwrap().iter().map(running).collect()
    }
}

impl Running {
    /// Sets members as `DescribeTasks` gives them, such as `{"lastStatus": "STOPPING"}`.
    pub fn set(&self, members: Value) {
        let details = [("task", self.arn.clone().into()), ("members", members)];
        self.account.order("set", details);
    }

    /// The same for one of its containers: `{"lastStatus": "STOPPED", "exitCode": 137}`.
    pub fn set_container(&self, container: &str, members: Value) {
        let details = [
            ("task", self.arn.clone().into()),
            ("container", container.into()),
            ("members", members),
        ];
        self.account.order("set", details);
    }

    /// Sets a tag by `TagResource`, as a person does with `aws ecs tag-resource`.
    pub fn tag(&self, key: &str, value: &str) {
        let tags = json!([{"key": key, "value": value}]);
        let parameters = json!({"resourceArn": self.arn, "tags": tags});
        self.account.call("ecs", "tag_resource", parameters);
    }

    /// The result of a container's health check, from which the task's follows as in ECS:
    /// `HEALTHY`, `UNHEALTHY` or `UNKNOWN`.
    pub fn set_health(&self, container: &str, health: &str) {
        self.set_container(container, json!({"healthStatus": health}));
    }

    /// It is to be stopped, and still runs.
    pub fn draining(&self) {
        self.set(json!({"desiredStatus": "STOPPED"}));
    }

    /// It has stopped.
    pub fn stopped(&self) {
        self.set(json!({"desiredStatus": "STOPPED", "lastStatus": "STOPPED"}));
    }

    /// The task's id: the last part of its ARN.
    pub fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap()
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}
