//! Refresh: discovery map and templates in, a set of files out.

use crate::{
    config::Config,
    machine::{Candidate, NotBuilt, RefreshStats, Refreshed},
    previous::Previous,
};
use nightjar_core::{
    context::{self, ContextError},
    daemon::{Discovery, FetchError},
    document::{proxy_input::ProxyInput, templates::Templates},
    envoy::Configuration,
    extension::{Host, RetryPolicy},
    proxy_files::{self, ProxyFiles, ProxyFilesError},
    shutdown::Shutdown,
    template::{FileWarning, Origin, TemplateErrors, TemplateSet},
    timing::Timing,
};
use repeated_members::RepeatedMembers;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
    time::Instant,
};
use templates_fetch::TemplatesFetch;
use tokio::time::timeout;

mod repeated_members;
mod templates_fetch;

/// How many sets of templates are kept for the case that one of them is in force by now: a rollout is as many
/// refreshes late at most.
const MOST_EARLIER: usize = 8;

/// How long a refresh waits for the data store at the most, if there are templates to go on with. A
/// store that hangs, or is tried again, must not hold back the endpoints in the map.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// Why there is nothing to build files from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Context(#[from] ContextError),
    #[error("invalid templates:\n{0}")]
    Templates(#[from] TemplateErrors),
}

/// What the last refreshes left behind, so that the next one need not begin from nothing.
pub(crate) struct Refresher {
    discovery: Discovery,
    store: Option<Host>,
    /// The fetch of templates that an earlier refresh did not wait for.
    late_fetch: Option<TemplatesFetch>,
    proxy: context::ProxyConfig,
    bootstrap: String,
    /// Whether the shipped templates lie beneath those of the store.
    shipped_templates: bool,
    refresh_time: Duration,
    /// The last good discovery map, as far as this proxy needs it.
    input: Option<ProxyInput>,
    templates: Option<KnownTemplates>,
    /// The templates before, which may be in force by now: the newest last.
    earlier: VecDeque<KnownTemplates>,
    /// The last templates that Envoy accepted.
    accepted: Option<KnownTemplates>,
    /// Sets of templates that have been seen.
    last_number: u64,
    /// The files that were built last; those that have not changed since are shared.
    last_built: Option<Configuration>,
    /// Whether the map or the templates changed since files were built last.
    pending: bool,
    /// Why the newest templates were not rendered, if the previous ones are in use.
    templates_not_rendered: Option<String>,
    /// Why the newest templates cannot be fetched.
    templates_missing: Option<String>,
    /// Builds of files, failed ones included.
    builds: Timing,
    /// The warnings of the last context, so that each is given once and not at every change.
    last_warnings: BTreeSet<String>,
    /// What files were warned of, so that each member is named once while the templates stay the same.
    repeated: RepeatedMembers,
    /// Where maps are kept.
    previous: Arc<Mutex<Previous>>,
}

#[derive(Clone)]
struct KnownTemplates {
    number: u64,
    version: Option<String>,
    set: Arc<TemplateSet>,
}

/// What became of a fetch of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetched {
    New,
    Unchanged,
    /// The store has not answered yet; overdue if an earlier refresh had begun the fetch.
    Late {
        is_overdue: bool,
    },
}

impl Refresher {
    pub(crate) fn new(config: &Config, temp_dir: &Path) -> Self {
        let daemon = &config.daemon;
        let discovery = Host::discovery_map(daemon.discovery_map.clone(), daemon.limits, temp_dir);
        Self {
            discovery: Discovery::new(discovery, daemon.empty_map_grace, daemon.refresh_time),
            store: config
                .data_store
                .clone()
                .map(|command| Host::data_store(command, daemon.limits, temp_dir)),
            late_fetch: None,
            proxy: config.proxy.clone(),
            bootstrap: config.bootstrap.clone(),
            shipped_templates: config.shipped_templates,
            refresh_time: daemon.refresh_time,
            input: None,
            templates: None,
            earlier: VecDeque::new(),
            accepted: None,
            last_number: 0,
            last_built: None,
            pending: false,
            templates_not_rendered: None,
            templates_missing: None,
            builds: Timing::default(),
            last_warnings: BTreeSet::new(),
            repeated: RepeatedMembers::default(),
            previous: Arc::default(),
        }
    }

    /// The same, which keeps the maps that files are made of.
    pub(crate) fn keeping(mut self, previous: Arc<Mutex<Previous>>) -> Self {
        self.previous = previous;
        self
    }

