//! How many calls a refresh makes.

use super::{Registry, Service, only};
use e2e::extension::Extension;
use nightjar_core::extension::args::EXIT_UNCHANGED;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Services, and those of them that change.
pub(crate) const SERVICES: [u64; 2] = [10, 100];
const CHANGED: usize = 3;

type Calls = Vec<(&'static str, u64)>;

/// The calls of the first refresh, of an unchanged one, and of one in which some services change.
pub(crate) fn calls_of(services: u64) -> [Calls; 3] {
    let lists = [("ListNamespaces", 1), ("ListServices", 1)];
    let asked = [
        ("GetServiceAttributes", services),
        ("DiscoverInstances", services),
    ];
    let unchanged = [&lists[..], &[("DiscoverInstancesRevision", services)]].concat();
    let changed = [&unchanged[..], &[("DiscoverInstances", CHANGED as u64)]].concat();
    [[lists, asked].concat(), unchanged, changed]
}

/// Calls by their names, without the service's.
pub(super) fn calls(registry: &Registry) -> BTreeMap<String, u64> {
    let calls = registry.aws.wire.calls().into_iter();
    calls
        .map(|(call, count)| {
            let name = call.strip_prefix("servicediscovery:").unwrap();
            (name.to_owned(), count)
        })
        .collect()
}

/// The calls of one refresh.
fn refresh(registry: &Registry, discovery: &Extension) -> BTreeMap<String, u64> {
    registry.aws.wire.forget();
    let ending = discovery.call(&[]);
    assert_eq!(ending.code, Some(0));
    // Of some meshes only a part is here.
    let said = ending
        .stderr
        .lines()
        .filter(|line| !line.starts_with(" WARN the mesh: "));
    assert_eq!(said.collect::<Vec<_>>(), [""; 0]);
    calls(registry)
}

fn expected(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
    all.iter()
        .filter(|(_, count)| *count > 0)
        .map(|(call, count)| ((*call).to_owned(), *count))
        .collect()
}

fn services(registry: &Registry, count: u64) -> Vec<Service<'_>> {
    let made = |number| {
        let path = format!("/s{number}/");
        let service = registry.service(&format!("s{number}"), &[("NJ_ROUTE_1", &path)]);
        service.register("i-1", "10.0.0.1", 3000);
        service
    };
    (0..count).map(made).collect()
}

#[test]
fn calls_of_a_refresh_for_10_and_100_services() {
    for count in SERVICES {
        let [of_first, of_unchanged, of_changed] = calls_of(count);
        let registry = Registry::new();
        let all = services(&registry, count);
        let discovery = registry
            .discovery()
            .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "3600");
        let print = |when: &str, calls: &BTreeMap<String, u64>| {
            println!(
                "{count} services, {when}: {} calls {calls:?}",
                calls.values().sum::<u64>()
            );
        };

        let first = refresh(&registry, &discovery);
        print("nothing known", &first);
        assert_eq!(first, expected(&of_first));

        let unchanged = refresh(&registry, &discovery);
        print("nothing changed", &unchanged);
        assert_eq!(unchanged, expected(&of_unchanged));

        for service in &all[..CHANGED] {
            service.register("i-2", "10.0.0.2", 3000);
        }
        let changed = refresh(&registry, &discovery);
        print("3 changed", &changed);
        assert_eq!(changed, expected(&of_changed));
    }
}

#[test]
fn calls_do_not_wait_for_each_other() {
    let latency = Duration::from_millis(50);
    let registry = Registry::new();
    let all = services(&registry, 100);
    registry.aws.wire.set_latency(latency);
    assert_eq!(registry.discovery().call(&[]).code, Some(0));
    let mut at: Vec<Duration> = registry
        .aws
        .wire
        .requests()
        .iter()
        .map(|one| one.at)
        .collect();
    at.sort();
    // One call after the other would come at least that long after each other.
    let together = at
        .windows(2)
        .filter(|pair| pair[1].saturating_sub(pair[0]) < latency)
        .count();
    assert!(together > at.len() / 2, "{together} of {}", at.len());
    assert_eq!(all.len(), 100);
}

