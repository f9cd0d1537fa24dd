//! One refresh: discovery map and templates in, a set of files out.

use crate::config::Config;
use nightjar_core::{
    context::{self, ContextError},
    daemon::{Discovery, FetchError, fetch},
    document::{proxy_input::ProxyInput, templates::Templates},
    envoy::Files,
    extension::{DocumentName, Host},
    shutdown::Shutdown,
    template::{TemplateFaults, TemplateSet, shipped},
};
use std::{collections::BTreeSet, path::Path};

/// Why there is no new set of files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error("the templates are faulty:\n{0}")]
    Templates(#[from] TemplateFaults),
}

/// What the last refreshes left behind, so that the next one need not begin from nothing.
pub(crate) struct Refresher {
    discovery: Discovery,
    store: Option<Host>,
    viewer: context::Viewer,
    /// The last good discovery map, as far as this proxy needs it.
    input: Option<ProxyInput>,
    templates: Option<KnownTemplates>,
    /// Whether something is known that no files have been made of.
    pending: bool,
    /// The warnings of the last context, so that each is given once and not at every change.
    warned: BTreeSet<String>,
}

struct KnownTemplates {
    version: Option<String>,
    set: TemplateSet,
}

impl Refresher {
    pub(crate) fn new(config: &Config, temp_dir: &Path) -> Self {
        let daemon = &config.daemon;
        let host = |host: Host| host.with_variable("NJ_TEMP_DIR", temp_dir);
        let discovery = Host::discovery_map(daemon.discovery_map.clone(), daemon.limits, temp_dir);
        Self {
            discovery: Discovery::new(host(discovery), daemon.empty_map_grace),
            store: config
                .data_store
                .clone()
                .map(|command| host(Host::data_store(command, daemon.limits, temp_dir))),
            viewer: config.viewer.clone(),
            input: None,
            templates: None,
            pending: false,
            warned: BTreeSet::new(),
        }
    }

    /// The version of the last good discovery map.
    pub(crate) fn map_version(&self) -> Option<&str> {
        self.discovery.version()
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
        match (&self.input, &self.templates) {
            (Some(input), Some(templates)) if self.pending => {
                let files = templates.set.render(input)?;
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
        let Some(read) = self.discovery.fetch(shutdown).await? else {
            return Ok(false);
        };
        let map = read.document;
        drop(read.bytes);
        let context = context::proxy_input(&map, &self.viewer)?;
        let warnings = context.warnings.iter().map(ToString::to_string);
        let warnings: BTreeSet<String> = warnings.collect();
        for warning in warnings.difference(&self.warned) {
            tracing::warn!("{warning}");
        }
        self.warned = warnings;
        self.discovery.accept(&map);
        self.input = Some(context.input);
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
        let Some(read) = fetch::<Templates>(store, &name, previous, shutdown).await? else {
            return Ok(false);
        };
        let templates = read.document;
        let set = self.select(&templates)?;
        self.templates = Some(KnownTemplates {
            version: Some(templates.document_version.into()),
            set,
        });
        Ok(true)
    }

    fn select(&self, templates: &Templates) -> Result<TemplateSet, TemplateFaults> {
        let namespace = &self.viewer.namespace;
        match &self.viewer.role {
            context::Role::Gateway => TemplateSet::select_gateway(templates, namespace),
            context::Role::Service { service, color } => {
                TemplateSet::select_service(templates, namespace, service, color)
            }
        }
    }
}
