//! The map in S3: one program publishes it, and every proxy polls it.

use super::scene::{Central, Scene};
use e2e::{
    aws::{Aws, Fault},
    eventually,
    maps::shop,
    mesh::{Backend, Plan},
    program, scripts,
};
use rustix::process::Signal;
use serde_json::{Value, json};

fn publishes_to(aws: &Aws, bucket: &str, central: Central) -> Central {
    let central = central
        .env("DATA_STORE_EXEC", program("ext-store-s3").display())
        .env("NJ_DSS3_BUCKET", bucket)
        .env("DEBUG", "true");
    aws.env()
        .into_iter()
        .fold(central, |central, (name, value)| central.env(&name, value))
}

/// What the map in the bucket says of the mesh.
fn published(aws: &Aws, bucket: &str) -> Value {
    let key = "nightjar-datastore/discovery-map/current.json";
    let object = json!({"Bucket": bucket, "Key": key});
    let object = aws.call("s3", "get_object", object);
    let map: Value = serde_json::from_str(object["Body"].as_str().unwrap()).unwrap();
    map["namespaces"].clone()
}

fn polls(aws: &Aws, bucket: &str, plan: Plan) -> Plan {
    let store = program("ext-store-s3");
    let fetch = format!(
        "{} --document=discovery-map --action=fetch",
        store.display()
    );
    plan.env("DISCOVERY_MAP_EXEC", fetch)
        .env("NJ_DSS3_BUCKET", bucket)
        .env("DEBUG", "true")
        .envs(aws.env())
}

#[test]
fn proxies_poll_what_is_published_with_one_request_each() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let aws = Aws::start();
    let bucket = aws.bucket();
    let scene = Scene::new(&shop("blue", blue.port));
    let mut central = publishes_to(&aws, &bucket, scene.central()).start();
    let mut gateway = polls(&aws, &bucket, Plan::gateway("n1", &Value::Null)).start();
    gateway.wait_for_answer("/who", "shop-blue");
    // The program itself asks the store for nothing while the mesh is the same.
    assert_eq!(gateway.process().stop().code(), Some(0));
    aws.wire.forget();
    central.wait_refreshes(10);
    assert_eq!(aws.wire.calls(), [].into());

    // A proxy makes one request in each refresh, and gets no body.
    gateway.launch();
    gateway.wait_for_answer("/who", "shop-blue");
    gateway.wait_refreshes(10);
    assert_eq!(gateway.process().stop().code(), Some(0));
    let requests = aws.wire.requests();
    assert!(requests.len() > 10);
    assert!(
        requests
            .iter()
            .all(|request| request.call == "s3:GetObject")
    );
    let answers: Vec<Option<u16>> = requests.iter().map(|request| request.status).collect();
    assert_eq!(answers[0], Some(200));
    assert!(
        answers[1..].iter().all(|answer| *answer == Some(304)),
        "{answers:?}"
    );

    // A change reaches the proxies, and costs a look, the document, a copy, and a look at the copies.
    gateway.launch();
    scene.set_source(&shop("green", green.port));
    gateway.wait_for_answer("/who", "shop-green");
    central.wait_metric("commits_total{result=\"done\"}", 2);
    let puts: Vec<_> = aws
        .wire
        .requests()
        .into_iter()
        .filter(|request| request.call == "s3:PutObject")
        .collect();
    let [document, copy] = &puts[..] else {
        panic!("{puts:?}");
    };
    // Only what was published before is replaced.
    assert!(document.header("if-match").is_some(), "{document:?}");
    assert!(copy.header("if-match").is_none(), "{copy:?}");
    assert_eq!(central.process().stop().code(), Some(0));
    for log in [central.log(), gateway.log()] {
        for secret in aws.secrets() {
            assert!(!log.contains(secret));
        }
    }
}

