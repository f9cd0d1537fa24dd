//! `nightjar route`

use crate::{
    ExitStatus,
    caller::{From, Header, request},
    format::Format,
    input, output,
};
use nightjar_core::{
    document::discovery_map::{DiscoveryMap, Name},
    routing::{self, Answer, Declared, FoundRoute, Outcome},
};
use std::path::PathBuf;

/// Tell which service-colors answer a request, with what share, and why
#[derive(clap::Args)]
#[command(after_help = "\
The answer is that of an Envoy on the files of the shipped templates. The exit code is 0 whatever it is.

Example:
  nightjar route --discovery-map map.json --from store/shop/blue GET /stock/7
  nightjar route --discovery-map map.json --from gateway:store \\
      GET 'http://shop.example/admin/?page=2'
  nightjar route --discovery-map map.json --from store/shop/blue --to bank \\
      POST /pay -H 'x-version: 2'
  nightjar route --discovery-map map.json --from gateway:store --format json GET /")]
pub(crate) struct Route {
    /// The discovery map; - is standard input
    #[arg(long, value_name = "FILE")]
    discovery_map: PathBuf,
    /// Who sends it: a service-color by its sidecar, or anybody by a gateway
    #[arg(long, value_name = "NS/SERVICE/COLOR|gateway:NS")]
    from: From,
    /// The namespace that is called; the caller's own if not given
    #[arg(long, value_name = "NS")]
    to: Option<Name>,
    /// The method
    #[arg(value_name = "METHOD")]
    method: String,
    /// The path with its query, or a URL
    #[arg(value_name = "PATH")]
    path: String,
    /// A header; several may be given. `host` is the host that is asked
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Header>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Route {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let map: DiscoveryMap = input::document(&self.discovery_map)?;
        let request = request(&self.method, &self.path, &self.headers);
        let answer = routing::answer(&map, &self.from.calling(self.to.as_ref()), &request)?;
        match self.format {
            Format::Text => output::lines(lines(&answer))?,
            Format::Json => output::json(&answer)?,
        }
        Ok(ExitStatus::Success)
    }
}

/// The answer in lines.
pub(crate) fn lines(answer: &Answer) -> Vec<String> {
    let mut lines = vec![headline(answer)];
    let route = answer.route.as_ref();
    lines.extend(answer.path.iter().map(|path| format!("path:     {path}")));
    lines.extend(route.map(|route| format!("route:    {}", described(route))));
    lines.push(format!("because:  {}", answer.because));
    lines.extend(route.iter().flat_map(|route| &route.declared).map(origin));
    lines
}

fn headline(answer: &Answer) -> String {
    let members = answer.members.iter().map(|member| {
        let share = percent(member.share);
        let (namespace, service, color) = (&member.namespace, &member.service, &member.color);
        format!("{namespace}/{service}/{color} {share}")
    });
    match answer.outcome {
        Outcome::Served => format!("served by {}", members.collect::<Vec<_>>().join(", ")),
        Outcome::Denied => "denied (404)".to_owned(),
        Outcome::NotFound => "not found (404)".to_owned(),
        Outcome::Unavailable => "unavailable (503)".to_owned(),
        Outcome::Redirected => match &answer.location {
            Some(location) => format!("redirected to {location}"),
            None => "redirected by the proxy".to_owned(),
        },
        Outcome::Answered => "answered by the proxy itself".to_owned(),
    }
}

/// A share in words.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn described(route: &FoundRoute) -> String {
    format!("{}, in listener {}", route.text, route.listener)
}

fn origin(declared: &Declared) -> String {
    let access = if declared.reachable {
        ""
    } else {
        ", private to this caller"
    };
    let endpoints = if declared.endpoints == 1 {
        "endpoint"
    } else {
        "endpoints"
    };
    format!(
        "          {}/{}/{} index {}: weight {}, {} {endpoints}{access}, {}",
        declared.namespace,
        declared.service,
        declared.color,
        declared.index,
        declared.weight,
        declared.endpoints,
        declared.pointer
    )
}
