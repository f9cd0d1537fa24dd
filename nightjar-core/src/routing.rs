//! What becomes of a request: who answers it, with what share, by which route of the map, or who
//! denies it. Pure, on the context that a proxy renders its files from.
//!
//! The answers are those of an Envoy that runs on the files of the shipped templates. Templates of
//! somebody's own may decide otherwise.

mod answer;
mod asked;
mod found;
mod path;
mod preflight;
mod redirect;
mod request;
mod words;

pub use answer::{Answer, Caller, Declared, FoundRoute, Member, Outcome, RoutingError};
pub use asked::answer;
pub use request::Request;
pub use words::described;

use crate::document::proxy_input::{Listener, ProxyInput};
use path::Target;
use request::Seen;

/// The path that every listener of the shipped templates answers itself.
pub(crate) const HEALTH_PATH: &str = "/___health_check___";

/// What one listener does with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The route at this position of the listener's takes it.
    Route(usize),
    /// No route takes it.
    NoRoute,
    /// It is a health check, which the listener answers.
    HealthCheck,
    /// Its path is slashes alone, and it is redirected to `/`.
    Redirected,
    /// It is refused with 400, for this reason.
    Refused(String),
}

/// What a listener of a proxy does with a request. Gives the path that routes are compared with too.
pub fn decide(
    proxy: &ProxyInput,
    listener: &Listener,
    request: &Request,
) -> (Decision, Option<String>) {
    let seen = match Seen::new(request, proxy) {
        Ok(seen) => seen,
        Err(reason) => return (Decision::Refused(reason), None),
    };
    let decision = if seen.target.full() == HEALTH_PATH {
        Decision::HealthCheck
    } else if request.method == "CONNECT" {
        Decision::NoRoute
    } else if seen.path == "//" {
        Decision::Redirected
    } else if hides_segments(&seen.target) {
        let reason = "path parameters (`;`) hide an empty or dot segment in its path";
        Decision::Refused(reason.to_owned())
    } else {
        let position = listener.routes.iter().position(|route| seen.meets(route));
        position.map_or(Decision::NoRoute, Decision::Route)
    };
    (decision, Some(seen.target.path))
}

/// Whether a path has segments that are empty or dots once path parameters are taken out of it.
fn hides_segments(target: &Target) -> bool {
    if !target.full().contains(';') {
        return false;
    }
    let path = target.compared();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        if matches!(segment, "." | "..") || (segment.is_empty() && !is_last) {
            return true;
        }
    }
    false
}
