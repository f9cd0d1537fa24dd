//! `nightjar status`

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use crate::{
    ExitStatus,
    color::{Color, Paint},
    format::Format,
    output,
};
use anyhow::Context as _;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use nightjar_core::report::printable;
use serde::Serialize;
use std::time::{Duration, SystemTime};
use tokio::{net::TcpStream, time::timeout};

/// How long one proxy may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The most that is read of one answer.
const LARGEST_ANSWER: usize = 4 << 20;

/// Show proxies at a glance, from their status ports
#[derive(clap::Args)]
#[command(after_help = "\
The exit code is 1 if one of them is not ready or does not answer.

Example:
  nightjar status 10.0.0.7:9902 10.0.0.8:9902
  nightjar status --format json http://127.0.0.1:9902")]
pub(crate) struct Status {
    /// Where status is served (NJ_STATUS_PORT of a proxy or of nightjar-central)
    #[arg(value_name = "URL", required = true)]
    urls: Vec<String>,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What is known of one proxy.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    url: String,
    /// `namespace/service/color` or `gateway:namespace`.
    proxy: Option<String>,
    ready: bool,
    /// What it says of itself, or why it says nothing.
    says: Vec<String>,
    map_version: Option<String>,
    templates_version: Option<String>,
    envoy_version: Option<String>,
    /// Seconds since its last refresh that did not fail.
    last_success_seconds_ago: Option<u64>,
}

impl Status {
    pub(crate) fn run(self) -> anyhow::Result<ExitStatus> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let rows = runtime.block_on(async {
            let asked = self.urls.into_iter().map(|url| tokio::spawn(row(url)));
            let mut rows = Vec::new();
            for row in asked.collect::<Vec<_>>() {
                rows.push(row.await?);
            }
            anyhow::Ok(rows)
        })?;
        let is_good = rows.iter().all(|row| row.ready);
        match self.format {
            Format::Text => output::lines(lines(&rows, Paint::for_output()))?,
            Format::Json => output::json(&rows)?,
        }
        Ok(if is_good {
            ExitStatus::Success
        } else {
            ExitStatus::Findings
        })
    }
}

async fn row(url: String) -> Row {
    let address = url.strip_prefix("http://").unwrap_or(&url);
    let address = address.split('/').next().unwrap_or_default().to_owned();
    let (ready, metrics) = tokio::join!(get(&address, "/ready"), get(&address, "/metrics"));
    let metrics = metrics.map_or(String::new(), |(_, text)| text);
    let (ready, says) = match ready {
        Ok((status, text)) => (status == 200, text),
        Err(error) => (false, format!("no answer: {error:#}")),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0.0, |now| now.as_secs_f64());
    let success = value(&metrics, "nightjar_last_success_timestamp_seconds")
        .filter(|at| *at > 0.0)
        .and_then(|at| Duration::try_from_secs_f64(now - at).ok());
    Row {
        url,
        proxy: label(&metrics, "nightjar_proxy_info"),
        ready,
        says: says
            .lines()
            .map(|line| printable(line).into_owned())
            .collect(),
        map_version: label(&metrics, "nightjar_map_in_force_info")
            .or_else(|| label(&metrics, "nightjar_discovery_map_info")),
        templates_version: label(&metrics, "nightjar_templates_in_force_info"),
        envoy_version: label(&metrics, "nightjar_envoy_info"),
        last_success_seconds_ago: success.map(|ago| ago.as_secs()),
    }
}

/// The status code and the text of an answer.
async fn get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let asked = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let request = Request::get(path).header("host", address);
        let answer = sender
            .send_request(request.body(Empty::<Bytes>::new())?)
            .await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    let limit = ANSWER_TIMEOUT.as_secs();
    timeout(ANSWER_TIMEOUT, asked)
        .await
        .with_context(|| format!("nothing came within {limit} s"))?
}

/// The samples of a metric: their labels and values.
fn samples<'a>(metrics: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let rest = metrics
        .lines()
        .filter_map(move |line| line.strip_prefix(name));
    rest.filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit_once(' '))
}

fn value(metrics: &str, name: &str) -> Option<f64> {
    samples(metrics, name).next()?.1.parse().ok()
}

/// The value of the only label of a metric.
fn label(metrics: &str, name: &str) -> Option<String> {
    let (labels, _) = samples(metrics, name).next()?;
    let text = labels.split_once("=\"")?.1.strip_suffix("\"}")?;
    (!text.is_empty()).then(|| printable(text).into_owned())
}

fn lines(rows: &[Row], paint: Paint) -> Vec<String> {
    let cells = rows.iter().map(|row| {
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let ago = row.last_success_seconds_ago;
        [
            printable(&row.url).into_owned(),
            known(&row.proxy),
            if row.ready { "yes" } else { "no" }.to_owned(),
            known(&row.map_version),
            known(&row.templates_version),
            known(&row.envoy_version),
            ago.map_or_else(|| "-".to_owned(), |ago| format!("{ago} s ago")),
        ]
    });
    let titles = [
        "URL",
        "PROXY",
        "READY",
        "MAP",
        "TEMPLATES",
        "ENVOY",
        "LAST SUCCESS",
    ];
    let mut lines = Vec::new();
    for (number, text) in output::table(titles, cells).into_iter().enumerate() {
        let row = number.checked_sub(1).and_then(|row| rows.get(row));
        let says = row.map_or(&[][..], |row| &row.says);
        let is_bad = row.is_some_and(|row| !row.ready);
        lines.push(if is_bad {
            paint.paint(Color::Red, &text)
        } else {
            text
        });
        let remarks = says.iter().filter(|line| *line != "ready");
        lines.extend(remarks.map(|line| format!("  {line}")));
    }
    lines
}
