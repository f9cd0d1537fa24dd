//! One refresh: discovery map and templates in, a set of files out.

use crate::config::Config;
use nightjar_core::{
    context::{self, ContextError},
    document::{self, InvalidDocument, discovery_map::DiscoveryMap, proxy_input::ProxyInput},
    envoy::Files,
    extension::{DocumentName, ExtensionError, Fetched, Host},
    shutdown::Shutdown,
    template::{TemplateFaults, TemplateSet, shipped},
};
use std::path::Path;

/// Why there is no new set of files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    #[error("{extension} handed over a document that is refused: {source}")]
    Document {
        extension: String,
        source: InvalidDocument,
    },
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error("the templates are faulty:\n{0}")]
    Templates(#[from] TemplateFaults),
}

/// What the last refreshes left behind, so that the next one need not begin from nothing.
pub(crate) struct Refresher {
    discovery: Host,
    store: Option<Host>,
    viewer: context::Viewer,
    map: Option<KnownMap>,
    templates: Option<KnownTemplates>,
    empty_map_grace: u64,
    /// How many refreshes in a row have shown an empty map.
    seen_empty: u64,
    /// Whether something is known that no files have been made of.
    pending: bool,
    /// The warnings of the last context, so that each is given once and not at every change.
    warned: Vec<String>,
}

/// The last good discovery map, as far as this proxy needs it.
struct KnownMap {
    version: String,
    input: ProxyInput,
    has_endpoints: bool,
}

struct KnownTemplates {
    version: Option<String>,
    set: TemplateSet,
}

impl Refresher {
    pub(crate) fn new(config: &Config, temp_dir: &Path) -> Self {
        let host = |host: Host| host.with_variable("NJ_TEMP_DIR", temp_dir);
        Self {
            discovery: host(Host::discovery_map(
                config.discovery_map.clone(),
                config.limits,
                temp_dir,
            )),
            store: config
                .data_store
                .clone()
                .map(|command| host(Host::data_store(command, config.limits, temp_dir))),
            viewer: config.viewer.clone(),
            map: None,
            templates: None,
            empty_map_grace: config.empty_map_grace,
            seen_empty: 0,
            pending: false,
            warned: Vec::new(),
        }
    }

    /// The version of the last good discovery map.
    pub(crate) fn map_version(&self) -> Option<&str> {
        self.map.as_ref().map(|map| map.version.as_str())
    }

    /// Fetches what is new; gives the files if anything is, and `None` if nothing is.
    ///
    /// # Errors
    /// [`RefreshError`]; what was known before stays known.
    pub(crate) async fn refresh(
        &mut self,
        shutdown: &Shutdown,
    ) -> Result<Option<Files>, RefreshError> {
        self.pending |= self.fetch_map(shutdown).await?;
        self.pending |= self.fetch_templates(shutdown).await?;
        match (&self.map, &self.templates) {
            (Some(map), Some(templates)) if self.pending => {
                let files = templates.set.render(&map.input)?;
                self.pending = false;
                Ok(Some(files))
            }
            _ => Ok(None),
        }
    }

    /// Lets the next refresh give the files again, although nothing is new.
    pub(crate) fn give_again(&mut self) {
        self.pending = true;
    }

    async fn fetch_map(&mut self, shutdown: &Shutdown) -> Result<bool, RefreshError> {
        let previous = self.map.as_ref().map(|map| map.version.as_str());
        let name = DocumentName::DISCOVERY_MAP;
        let fetched = self.discovery.fetch(&name, previous, shutdown).await;
        let seen_empty = std::mem::take(&mut self.seen_empty);
        let Fetched::New(bytes) = fetched? else {
            return Ok(false);
        };
        let map: DiscoveryMap = read(&self.discovery, &bytes)?;
        drop(bytes);
        let has_endpoints = map.has_endpoints();
        if !has_endpoints && self.map.as_ref().is_some_and(|known| known.has_endpoints) {
            self.seen_empty = seen_empty + 1;
            if self.seen_empty < self.empty_map_grace {
                tracing::warn!(
                    "the discovery map lost its last endpoint, which is more often a fault of \
                     discovery than the truth; it is believed when {} refreshes in a row say so, \
                     and this was number {}",
                    self.empty_map_grace,
                    self.seen_empty
                );
                return Ok(false);
            }
        }
        let context = context::proxy_input(&map, &self.viewer)?;
        if context.warnings != self.warned {
            for warning in &context.warnings {
                tracing::warn!("{warning}");
            }
            self.warned = context.warnings;
        }
        self.seen_empty = 0;
        self.map = Some(KnownMap {
            version: map.document_version,
            input: context.input,
            has_endpoints,
        });
        Ok(true)
    }

    async fn fetch_templates(&mut self, shutdown: &Shutdown) -> Result<bool, RefreshError> {
        let Some(store) = &self.store else {
            if self.templates.is_some() {
                return Ok(false);
            }
            let set = self.select(&shipped())?;
            self.templates = Some(KnownTemplates { version: None, set });
            return Ok(true);
        };
        let previous = self
            .templates
            .as_ref()
            .and_then(|templates| templates.version.as_deref());
        let name = DocumentName::TEMPLATES;
        let Fetched::New(bytes) = store.fetch(&name, previous, shutdown).await? else {
            return Ok(false);
        };
        let templates: document::templates::Templates = read(store, &bytes)?;
        let set = self.select(&templates)?;
        self.templates = Some(KnownTemplates {
            version: Some(templates.document_version),
            set,
        });
        Ok(true)
    }

    fn select(
        &self,
        templates: &document::templates::Templates,
    ) -> Result<TemplateSet, TemplateFaults> {
        let namespace = &self.viewer.namespace;
        match &self.viewer.role {
            context::Role::Gateway => TemplateSet::select_gateway(templates, namespace),
            context::Role::Service { service, color } => {
                TemplateSet::select_service(templates, namespace, service, color)
            }
        }
    }
}

fn read<D: document::Document>(host: &Host, bytes: &[u8]) -> Result<D, RefreshError> {
    document::read(bytes).map_err(|source| RefreshError::Document {
        extension: host.name().to_owned(),
        source,
    })
}
