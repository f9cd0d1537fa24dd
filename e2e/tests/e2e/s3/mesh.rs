//! A proxy that has its map and its templates from S3.

use super::Store;
use e2e::{
    aws::Fault,
    extension::Extension,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    program,
    templates::Templates,
};

/// A gateway that follows what is committed.
fn gateway(store: &Store) -> Proxy {
    let templates = Extension::new("ext-store-local")
        .envs(Templates::shipped().env())
        .call(&["--document=templates", "--action=fetch"]);
    let given = store.program().give(
        &templates.document.unwrap(),
        &["--document=templates", "--action=commit"],
    );
    assert_eq!(given.code, Some(0), "{}", given.stderr);
    let exec = program("ext-store-s3").display().to_string();
    let discovery = format!("{exec} --document=discovery-map --action=fetch");
    Plan::gateway("n1", &shop("unused", 1))
        .envs(store.env())
        .env("DISCOVERY_MAP_EXEC", discovery)
        .env("DATA_STORE_EXEC", exec)
        .start()
}

#[test]
fn a_proxy_goes_on_serving_while_s3_fails_and_follows_afterwards() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let store = Store::with_map(&shop("blue", blue.port));
    let gateway = gateway(&store);
    gateway.wait_for_answer("/", "shop-blue");

    store.aws.wire.forget();
    gateway.wait_refreshes(6);
    let refreshes = store.aws.wire.requests();
    let unchanged = |call: &str| {
        let answered = refreshes.iter().filter(|request| request.status.is_some());
        answered.clone().count() >= 10
            && answered
                .filter(|request| request.call == call)
                .all(|request| request.status == Some(304))
    };
    assert!(unchanged("s3:GetObject"), "{:?}", store.aws.wire.calls());

    // What the proxy asks for again at once, and what it waits longer for.
    store.aws.wire.fail("s3:*", Fault::Denied);
    gateway.wait_refreshes(2);
    assert_eq!(gateway.get("/").by(), "shop-blue");
    let told = gateway.wait_logged("ERROR");
    assert!(
        told.iter()
            .any(|line| line.contains("s3:GetObject") || line.contains("ext-store-s3")),
        "{told:?}"
    );
    store.aws.wire.restore();

    store.aws.wire.refuse();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(gateway.get("/").by(), "shop-blue");
    store.aws.wire.restore();
    store.committed(&shop("green", green.port));
    gateway.wait_for_answer("/", "shop-green");
    for secret in store.aws.secrets() {
        assert!(!gateway.log().contains(secret));
    }
}
