//! Random maps of few words, so that much in them meets.

use super::model::{Condition, Kind, PathKind, Route};
use fastrand::Rng;
use serde_json::{Value, json};

/// What paths are made of. Some can be spelled in ways that Envoy keeps apart.
const SEGMENTS: [&str; 8] = ["shop", "admin", "a+b", "a", "b", "Shop", "ADMIN", "é(1)"];

/// Regular expressions over the same segments.
const PATTERNS: [&str; 10] = [
    "/shop/.*",
    "/(shop|a)/admin(/.*)?",
    "/[ab]/?.*",
    "/a/[^/]+",
    ".*/admin/?.*",
    "/shop/[a-z]+",
    "(?i)/shop/.+",
    "/.*b",
    "/shop|/admin",
    ".*",
];

/// A group of instances with its routes.
pub(super) struct Group {
    pub(super) service: &'static str,
    pub(super) color: &'static str,
    pub(super) index: u8,
    /// The port of its one instance, if it has one.
    pub(super) port: Option<u16>,
    pub(super) routes: Vec<Route>,
}

impl Group {
    /// What its backend calls itself.
    pub(super) fn member(&self) -> String {
        format!("{}-{}", self.service, self.color)
    }

    pub(super) fn to_json(&self) -> Value {
        let instances = self.port.iter();
        let instances = instances.map(|port| json!({"ipv4": "127.0.0.1", "port": port}));
        json!({
            "service": self.service, "color": self.color, "index": self.index,
            "instances": instances.collect::<Vec<_>>(),
            "routes": self.routes.iter().map(Route::to_json).collect::<Vec<_>>(),
            "namespace-egress": [],
        })
    }
}

/// `ServedPorts` for the given backends, some in two parts, some scaled to zero.
pub(super) fn groups(
    random: &mut Rng,
    backends: &[(&'static str, &'static str, u16)],
) -> Vec<Group> {
    let mut groups = Vec::new();
    for (service, color, port) in backends {
        for index in 0..random.u8(1..=2) {
            groups.push(Group {
                service,
                color,
                index,
                port: (random.u8(..) > 30).then_some(*port),
                routes: (0..random.u8(1..5)).map(|_| route(random)).collect(),
            });
        }
    }
    groups
}

fn route(random: &mut Rng) -> Route {
    let kind = *random
        .choice(&[
            PathKind::Prefix,
            PathKind::Prefix,
            PathKind::Exact,
            PathKind::Regex,
        ])
        .unwrap();
    let path = if kind == PathKind::Regex {
        (*random.choice(PATTERNS).unwrap()).to_owned()
    } else {
        path(random, kind == PathKind::Prefix)
    };
    let headers = (random.u8(..) < 70).then(|| condition(random, "x", true));
    let queries = (random.u8(..) < 50).then(|| condition(random, "q", false));
    let mut access = vec![
        ("n1", random.bool()),
        ("n2", random.bool()),
        ("n3", random.bool()),
    ];
    access.retain(|_| random.u8(..) < 60);
    Route {
        kind,
        path,
        is_case_sensitive: random.u8(..) > 60,
        headers: headers.into_iter().collect(),
        queries: queries.into_iter().collect(),
        weight: random.u8(0..4),
        default_access: random.bool(),
        access,
    }
}

/// A path of at most three segments.
pub(super) fn path(random: &mut Rng, mostly_closed: bool) -> String {
    let mut path = String::new();
    for _ in 0..random.u8(0..4) {
        // The first segments of the list are taken most often.
        let index = random
            .usize(..SEGMENTS.len())
            .min(random.usize(..SEGMENTS.len()));
        path.push('/');
        path.push_str(SEGMENTS[index]);
    }
    let is_closed = random.u8(..) < if mostly_closed { 200 } else { 70 };
    if path.is_empty() || is_closed {
        path.push('/');
    }
    path
}

fn condition(random: &mut Rng, name: &'static str, may_invert: bool) -> Condition {
    let kinds = [
        Kind::Exact,
        Kind::Exact,
        Kind::Prefix,
        Kind::Suffix,
        Kind::Regex,
        Kind::Present,
    ];
    let kind = *random.choice(&kinds).unwrap();
    let values: &[&str] = if kind == Kind::Regex {
        &["1|2", "A+", "[^1]*"]
    } else {
        &["1", "2", "1", "2", "A", "a1"]
    };
    Condition {
        name,
        kind,
        value: random.choice(values).unwrap(),
        is_inverted: may_invert && random.u8(..) < 60,
        is_case_sensitive: random.u8(..) > 60,
    }
}

/// A value for a header or a query parameter.
pub(super) fn value(random: &mut Rng) -> &'static str {
    random
        .choice(["1", "2", "1", "2", "A", "a", "A1", "a1", "3"])
        .unwrap()
}