#[test]
fn proxies_serve_on_while_s3_is_away() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let aws = Aws::start();
    let bucket = aws.bucket();
    let scene = Scene::new(&shop("blue", blue.port));
    let mut central = publishes_to(&aws, &bucket, scene.central()).start();
    let mut gateway = polls(&aws, &bucket, Plan::gateway("n1", &Value::Null)).start();
    gateway.wait_for_answer("/who", "shop-blue");

    aws.wire.fail("s3:*", Fault::Denied);
    scene.set_source(&shop("green", green.port));
    central.wait_metric("commit_pending", 1);
    let failed = central.wait_logged("ERROR refresh failed: commit of discovery-map");
    assert!(
        failed[0]
            .starts_with("ERROR refresh failed: commit of discovery-map by ext-store-s3 failed")
    );
    gateway.wait_refreshes(3);
    assert_eq!(gateway.get("/who").by(), "shop-blue");

    aws.wire.restore();
    gateway.process().signal(Signal::HUP);
    gateway.wait_for_answer("/who", "shop-green");
    central.wait_metric("commit_pending", 0);
    assert_eq!(central.process().stop().code(), Some(0));
}

#[test]
fn two_that_publish_in_one_bucket_leave_one_whole_map() {
    let aws = Aws::start();
    let bucket = aws.bucket();
    let scene = Scene::new(&shop("blue", 4001));
    let centrals = [(); 2].map(|()| publishes_to(&aws, &bucket, scene.central()).start());
    let published = || published(&aws, &bucket);
    for port in 4002..4006 {
        aws.wire.forget();
        let source = shop("blue", port);
        scene.set_source(&source);
        eventually("it is published", || {
            (published() == source["namespaces"]).then_some(())
        });
        for central in &centrals {
            central.wait_refreshes(3);
            eventually("nothing is pending", || {
                (central.metric("commit_pending") == Some(0)).then_some(())
            });
        }
        eventually("the newest is what stays", || {
            (published() == source["namespaces"]).then_some(())
        });
        // A commit is two; each publishes once, and the slower one may have to mend what it did.
        let puts = aws.wire.count("s3:PutObject");
        assert!((2..=6).contains(&puts), "{puts} objects for one change");
    }
}

/// One is slow between its look at the bucket and its PUT, and another publishes something newer.
#[test]
fn a_view_that_was_overtaken_on_its_way_to_the_bucket_is_refused_there() {
    let aws = Aws::start();
    let bucket = aws.bucket();
    let oldest = shop("blue", 4001);
    let scene = Scene::new(&oldest);
    let quick = publishes_to(&aws, &bucket, scene.central()).start();
    scene.put("seen.json", oldest.to_string());
    scene.put("hold", "");
    let held = r#"
        case $* in *--action=commit*)
            echo >"$SCENE/held"; while [ -e "$SCENE/hold" ]; do sleep 0.02; done ;;
        esac
        exec ext-store-s3 "$@""#;
    let slow = scene
        .central()
        .discovers_by(r#"cp "$SCENE/seen.json" "$file""#);
    let slow = publishes_to(&aws, &bucket, slow)
        .env("DATA_STORE_EXEC", scripts::extension(held))
        .start();
    scene.put("seen.json", shop("blue", 4002).to_string());
    eventually("its commit is held", || {
        scene.path("held").exists().then_some(())
    });
    let newest = shop("blue", 4003);
    scene.set_source(&newest);
    quick.wait_metric("commits_total{result=\"done\"}", 2);
    scene.put("seen.json", newest.to_string());
    aws.wire.forget();
    scene.remove("hold");
    slow.wait_metric("commits_total{result=\"conflict\"}", 1);
    slow.wait_refreshes(2);
    assert_eq!(published(&aws, &bucket), newest["namespaces"]);
    assert_eq!(slow.metric("commit_pending"), Some(0));
    let requests = aws.wire.requests().into_iter();
    let answers: Vec<_> = requests
        .filter(|request| request.call == "s3:PutObject")
        .map(|request| request.status)
        .collect();
    assert_eq!(answers, [Some(412)]);
}
