//! What `nightjar route` says of random requests, held to what a real Envoy does with them.

use super::{
    Entry,
    maps::Group,
    model::View,
    random::{Story, asked_for, request},
    spellings,
};
use e2e::{
    eventually,
    http::Answer,
    mesh::{Plan, Proxy},
};
use fastrand::Rng;
use nightjar_core::{
    context::ProxyRole,
    document::{self, discovery_map::DiscoveryMap},
    routing::{self, Caller, Outcome, Request},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Random maps that are tried; `ACCESS_MAPS` in the environment asks for more.
const MAPS: u32 = 8;
/// Requests to each map and view, each in three spellings.
const REQUESTS: u32 = 20;
/// How often a request that several share is sent again.
const REPEATS: u32 = 40;
const SEED: u64 = 7;

/// How often a member of a route answered, beside how often it should have.
#[derive(Default)]
struct Share {
    expected: f64,
    variance: f64,
    observed: f64,
}

impl Share {
    /// In standard deviations.
    fn deviation(&self) -> f64 {
        (self.observed - self.expected).abs() / self.variance.sqrt().max(1.0)
    }
}

/// What was seen.
#[derive(Default)]
struct Tally {
    outcomes: BTreeMap<String, u32>,
    shares: BTreeMap<(u32, String, String), Share>,
}

#[test]
fn what_route_says_is_what_envoy_does() {
    let mut random = Rng::with_seed(SEED);
    let story = Story::begin();
    let empty = story.map(0, &[], &[], None);
    let one_worker = |plan: Plan| plan.env("ENVOY_ARGS", "--concurrency 1").start();
    let gateway = one_worker(Plan::gateway("n1", &empty));
    let caller = one_worker(Plan::sidecar("n2", "me", "blue", &empty));
    let mut entries = [gateway.port, story.egress_port, caller.port].map(Entry::new);
    let mut tally = Tally::default();
    let maps = asked_for().unwrap_or(MAPS);
    for number in 1..=maps {
        let first = story.first_groups(&mut random);
        let second = story.second_groups(&mut random);
        // Every third mesh is called by way of its gateway.
        let entrance = (number % 3 == 0).then_some(gateway.port);
        let mut map = story.map(number, &first, &second, entrance);
        put_hosts(&mut random, &mut map);
        put_shared(&mut random, &mut map);
        put_in_force(&map, [&gateway, &caller]);
        let read: DiscoveryMap = document::read(map.to_string().as_bytes()).unwrap();
        let views = [View::Gateway, View::From("n2"), View::Inside];
        for (view, entry) in views.into_iter().zip(&mut entries) {
            eventually(&format!("map {number} in force for {view:?}"), || {
                let marker = entry.get(&format!("/marker/{number}"), &[]);
                (marker.by() == "marker-blue").then_some(())
            });
            let groups = if view == View::Inside {
                &second
            } else {
                &first
            };
            let trial = Trial {
                number,
                view,
                map: &read,
            };
            for _ in 0..REQUESTS {
                trial.run(entry, &mut random, groups, &mut tally);
            }
        }
    }
    tally.judge(maps);
}

fn put_in_force(map: &Value, proxies: [&Proxy; 2]) {
    let rollouts = |proxy: &Proxy| proxy.metric("nightjar_rollout_seconds_count");
    let before = proxies.map(rollouts);
    for proxy in proxies {
        proxy.set_map(map);
    }
    for (proxy, before) in proxies.into_iter().zip(before) {
        eventually("the rollout", || (rollouts(proxy) > before).then_some(()));
    }
}

/// Gives some routes a condition on the host.
fn put_hosts(random: &mut Rng, map: &mut Value) {
    let namespaces = map["namespaces"].as_array_mut().unwrap();
    let entries = namespaces
        .iter_mut()
        .flat_map(|namespace| namespace["service-colors"].as_array_mut().unwrap())
        .filter(|entry| entry["service"] != "marker");
    let routes = entries.flat_map(|entry| entry["routes"].as_array_mut().unwrap());
    for route in routes.filter(|_| random.u8(..) < 60).collect::<Vec<_>>() {
        let (kind, value) = *random
            .choice(&[
                ("exact", "shop.test"),
                ("exact", "Shop.Test:8080"),
                ("prefix", "shop"),
                ("suffix", ".test"),
                ("suffix", "test:8080"),
                ("regex", "(shop|bank)[.].*"),
            ])
            .unwrap();
        let condition = json!({
            "header-name": random.choice(["host", ":authority"]).unwrap(),
            "match-type": kind, "value": value, "invert": random.u8(..) < 60,
        });
        route["headers"].as_array_mut().unwrap().push(condition);
    }
}

/// Gives the first route of each namespace to all of its groups, with weights of their own.
fn put_shared(random: &mut Rng, map: &mut Value) {
    for namespace in map["namespaces"].as_array_mut().unwrap() {
        let entries = namespace["service-colors"]
            .as_array_mut()
            .unwrap()
            .iter_mut();
        let mut entries = entries.filter(|entry| entry["routes"].get(0).is_some());
        let mut route = entries.next().unwrap()["routes"][0].clone();
        for entry in entries.filter(|entry| entry["service"] != "marker") {
            route["weight"] = random.u8(0..5).into();
            entry["routes"].as_array_mut().unwrap().push(route.clone());
        }
    }
}

/// One map, with one view of it.
struct Trial<'a> {
    number: u32,
    view: View,
    map: &'a DiscoveryMap,
}

