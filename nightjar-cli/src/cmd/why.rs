//! `nightjar why`

mod places;

use crate::{
    ExitStatus, Usage,
    caller::{Header, request},
    cmd::route,
    format::Format,
    input, output,
    proxy::Proxy,
    proxy_templates::ProxyTemplates,
};
use nightjar_core::{
    access_log::{Line, flag, text_of_json},
    document::discovery_map::{DiscoveryMap, Name},
    routing::{self, Answer},
};
use places::Place;
use serde::Serialize;

/// Explain a line of the access log, or what becomes of a request
#[derive(clap::Args)]
#[command(after_help = "\
With the options of the proxy, the route and the cluster are told, and where they stand in the files that
`nightjar render` makes. The answer is that of the shipped templates; templates of your own may decide otherwise. An
access log line has neither host, query nor headers.

Example:
  nightjar why '[2026-11-26T21:12:05.016Z] 10.0.0.7:51184 > 10.0.0.8:8080 \"GET /b HTTP/1.1\" 503 UH 0ms in=0 out=19 to=c-shop-blue-1@- id=-'

  nightjar why --discovery-map map.json --mode gateway --namespace store --listen-port 8080 \\
      GET http://shop.example/stock/7

  nightjar why --discovery-map map.json --mode gateway --namespace store --listen-port 8080 \\
      --templates templates/ --format json GET /stock/7")]
pub(crate) struct Why {
    #[command(flatten)]
    proxy: Option<Proxy>,
    #[command(flatten)]
    templates: ProxyTemplates,
    /// The namespace that is called; of a line, its port tells
    #[arg(long, value_name = "NS")]
    to: Option<Name>,
    /// A line of the access log, or a method and a path or URL
    #[arg(value_name = "LINE | METHOD URL", num_args = 1..=2, required = true)]
    what: Vec<String>,
    /// A header of the request; several may be given
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is said of a request.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    method: String,
    path: String,
    /// What the line says besides.
    logged: Option<Logged>,
    /// What `nightjar route` answers; `null` without the options of the proxy.
    answer: Option<Answer>,
    /// Where the route and its clusters stand in the rendered files.
    places: Vec<Place>,
    /// How many routes of hooks come before those of the map, and may take the request.
    hook_routes: usize,
}

/// A line of the access log.
#[derive(Serialize)]
struct Logged {
    status: String,
    flags: Vec<Flag>,
    cluster: Option<String>,
    endpoint: Option<String>,
}

#[derive(Serialize)]
struct Flag {
    flag: String,
    meaning: &'static str,
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
        let (method, path) = match (&line, what.as_slice()) {
            (Some(line), _) => (line.method, line.path),
            (None, [method, path]) => (method.as_str(), path.as_str()),
            (None, _) => return Err(Usage("give METHOD and URL".to_owned()).into()),
        };
        let mut report = Report {
            method: method.to_owned(),
            path: path.to_owned(),
            logged: line.as_ref().map(Logged::of),
            answer: None,
            places: Vec::new(),
            hook_routes: 0,
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
                let found = places::find(&input, &answer, &self.templates.files(&input)?);
                let shipped = places::find(&input, &answer, &ProxyTemplates::shipped(&input)?);
                report.hook_routes = found.routes_before.saturating_sub(shipped.routes_before);
                report.places = found.places;
                report.answer = Some(answer);
            }
            None if line.is_none() => {
                let message = "METHOD URL needs --discovery-map and the options of the proxy";
                return Err(Usage(message.to_owned()).into());
            }
            None => {}
        }
        match self.format {
            Format::Text => output::lines(report.lines())?,
            Format::Json => output::json(&report)?,
        }
        Ok(ExitStatus::Success)
    }
}

impl Report {
    fn lines(&self) -> Vec<String> {
        let logged = self.logged.iter();
        let mut lines: Vec<String> = logged
            .flat_map(|logged| logged.lines(&self.method, &self.path))
            .collect();
        lines.extend(self.answer.iter().flat_map(route::lines));
        let places = self.places.iter();
        lines.extend(places.map(|place| format!("file:     {place}")));
        if self.hook_routes > 0 {
            let count = output::counted(self.hook_routes, "route");
            lines.push(format!(
                "note:     {count} of your templates come first, and may take the request"
            ));
        }
        lines
    }
}

impl Logged {
    fn of(line: &Line<'_>) -> Self {
        let flags = line.flags.iter().map(|name| Flag {
            flag: (*name).to_owned(),
            meaning: flag(name).unwrap_or("not a flag that this version knows"),
        });
        Self {
            status: line.status.to_owned(),
            flags: flags.collect(),
            cluster: line.cluster.map(ToOwned::to_owned),
            endpoint: line.endpoint.map(ToOwned::to_owned),
        }
    }

    /// What a line says by itself.
    fn lines(&self, method: &str, path: &str) -> Vec<String> {
        let mut lines = vec![format!("{method} {path}: {}", self.status)];
        lines.extend(
            self.flags
                .iter()
                .map(|Flag { flag, meaning }| format!("{flag:9} {meaning}")),
        );
        let is_not_found = self.flags.iter().any(|flag| flag.flag == "NR");
        lines.push(match (&self.cluster, &self.endpoint) {
            (Some(cluster), Some(endpoint)) => format!("sent to   {endpoint} of cluster {cluster}"),
            (Some(cluster), None) => format!("sent to   no endpoint of cluster {cluster}"),
            (None, _) if is_not_found => "sent to   nobody".to_owned(),
            (None, _) => {
                "sent to   nobody: the proxy answered itself (a denied route, a path it refuses \
                          or redirects, or a redirect, limit or fault by a property)"
                    .to_owned()
            }
        });
        lines
    }
}