    fn previous(&self) -> MutexGuard<'_, Previous> {
        self.previous.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches map and templates, and builds files from them. `accepted` are the last templates that Envoy
    /// accepted.
    ///
    /// Templates that fail or are late do not hold the map back: it is rendered with those before.
    ///
    /// # Errors
    /// [`RefreshError`]; what was known before stays known.
    pub(crate) async fn refresh(
        &mut self,
        accepted: Option<u64>,
        shutdown: &Shutdown,
    ) -> Result<Refreshed, RefreshError> {
        if let Some(number) = accepted {
            self.set_accepted(number);
        }
        self.set_retry(accepted.is_some());
        self.pending |= self.fetch_map(shutdown).await?;
        let mut refreshed = Refreshed::default();
        match self.fetch_templates(shutdown).await {
            Ok(Fetched::Late { is_overdue: false }) => {}
            Ok(Fetched::Late { is_overdue: true }) => {
                self.report_missing("the data store has not answered yet".to_owned());
            }
            Ok(fetched) => {
                if self.templates_missing.take().is_some() {
                    tracing::info!("the data store answers again");
                }
                self.pending |= fetched == Fetched::New;
            }
            Err(error) if self.templates.is_some() && !shutdown.is_requested() => {
                self.report_missing(error.to_string());
            }
            Err(error) => return Err(error),
        }
        refreshed
            .templates_failed
            .clone_from(&self.templates_missing);
        refreshed.map_version = self.discovery.version().map(ToOwned::to_owned);
        refreshed.empty_map = self.discovery.empty_map();
        if self.pending {
            let began = Instant::now();
            self.build(&mut refreshed);
            self.builds.add(began.elapsed());
        }
        if refreshed.templates_failed.is_none() {
            refreshed
                .templates_failed
                .clone_from(&self.templates_not_rendered);
        }
        Ok(refreshed)
    }

    /// Templates of this number are in force. While they were rolled out, newer ones may have come.
    fn set_accepted(&mut self, number: u64) {
        let mut known = self.earlier.iter().chain(&self.templates);
        if let Some(accepted) = known.find(|templates| templates.number == number) {
            self.accepted = Some(accepted.clone());
        }
        self.earlier.retain(|templates| templates.number > number);
    }

    fn report_missing(&mut self, reason: String) {
        if self.templates_missing.as_ref() != Some(&reason) {
            tracing::error!("cannot fetch the newest templates: {reason}");
        }
        self.templates_missing = Some(reason);
    }

    /// Ends when the store has answered a fetch that the last refresh did not wait for; `None` if
    /// there is no such fetch, or if it has been asked for before.
    pub(crate) fn late_answer(&mut self) -> Option<impl Future<Output = ()> + use<>> {
        self.late_fetch.as_mut()?.finished()
    }

    /// Statistics of the refreshes so far.
    pub(crate) fn stats(&self) -> RefreshStats {
        RefreshStats {
            builds: self.builds,
            discovery: self.discovery.runs(),
            store: self.store.as_ref().map(Host::runs),
        }
    }

    /// A proxy that has nothing to serve yet does not wait long between tries.
    fn set_retry(&mut self, is_configured: bool) {
        let retry = RetryPolicy::default();
        let retry = if is_configured {
            retry
        } else {
            retry.no_longer_than(self.refresh_time)
        };
        self.discovery.set_retry(retry);
        if let Some(store) = &mut self.store {
            store.set_retry(retry);
        }
    }

    fn build(&mut self, refreshed: &mut Refreshed) {
        let (Some(input), Some(templates)) = (&self.input, &self.templates) else {
            return;
        };
        let accepted_before = self
            .accepted
            .as_ref()
            .filter(|accepted| accepted.number != templates.number);
        let fallback = accepted_before.map(|accepted| self.candidate(input, accepted, None));
        let fallback = match fallback {
            Some(Ok((candidate, _))) => Some(Candidate {
                is_fallback: true,
                ..candidate
            }),
            Some(Err(NotBuilt { reason, .. })) => {
                tracing::error!(
                    "the previous templates cannot be rendered with the newest map: {reason}"
                );
                None
            }
            None => None,
        };
        match self.candidate(input, templates, fallback.clone()) {
            Ok((candidate, warnings)) => {
                for warning in self.repeated.unknown(warnings) {
                    tracing::warn!("{warning}");
                }
                self.previous().built(&candidate.configuration);
                self.last_built = Some(candidate.configuration.clone());
                self.templates_not_rendered = None;
                self.pending = false;
                refreshed.candidate = Some(candidate);
            }
            Err(not_built) if fallback.is_some() => {
                if not_built.failed {
                    tracing::error!(
                        "the new templates are not in force, and the newest map is served with the \
                         previous ones: {}",
                        not_built.reason
                    );
                }
                self.templates_not_rendered = Some(not_built.reason.clone());
                self.pending = false;
                refreshed.candidate = fallback;
                refreshed.not_built = Some(not_built).filter(|not_built| !not_built.failed);
            }
            Err(not_built) => {
                // What fails is tried again, and logged again.
                self.pending = not_built.failed;
                refreshed.not_built = Some(not_built);
            }
        }
    }

