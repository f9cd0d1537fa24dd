//! Redirects: where a route sends a caller instead of a service.

use super::{path::Target, request::Request};
use crate::document::proxy_input::{Redirect, Route};
use regex::{NoExpand, Regex};

/// The scheme of a request that comes without TLS.
const SCHEME: &str = "http";

/// The value of the header `location`, as Envoy makes it.
pub(super) fn location(route: &Route, redirect: &Redirect, request: &Request) -> Option<String> {
    let target = Target::new(&request.target).ok()?;
    let scheme = if redirect.has_scheme {
        &redirect.scheme
    } else {
        SCHEME
    };
    let host = if redirect.has_host {
        &redirect.host
    } else if scheme == SCHEME {
        &request.authority
    } else {
        // The port that the old scheme has anyway.
        let authority = &request.authority;
        authority.strip_suffix(":80").unwrap_or(authority)
    };
    let path = path(route, redirect, &target.path);
    let query = target.query.map(|query| format!("?{query}"));
    let query = query.unwrap_or_default();
    Some(format!("{scheme}://{host}{path}{query}"))
}

fn path(route: &Route, redirect: &Redirect, path: &str) -> String {
    if !redirect.has_path {
        return path.to_owned();
    }
    if !route.path_is_prefix {
        return redirect.path.clone();
    }
    let case = if route.path_is_case_sensitive {
        ""
    } else {
        "(?i)"
    };
    match Regex::new(&format!("^{case}{}", route.path_pattern)) {
        Ok(prefix) => prefix.replace(path, NoExpand(&redirect.path)).into_owned(),
        Err(_) => path.to_owned(),
    }
}
