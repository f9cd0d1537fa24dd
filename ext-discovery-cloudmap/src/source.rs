//! Settings, and the answer to the caller.

use crate::{
    calls::Registry, discovery::Discovery, discovery_cache::DiscoveryCache, error::DiscoveryError,
    wanted::Wanted,
};
use nightjar_aws::Session;
use nightjar_core::{
    env::{Reader, Setting},
    extension::{About, ActionError, Cache, DiscoveryMapSource, FetchOutcome},
};
use std::{path::PathBuf, time::Duration};

const NAME: &str = env!("CARGO_PKG_NAME");
/// The folder below `NJ_TEMP_DIR`.
const KEPT: &str = "cloudmap";

pub(crate) const NAMESPACES: Setting = Setting::required(
    "NJ_DMCM_NAMESPACES",
    "the names, ids or ARNs of the Cloud Map namespaces whose services make the mesh, separated by \
     commas; a name or id is one of this account's own, one that another account shares goes by its \
     ARN",
);
pub(crate) const INCLUDE_UNHEALTHY: Setting = Setting::with_default(
    "NJ_DMCM_INCLUDE_UNHEALTHY",
    "false",
    "whether instances whose health check fails stay in the mesh",
);
pub(crate) const COLOR_ATTRIBUTE: Setting = Setting::optional(
    "NJ_DMCM_COLOR_ATTRIBUTE",
    "all instances of a service have the service's color",
    "the attribute of an instance that says its color; an instance without it has the service's",
);
pub(crate) const ALLOW_LOOPBACK: Setting = Setting::with_default(
    "NJ_DMCM_ALLOW_LOOPBACK",
    "false",
    "whether instances at loopback addresses are taken, for a mesh on one machine",
);
pub(crate) const ATTRIBUTES_CACHE_SECONDS: Setting = Setting::with_default(
    "NJ_DMCM_ATTRIBUTES_CACHE_SECONDS",
    "60",
    "how long a service's attributes are not asked for again; 0 asks every time",
);
pub(crate) const TEMP_DIR: Setting = Setting::optional(
    "NJ_TEMP_DIR",
    "nothing is kept from one run to the next",
    "the folder below which attributes and instances of services are kept; \
     the program that starts this one sets it",
);

pub(crate) const EXTENSION_TIMEOUT: Setting = Setting::with_default(
    "NJ_EXTENSION_TIMEOUT",
    "60",
    "after how many seconds the program that starts this one ends it; a discovery gives up before, \
     after five sixths of them, and keeps what it has learnt",
);

/// The discovery map from the services of Cloud Map namespaces.
pub(crate) struct CloudMap {
    wanted: Wanted,
    folder: Option<PathBuf>,
    /// How long a discovery may take.
    timeout: Duration,
}

impl DiscoveryMapSource for CloudMap {
    const ABOUT: About = About {
        name: NAME,
        version: env!("CARGO_PKG_VERSION"),
        summary: "the discovery map from the services of AWS Cloud Map and their attributes",
        settings: &[
            NAMESPACES,
            INCLUDE_UNHEALTHY,
            COLOR_ATTRIBUTE,
            ALLOW_LOOPBACK,
            ATTRIBUTES_CACHE_SECONDS,
            TEMP_DIR,
            EXTENSION_TIMEOUT,
        ],
    };

    fn from_settings(reader: &mut Reader<'_>) -> Self {
        let text = reader.required(&NAMESPACES);
        let namespaces: Vec<String> = text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if namespaces.is_empty() && !text.is_empty() {
            reader.reject(&NAMESPACES, "names no namespace");
        }
        Self {
            wanted: Wanted {
                namespaces,
                include_unhealthy: reader.boolean(&INCLUDE_UNHEALTHY),
                allow_loopback: reader.boolean(&ALLOW_LOOPBACK),
                color_attribute: reader.optional(&COLOR_ATTRIBUTE, Reader::text),
                attributes_age: reader.seconds_or_zero(&ATTRIBUTES_CACHE_SECONDS),
            },
            folder: reader.optional(&TEMP_DIR, Reader::path),
            timeout: reader.seconds(&EXTENSION_TIMEOUT) * 5 / 6,
        }
    }

    fn discover(&self, previous: Option<&str>) -> Result<FetchOutcome, ActionError> {
        let session = Session::open(NAME).map_err(DiscoveryError::from)?;
        let registry = Registry::new(session.config());
        let endpoint = session.config().endpoint_url().unwrap_or_default();
        let place = format!("{endpoint} {}", registry.region());
        let cache = DiscoveryCache::new(Cache::open(self.folder.as_deref(), KEPT), place);
        let discovery = Discovery {
            wanted: &self.wanted,
            registry: &registry,
            cache: &cache,
        };
        let (map, warnings) = session
            .block_on_with_timeout(self.timeout, discovery.map())
            .unwrap_or(Err(DiscoveryError::OutOfTime(self.timeout)))?;
        cache.finish(&format!("{:?}", self.wanted), &warnings.messages());
        if previous == Some(&*map.document_version) {
            return Ok(FetchOutcome::Unchanged);
        }
        let mut json = serde_json::to_vec(&map).map_err(DiscoveryError::Encode)?;
        json.push(b'\n');
        Ok(FetchOutcome::New(json))
    }
}
