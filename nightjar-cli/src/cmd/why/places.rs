//! Places: where a route and its clusters stand in the rendered files.

use nightjar_core::{
    document::proxy_input::{Listener, ProxyInput, Route},
    envoy::Files,
    routing::Answer,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt;

/// A line of a file, and what stands there.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    file: String,
    /// From 1.
    line: usize,
    what: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what } = self;
        write!(f, "{file}, line {line}: {what}")
    }
}

/// What was found in the files.
#[derive(Default)]
pub(super) struct Found {
    pub(super) places: Vec<Place>,
    /// How many routes stand before those of the map.
    pub(super) routes_before: usize,
}

/// A file of routes, as far as its routes are looked for.
#[derive(Deserialize)]
struct RouteFile<'a> {
    #[serde(borrow)]
    resources: Vec<RouteConfiguration<'a>>,
}

#[derive(Deserialize)]
struct RouteConfiguration<'a> {
    name: String,
    #[serde(borrow, alias = "virtualHosts")]
    virtual_hosts: Vec<VirtualHost<'a>>,
}

#[derive(Deserialize)]
struct VirtualHost<'a> {
    #[serde(borrow)]
    routes: Vec<&'a RawValue>,
}

/// Finds the route of an answer and its clusters. In files of templates of one's own they may be out of
/// sight, and then nothing is said of them.
pub(super) fn find(input: &ProxyInput, answer: &Answer, files: &Files) -> Found {
    let found = answer.route.as_ref();
    let listener = found.and_then(|found| {
        let mut listeners = input.listeners.iter();
        listeners.find(|listener| listener.name == found.listener)
    });
    let position = found.and_then(|found| found.position);
    let (Some(listener), Some(position)) = (listener, position) else {
        return Found::default();
    };
    let Some(route) = listener.routes.get(position - 1) else {
        return Found::default();
    };
    let found = files
        .iter()
        .find_map(|(name, text)| place_of_route(name, text, listener, position, route));
    let (place, routes_before) = found.map_or((None, 0), |(place, before)| (place, before));
    let served = Some(route).filter(|route| route.redirect.is_none());
    let clusters = served.into_iter().flat_map(|route| &route.clusters);
    let clusters = clusters.filter_map(|cluster| place_of_cluster(&cluster.cluster_name, files));
    Found {
        places: place.into_iter().chain(clusters).collect(),
        routes_before,
    }
}

/// Where the route stands if this is the file of its listener, and how many come before those of the map,
/// which are the last.
fn place_of_route(
    file: &str,
    text: &str,
    listener: &Listener,
    position: usize,
    route: &Route,
) -> Option<(Option<Place>, usize)> {
    let port = listener.mesh_port;
    let read: RouteFile<'_> = serde_json::from_str(text).ok()?;
    let is_meant =
        |name: &str| file == format!("rds-{port}.json") || name == format!("routes-{port}");
    let mut all = read.resources.into_iter();
    let routes = all.find(|all| is_meant(&all.name))?.virtual_hosts;
    let routes = routes.into_iter().next()?.routes;
    let before = routes.len().checked_sub(listener.routes.len())?;
    let item = routes.get(before + position - 1)?.get();
    if !compares(item, route) {
        return Some((None, before));
    }
    let start = item.as_ptr().addr() - text.as_ptr().addr();
    let at = start + item.find("\"match\"").unwrap_or_default();
    let lines = text.get(..at)?.matches('\n').count();
    let place = Place {
        file: file.to_owned(),
        line: lines + 1,
        what: "the route".to_owned(),
    };
    Some((Some(place), before))
}

/// Whether a rendered route is for the path of the context's route.
fn compares(item: &str, route: &Route) -> bool {
    let mut paths = [&route.route_path, &route.path_pattern].into_iter();
    paths.any(|path| {
        let quoted = serde_json::Value::from(path.as_str()).to_string();
        item.contains(quoted.trim_matches('"'))
    })
}

fn place_of_cluster(cluster: &str, files: &Files) -> Option<Place> {
    let wanted = format!("\"name\": \"{cluster}\",");
    files.iter().find_map(|(file, text)| {
        let mut lines = text.lines();
        let line = lines.position(|line| line.trim_start() == wanted)?;
        Some(Place {
            file: file.clone(),
            line: line + 1,
            what: format!("cluster {cluster}"),
        })
    })
}
