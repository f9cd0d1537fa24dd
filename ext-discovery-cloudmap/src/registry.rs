//! Namespaces and services, as far as they matter.

use crate::error::DiscoveryError;
use aws_sdk_servicediscovery::types::{NamespaceSummary, ServiceSummary};
use nightjar_core::report::listed;
use std::{collections::BTreeSet, fmt};

/// A namespace of Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) name: String,
    arn: String,
    /// The name that calls for instances go by: another one if the name was used before.
    http_name: String,
    /// The account that shares it with this one. Calls then need ARNs instead of ids.
    owner: Option<String>,
}

impl Namespace {
    pub(crate) fn new(summary: &NamespaceSummary) -> Option<Self> {
        let name = summary.name()?;
        let http = summary.properties().and_then(|all| all.http_properties());
        let http_name = http.and_then(|http| http.http_name()).unwrap_or(name);
        Some(Self {
            id: summary.id()?.to_owned(),
            arn: summary.arn()?.to_owned(),
            name: name.to_owned(),
            http_name: http_name.to_owned(),
            owner: None,
        })
    }

    /// What calls know it by.
    pub(crate) fn handle(&self) -> &str {
        self.owner.as_ref().map_or(&self.id, |_| &self.arn)
    }
}

/// A service of Cloud Map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    id: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    /// How many instances it has, healthy or not, or had a moment ago.
    pub(crate) instances: Option<i32>,
    /// Whether its instances have a health of their own.
    pub(crate) has_health_check: bool,
    /// The namespace's name.
    pub(crate) namespace: String,
    pub(crate) http_namespace: String,
    pub(crate) owner: Option<String>,
}

impl Service {
    pub(crate) fn new(summary: &ServiceSummary, namespace: &Namespace) -> Option<Self> {
        let has_health_check = summary.health_check_config().is_some()
            || summary.health_check_custom_config().is_some();
        Some(Self {
            id: summary.id()?.to_owned(),
            name: summary.name()?.to_owned(),
            arn: summary.arn()?.to_owned(),
            instances: summary.instance_count(),
            has_health_check,
            namespace: namespace.name.clone(),
            http_namespace: namespace.http_name.clone(),
            owner: namespace.owner.clone(),
        })
    }

    /// What calls know it by.
    pub(crate) fn handle(&self) -> &str {
        self.owner.as_ref().map_or(&self.id, |_| &self.arn)
    }
}

impl Service {
    /// What warnings call it: the ARN, and names that people know.
    pub(crate) fn subject(&self) -> String {
        format!("{} ({}/{})", self.arn, self.namespace, self.name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {}/{} ({})", self.namespace, self.name, self.id)
    }
}

/// What an ARN begins with. A name that begins so is not looked for.
pub(crate) const ARN: &str = "arn:";

/// Adds the namespaces that are asked for by name, id or ARN. One name may be that of several, of
/// which all are meant.
pub(crate) fn choose(
    chosen: &mut Vec<Namespace>,
    asked: &[String],
    all: &[Namespace],
    region: &str,
) -> Result<(), DiscoveryError> {
    for asked in asked {
        let is_arn = asked.starts_with(ARN);
        let is_meant = |one: &&Namespace| {
            (is_arn && one.arn == *asked) || (!is_arn && (one.name == *asked || one.id == *asked))
        };
        let mut found = all
            .iter()
            .filter(is_meant)
            .map(|one| Namespace {
                owner: owner(asked),
                ..one.clone()
            })
            .peekable();
        if found.peek().is_none() {
            return Err(DiscoveryError::NoNamespace {
                asked: asked.clone(),
                region: region.to_owned(),
                known: known(all),
            });
        }
        for one in found {
            if !chosen.iter().any(|chosen| chosen.id == one.id) {
                chosen.push(one);
            }
        }
    }
    Ok(())
}

/// `arn:aws:servicediscovery:<region>:<account>:namespace/<id>`: what is asked for by its ARN may be
/// another account's.
fn owner(asked: &str) -> Option<String> {
    let mut parts = asked.split(':');
    let is_arn = parts.next() == Some("arn");
    let account = parts.nth(3).filter(|_| is_arn)?;
    Some(account.to_owned())
}

/// How many names a message lists.
const LISTED: usize = 20;

fn known(all: &[Namespace]) -> String {
    let names: BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        listed(names, LISTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Namespace> {
        let namespace = |id: &str, name: &str| Namespace {
            id: id.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:aws:servicediscovery:eu-central-1:111122223333:namespace/{id}"),
            http_name: name.to_owned(),
            owner: None,
        };
        vec![
            namespace("ns-1", "store"),
            namespace("ns-2", "store"),
            namespace("ns-3", "bank"),
        ]
    }

    fn found(asked: &[&str]) -> Result<Vec<String>, String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let mut chosen = Vec::new();
        choose(&mut chosen, &asked, &all(), "eu-central-1").map_err(|error| error.to_string())?;
        let handles = chosen.iter().map(|one| one.handle().to_owned());
        Ok(handles.collect())
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_name_is_that_of_several_namespaces_and_an_id_of_one() {
        assert_eq!(found(&["store"]), Ok(ids(&["ns-1", "ns-2"])));
        assert_eq!(found(&["ns-2", "store"]), Ok(ids(&["ns-2", "ns-1"])));
        assert_eq!(found(&["bank", "ns-3"]), Ok(ids(&["ns-3"])));
        let unknown = found(&["bank", "shop"]);
        assert!(unknown.is_err_and(|text| {
            text.contains("no namespace shop in eu-central-1; it has bank, store")
        }));
    }

    #[test]
    fn what_is_asked_for_by_arn_is_called_by_arn() {
        let arn = "arn:aws:servicediscovery:eu-central-1:111122223333:namespace/ns-3";
        assert_eq!(found(&[arn]), Ok(ids(&[arn])));
        assert_eq!(owner(arn).as_deref(), Some("111122223333"));
        assert_eq!(owner("a:b:c:d:e:f"), None);
    }
}
