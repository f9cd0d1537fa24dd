//! No key, token or signature is in any log, whatever goes wrong and however much is logged.

use super::mesh::{Mesh, Network, wait_endpoints};
use e2e::{
    aws::{Aws, Fault},
    central::Central,
    extension::Extension,
    maps::{map, shop},
    mesh::Plan,
};
use serde_json::json;
use std::{thread, time::Duration};

/// Everything on.
const LOUD: [(&str, &str); 3] = [
    ("DEBUG", "true"),
    ("RUST_LOG", "trace"),
    ("RUST_BACKTRACE", "full"),
];

/// Checks that a log holds nothing of what the requests were signed with.
fn assert_discreet(aws: &Aws, log: &str) {
    let requests = aws.wire.requests();
    assert!(!requests.is_empty(), "nothing was asked");
    let [secret, token] = aws.secrets();
    let mut forbidden = vec![secret, token, aws.access_key(), "AWS4-HMAC-SHA256"];
    for request in &requests {
        assert_eq!(request.header("x-amz-security-token"), Some(token));
        let signed = request.header("authorization").unwrap();
        let (_, signature) = signed.split_once("Signature=").unwrap();
        assert_eq!(signature.len(), 64, "{signed}");
        forbidden.push(signature);
    }
    for text in forbidden {
        assert!(!log.contains(text), "{text:?} is in the log:\n{log}");
    }
}

/// What the services say to a bad signature: S3 and the JSON protocol repeat what was signed.
fn refused_signatures(aws: &Aws) -> Vec<(&'static str, Fault)> {
    let [_, token] = aws.secrets();
    let said = format!(
        "The request signature we calculated does not match the signature you provided. The \
         Canonical String for this request should have been 'POST / host:ecs \
         x-amz-security-token:{token}'. AWSAccessKeyId: {}",
        aws.access_key()
    );
    let answer = |body: String| Fault::Answer {
        status: 403,
        headers: Vec::new(),
        body,
    };
    let json = |code: &str| answer(json!({"__type": code, "message": said}).to_string());
    let xml = |code: &str| {
        answer(format!(
            "<Error><Code>{code}</Code><Message>{said}</Message></Error>"
        ))
    };
    let ec2 = format!(
        "<Response><Errors><Error><Code>SignatureDoesNotMatch</Code><Message>{said}</Message>\
         </Error></Errors></Response>"
    );
    vec![
        ("ecs:*", json("InvalidSignatureException")),
        ("ecs:*", json("IncompleteSignatureException")),
        ("ec2:*", answer(ec2)),
        ("s3:*", xml("SignatureDoesNotMatch")),
        ("s3:*", xml("InvalidAccessKeyId")),
    ]
}

/// Every extension with everything on, and one fault: what all of them said.
fn said_under(fault: Option<&(&'static str, Fault)>, mesh: &Mesh) -> String {
    if let Some((call, fault)) = fault {
        mesh.aws.wire.fail(call, fault.clone());
    }
    let loud = |name: &str| {
        let extension = Extension::new(name);
        let extension = extension.envs(mesh.discovery()).envs(mesh.store());
        LOUD.iter()
            .fold(extension, |one, (name, value)| one.env(name, value))
    };
    let fetch = ["--document=discovery-map", "--action=fetch"];
    let commit = ["--document=discovery-map", "--action=commit"];
    let endings = [
        loud("ext-store-s3").give(&shop("blue", 3000), &commit),
        loud("ext-store-s3").call(&fetch),
        loud("ext-discovery-ecs").call(&[]),
    ];
    if fault.is_some() {
        assert!(endings.iter().any(|one| one.code != Some(0)), "{endings:?}");
    } else {
        assert!(endings.iter().all(|one| one.code == Some(0)), "{endings:?}");
    }
    endings.map(|one| one.stderr).concat()
}

fn some_mesh() -> Mesh {
    let mesh = Mesh::begin(Network::Bridge);
    let definition = mesh.register("shop", &[]);
    mesh.run_without_app(&definition, "blue");
    mesh
}

#[test]
fn extensions_keep_secrets_in_every_trouble() {
    let troubles = [
        ("*", Fault::ThrottledFor(Duration::from_millis(10))),
        ("*", Fault::Denied),
        ("*", Fault::Expired),
        ("*", Fault::UnknownKey),
        ("*", Fault::Skewed),
        ("*", Fault::Broken),
        ("*", Fault::Reset),
        ("*", Fault::Half),
    ];
    let refusals = refused_signatures(&Aws::start()).len();
    thread::scope(|scope| {
        let quiet = scope.spawn(|| {
            let mesh = some_mesh();
            let said = said_under(None, &mesh);
            assert!(said.contains("DEBUG"), "it is not loud: {said}");
            assert_discreet(&mesh.aws, &said);
        });
        for trouble in &troubles {
            scope.spawn(move || {
                let mesh = some_mesh();
                assert_discreet(&mesh.aws, &said_under(Some(trouble), &mesh));
            });
        }
        for number in 0..refusals {
            scope.spawn(move || {
                let mesh = some_mesh();
                let trouble = refused_signatures(&mesh.aws).swap_remove(number);
                assert_discreet(&mesh.aws, &said_under(Some(&trouble), &mesh));
            });
        }
        drop(quiet);
    });
}

#[test]
fn programs_that_run_for_long_keep_secrets() {
    let mesh = Mesh::begin(Network::Bridge);
    let definition = mesh.register("shop", &[]);
    let task = mesh.run(&definition, "shop", "blue");
    let central: Central = mesh.central_with(&LOUD);
    let loud = |plan: Plan| {
        LOUD.iter()
            .fold(plan, |plan, (name, value)| plan.env(name, value))
    };
    let gateway = loud(mesh.gateway()).start();
    let alone = loud(mesh.alone(Plan::gateway("n1", &map(&[])))).start();
    for proxy in [&gateway, &alone] {
        wait_endpoints(proxy, "c-shop-blue-3000", &[&task]);
    }
    mesh.aws.wire.fail("*", Fault::Denied);
    central.wait_logged("ecs:ListTasks on");
    alone.wait_logged("ERROR refresh failed");
    gateway.wait_logged("ERROR refresh failed");
    let log = [central.log(), gateway.log(), alone.log()].concat();
    assert!(log.contains("DEBUG"), "it is not loud: {log}");
    assert_discreet(&mesh.aws, &log);
}
