//! Preflight requests: what a browser asks before it lets a page of another origin send a request.

use super::request::Request;
use crate::document::proxy_input::Route;

/// Whether Envoy answers a request in place of a route: a preflight request of an origin that the route allows.
pub(super) fn is_answered_preflight(route: &Route, request: &Request) -> bool {
    let header = |name: &str| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    let (Some(cors), Some(origin)) = (&route.cors, header("origin")) else {
        return false;
    };
    request.method == "OPTIONS"
        && header("access-control-request-method").is_some()
        && cors
            .origins
            .iter()
            .any(|allowed| allowed.origin == "*" || allowed.origin == origin)
}