    fn candidate(
        &self,
        input: &ProxyInput,
        templates: &KnownTemplates,
        fallback: Option<Candidate>,
    ) -> Result<(Candidate, Vec<FileWarning>), NotBuilt> {
        let before = self.last_built.as_ref();
        let made = proxy_files::make(&templates.set, input, &self.bootstrap, before);
        let made = made.map_err(|error| NotBuilt {
            reason: error.to_string(),
            failed: matches!(error, ProxyFilesError::Templates(_)),
        })?;
        let ProxyFiles {
            configuration,
            warnings,
        } = made;
        let candidate = Candidate {
            configuration,
            templates: templates.number,
            templates_version: templates.version.clone(),
            map_version: self.discovery.version().map(ToOwned::to_owned),
            fallback: fallback.map(Box::new),
            is_fallback: false,
        };
        Ok((candidate, warnings))
    }

    async fn fetch_map(&mut self, shutdown: &Shutdown) -> Result<bool, RefreshError> {
        let Some(read) = self.discovery.fetch(Instant::now(), shutdown).await? else {
            return Ok(false);
        };
        let map = read.document;
        let context = context::proxy_input(&map, &self.proxy)?;
        self.previous().map_came(&read.bytes);
        drop(read.bytes);
        let warnings = context.warnings.iter().map(ToString::to_string);
        let warnings: BTreeSet<String> = warnings.collect();
        for warning in warnings.difference(&self.last_warnings) {
            tracing::warn!("{warning}");
        }
        self.last_warnings = warnings;
        self.discovery.accept(&map);
        self.input = Some(context.input);
        Ok(true)
    }

    async fn fetch_templates(&mut self, shutdown: &Shutdown) -> Result<Fetched, RefreshError> {
        let Some(store) = &self.store else {
            if self.templates.is_some() {
                return Ok(Fetched::Unchanged);
            }
            self.set_templates(None, TemplateSet::shipped_alone()?);
            return Ok(Fetched::New);
        };
        let previous = self
            .templates
            .as_ref()
            .and_then(|templates| templates.version.as_deref());
        let late = self.late_fetch.take();
        let is_overdue = late.is_some();
        let mut fetch = late.unwrap_or_else(|| TemplatesFetch::start(store, previous, shutdown));
        let answer = if self.templates.is_some() {
            let wait = STORE_WAIT.min(self.refresh_time);
            let Ok(answer) = timeout(wait, fetch.answer()).await else {
                self.late_fetch = Some(fetch);
                return Ok(Fetched::Late { is_overdue });
            };
            answer
        } else {
            fetch.answer().await
        };
        let Some(templates) = answer? else {
            return Ok(Fetched::Unchanged);
        };
        let set = self.select(&templates)?;
        self.set_templates(Some(templates.document_version.into()), set);
        Ok(Fetched::New)
    }

    fn set_templates(&mut self, version: Option<String>, set: TemplateSet) {
        self.last_number += 1;
        self.repeated = RepeatedMembers::default();
        let before = self.templates.replace(KnownTemplates {
            number: self.last_number,
            version,
            set: Arc::new(set),
        });
        self.earlier.extend(before);
        if self.earlier.len() > MOST_EARLIER {
            self.earlier.pop_front();
        }
    }

    /// Where the files that were made last come from, and the partials of the templates.
    pub(crate) fn origins(&self) -> BTreeMap<String, Origin> {
        let (Some(templates), Some(input), Some(made)) =
            (&self.templates, &self.input, &self.last_built)
        else {
            return BTreeMap::new();
        };
        let files = made.iter().map(|file| file.name());
        templates.set.origins(input, files)
    }

    fn select(&self, templates: &Templates) -> Result<TemplateSet, TemplateErrors> {
        let namespace = &self.proxy.namespace;
        let set = match &self.proxy.role {
            context::ProxyRole::Gateway => TemplateSet::select_gateway(templates, namespace),
            context::ProxyRole::Service { service, color } => {
                TemplateSet::select_service(templates, namespace, service, color)
            }
        }?;
        if self.shipped_templates {
            set.over_shipped()
        } else {
            Ok(set)
        }
    }
}
