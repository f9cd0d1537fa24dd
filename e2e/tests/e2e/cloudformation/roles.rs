//! The roles of the example, and what the programs do: no permission too few, none too many.

use super::{
    COMMIT, FETCH, WITH_CENTRAL, WITHOUT_CENTRAL,
    policy::{Policy, actions_of},
    stack::{self, Stack},
};
use e2e::{aws::Aws, central::Central, eventually};
use serde_json::json;

/// Discovery, cold and warm, on instances.
#[test]
fn a_proxy_without_central_may_do_what_it_does() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITHOUT_CENTRAL);
    let discovery = stack.extension(&aws, "ext-discovery-ecs", "gateway", "proxy");
    aws.wire.forget();
    let cold = discovery.call(&[]);
    assert_eq!(cold.code, Some(0));
    assert_eq!(discovery.call_after(cold.version(), &[]).code, Some(30));
    let policy = Policy::of(&stack, "ProxyRole");
    assert_eq!(policy.actions(), actions_of(&aws.wire.requests()));
    policy.assert_covers(&aws.wire.requests());
}

/// Discovery of Fargate tasks, and commits until the history is pruned: the program itself, with
/// the environment that its container has.
#[test]
fn central_may_do_what_it_does() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITH_CENTRAL);
    let mut env = aws.env();
    env.extend(stack.environment("central", "central"));
    env.extend(
        [
            ("PATH", stack::programs().as_str()),
            ("REFRESH_TIME", "0.2"),
            ("NJ_DMECS_TASKDEF_CACHE_SECONDS", "0"),
            ("NJ_DSS3_HISTORICAL_PRESERVE_COUNT", "1"),
            ("NJ_DSS3_HISTORICAL_PRESERVE_HOURS", "0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    aws.wire.forget();
    let central = Central::start(env);
    for weight in 2..4_u32 {
        stack.tag(&aws, "stock-blue", "NJ_ROUTE_WEIGHT_1", &weight.to_string());
        eventually("another commit", || {
            let done = central.metric("nightjar_commits_total{result=\"done\"}");
            (done >= f64::from(weight)).then_some(())
        });
    }
    central.wait_refreshes(1);
    drop(central);
    let policy = Policy::of(&stack, "CentralRole");
    assert_eq!(policy.actions(), actions_of(&aws.wire.requests()));
    policy.assert_covers(&aws.wire.requests());
}

/// A fetch of nothing, of something new, and of nothing new.
#[test]
fn a_proxy_with_central_may_do_what_it_does() {
    let aws = Aws::start();
    let stack = Stack::deploy(&aws, WITH_CENTRAL);
    let proxy = stack.extension(&aws, "ext-store-s3", "shop", "proxy");
    aws.wire.forget();
    assert_eq!(proxy.call(&FETCH).code, Some(31));
    let central = stack.extension(&aws, "ext-store-s3", "central", "central");
    let empty = json!({"schema-version": "v1", "document-version": "", "namespaces": []});
    let before = aws.wire.requests().len();
    assert_eq!(central.give(&empty, &COMMIT).code, Some(0));
    let of_central = aws.wire.requests().len() - before;
    let fetched = proxy.call(&FETCH);
    assert_eq!(fetched.code, Some(0));
    assert_eq!(proxy.call_after(fetched.version(), &FETCH).code, Some(30));

    let mut requests = aws.wire.requests();
    requests.drain(before..before + of_central);
    let policy = Policy::of(&stack, "ProxyRole");
    assert_eq!(policy.actions(), actions_of(&requests));
    policy.assert_covers(&requests);
}
