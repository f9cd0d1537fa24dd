//! Which call a request is.

use super::message::Asked;

/// Service and operation, such as `ecs:ListTasks`. A request that is none of AWS's is named by its
/// method and path: `?:GET /index.html`.
pub(super) fn call(asked: &Asked) -> String {
    let service = service(asked);
    let operation = match asked.header("x-amz-target") {
        Some(target) => target.rsplit('.').next().map(ToOwned::to_owned),
        None if service == "s3" => s3_operation(asked).map(ToOwned::to_owned),
        None => action(&asked.body),
    };
    match operation {
        Some(operation) => format!("{service}:{operation}"),
        None => format!("{service}:{} {}", asked.method, asked.target),
    }
}

/// The service that the request is signed for: `Credential=<key>/<date>/<region>/<service>/…`.
fn service(asked: &Asked) -> &str {
    let scope = asked
        .header("authorization")
        .and_then(|value| value.split("Credential=").nth(1));
    scope
        .and_then(|scope| scope.split('/').nth(3))
        .unwrap_or("?")
}

/// The query protocol names it in the body: `Action=DescribeInstances&…`.
fn action(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let action = body
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    action.map(ToOwned::to_owned)
}

/// S3 has no name in the request: method, path `/bucket/key` and query tell.
fn s3_operation(asked: &Asked) -> Option<&'static str> {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let in_bucket = path
        .trim_start_matches('/')
        .split_once('/')
        .is_some_and(|(_, key)| !key.is_empty());
    Some(match (asked.method.as_str(), in_bucket) {
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("PUT", true) if asked.header("x-amz-copy-source").is_some() => "CopyObject",
        ("PUT", true) => "PutObject",
        ("DELETE", true) => "DeleteObject",
        ("POST", false) if has("delete") => "DeleteObjects",
        ("GET", false) if path == "/" => "ListBuckets",
        ("GET", false) if has("location") => "GetBucketLocation",
        ("GET", false) if has("list-type") => "ListObjectsV2",
        ("GET", false) if query.is_empty() || has("prefix") => "ListObjects",
        ("HEAD", false) => "HeadBucket",
        ("PUT", false) if query.is_empty() => "CreateBucket",
        _ => return None,
    })
}
