//! What the stories are told with: calls are counted, and faults are those that AWS has.

use e2e::{
    aws::{Aws, Fault, REGION, Task, TaskDefinition},
    http::{Answer, Connection},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// A client that signs badly; moto looks at the names in a signature only.
struct Client {
    connection: Connection,
    key: String,
}

impl Client {
    fn open(aws: &Aws) -> Self {
        Self::open_at(aws.wire.address(), aws)
    }

    fn open_at(address: SocketAddr, aws: &Aws) -> Self {
        Self {
            connection: Connection::open(address).unwrap(),
            key: aws.access_key().to_owned(),
        }
    }

    fn send(
        &mut self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let scope = format!("{}/20260101/{REGION}/{service}/aws4_request", self.key);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
        // Another host would be taken for a bucket.
        let more = [
            ("authorization", authorization.as_str()),
            ("host", "127.0.0.1"),
        ];
        let headers = [headers, &more].concat();
        self.connection.send(method, path, &headers, body)
    }

    fn ecs(&mut self, operation: &str, body: &Value) -> io::Result<Answer> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        let headers = [
            ("x-amz-target", target.as_str()),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        self.send("ecs", "POST", "/", &headers, &body.to_string())
    }

    fn ec2(&mut self, body: &str) -> io::Result<Answer> {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send("ec2", "POST", "/", &headers, body)
    }
}

fn calls(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let pairs = all.iter().map(|(call, count)| ((*call).to_owned(), *count));
    pairs.collect()
}

#[test]
fn calls_of_every_protocol_are_named_and_counted_on_one_connection() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let host = cluster.instance("127.0.0.1");
    let shop = cluster.register(TaskDefinition::bridge("shop").container("app", &[3000]));
    let task = cluster.run(Task::of(&shop).on(&host).bind("app", 3000, 40_000));
    let bucket = aws.bucket();

    let mut client = Client::open(&aws);
    let answer = client
        .ecs("ListTasks", &json!({"cluster": "mesh"}))
        .unwrap();
    let listed: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(listed["taskArns"], json!([task.arn]));
    let filter = format!("Filter.1.Name=instance-id&Filter.1.Value.1={}", host.id);
    let body = format!("Action=DescribeInstances&Version=2016-11-15&{filter}");
    let answer = client.ec2(&body).unwrap();
    assert!(
        answer.body.contains("<privateIpAddress>127.0.0.1<"),
        "{answer:?}"
    );

    let object = format!("/{bucket}/a/b");
    let mut s3 = |method: &str, headers: &[(&str, &str)], body: &str| {
        client.send("s3", method, &object, headers, body).unwrap()
    };
    assert_eq!(s3("PUT", &[], "some text").status, 200);
    let got = s3("GET", &[], "");
    assert_eq!((got.status, got.body.as_str()), (200, "some text"));
    let etag = got.header("etag").unwrap();
    let unchanged = s3("GET", &[("if-none-match", etag)], "");
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    let head = s3("HEAD", &[], "");
    assert_eq!(head.header("content-length"), Some("9"));
    let listing = client.send("s3", "GET", &format!("/{bucket}?list-type=2"), &[], "");
    assert!(listing.unwrap().body.contains("<Key>a/b</Key>"));

    assert_eq!(
        aws.wire.calls(),
        calls(&[
            ("ec2:DescribeInstances", 1),
            ("ecs:ListTasks", 1),
            ("s3:GetObject", 2),
            ("s3:HeadObject", 1),
            ("s3:ListObjectsV2", 1),
            ("s3:PutObject", 1),
        ])
    );
    let statuses: Vec<Option<u16>> = aws.wire.requests().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 304, 200, 200].map(Some));
}

#[test]
fn accounts_do_not_see_each_other() {
    let (one, other) = (Aws::start(), Aws::start());
    one.cluster("mesh");
    let clusters = |mut client: Client| {
        let answer = client.ecs("ListClusters", &json!({})).unwrap();
        let mut listed: Value = serde_json::from_str(&answer.body).unwrap();
        listed["clusterArns"].take()
    };
    let arn = format!("arn:aws:ecs:{REGION}:{}:cluster/mesh", one.account());
    assert_eq!(clusters(Client::open(&one)), json!([arn]));
    assert_eq!(clusters(Client::open(&other)), json!([]));

    // Around the wire, the key tells the account.
    let env = one.env_without_wire();
    let moto = env["AWS_ENDPOINT_URL"].strip_prefix("http://").unwrap();
    let moto = moto.parse().unwrap();
    assert_eq!(clusters(Client::open_at(moto, &one)), json!([arn]));
    assert_eq!(clusters(Client::open_at(moto, &other)), json!([]));
}

