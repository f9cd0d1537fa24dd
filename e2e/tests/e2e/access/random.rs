//! Random requests to random maps, judged by a model of its own.

use super::{
    Entry,
    maps::{self, Group},
    me,
    model::{Disposition, PathKind, Request, View},
    spellings,
};
use e2e::{
    eventually,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use fastrand::Rng;
use nightjar_core::env::Env;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Random maps that are tried, one after another, on the same running proxies; `ACCESS_MAPS` in the
/// environment asks for more.
const MAPS: u32 = 30;
/// The same on the oldest Envoy.
const MAPS_ON_OLDEST: u32 = 10;
/// Requests to each map, each sent plain, disguised and altered to every view.
const REQUESTS: u32 = 20;
/// Where the random numbers start.
const SEED: u64 = 1;

/// Two namespaces of a random map.
pub(super) struct Story {
    pub(super) egress_port: u16,
    marker: Backend,
    first: Vec<(&'static str, &'static str, Backend)>,
    second: Vec<(&'static str, &'static str, Backend)>,
}

impl Story {
    pub(super) fn begin() -> Self {
        let backend = |service, color| (service, color, Backend::start(service, color));
        Self {
            egress_port: ports::free(),
            marker: Backend::start("marker", "blue"),
            first: vec![
                backend("shop", "blue"),
                backend("shop", "green"),
                backend("cart", "blue"),
            ],
            second: vec![backend("bank", "blue"), backend("bank", "green")],
        }
    }

    fn groups(random: &mut Rng, backends: &[(&'static str, &'static str, Backend)]) -> Vec<Group> {
        let ports: Vec<_> = backends
            .iter()
            .map(|(service, color, backend)| (*service, *color, backend.port))
            .collect();
        maps::groups(random, &ports)
    }

    pub(super) fn first_groups(&self, random: &mut Rng) -> Vec<Group> {
        Self::groups(random, &self.first)
    }

    pub(super) fn second_groups(&self, random: &mut Rng) -> Vec<Group> {
        Self::groups(random, &self.second)
    }

    /// A map of the two namespaces, both of which tell by a path which map is in force.
    pub(super) fn map(
        &self,
        number: u32,
        first: &[Group],
        second: &[Group],
        entrance: Option<u16>,
    ) -> Value {
        let marked = with(
            prefix(""),
            json!({
                "path-match": {"match-type": "exact", "value": format!("/marker/{number}")}
            }),
        );
        let teller = service_color("marker", "blue", &[self.marker.port], &[marked]);
        let of = |groups: &[Group], more: Value| -> Vec<Value> {
            let groups = groups.iter().map(Group::to_json);
            groups.chain([teller.clone(), more]).collect()
        };
        let instances = entrance.map(|port| json!({"ipv4": "127.0.0.1", "port": port}));
        let gateways = json!({"gateways": {
            "prefer-gateway": true, "instances": instances.into_iter().collect::<Vec<_>>()
        }});
        map(&[
            with(namespace("n1", &of(first, me(ports::free()))), gateways),
            namespace("n2", &of(second, me(self.egress_port))),
        ])
    }
}

#[test]
fn no_random_request_is_answered_that_may_not_be() {
    campaign(&e2e::envoy(), asked_for().unwrap_or(MAPS));
}

/// How many maps are to be tried, if somebody said so.
pub(super) fn asked_for() -> Option<u32> {
    let env = Env::from_process();
    let asked = env.get("ACCESS_MAPS")?;
    asked.to_str()?.parse().ok()
}

#[test]
fn no_random_request_is_answered_that_may_not_be_on_the_oldest_envoy() {
    campaign(&e2e::oldest_envoy(), MAPS_ON_OLDEST);
}

fn campaign(envoy: &Path, maps: u32) {
    let mut random = Rng::with_seed(SEED);
    let story = Story::begin();
    let empty = story.map(0, &[], &[], None);
    let one_worker = |plan: Plan| {
        let plan = plan.env("ENVOY_ARGS", "--concurrency 1");
        plan.env("ENVOY_EXEC", envoy.display()).start()
    };
    let gateway = one_worker(Plan::gateway("n1", &empty));
    let caller = one_worker(Plan::sidecar("n2", "me", "blue", &empty));
    let mut views = [
        (View::Gateway, Entry::new(gateway.port)),
        (View::From("n2"), Entry::new(story.egress_port)),
        (View::Inside, Entry::new(caller.port)),
    ];
    let mut tally = BTreeMap::<&str, u32>::new();
    for number in 1..=maps {
        let first = story.first_groups(&mut random);
        let second = story.second_groups(&mut random);
        // Every third mesh is called by way of its gateway.
        let is_through = number % 3 == 0;
        let entrance = is_through.then_some(gateway.port);
        let map = story.map(number, &first, &second, entrance);
        if let Some((view, _)) = views.get_mut(1) {
            *view = if is_through {
                View::Through("n2")
            } else {
                View::From("n2")
            };
        }
        let rollouts = |proxy: &Proxy| proxy.metric("nightjar_rollout_seconds_count");
        let before = [&gateway, &caller].map(|proxy| (proxy, rollouts(proxy)));
        gateway.set_map(&map);
        caller.set_map(&map);
        for (proxy, before) in before {
            eventually("the rollout", || (rollouts(proxy) > before).then_some(()));
        }
        let marker = format!("/marker/{number}");
        for (view, entry) in &mut views {
            eventually(&format!("map {number} in force for {view:?}"), || {
                (entry.get(&marker, &[]).by() == "marker-blue").then_some(())
            });
        }
        for _ in 0..REQUESTS {
            for (view, entry) in &mut views {
                let groups = if *view == View::Inside {
                    &second
                } else {
                    &first
                };
                let request = request(&mut random, groups);
                let told = format!("seed {SEED}, map {number}, {view:?}");
                let trial = Trial {
                    view: *view,
                    groups,
                    request: &request,
                };
                for _ in 0..2 {
                    let fault = trial.run(entry, &mut random, &mut tally);
                    assert_eq!(fault, Ok(()), "{told}, {request:?}\n{map}");
                }
            }
        }
    }
    let requests: u32 = tally.values().sum();
    println!("{maps} maps, {requests} requests: {tally:?}");
}

/// A request of few words, or one for a path that some route names.
pub(super) fn request(random: &mut Rng, groups: &[Group]) -> Request {
    let routes = groups.iter().flat_map(|group| &group.routes);
    let named = routes.filter(|route| route.kind != PathKind::Regex);
    let mut path = match random.choice(named.collect::<Vec<_>>()) {
        Some(route) if random.bool() => route.path.clone(),
        _ => maps::path(random, false),
    };
    if path.ends_with('/') && random.bool() {
        path.push('b');
    }
    let mut some = |few: &[u8]| -> Vec<&'static str> {
        let count = *random.choice(few).unwrap();
        (0..count).map(|_| maps::value(random)).collect()
    };
    Request {
        path,
        headers: some(&[0, 1, 1, 2, 2]),
        queries: some(&[0, 0, 1, 2]),
    }
}

