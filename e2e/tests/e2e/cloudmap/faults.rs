//! What becomes of a discovery whose calls fail: no map, a code that says whether to try again, and
//! a message that names the call.

use super::Registry;
use e2e::{aws::Fault, extension::Extension};
use insta::assert_snapshot;
use std::{fmt::Write as _, time::Duration};

const SHOP: [(&str, &str); 1] = [("NJ_ROUTE_1", "/shop/")];

/// The calls of a first discovery, in order, and the one of later ones.
const CALLS: [&str; 5] = [
    "servicediscovery:ListNamespaces",
    "servicediscovery:ListServices",
    "servicediscovery:GetServiceAttributes",
    "servicediscovery:DiscoverInstances",
    "servicediscovery:DiscoverInstancesRevision",
];

fn shop() -> Registry {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    registry
}

/// A discovery that has to ask for the revision.
fn settled(registry: &Registry) -> Extension {
    let discovery = registry.discovery();
    assert_eq!(discovery.call(&[]).code, Some(0));
    discovery
}

/// How a call's fault ends a discovery: code and message; there is never a map.
fn ending(registry: &Registry, call: &str, fault: Fault) -> String {
    let discovery = if call.ends_with("Revision") {
        settled(registry)
    } else {
        registry.discovery()
    };
    registry.aws.wire.fail(call, fault);
    let ending = discovery.call(&[]);
    registry.aws.wire.restore();
    assert_eq!(ending.document, None, "{call}");
    let code = ending.code.unwrap();
    format!("{code}: {}", registry.told(&ending))
}

#[test]
fn every_call_that_is_denied_is_fatal_and_named() {
    let registry = shop();
    let mut endings = String::new();
    for call in CALLS {
        endings.push_str(&ending(&registry, call, Fault::Denied));
    }
    assert_snapshot!(endings);
}

#[test]
fn every_fault_of_a_call_gives_no_map() {
    let registry = shop();
    let call = "servicediscovery:DiscoverInstances";
    let mut endings = String::new();
    for fault in [
        Fault::Throttled,
        Fault::Broken,
        Fault::Unavailable,
        Fault::Expired,
        Fault::UnknownKey,
        Fault::Reset,
        Fault::Half,
    ] {
        let _ = write!(endings, "{fault:?} ");
        endings.push_str(&ending(&registry, call, fault));
    }
    assert_snapshot!(endings);
}

#[test]
fn no_call_is_ever_left_out_when_it_fails() {
    let registry = shop();
    for call in CALLS {
        assert!(
            ending(&registry, call, Fault::Broken).starts_with("31: "),
            "{call}"
        );
    }
}

/// An answer without its list is a part of an answer, not an empty list.
#[test]
fn an_answer_without_its_list_gives_no_map() {
    let registry = shop();
    let mut endings = String::new();
    for call in CALLS {
        let nothing = Fault::Answer {
            status: 200,
            headers: vec![(
                "content-type".to_owned(),
                "application/x-amz-json-1.1".to_owned(),
            )],
            body: "{}".to_owned(),
        };
        endings.push_str(&ending(&registry, call, nothing));
    }
    assert_snapshot!(endings, @"
    31: ext-discovery-cloudmap: servicediscovery:ListNamespaces answered without Namespaces
    31: ext-discovery-cloudmap: servicediscovery:ListServices answered without Services
    31: ext-discovery-cloudmap: servicediscovery:GetServiceAttributes answered without ServiceAttributes
    31: ext-discovery-cloudmap: servicediscovery:DiscoverInstances answered without Instances
    31: ext-discovery-cloudmap: servicediscovery:DiscoverInstancesRevision answered without InstancesRevision
    ");
}

#[test]
fn a_service_without_attributes_is_not_in_the_mesh() {
    let registry = shop();
    let named =
        r#"{"ServiceAttributes": {"ServiceArn": "arn:aws:servicediscovery:x:1:service/s"}}"#;
    let unnamed = r#"{"ServiceAttributes": {}}"#;
    for (body, code) in [(named, Some(0)), (unnamed, Some(31))] {
        let answer = Fault::Answer {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
        };
        registry.aws.wire.fail(CALLS[2], answer);
        let ending = registry.discovery().call(&[]);
        registry.aws.wire.restore();
        assert_eq!(ending.code, code, "{ending:?}");
    }
}

#[test]
fn a_stall_ends_in_time() {
    let registry = shop();
    registry.aws.wire.fail(
        "servicediscovery:ListServices",
        Fault::Stall(Duration::from_mins(1)),
    );
    let (ending, took) = registry.discovery().timed(&[]);
    assert_eq!((ending.code, &ending.document), (Some(31), &None));
    assert!(took < Duration::from_secs(40), "{took:?}");
    assert!(
        ending
            .stderr
            .contains("servicediscovery:ListServices on namespace n1"),
        "{ending:?}"
    );
}

/// Each call is answered in time, and all of them together are not.
#[test]
fn a_discovery_that_takes_too_long_goes_on_where_it_ended() {
    let registry = Registry::new();
    let all: Vec<_> = (0..40)
        .map(|number| registry.service(&format!("s{number}"), &SHOP))
        .collect();
    registry.aws.wire.set_latency(Duration::from_millis(300));
    let discovery = registry.discovery().env("NJ_EXTENSION_TIMEOUT", "2.4");
    let ending = discovery.call(&[]);
    assert_eq!(
        (ending.code, &ending.document, ending.stderr.as_str()),
        (
            Some(31),
            &None,
            "ext-discovery-cloudmap: the discovery took longer than 2s; what it has learnt is \
             kept, and the next try goes on from there\n  hint: set NJ_EXTENSION_TIMEOUT higher, or \
             NJ_DMCM_ATTRIBUTES_CACHE_SECONDS\n"
        )
    );
    let tries = (1..20).find(|_| discovery.call(&[]).code == Some(0));
    assert!(tries.is_some());
    let attributes = registry
        .aws
        .wire
        .count("servicediscovery:GetServiceAttributes");
    assert!(attributes < 2 * all.len() as u64, "{attributes}");
}

#[test]
fn a_fault_that_passes_is_not_noticed() {
    let registry = shop();
    for call in &CALLS[..4] {
        registry.aws.wire.fail_times(1, call, Fault::Throttled);
        registry.aws.wire.fail_times(1, call, Fault::Reset);
    }
    let found = registry.discovery().call(&[]);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""));
    for call in &CALLS[..4] {
        assert_eq!(registry.aws.wire.count(call), 3, "{call}");
    }
}

