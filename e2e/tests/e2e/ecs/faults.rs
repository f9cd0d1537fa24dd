//! Calls that fail: nothing is published, and the message names the call and what it is made on.

use super::{discovery, said, shop};
use e2e::aws::{Aws, Fault};
use std::time::Duration;

/// Every call, and what its message calls the thing that it is made on.
const CALLS: [(&str, &str); 5] = [
    ("ecs:ListTasks", "cluster mesh"),
    ("ecs:DescribeTasks", "cluster mesh"),
    (
        "ecs:DescribeTaskDefinition",
        "arn:aws:ecs:eu-central-1:ACCOUNT:task-definition/shop:1",
    ),
    ("ecs:DescribeContainerInstances", "cluster mesh"),
    ("ec2:DescribeInstances", "instance INSTANCE"),
];

/// Makes a call fail for good. Returns what was said, after it was made sure that nothing else came.
fn failed(call: &str, fault: Fault, code: i32) -> String {
    let aws = Aws::start();
    let host = shop(&aws.cluster("mesh"));
    aws.wire.fail(call, fault);
    let discovery = discovery(&aws).env("DEBUG", "true");
    let ending = discovery.call(&[]);
    assert_eq!(
        (ending.code, &ending.document),
        (Some(code), &None),
        "{call}: {ending:?}"
    );
    for secret in aws.secrets() {
        assert!(!ending.stderr.contains(secret), "{ending:?}");
    }
    let said = said(&ending).replace(&host.id, "INSTANCE");

    // Nothing of a failed run is believed later.
    aws.wire.restore();
    assert_eq!(discovery.call(&[]).code, Some(0), "{call}");
    said.replace(aws.account(), "ACCOUNT")
}

#[test]
fn a_call_that_is_not_allowed_is_fatal_and_named() {
    for (call, on) in CALLS {
        let said = failed(call, Fault::Denied, 1);
        let start = format!("ext-discovery-ecs: {call} on {on} is not allowed: ");
        let hint = format!("\n  hint: allow {call} on it in the IAM role's policy\n");
        assert!(said.starts_with(&start) && said.ends_with(&hint), "{said}");
    }
}

#[test]
fn throttled_calls_are_worth_another_try() {
    for (call, on) in CALLS {
        let soon = Fault::ThrottledFor(Duration::from_millis(20));
        let said = failed(call, soon, 31);
        let start = format!("ext-discovery-ecs: {call} on {on} was throttled: ");
        assert!(said.starts_with(&start), "{said}");
    }
    let said = failed("ecs:DescribeTasks", Fault::Throttled, 31);
    assert!(
        said.contains("was throttled: ThrottlingException: Rate exceeded"),
        "{said}"
    );
}

#[test]
fn what_is_broken_at_aws_is_worth_another_try() {
    for (call, on) in CALLS {
        let start = format!("ext-discovery-ecs: {call} on {on} failed at AWS: ");
        let said = failed(call, Fault::Broken, 31);
        assert!(said.starts_with(&start), "{said}");
    }
    for call in ["ecs:ListTasks", "ec2:DescribeInstances"] {
        let said = failed(call, Fault::Unavailable, 31);
        assert!(
            said.contains(&format!("{call} on ")) && said.contains(" failed at AWS: "),
            "{said}"
        );
    }
}

#[test]
fn an_answer_that_breaks_off_is_no_answer() {
    for (call, on) in CALLS {
        let start = format!("ext-discovery-ecs: {call} on {on} got no complete response: ");
        for fault in [Fault::Half, Fault::Reset] {
            let said = failed(call, fault, 31);
            assert!(said.starts_with(&start), "{said}");
        }
    }
}