#[test]
fn more_than_a_page_of_services_takes_another_call() {
    let registry = Registry::new();
    let all = services(&registry, 101);
    let calls = refresh(&registry, &registry.discovery());
    assert_eq!(
        (calls["ListServices"], calls["DiscoverInstances"]),
        (2, 101)
    );
    assert_eq!(all.len(), 101);
}

#[test]
fn services_that_are_not_in_the_mesh_have_no_instances_to_ask_for() {
    let registry = Registry::new();
    registry
        .service("unrelated", &[])
        .register("i-1", "10.0.0.1", 80);
    registry.service("caller", &[("NJ_NAMESPACE_PORT_1", "n2:3001")]);
    let discovery = registry.discovery();
    let lists = [("ListNamespaces", 1), ("ListServices", 1)];
    let attributes = [("GetServiceAttributes", 2)];
    assert_eq!(
        refresh(&registry, &discovery),
        expected(&[&lists[..], &attributes].concat())
    );
    assert_eq!(refresh(&registry, &discovery), expected(&lists));
}

#[test]
fn where_health_matters_instances_are_asked_for_every_time() {
    let registry = Registry::new();
    let shop = registry.judged_service("shop", &[("NJ_ROUTE_1", "/shop/")]);
    shop.register("i-1", "10.0.0.1", 3000);
    let strict = registry.discovery();
    let lenient = registry.discovery().env("NJ_DMCM_INCLUDE_UNHEALTHY", "yes");
    refresh(&registry, &strict);
    refresh(&registry, &lenient);
    let lists = [("ListNamespaces", 1), ("ListServices", 1)];
    let instances = [("DiscoverInstances", 1)];
    assert_eq!(
        refresh(&registry, &strict),
        expected(&[&lists[..], &instances].concat())
    );
    let revision = [("DiscoverInstancesRevision", 1)];
    assert_eq!(
        refresh(&registry, &lenient),
        expected(&[&lists[..], &revision].concat())
    );
}

#[test]
fn attributes_are_read_again_after_a_while() {
    let registry = Registry::new();
    let shop = registry.service("shop", &[("NJ_ROUTE_1", "/old/")]);
    let patient = registry
        .discovery()
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "3600");
    let brief = registry
        .discovery()
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "1");
    let eager = registry
        .discovery()
        .env("NJ_DMCM_ATTRIBUTES_CACHE_SECONDS", "0");
    let old = patient.call(&[]);
    brief.call(&[]);
    eager.call(&[]);
    shop.set(&[("NJ_ROUTE_1", "/new/")]);
    assert_eq!(only(&eager.call(&[])), "n1/shop/default 0: /new/*1 at ");
    assert_eq!(
        patient.call_after(old.version(), &[]).code,
        Some(EXIT_UNCHANGED.into())
    );
    let new = e2e::eventually("the attributes are read again", || {
        Some(only(&brief.call(&[]))).filter(|line| line.contains("/new/"))
    });
    assert_eq!(new, "n1/shop/default 0: /new/*1 at ");
}

#[test]
fn the_documented_permissions_are_those_of_the_calls() {
    let registry = Registry::new();
    let shop = registry.service("shop", &[("NJ_ROUTE_1", "/shop/")]);
    shop.register("i-1", "10.0.0.1", 3000);
    let discovery = registry.discovery();
    discovery.call(&[]);
    discovery.call(&[]);
    let made: BTreeSet<String> = registry.aws.wire.calls().into_keys().collect();
    let page = e2e::root().join("docs/discovery-aws-cloudmap.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, policy) = text.split_once("```jsonc").unwrap();
    let (policy, _) = policy.split_once("```").unwrap();
    let words = policy.split('"');
    let documented = words.filter(|word| word.starts_with("servicediscovery:"));
    assert_eq!(made, documented.map(ToOwned::to_owned).collect());
}
