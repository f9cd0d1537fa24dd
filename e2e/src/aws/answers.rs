//! What ECS and EC2 answer, member by member, in moto's place.
//!
//! ```no_run
//! use e2e::aws::{Answers, Aws};
//! use serde_json::json;
//!
//! let aws = Aws::start();
//! let answers = Answers::play(&aws.wire, json!({
//!     "ecs": {"tasks": [], "definitions": {}, "containerInstances": []},
//!     "ec2": [{"id": "i-0aa", "ipv4": "10.0.0.5"}],
//! }));
//! answers.change(|all| all["page"] = json!(7));     // ListTasks pages of 7
//! ```
//! Further members: `page`, how many tasks a page of `ListTasks` has (100); `unlisted`, tasks that
//! `ListTasks` leaves out; `untold`, tasks that `DescribeTasks` calls `MISSING`; `silent`, EC2 instances that `DescribeInstances` leaves out without a word. An
//! instance that is in neither list is one that EC2 does not know; `refusal`, the code and message that
//! it says so with, `IDS` for the ids.

use super::{Request, Wire};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Answers to the calls of a discovery of ECS tasks.
pub struct Answers(Arc<Mutex<Value>>);

/// Status and body.
type Answer = (u16, String);

impl Answers {
    /// Answers from now on what these answers hold.
    pub fn play(wire: &Wire, answers: Value) -> Self {
        let answers = Arc::new(Mutex::new(answers));
        let played = Arc::clone(&answers);
        wire.play(move |request| answer(&played.lock().unwrap(), request));
        Self(answers)
    }

    /// Changes them.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.0.lock().unwrap());
    }
}

fn answer(all: &Value, request: &Request) -> Option<Answer> {
    let (service, call) = request.call.split_once(':')?;
    if service == "ec2" {
        return Some(instances(all, &String::from_utf8_lossy(&request.body)));
    }
    let (ecs, asked) = (&all["ecs"], request.json());
    let told = match call {
        "ListTasks" => page(all, &asked),
        "DescribeTasks" => {
            let mut tasks = ecs["tasks"].clone();
            let untold = all["untold"].as_array().cloned().unwrap_or_default();
            if let Some(tasks) = tasks.as_array_mut() {
                tasks.retain(|task| !untold.contains(&task["taskArn"]));
            }
            described(&tasks, "taskArn", &asked["tasks"], "tasks")
        }
        "DescribeContainerInstances" => described(
            &ecs["containerInstances"],
            "containerInstanceArn",
            &asked["containerInstances"],
            "containerInstances",
        ),
        "DescribeTaskDefinition" => {
            let name = asked["taskDefinition"].as_str()?;
            let Some(definition) = ecs["definitions"].get(name) else {
                return Some(refusal(
                    "ClientException",
                    "Unable to describe task definition.",
                ));
            };
            json!({"taskDefinition": definition, "tags": definition.get("tags")})
        }
        _ => return None,
    };
    Some((200, told.to_string()))
}

fn refusal(code: &str, message: &str) -> Answer {
    (400, json!({"__type": code, "message": message}).to_string())
}

/// A page of a cluster's tasks that are meant to run.
fn page(all: &Value, asked: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let cluster = asked["cluster"].as_str().unwrap_or("default");
    let cluster = format!("/{}/", cluster.rsplit('/').next().unwrap_or_default());
    let unlisted = list(&all["unlisted"]);
    let is_listed = |arn: &Value| {
        let of_cluster = arn.as_str().is_some_and(|arn| arn.contains(&cluster));
        of_cluster && !unlisted.contains(arn)
    };
    let arns: Vec<Value> = list(&all["ecs"]["tasks"])
        .iter()
        .filter(|task| task["desiredStatus"] == "RUNNING")
        .map(|task| task["taskArn"].clone())
        .filter(is_listed)
        .collect();
    let size = usize::try_from(all["page"].as_u64().unwrap_or(100)).unwrap();
    let begin: usize = asked["nextToken"]
        .as_str()
        .map_or(0, |at| at.parse().unwrap());
    let end = begin + size;
    let token = (end < arns.len()).then(|| end.to_string());
    let arns: Vec<&Value> = arns.iter().skip(begin).take(size).collect();
    json!({"taskArns": arns, "nextToken": token})
}

fn described(known: &Value, name: &str, asked: &Value, answered: &str) -> Value {
    let known = || known.as_array().into_iter().flatten();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in asked.as_array().unwrap() {
        match known().find(|one| one[name] == *arn) {
            Some(one) => found.push(one),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    json!({answered: found, "failures": failures})
}

/// What EC2 tells of the instances that a form asks for.
fn instances(all: &Value, form: &str) -> Answer {
    let asked: Vec<&str> = form
        .split('&')
        .filter(|pair| pair.starts_with("InstanceId."))
        .filter_map(|pair| pair.split_once('=').map(|(_, id)| id))
        .collect();
    let is_in = |list: &Value, id: &str| {
        let mut list = list.as_array().into_iter().flatten();
        list.any(|one| one == id || one["id"] == id)
    };
    let unknown = asked.iter().copied();
    let unknown: Vec<&str> = unknown
        .filter(|id| !is_in(&all["ec2"], id) && !is_in(&all["silent"], id))
        .collect();
    if !unknown.is_empty() {
        let word = |name: &str, usual| all["refusal"][name].as_str().unwrap_or(usual);
        let message = word("message", "The instance IDs 'IDS' do not exist");
        let message = message.replace("IDS", &unknown.join(", "));
        let code = word("code", "InvalidInstanceID.NotFound");
        let error = format!("<Code>{code}</Code><Message>{message}</Message>");
        let error = format!("<Response><Errors><Error>{error}</Error></Errors></Response>");
        return (400, error);
    }
    let told = all["ec2"].as_array().unwrap().iter();
    let told = told.filter(|one| asked.iter().any(|id| one["id"] == *id));
    let item = |one: &Value| {
        let (id, ip) = (one["id"].as_str().unwrap(), one["ipv4"].as_str().unwrap());
        let address = format!("<privateIpAddress>{ip}</privateIpAddress>");
        format!("<item><instanceId>{id}</instanceId>{address}</item>")
    };
    let items = told.map(item).collect::<Vec<String>>().concat();
    let set = format!("<item><instancesSet>{items}</instancesSet></item>");
    let set = format!("<reservationSet>{set}</reservationSet>");
    (
        200,
        format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>"),
    )
}
