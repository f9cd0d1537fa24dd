//! What a role may do, and whether that covers what was done.

use super::stack::Stack;
use e2e::aws::Request;
use serde_json::Value;
use std::collections::BTreeSet;

/// The statements of a role's policies.
pub(super) struct Policy {
    statements: Vec<Statement>,
}

/// What may be done on what in S3. The other services' calls are held to their actions alone.
struct Statement {
    actions: Vec<String>,
    /// `bucket`, or `bucket/key` with `*` for any text.
    s3: Vec<String>,
    /// What a listing has to start with.
    prefix: Option<String>,
}

impl Policy {
    /// What a role of the stack's template may do.
    pub(super) fn of(stack: &Stack, role: &str) -> Self {
        let policies = stack.template.properties(role)["Policies"].as_array();
        let documents = policies.unwrap().iter().map(|one| &one["PolicyDocument"]);
        let statements = documents.flat_map(|document| document["Statement"].as_array().unwrap());
        let statements = statements.map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            Statement {
                actions: texts(&statement["Action"]),
                s3: list(&statement["Resource"])
                    .iter()
                    .filter_map(|on| s3(stack, on))
                    .collect(),
                prefix: statement["Condition"]["StringLike"]["s3:prefix"]
                    .as_str()
                    .map(ToOwned::to_owned),
            }
        });
        Self {
            statements: statements.collect(),
        }
    }

    /// Every action that it allows.
    pub(super) fn actions(&self) -> BTreeSet<String> {
        let actions = self.statements.iter().flat_map(|one| &one.actions);
        actions.cloned().collect()
    }

    /// Fails if a request was made that it does not allow.
    pub(super) fn assert_covers(&self, requests: &[Request]) {
        for request in requests {
            for (action, on, prefix) in needs(request) {
                let allows = |one: &&Statement| {
                    let is_on = on.is_empty() || one.s3.iter().any(|resource| like(resource, &on));
                    let is_below = one
                        .prefix
                        .as_ref()
                        .is_none_or(|wanted| like(wanted, &prefix));
                    one.actions.contains(&action) && is_on && is_below
                };
                let allowed = self.statements.iter().find(allows);
                assert!(
                    allowed.is_some(),
                    "{action} on {on:?} {prefix:?}: {request:?}"
                );
            }
        }
    }
}

/// The actions that requests need.
pub(super) fn actions_of(requests: &[Request]) -> BTreeSet<String> {
    let needs = requests.iter().flat_map(needs);
    needs.map(|(action, ..)| action).collect()
}

/// The actions that a request needs, with bucket and key, and what a listing starts with.
fn needs(request: &Request) -> Vec<(String, String, String)> {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let path = path.trim_matches('/');
    let bucket = path.split('/').next().unwrap_or_default();
    let need = |action: &str, on: &str, prefix: &str| {
        (action.to_owned(), on.to_owned(), prefix.to_owned())
    };
    match request.call.as_str() {
        "s3:ListObjectsV2" => {
            let mut pairs = query.split('&');
            let prefix = pairs.find_map(|pair| pair.strip_prefix("prefix="));
            let prefix = prefix.unwrap_or_default().replace("%2F", "/");
            vec![need("s3:ListBucket", bucket, &prefix)]
        }
        "s3:DeleteObjects" => {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            let keys = body.split("<Key>").skip(1);
            let keys = keys.map(|rest| rest.split('<').next().unwrap_or_default());
            keys.map(|key| need("s3:DeleteObject", &format!("{bucket}/{key}"), ""))
                .collect()
        }
        "s3:GetObject" | "s3:HeadObject" => {
            let mut needs = vec![need("s3:GetObject", path, "")];
            if request.status == Some(404) {
                // Who may not list a bucket is told 403 instead.
                needs.push(need("s3:ListBucket", bucket, ""));
            }
            needs
        }
        "s3:PutObject" | "s3:DeleteObject" => {
            let mut needs = vec![need(&request.call, path, "")];
            if request.header("if-match").is_some() {
                // What compares an object has to be allowed to read it.
                needs.push(need("s3:GetObject", path, ""));
            }
            needs
        }
        call if call.starts_with("s3:") => panic!("which action is {call}?"),
        call => vec![need(call, "", "")],
    }
}

/// The bucket, or bucket and key, that a `Resource` names.
fn s3(stack: &Stack, resource: &Value) -> Option<String> {
    let bucket = stack.resources.get("Store")?;
    if let Some(attribute) = resource.get("Fn::GetAtt") {
        return (attribute[0] == "Store").then(|| bucket.clone());
    }
    let text = resource.get("Fn::Sub")?.as_str()?;
    let key = text.strip_prefix("${Store.Arn}")?;
    Some(format!("{bucket}{key}"))
}

fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}

fn texts(value: &Value) -> Vec<String> {
    let values = list(value).into_iter();
    values
        .map(|value| value.as_str().unwrap().to_owned())
        .collect()
}

/// Whether a text fits a pattern that has `*` at its end, or nowhere.
fn like(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}
