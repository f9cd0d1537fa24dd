//! One user's requests go to one instance, by what a property says.

use super::{GATEWAY, Tool, by, gateway, having, says, service, warnings};
use e2e::{
    http::Answer,
    maps::{map, namespace, prefix},
    mesh::{Backend, Proxy},
};
use serde_json::json;
use std::collections::BTreeSet;

const POLICIES: [&str; 2] = ["RING_HASH", "MAGLEV"];

/// A gateway before four instances of `chat/blue` that a property spreads requests over, each of
/// which answers by its own name.
fn spread(policy: &str, hash_on: &str) -> (Proxy, [Backend; 4]) {
    let instances = ["one", "two", "three", "four"].map(|name| Backend::start(name, "blue"));
    let ports = instances.each_ref().map(|instance| instance.port);
    let properties = json!({"lb-policy": policy, "hash-on": hash_on});
    let chat = having(service("chat", &ports, &[prefix("/")]), properties);
    (gateway(&[chat]), instances)
}

/// Who answers 30 requests with this header.
fn answering(proxy: &Proxy, header: &[(&str, &str)]) -> BTreeSet<String> {
    let get = |_| by(&proxy.get_with("/who", header));
    (0..30).map(get).collect()
}

/// The instances that 20 users are sent to; each has only one.
fn instances_of_users(proxy: &Proxy, header: impl Fn(&str) -> (&'static str, String)) -> usize {
    let of = |number| {
        let (name, value) = header(&format!("user-{number}"));
        let answered = answering(proxy, &[(name, value.as_str())]);
        assert_eq!(answered.len(), 1, "{value}: {answered:?}");
        answered.into_iter().next()
    };
    let instances: BTreeSet<Option<String>> = (0..20).map(of).collect();
    instances.len()
}

#[test]
fn a_header_or_cookie_says_who_the_user_is() {
    for policy in POLICIES {
        let (proxy, _instances) = spread(policy, "header:X-User");
        let by_header = |user: &str| ("x-user", user.to_owned());
        assert!(instances_of_users(&proxy, by_header) > 1, "{policy}");

        let (proxy, _instances) = spread(policy, "cookie:sid");
        let by_cookie = |user: &str| ("cookie", format!("theme=dark; sid={user}"));
        assert!(instances_of_users(&proxy, by_cookie) > 1, "{policy}");
        // The app sets it, not Envoy.
        assert_eq!(proxy.get("/who").header("set-cookie"), None);
    }
}

#[test]
fn a_cookie_with_a_time_to_live_is_made_for_who_has_none() {
    let (proxy, _instances) = spread("RING_HASH", "cookie:sid:1h");
    let cookie = |answer: &Answer| answer.header("set-cookie").unwrap_or_default().to_owned();
    let mut instances = BTreeSet::new();
    for _ in 0..20 {
        let first = proxy.get("/who");
        let set = cookie(&first);
        assert!(set.starts_with("sid="), "{set:?}");
        assert!(set.to_ascii_lowercase().contains("max-age=3600"), "{set:?}");
        let (pair, _) = set.split_once(';').unwrap();
        let again = answering(&proxy, &[("cookie", pair)]);
        assert_eq!(again, [by(&first)].into());
        instances.extend(again);
    }
    assert!(instances.len() > 1, "{instances:?}");
}

#[test]
fn the_caller_s_address_says_who_the_user_is() {
    for policy in POLICIES {
        let (proxy, _instances) = spread(policy, "source-ip");
        let answered = answering(&proxy, &[("x-forwarded-for", "192.0.2.7")]);
        assert_eq!(answered.len(), 1, "{policy}: {answered:?}");
        // What a caller says of itself is not its address.
        let other = answering(&proxy, &[("x-forwarded-for", "198.51.100.9")]);
        assert_eq!(other, answered, "{policy}");
    }
}

#[test]
fn a_policy_without_anything_to_hash_is_warned_of_once() {
    for policy in POLICIES {
        let chat = service("chat", &[4000], &[prefix("/")]);
        let chat = having(chat, json!({"lb-policy": policy}));
        let tool = Tool::with(&map(&[namespace("n1", std::slice::from_ref(&chat))]));
        let (_, told) = tool.context(&GATEWAY);
        let words = ["chat/blue", policy, "hash-on"];
        assert!(says(&told, &words), "{told}");
        let proxy = gateway(&[chat]);
        proxy.wait_refreshes(5);
        assert_eq!(warnings(&proxy, &words), 1, "{}", proxy.log());
    }
}

#[test]
fn what_cannot_be_hashed_is_left_out_with_a_warning() {
    for value in [
        "user",
        "header:",
        "cookie:",
        "header:a b",
        "cookie:sid:soon",
    ] {
        let chat = service("chat", &[4000], &[prefix("/")]);
        let properties = json!({"lb-policy": "MAGLEV", "hash-on": value});
        let tool = Tool::with(&map(&[namespace("n1", &[having(chat, properties)])]));
        let (_, told) = tool.context(&GATEWAY);
        assert!(says(&told, &["hash-on", value]), "{value}: {told}");
    }
}
