//! `nightjar why`

use crate::{
    ExitStatus, Usage,
    caller::{Header, request},
    cmd::route,
    input, output,
    proxy::Proxy,
    proxy_templates,
};
use nightjar_core::{
    access_log::{Line, flag, text_of_json},
    document::{discovery_map::DiscoveryMap, discovery_map::Name, proxy_input::ProxyInput},
    envoy::Files,
    routing::{self, Answer},
};

/// Explain a line of the access log, or what becomes of a request
#[derive(clap::Args)]
#[command(after_help = "\
With the options of the proxy, the route and the cluster are told, and where they stand in the files that
`nightjar render` makes of the shipped templates. An access log line has neither host, query nor headers.

Example:
  nightjar why '[2026-11-26T21:12:05.016Z] 10.0.0.7:51184 > 10.0.0.8:8080 \"GET /b HTTP/1.1\" 503 UH 0ms in=0 out=19 to=c-shop-blue-1@- id=-'

  nightjar why --discovery-map map.json --mode gateway --namespace store --listen-port 8080 \\
      GET http://shop.example/stock/7")]
pub(crate) struct Why {
    #[command(flatten)]
    proxy: Option<Proxy>,
    /// The namespace that is called; of a line, its port tells
    #[arg(long, value_name = "NS")]
    to: Option<Name>,
    /// A line of the access log, or a method and a path or URL
    #[arg(value_name = "LINE | METHOD URL", num_args = 1..=2, required = true)]
    what: Vec<String>,
    /// A header of the request; several may be given
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
}

impl Why {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let in_text = |word: String| text_of_json(&word).unwrap_or(word);
        let what: Vec<String> = self.what.into_iter().map(in_text).collect();
        let line = match what.as_slice() {
            [text] => Some(Line::read(text).ok_or_else(|| {
                Usage("neither METHOD URL nor a line of the shipped access log".to_owned())
            })?),
            _ => None,
        };
        let mut lines: Vec<String> = line.iter().flat_map(explained).collect();
        let (method, path) = match (&line, what.as_slice()) {
            (Some(line), _) => (line.method, line.path),
            (None, [method, path]) => (method.as_str(), path.as_str()),
            (None, _) => return Err(Usage("give METHOD and URL".to_owned()).into()),
        };
        match self.proxy {
            Some(proxy) => {
                let map: DiscoveryMap = input::document(proxy.map())?;
                let mut caller = proxy.caller();
                let input = proxy.input()?;
                let port = line.as_ref().and_then(|line| line.port);
                let mut listeners = input.listeners.iter();
                let listener = listeners.find(|listener| Some(listener.mesh_port) == port);
                let by_port = listener.map(|listener| listener.namespace.clone());
                caller.to = self.to.map(|name| name.to_string()).or(by_port);
                let answer = routing::answer(&map, &caller, &request(method, path, &self.headers))?;
                lines.extend(route::lines(&answer));
                lines.extend(places(&input, &answer)?);
            }
            None if line.is_none() => {
                let message = "METHOD URL needs --discovery-map and the options of the proxy";
                return Err(Usage(message.to_owned()).into());
            }
            None => {}
        }
        output::lines(lines)?;
        Ok(ExitStatus::Success)
    }
}

/// The routes of the shipped template itself, which come before those of the context.
const OWN_ROUTES: usize = 2;

/// What a line says by itself.
fn explained(line: &Line<'_>) -> Vec<String> {
    let mut lines = vec![format!("{} {}: {}", line.method, line.path, line.status)];
    lines.extend(line.flags.iter().map(|name| {
        let meaning = flag(name).unwrap_or("not a flag that this version knows");
        format!("{name:9} {meaning}")
    }));
    lines.push(match (line.cluster, line.endpoint) {
        (Some(cluster), Some(endpoint)) => format!("sent to   {endpoint} of cluster {cluster}"),
        (Some(cluster), None) => format!("sent to   no endpoint of cluster {cluster}"),
        (None, _) if line.flags.contains(&"NR") => "sent to   nobody".to_owned(),
        (None, _) => "sent to   nobody: the proxy answered itself (a denied route, or a path it \
                      refuses or redirects)"
            .to_owned(),
    });
    lines
}

/// Where the route and its clusters stand in the rendered files.
fn places(input: &ProxyInput, answer: &Answer) -> anyhow::Result<Vec<String>> {
    let files = proxy_templates::shipped(input)?;
    let found = answer.route.as_ref();
    let listener = found.and_then(|found| {
        let mut listeners = input.listeners.iter();
        listeners.find(|listener| listener.name == found.listener)
    });
    let position = found.and_then(|found| found.position);
    let (Some(listener), Some(position)) = (listener, position) else {
        return Ok(Vec::new());
    };
    let name = format!("rds-{}.json", listener.mesh_port);
    let text = files.get(&name).map_or("", String::as_str);
    let mut matches = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.trim_start().starts_with("\"match\": {"));
    let mut places: Vec<String> = matches
        .nth(OWN_ROUTES + position - 1)
        .map(|(line, _)| format!("file:     {name}, line {}: the route", line + 1))
        .into_iter()
        .collect();
    let route = listener.routes.get(position - 1);
    let clusters = route.into_iter().flat_map(|route| &route.clusters);
    let clusters = clusters.filter_map(|cluster| place_of(&cluster.cluster_name, &files));
    places.extend(clusters);
    Ok(places)
}

fn place_of(cluster: &str, files: &Files) -> Option<String> {
    const CLUSTERS: &str = "cds.json";
    let wanted = format!("\"name\": \"{cluster}\",");
    let mut lines = files.get(CLUSTERS)?.lines();
    let line = lines.position(|line| line.trim_start() == wanted)? + 1;
    Some(format!(
        "file:     {CLUSTERS}, line {line}: cluster {cluster}"
    ))
}