#[test]
fn a_fault_is_told_as_the_service_would_tell_it_and_ends_when_it_should() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let mut client = Client::open(&aws);
    aws.wire.fail_times(
        1,
        "ecs:ListTasks",
        Fault::ThrottledFor(Duration::from_millis(1500)),
    );
    aws.wire.fail_times(1, "ecs:*", Fault::Denied);
    let mut list = || {
        client
            .ecs("ListTasks", &json!({"cluster": cluster.name}))
            .unwrap()
    };
    let throttled = list();
    assert_eq!(throttled.status, 400);
    assert_eq!(
        throttled.body,
        r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#
    );
    assert_eq!(throttled.header("retry-after"), Some("2"));
    assert_eq!(throttled.header("x-amz-retry-after"), Some("1500"));
    assert!(list().body.contains("AccessDeniedException"));
    assert_eq!(list().status, 200);

    aws.wire.fail("*", Fault::Throttled);
    let answer = client.ec2("Action=DescribeInstances").unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("<Code>RequestLimitExceeded</Code>"));
    for _ in 0..2 {
        let answer = client.send("s3", "GET", "/bucket/key", &[], "").unwrap();
        assert_eq!(answer.status, 503);
        assert!(answer.body.contains("<Code>SlowDown</Code>"));
    }
    aws.wire.restore();
    assert_eq!(client.ec2("Action=DescribeInstances").unwrap().status, 200);
}

#[test]
fn connections_break_in_every_way() {
    let aws = Aws::start();
    let cluster = json!({"cluster": aws.cluster("mesh").name});
    let ask = || Client::open(&aws).ecs("ListTasks", &cluster);
    for (fault, kind) in [
        (Fault::Reset, io::ErrorKind::ConnectionReset),
        (Fault::ResetAfter, io::ErrorKind::ConnectionReset),
        (Fault::Half, io::ErrorKind::UnexpectedEof),
        (
            Fault::Stall(Duration::from_millis(10)),
            io::ErrorKind::UnexpectedEof,
        ),
    ] {
        aws.wire.fail_times(1, "ecs:ListTasks", fault.clone());
        let error = ask().expect_err("it is broken");
        assert_eq!(error.kind(), kind, "{fault:?}");
    }
    aws.wire.refuse();
    let refused = Connection::open(aws.wire.address())
        .err()
        .map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::ConnectionRefused));
    aws.wire.restore();
    aws.wire.set_latency(Duration::from_millis(100));
    let began = Instant::now();
    assert_eq!(ask().unwrap().status, 200);
    assert!(began.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_task_becomes_what_a_test_says_and_nothing_else() {
    let aws = Aws::start();
    let cluster = aws.cluster("mesh");
    let web = cluster.register(
        TaskDefinition::awsvpc("web")
            .container("app", &[3000])
            .health_check()
            .container("proxy", &[]),
    );
    let tasks = cluster.run_all(vec![Task::of(&web).at("127.0.0.5"); 101]);
    let seen = |task: &str| {
        let asked = json!({"cluster": "mesh", "tasks": [task]});
        let answer = aws.call("ecs", "describe_tasks", asked);
        let state = ["lastStatus", "desiredStatus", "healthStatus"];
        state.map(|name| answer["tasks"][0][name].as_str().unwrap().to_owned())
    };
    let task = &tasks[0];
    for _ in 0..5 {
        assert_eq!(seen(&task.arn), ["RUNNING", "RUNNING", "HEALTHY"]);
    }
    task.set_health("app", "UNHEALTHY");
    task.draining();
    assert_eq!(seen(&task.arn), ["RUNNING", "STOPPED", "UNHEALTHY"]);
    task.stopped();
    assert_eq!(seen(&task.arn), ["STOPPED", "STOPPED", "UNHEALTHY"]);
    let listed = aws.call("ecs", "list_tasks", json!({"cluster": "mesh"}));
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 100);
    assert_eq!(listed["nextToken"], Value::Null);
}
