//! Who sends a request, and the request, as a person writes them.

use nightjar_core::{
    context::ProxyRole,
    document::discovery_map::Name,
    routing::{Caller, Request},
};
use std::str::FromStr;

/// `NAMESPACE/SERVICE/COLOR`, or `gateway:NAMESPACE`.
#[derive(Debug, Clone)]
pub(crate) struct From {
    namespace: Name,
    role: ProxyRole,
}

impl FromStr for From {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = |text: &str| text.parse::<Name>();
        if let Some(namespace) = text.strip_prefix("gateway:") {
            return Ok(Self {
                namespace: name(namespace)?,
                role: ProxyRole::Gateway,
            });
        }
        let parts: Vec<&str> = text.split('/').collect();
        let [namespace, service, color] = parts.as_slice() else {
            return Err("neither NAMESPACE/SERVICE/COLOR nor gateway:NAMESPACE".to_owned());
        };
        Ok(Self {
            namespace: name(namespace)?,
            role: ProxyRole::Service {
                service: name(service)?.to_string(),
                color: name(color)?.to_string(),
            },
        })
    }
}

impl From {
    /// The caller of a namespace; of the own one if none is given.
    pub(crate) fn calling(self, to: Option<&Name>) -> Caller {
        Caller {
            namespace: self.namespace.to_string(),
            role: self.role,
            to: to.map(ToString::to_string),
        }
    }
}

/// `NAME: VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct Header(String, String);

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once(':')
            .filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace))
            .ok_or("not `NAME: VALUE`")?;
        Ok(Self(name.to_owned(), value.trim().to_owned()))
    }
}

/// The host of a request that names none.
const HOST: &str = "localhost";

/// A request from its method, its path or URL, and its headers.
pub(crate) fn request(method: &str, path: &str, headers: &[Header]) -> Request {
    let (mut authority, target) = match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, target) = rest.split_at(end);
            let slash = if target.starts_with('/') { "" } else { "/" };
            (Some(authority.to_owned()), format!("{slash}{target}"))
        }
        _ => (None, path.to_owned()),
    };
    let mut others = Vec::new();
    for Header(name, value) in headers {
        if name.eq_ignore_ascii_case("host") {
            authority.get_or_insert_with(|| value.clone());
        } else {
            others.push((name.clone(), value.clone()));
        }
    }
    Request {
        method: method.to_owned(),
        authority: authority.unwrap_or_else(|| HOST.to_owned()),
        target,
        headers: others,
    }
}
