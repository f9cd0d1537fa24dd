//! Cache of what earlier discoveries found out.
//!
//! Each service has files of its own, under keys that hold all that decides what is in them. So
//! programs that share a folder share what they know, whatever else differs between them.

use crate::registry::Service;
use nightjar_core::extension::Cache;
use serde::{Deserialize, Serialize};
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// How long instances are believed whose revision stays the same.
const INSTANCES_AGE: Duration = Duration::from_hours(1);

/// A service's settings, by name.
pub(crate) type Attributes = BTreeMap<String, String>;

/// A service's instances.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instances {
    /// Another one whenever an instance comes or goes.
    pub(crate) revision: Option<i64>,
    pub(crate) list: Vec<Instance>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) is_healthy: bool,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// What is known of services. It is kept at once, so that a discovery that fails has less to ask for
/// when it is tried again.
pub(crate) struct DiscoveryCache {
    cache: RefCell<Cache>,
    /// Where the services are: endpoint and region. An ARN names the account.
    place: String,
}

impl DiscoveryCache {
    pub(crate) fn new(cache: Cache, place: String) -> Self {
        let cache = RefCell::new(cache);
        Self { cache, place }
    }

    /// A service's settings, unless they were read longer than `max_age` ago.
    pub(crate) fn attributes(&self, service: &Service, max_age: Duration) -> Option<Attributes> {
        let key = self.key("attributes", service, None);
        self.cache.borrow_mut().get(&key, Some(max_age))
    }

    pub(crate) fn keep_attributes(&self, service: &Service, attributes: &Attributes) {
        let key = self.key("attributes", service, None);
        self.cache.borrow_mut().put(&key, attributes);
    }

    /// A service's instances, with the attribute for their color, if they have a revision.
    pub(crate) fn instances(&self, service: &Service, color: Option<&str>) -> Option<Instances> {
        let key = self.key("instances", service, color);
        let cached: Option<Instances> = self.cache.borrow_mut().get(&key, Some(INSTANCES_AGE));
        cached.filter(|cached| cached.revision.is_some())
    }

    pub(crate) fn keep_instances(
        &self,
        service: &Service,
        color: Option<&str>,
        instances: &Instances,
    ) {
        let key = self.key("instances", service, color);
        self.cache.borrow_mut().put(&key, instances);
    }

    /// Tells the warnings of a discovery that was asked for so, and forgets what nobody asks for.
    pub(crate) fn finish(&self, asked: &str, warnings: &[String]) {
        let key = format!("warnings {} {asked}", self.place);
        let mut cache = self.cache.borrow_mut();
        cache.warn_once(&key, warnings);
        cache.sweep();
    }

    fn key(&self, what: &str, service: &Service, more: Option<&str>) -> String {
        let more = more.unwrap_or_default();
        format!("{what} {} {} {more}", self.place, service.arn)
    }
}
