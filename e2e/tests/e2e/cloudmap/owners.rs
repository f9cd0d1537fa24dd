//! Whose namespaces are meant: this account's own, and those that others share and an ARN names.

use super::{Registry, service, told};
use e2e::aws::{Aws, REGION};
use insta::assert_snapshot;
use serde_json::json;

/// Another account with a namespace of this name that it shares, and a service `shop` there with a
/// route and an instance. Gives the namespace's ARN.
fn shared(aws: &Aws, other: &Aws, name: &str, route: &str) -> String {
    let description = format!("shared with {}", aws.account());
    let parameters = json!({"Name": name, "Description": description});
    other.call("servicediscovery", "create_http_namespace", parameters);
    let all = other.call("servicediscovery", "list_namespaces", json!({}));
    let id = all["Namespaces"][0]["Id"].as_str().unwrap().to_owned();
    let shop = service(
        other,
        &id,
        &json!({"Name": "shop"}),
        &[("NJ_ROUTE_1", route)],
    );
    shop.register("i-1", "10.9.0.1", 3000);
    let account = other.account();
    format!("arn:aws:servicediscovery:{REGION}:{account}:namespace/{id}")
}

/// `n1` of the caller's own, with one service.
fn own() -> Registry {
    let registry = Registry::new();
    let shop = registry.service("shop", &[("NJ_ROUTE_1", "/own/")]);
    shop.register("i-1", "10.0.0.1", 3000);
    registry
}

#[test]
fn a_name_means_this_account_s_namespace_although_another_shares_one_of_that_name() {
    let (registry, other) = (own(), Aws::start());
    let arn = shared(&registry.aws, &other, "n1", "/theirs/");
    let discovery = registry.discovery();
    let found = discovery.call(&[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    let line = "n1/shop/default 0: /own/*1 at 10.0.0.1:3000";
    assert_eq!(told(&found.document.unwrap()), [line]);
    let id = arn.rsplit('/').next().unwrap();
    let by_id = discovery.env("NJ_DMCM_NAMESPACES", id).call(&[]);
    assert_eq!((by_id.code, by_id.document), (Some(1), None));
}

#[test]
fn a_namespace_that_another_account_shares_goes_by_its_arn() {
    let (registry, other) = (own(), Aws::start());
    let arn = shared(&registry.aws, &other, "n2", "/theirs/");
    let discovery = |namespaces: &str| {
        registry
            .discovery()
            .env("NJ_DMCM_NAMESPACES", namespaces)
            .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "0")
    };
    let theirs = "n2/shop/default 0: /theirs/*1 at 10.9.0.1:3000";
    let alone = discovery(&arn);
    let both = discovery(&format!("n1,{arn}"));
    // The second refresh asks for the revision.
    for _ in 0..2 {
        let found = alone.call(&[]);
        assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
        assert_eq!(told(&found.document.unwrap()), [theirs]);
        let found = both.call(&[]).document.unwrap();
        assert_eq!(
            told(&found),
            ["n1/shop/default 0: /own/*1 at 10.0.0.1:3000", theirs]
        );
    }
    registry.aws.wire.forget();
    alone.call(&[]);
    assert_eq!(
        registry.aws.wire.count("servicediscovery:ListNamespaces"),
        1
    );
    registry.aws.wire.forget();
    both.call(&[]);
    assert_eq!(
        registry.aws.wire.count("servicediscovery:ListNamespaces"),
        2
    );
}

#[test]
fn a_shared_namespace_that_is_asked_for_by_name_is_not_there() {
    let (registry, other) = (own(), Aws::start());
    shared(&registry.aws, &other, "n2", "/theirs/");
    let found = registry
        .discovery()
        .env("NJ_DMCM_NAMESPACES", "n2")
        .call(&[]);
    assert_eq!((found.code, &found.document), (Some(1), &None));
    assert_snapshot!(registry.told(&found), @"
    ext-discovery-cloudmap: Cloud Map has no namespace n2 in eu-central-1; it has n1
      hint: NJ_DMCM_NAMESPACES takes names and ids of this account's namespaces, and ARNs; one that another account shares needs its ARN
    ");
}