#[test]
fn what_was_learnt_before_a_failure_is_not_asked_for_again() {
    let registry = shop();
    registry.service("bank", &[("NJ_ROUTE_1", "/bank/")]);
    let discovery = registry.discovery();
    registry
        .aws
        .wire
        .fail("servicediscovery:DiscoverInstances", Fault::Throttled);
    assert_eq!(discovery.call(&[]).code, Some(31));
    registry.aws.wire.restore();
    registry.aws.wire.forget();
    assert_eq!(discovery.call(&[]).code, Some(0));
    assert_eq!(
        registry
            .aws
            .wire
            .count("servicediscovery:GetServiceAttributes"),
        0
    );
}

#[test]
fn what_is_deleted_meanwhile_is_looked_for_again() {
    let registry = shop();
    for call in &CALLS[2..] {
        let gone = Fault::Answer {
            status: 400,
            headers: vec![(
                "content-type".to_owned(),
                "application/x-amz-json-1.1".to_owned(),
            )],
            body: r#"{"__type": "ServiceNotFound", "Message": "srv-gone"}"#.to_owned(),
        };
        let ending = ending(&registry, call, gone);
        assert!(ending.starts_with("31: "), "{ending}");
        assert!(
            ending.contains("something was deleted during the discovery"),
            "{ending}"
        );
        assert!(
            ending.contains(call) && ending.contains("srv-gone"),
            "{ending}"
        );
    }
}

#[test]
fn without_credentials_or_region_nothing_is_asked() {
    let registry = shop();
    let mut endings = String::new();
    for missing in [
        &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"][..],
        &["AWS_REGION"],
    ] {
        let mut env = registry.aws.env();
        env.retain(|name, _| !missing.contains(&name.as_str()));
        let discovery = Extension::new("ext-discovery-cloudmap")
            .envs(env)
            .env("NJ_DMCM_NAMESPACES", "n1");
        let ending = discovery.call(&[]);
        assert_eq!(ending.document, None);
        let code = ending.code.unwrap();
        let _ = write!(endings, "{code}: {}", registry.told(&ending));
    }
    assert!(registry.aws.wire.requests().is_empty());
    assert_snapshot!(endings);
}

#[test]
fn no_secret_is_ever_told() {
    let registry = shop();
    let mut told = String::new();
    for fault in [
        None,
        Some(Fault::Denied),
        Some(Fault::UnknownKey),
        Some(Fault::Reset),
    ] {
        if let Some(fault) = fault {
            registry.aws.wire.fail("*", fault);
        }
        let discovery = registry
            .discovery()
            .env("DEBUG", "true")
            .env("RUST_LOG", "trace");
        told.push_str(&discovery.call(&[]).stderr);
        for file in super::kept::files(discovery.folder()) {
            told.push_str(&String::from_utf8_lossy(&std::fs::read(file).unwrap()));
        }
        registry.aws.wire.restore();
    }
    let signatures = registry.aws.wire.requests();
    assert!(!signatures.is_empty() && told.len() > 100, "{told}");
    for secret in registry.aws.secrets() {
        assert!(!told.contains(secret));
    }
    for request in &signatures {
        let signed = request.header("authorization").unwrap();
        let signature = signed.rsplit("Signature=").next().unwrap();
        assert!(!told.contains(signature));
    }
}
