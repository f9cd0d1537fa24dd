//! What workloads declare, and the map that they make.

mod declared;
mod known;
mod laws;
mod mesh;
mod reading;
mod shares;

use nightjar_core::{
    document::discovery_map::{PathMatchType, Route},
    workload::{Defaults, Gateway, Service, Settings, Source, Warnings, Workload},
};

/// Who the tests' workloads are.
const WHO: &str = "arn:aws:ecs:eu-west-1:123456789012:task/mesh/1";

/// What a service has to say in any case.
const IDENTITY: [(&str, &str); 4] = [
    ("NJ_PROXY_MODE", "service"),
    ("NJ_NAMESPACE", "n1"),
    ("NJ_SERVICE", "shop"),
    ("NJ_COLOR", "blue"),
];

fn tags(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::new();
    settings.add(&Source::new("task tag"), pairs.iter().copied());
    settings
}

fn read(settings: &Settings) -> (Option<Workload>, Vec<String>) {
    let mut warnings = Warnings::new();
    let workload = Workload::read(settings, &Defaults::default(), WHO, &mut warnings);
    (workload, lines(&warnings))
}

/// Warnings as a log shows them, the workload's name left out.
fn lines(warnings: &Warnings) -> Vec<String> {
    let all = warnings.iter();
    all.map(|warning| warning.to_string().replace(WHO, "…"))
        .collect()
}

/// A service by its settings, identity aside, and what is wrong with them.
fn service(pairs: &[(&str, &str)]) -> (Service, Vec<String>) {
    service_of(&tags(&[&IDENTITY, pairs].concat()))
}

fn service_of(settings: &Settings) -> (Service, Vec<String>) {
    match read(settings) {
        (Some(Workload::Service(service)), warnings) => (service, warnings),
        other => panic!("no service: {other:?}"),
    }
}

fn gateway(pairs: &[(&str, &str)]) -> (Gateway, Vec<String>) {
    let identity = [("NJ_PROXY_MODE", "Gateway"), ("NJ_NAMESPACE", "n1")];
    match read(&tags(&[&identity, pairs].concat())) {
        (Some(Workload::Gateway(gateway)), warnings) => (gateway, warnings),
        other => panic!("no gateway: {other:?}"),
    }
}

/// Routes in a few words: type, path, weight, access.
fn told(routes: &[Route]) -> Vec<String> {
    let tell = |route: &Route| {
        let kind = match route.path_match.match_type() {
            PathMatchType::Exact => "exact",
            PathMatchType::Prefix => "prefix",
            PathMatchType::Regex => "regex",
        };
        let access = if route.default_access {
            "public"
        } else {
            "private"
        };
        format!(
            "{kind} {} {} {access}",
            route.path_match.text(),
            route.weight
        )
    };
    routes.iter().map(tell).collect()
}