/// One request to one view, and what may become of it.
struct Trial<'a> {
    view: View,
    groups: &'a [Group],
    request: &'a Request,
}

impl Trial<'_> {
    /// Sends the request plain, disguised and altered.
    fn run(
        &self,
        entry: &mut Entry,
        random: &mut Rng,
        tally: &mut BTreeMap<&'static str, u32>,
    ) -> Result<(), String> {
        let dispositions = self.view.dispositions(self.groups, self.request);
        let path = &self.request.path;
        for spelling in [spellings::plain(path), spellings::disguised(random, path)] {
            let (fate, received) = self.send(entry, &spelling)?;
            if !dispositions.contains(&fate) {
                return Err(format!(
                    "{spelling}: {fate:?}, asked for {received:?}, instead of {dispositions:?}"
                ));
            }
            *tally
                .entry(match fate {
                    Disposition::NotFound => "turned away",
                    Disposition::Nobody => "nobody there",
                    Disposition::By(_) => "answered",
                })
                .or_default() += 1;
        }
        let spelling = spellings::altered(random, path);
        self.send(entry, &spelling)?;
        *tally.entry("altered").or_default() += 1;
        Ok(())
    }

    /// What became of the request in a spelling. It is wrong if it reached a backend by which a
    /// typical service would then read a path that the caller may not reach.
    fn send(&self, entry: &mut Entry, spelling: &str) -> Result<(Disposition, String), String> {
        let query: Vec<String> = self
            .request
            .queries
            .iter()
            .map(|value| format!("q={value}"))
            .collect();
        let mark = if query.is_empty() { "" } else { "?" };
        let target = format!("{spelling}{mark}{}", query.join("&"));
        let headers: Vec<_> = self
            .request
            .headers
            .iter()
            .map(|value| ("x", *value))
            .collect();
        let answer = entry.get(&target, &headers);
        let received = answer.header("x-sample-path").unwrap_or_default();
        let fate = match (answer.status, answer.by()) {
            (404 | 400, "") => Disposition::NotFound,
            (503, "") => Disposition::Nobody,
            (_, by) => Disposition::By(by.to_owned()),
        };
        if let Disposition::By(by) = &fate {
            let path = spellings::read(received.split('?').next().unwrap_or_default());
            let read = Request {
                path,
                ..self.request.clone()
            };
            let dispositions = self.view.dispositions(self.groups, &read);
            if dispositions == BTreeSet::from([Disposition::NotFound]) {
                return Err(format!(
                    "{spelling}: {by} got {received} and reads {}",
                    read.path
                ));
            }
        }
        Ok((fate, received.to_owned()))
    }
}