impl Trial<'_> {
    fn caller(&self) -> Caller {
        let me = ProxyRole::Service {
            service: "me".to_owned(),
            color: "blue".to_owned(),
        };
        let (namespace, role, to) = match self.view {
            View::Gateway => ("n1", ProxyRole::Gateway, None),
            View::Inside => ("n2", me, None),
            View::From(_) | View::Through(_) => ("n2", me, Some("n1".to_owned())),
        };
        Caller {
            namespace: namespace.to_owned(),
            role,
            to,
        }
    }

    /// Sends a random request plain, disguised and altered.
    fn run(&self, entry: &mut Entry, random: &mut Rng, groups: &[Group], tally: &mut Tally) {
        let wanted = request(random, groups);
        let host = random.choice([
            "mesh.test",
            "shop.test",
            "SHOP.test.:8080",
            "bank.test:8080",
        ]);
        let mut headers = vec![("host", host.unwrap())];
        headers.extend(wanted.headers.iter().map(|value| ("x", *value)));
        let method = random.choice(["GET", "GET", "GET", "DELETE"]).unwrap();
        let query: Vec<String> = wanted
            .queries
            .iter()
            .map(|value| format!("q={value}"))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let path = &wanted.path;
        for spelling in [
            spellings::plain(path),
            spellings::disguised(random, path),
            spellings::altered(random, path),
        ] {
            let target = format!("{spelling}{mark}{}", query.join("&"));
            let several = self.compare(entry, method, &target, &headers, tally);
            let is_tried = tally.shares.keys().any(|(number, view, _)| {
                *number == self.number && view.starts_with(&format!("again {:?}", self.view))
            });
            if several && !is_tried {
                for _ in 0..REPEATS {
                    self.compare(entry, method, &target, &headers, tally);
                }
                let tried = (self.number, format!("again {:?}", self.view), String::new());
                tally.shares.entry(tried).or_default();
            }
        }
    }

    /// Whether several share the request, once it was found to be answered as foretold.
    fn compare(
        &self,
        entry: &mut Entry,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        tally: &mut Tally,
    ) -> bool {
        // Of a URL the host counts that it names.
        let (host, bare) = match target.strip_prefix("http://mesh.test") {
            Some(bare) => (Some("mesh.test"), bare),
            None => (None, target),
        };
        let (hosts, others): (Vec<_>, Vec<_>) =
            headers.iter().partition(|(name, _)| *name == "host");
        let request = Request {
            method: method.to_owned(),
            authority: host
                .or(hosts.first().map(|(_, host)| *host))
                .unwrap()
                .to_owned(),
            target: bare.to_owned(),
            headers: others
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let foretold = routing::answer(self.map, &self.caller(), &request).unwrap();
        let answer = entry.send(method, target, headers);
        let by = |answer: &Answer| answer.by().to_owned();
        let members: Vec<(String, f64)> = foretold
            .members
            .iter()
            .map(|member| (format!("{}-{}", member.service, member.color), member.share))
            .collect();
        let agrees = match foretold.outcome {
            Outcome::Served => members.iter().any(|(name, _)| *name == by(&answer)),
            Outcome::Denied | Outcome::NotFound => (answer.status, answer.by()) == (404, ""),
            Outcome::Unavailable => (answer.status, answer.by()) == (503, ""),
            Outcome::Redirected => (answer.status, answer.by()) == (308, ""),
            Outcome::Answered => (answer.status, answer.by()) == (400, ""),
        };
        assert!(
            agrees,
            "map {}, {:?}: {request:?}\nforetold {foretold:#?}\nseen {answer:?}\n{}",
            self.number,
            self.view,
            serde_json::to_string(self.map).unwrap()
        );
        *tally
            .outcomes
            .entry(format!("{:?}", foretold.outcome))
            .or_default() += 1;
        let route = foretold.route.and_then(|route| route.position);
        for (name, share) in &members {
            let key = (
                self.number,
                format!("{:?} {route:?} {members:?}", self.view),
                name.clone(),
            );
            let tallied = tally.shares.entry(key).or_default();
            tallied.expected += share;
            tallied.variance += share * (1.0 - share);
            tallied.observed += f64::from(u8::from(*name == by(&answer)));
        }
        members.len() > 1
    }
}

impl Tally {
    /// Five standard deviations are passed once in two million times.
    fn judge(&self, maps: u32) {
        let requests: u32 = self.outcomes.values().sum();
        let mut greatest = 0.0_f64;
        for (place, share) in &self.shares {
            assert!(
                share.deviation() < 5.0,
                "{place:?}: answered {} times instead of {}",
                share.observed,
                share.expected
            );
            greatest = greatest.max(share.deviation());
        }
        println!(
            "{maps} maps, {requests} requests as foretold: {:?}; {} shares, at most {greatest:.1} \
             standard deviations off",
            self.outcomes,
            self.shares.len()
        );
    }
}