#[test]
fn an_answer_that_is_none_is_no_answer() {
    for (call, _) in CALLS {
        for body in [
            "",
            "{}",
            "<html>Welcome to the hotel</html>",
            "{\"tasks\": [",
            "<DescribeInstancesResponse><requestId>r</requestId></DescribeInstancesResponse>",
        ] {
            let garbled = Fault::Answer {
                status: 200,
                headers: Vec::new(),
                body: body.to_owned(),
            };
            let said = failed(call, garbled, 31);
            assert!(
                said.starts_with(&format!("ext-discovery-ecs: {call} on ")),
                "{body}: {said}"
            );
        }
    }
}

#[test]
fn an_answer_that_leaves_tasks_out_is_not_the_whole() {
    for (call, body, reason) in [
        (
            "ecs:DescribeTasks",
            r#"{"tasks":[],"failures":[]}"#,
            "the answer does not mention it",
        ),
        (
            "ecs:DescribeTasks",
            r#"{"tasks":[],"failures":[{"arn":"x","reason":"INTERNAL","detail":"no shard"}]}"#,
            "INTERNAL (no shard)",
        ),
        (
            "ecs:DescribeContainerInstances",
            r#"{"containerInstances":[],"failures":[]}"#,
            "the answer does not mention it",
        ),
        (
            "ecs:DescribeTaskDefinition",
            "{}",
            "the answer has no task definition",
        ),
        ("ecs:ListTasks", "{}", "the answer has no list of tasks"),
        ("ecs:DescribeTasks", "{}", "the answer does not mention it"),
        (
            "ecs:DescribeContainerInstances",
            "{}",
            "the answer does not mention it",
        ),
    ] {
        let fault = Fault::Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
        };
        let said = failed(call, fault, 31);
        let start = format!("ext-discovery-ecs: {call} on ");
        assert!(
            said.starts_with(&start) && said.contains(" returned nothing for "),
            "{said}"
        );
        assert!(said.ends_with(&format!(": {reason}\n")), "{said}");
    }
}

#[test]
fn what_stopped_since_it_was_listed_is_not_missed() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let listed = r#"{"taskArns":["arn:aws:ecs:eu-central-1:1:task/mesh/gone"]}"#;
    let gone = r#"{"tasks":[],"failures":[{"arn":"arn:aws:ecs:eu-central-1:1:task/gone","reason":"MISSING"}]}"#;
    for (call, body) in [("ecs:ListTasks", listed), ("ecs:DescribeTasks", gone)] {
        let answer = Fault::Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
        };
        aws.wire.fail(call, answer);
    }
    let ending = discovery(&aws).call(&[]);
    assert_eq!((ending.code, super::told(&ending)), (Some(0), Vec::new()));
}

#[test]
fn a_fault_that_passes_is_not_noticed() {
    for (call, _) in CALLS {
        let soon = Fault::ThrottledFor(Duration::from_millis(20));
        for fault in [Fault::Broken, Fault::Reset, Fault::Half, soon] {
            let aws = Aws::start();
            shop(&aws.cluster("mesh"));
            aws.wire.fail_times(1, call, fault);
            let ending = discovery(&aws).call(&[]);
            assert_eq!(
                (ending.code, aws.wire.count(call)),
                (Some(0), 2),
                "{call} {ending:?}"
            );
        }
    }
}

#[test]
fn nobody_at_the_address_is_worth_another_try() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    aws.wire.refuse();
    let ending = discovery(&aws).call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(31), &None));
    let start = "ext-discovery-ecs: ecs:ListTasks on cluster mesh got no complete response: ";
    assert!(said(&ending).starts_with(start), "{ending:?}");
}

#[test]
fn a_call_that_never_ends_is_given_up_in_time() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    aws.wire
        .fail("ecs:DescribeTasks", Fault::Stall(Duration::from_secs(40)));
    let (ending, took) = discovery(&aws).timed(&[]);
    assert_eq!((ending.code, &ending.document), (Some(31), &None));
    let start = "ext-discovery-ecs: ecs:DescribeTasks on cluster mesh got no complete response: ";
    assert!(said(&ending).starts_with(start), "{ending:?}");
    assert!(took < Duration::from_secs(40), "{took:?}");
}

