//! Which path is answered how.
//!
//! | path | answer |
//! |---|---|
//! | `/`, `/who` | who answers: `{"service", "color", "port"}` |
//! | `/key/<k>` | `{"value": …}` of a key in `KEYS` |
//! | `/forward/<k>` | what `<K>_URL` answers: its status, content type and body; 502 if it cannot be reached |
//! | `/delay/<ms>` | who answers, after that many milliseconds |
//! | `/status/<code>` | that status |
//! | `/echo` | the request as it came in: method, path, query, HTTP version, headers, body |
//! | `/flaky/<n>`, `/flaky/<n>/<key>` | 503 the first n times, 200 from then on, counted for each path |
//!
//! All other paths are 404. All bodies are JSON, and all of this is also there below `PATH_PREFIX`.
//!
//! Every response carries `x-sample-service: <name>-<color>` and `x-sample-path`, the path and query
//! exactly as they came in.

use crate::{
    forward::{self, Answer},
    settings::Settings,
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, Response, StatusCode, Version,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, error::Error, sync::Mutex, time::Duration};

/// The response header that says who answered.
const WHO_HEADER: &str = "x-sample-service";
/// The response header that says what was asked for, every escape as it was.
const PATH_HEADER: &str = "x-sample-path";
/// How much of a request body `/echo` takes.
const ECHO_LIMIT: usize = 1 << 20;

/// The service's state while it runs.
pub(crate) struct Answers {
    settings: Settings,
    port: u16,
    attempts: Mutex<HashMap<String, u64>>,
}

impl Answers {
    /// A service that listens on `port`, which `settings` may have left open.
    pub(crate) fn new(settings: Settings, port: u16) -> Self {
        Self {
            settings,
            port,
            attempts: Mutex::default(),
        }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Answer {
        let target = request.uri().path_and_query();
        let target = target.map_or("*", |target| target.as_str());
        let target = HeaderValue::from_bytes(target.as_bytes()).ok();
        let mut answer = self.route(request).await;
        let headers = answer.headers_mut();
        headers.insert(WHO_HEADER, self.settings.member.clone());
        headers.extend(target.map(|target| (HeaderName::from_static(PATH_HEADER), target)));
        answer
    }

    async fn route(&self, request: Request<Incoming>) -> Answer {
        let path = self.without_prefix(request.uri().path()).to_owned();
        let (verb, rest) = path
            .trim_start_matches('/')
            .split_once('/')
            .unwrap_or((path.trim_start_matches('/'), ""));
        match (verb, rest) {
            ("" | "who", "") => self.who(),
            ("key", key) => self.key(key),
            ("forward", key) => self.forward(key).await,
            ("delay", text) => self.delay(text).await,
            ("status", text) => status(text),
            ("echo", "") => echo(request).await,
            ("flaky", rest) => self.flaky(rest),
            _ => failure(
                StatusCode::NOT_FOUND,
                &format!("there is nothing at {path}"),
            ),
        }
    }

    /// The path as it would be without `PATH_PREFIX`; `/nestle` is not below `/nest`.
    fn without_prefix<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(&self.settings.prefix) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    fn who(&self) -> Answer {
        let Settings { name, color, .. } = &self.settings;
        let who = json!({"service": name, "color": color, "port": self.port});
        json_answer(StatusCode::OK, &who)
    }

    fn key(&self, key: &str) -> Answer {
        match self.settings.keys.get(key) {
            Some(value) => json_answer(StatusCode::OK, &json!({"value": value})),
            None => failure(StatusCode::NOT_FOUND, &format!("no key {key:?} in KEYS")),
        }
    }

    async fn forward(&self, key: &str) -> Answer {
        match self.settings.forwards.get(key) {
            Some(url) => forward::get(url).await.unwrap_or_else(|error| {
                failure(
                    StatusCode::BAD_GATEWAY,
                    &format!("GET {url} failed: {error}"),
                )
            }),
            None => failure(
                StatusCode::NOT_FOUND,
                &format!("no key {key:?} in FORWARD_KEYS"),
            ),
        }
    }

    async fn delay(&self, text: &str) -> Answer {
        let Ok(milliseconds) = text.parse() else {
            return failure(StatusCode::BAD_REQUEST, "needs a number of milliseconds");
        };
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        self.who()
    }

    fn flaky(&self, rest: &str) -> Answer {
        let Ok(failures) = rest.split('/').next().unwrap_or_default().parse::<u64>() else {
            return failure(StatusCode::BAD_REQUEST, "needs a number of failures");
        };
        let attempt = {
            let mut attempts = self
                .attempts
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            let attempt = attempts.entry(rest.to_owned()).or_default();
            *attempt += 1;
            *attempt
        };
        let status = if attempt <= failures {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        };
        json_answer(status, &json!({"attempt": attempt}))
    }
}

fn status(text: &str) -> Answer {
    // Below 200 are statuses that announce another response, which is never made.
    match text.parse::<u16>().map(StatusCode::from_u16) {
        Ok(Ok(status)) if status.as_u16() >= 200 => {
            json_answer(status, &json!({"status": status.as_u16()}))
        }
        _ => failure(StatusCode::BAD_REQUEST, "needs a status from 200 to 999"),
    }
}

async fn echo(request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, ECHO_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return refused_body(error.as_ref()),
    };
    let echo = json!({
        "method": head.method.as_str(),
        "path": head.uri.path(),
        "query": head.uri.query(),
        "version": version(head.version),
        "headers": headers(&head.headers),
        "body": String::from_utf8_lossy(&body),
    });
    json_answer(StatusCode::OK, &echo)
}

fn refused_body(error: &(dyn Error + Send + Sync + 'static)) -> Answer {
    failure(
        StatusCode::BAD_REQUEST,
        &format!("cannot read the request's body: {error}"),
    )
}

fn version(version: Version) -> &'static str {
    if version == Version::HTTP_2 {
        "HTTP2"
    } else {
        "HTTP1.1"
    }
}

/// Headers as an object; the values of a repeated header are joined by `, `.
fn headers(headers: &HeaderMap) -> Value {
    let mut object = Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        object.insert(name.to_string(), values.join(", ").into());
    }
    object.into()
}

fn failure(status: StatusCode, error: &str) -> Answer {
    json_answer(status, &json!({"error": error}))
}

fn json_answer(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::from(format!("{body}\n")));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