#[test]
fn expired_credentials_are_worth_another_try() {
    for (call, on) in CALLS {
        let said = failed(call, Fault::Expired, 31);
        let words = "was rejected because the credentials have expired or the clock is wrong";
        let start = format!("ext-discovery-ecs: {call} on {on} {words}: ");
        assert!(said.starts_with(&start), "{said}");
    }
}

#[test]
fn credentials_that_are_missing_or_unknown_are_fatal() {
    for (call, _) in CALLS {
        let said = failed(call, Fault::UnknownKey, 1);
        assert!(said.contains(&format!("{call} on ")), "{said}");
        assert!(said.contains("could not be authenticated"), "{said}");
    }
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let mut ending = discovery(&aws);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ] {
        ending = ending.env(name, "");
    }
    let ending = ending.call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(1), &None));
    let said = said(&ending);
    let start = "ext-discovery-ecs: ecs:ListTasks on cluster mesh could not be authenticated: ";
    assert!(
        said.contains(start) && said.contains("\n  hint: give the task"),
        "{said}"
    );
    assert!(aws.wire.calls().is_empty());
}

#[test]
fn a_cluster_that_is_not_there_is_fatal_and_named() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let ending = discovery(&aws)
        .env("NJ_DMECS_AWS_CLUSTERS", "mesh,mehs")
        .call(&[]);
    assert_eq!((ending.code, &ending.document), (Some(1), &None));
    assert_eq!(
        said(&ending),
        "ext-discovery-ecs: ecs:ListTasks on cluster mehs was rejected: ClusterNotFoundException: Cluster \
         not found.\n  hint: check NJ_DMECS_AWS_CLUSTERS: the cluster has to be in the account and \
         region of the credentials\n"
    );
}

#[test]
fn no_region_and_wrong_settings_are_told_before_any_call() {
    let aws = Aws::start();
    let ending = discovery(&aws).env("AWS_REGION", "").call(&[]);
    assert_eq!(ending.code, Some(1), "{ending:?}");
    assert!(said(&ending).starts_with("ext-discovery-ecs: no AWS region is set\n  hint: "));

    let ending = discovery(&aws)
        .env("NJ_DMECS_AWS_CLUSTERS", " , ")
        .env("NJ_DMECS_REQUIRED_TAG_VALUE", "main")
        .env("NJ_DMECS_TASKDEF_CACHE_SECONDS", "-1")
        .env("NJ_DMECS_INCLUDE_UNHEALTHY", "perhaps")
        .call(&[]);
    assert_eq!(ending.code, Some(64));
    for name in [
        "AWS_CLUSTERS",
        "REQUIRED_TAG_VALUE",
        "TASKDEF_CACHE_SECONDS",
        "INCLUDE_UNHEALTHY",
    ] {
        assert!(
            ending.stderr.contains(&format!("NJ_DMECS_{name}")),
            "{ending:?}"
        );
    }
    assert!(aws.wire.calls().is_empty());
}

#[test]
fn no_log_at_any_level_holds_a_credential_or_a_signature() {
    let aws = Aws::start();
    shop(&aws.cluster("mesh"));
    let discovery = discovery(&aws)
        .env("DEBUG", "true")
        .env("RUST_LOG", "trace");
    let ending = discovery.call(&[]);
    assert!(ending.stderr.contains("DEBUG"), "{ending:?}");
    let requests = aws.wire.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        let signature = request.header("authorization").unwrap();
        assert!(signature.contains("AWS4-HMAC-SHA256") && signature.contains(aws.access_key()));
        let signature = signature.rsplit('=').next().unwrap();
        assert!(!ending.stderr.contains(signature), "{ending:?}");
    }
    for secret in aws.secrets().into_iter().chain([aws.access_key()]) {
        assert!(!ending.stderr.contains(secret), "{ending:?}");
    }
}
