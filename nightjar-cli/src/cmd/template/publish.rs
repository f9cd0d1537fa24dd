//! Commits of templates, as push and rollback make them: the difference, checks, the commit.

#![expect(clippy::doc_markdown, reason = "help shows these comments as they are")]

use super::{
    changes::Changes,
    lint,
    place::{self, Place, Set},
    trial::Trial,
};
use crate::{ExitStatus, cmd::check, input, output, store::Store};
use clap::ArgAction;
use nightjar_core::{
    document::discovery_map::DiscoveryMap,
    env::Env,
    envoy::EnvoyProgram,
    extension::{DocumentName, FetchOutcome},
    template::{BaseLayer, Severity},
};
use std::path::PathBuf;

/// What is done before a commit.
#[derive(clap::Args)]
pub(super) struct Checks {
    /// Print the difference and check it, and commit nothing
    #[arg(long)]
    dry_run: bool,
    /// Commit whatever the checks say; nothing is rendered, and no Envoy is asked
    #[arg(long)]
    pub(super) force: bool,
    /// The map whose proxies are rendered; the one in the store if not given
    #[arg(long, value_name = "FILE")]
    discovery_map: Option<PathBuf>,
    /// The file that Envoy is started with (ENVOY_CONFIGURATION_TEMPLATE)
    #[arg(long, value_name = "FILE", default_value = nightjar_core::proxy::defaults::BOOTSTRAP)]
    bootstrap: String,
    /// Whether the shipped templates make what Envoy needs and the others do not make
    /// (NJ_SHIPPED_TEMPLATES)
    #[arg(long, value_name = "BOOL", action = ArgAction::Set, default_value_t = true)]
    shipped_templates: bool,
    /// The Envoy to ask; ENVOY_EXEC, or envoy on PATH where there is one, if not given
    #[arg(long, value_name = "PROGRAM")]
    envoy: Option<PathBuf>,
    /// For how many proxies Envoy is asked at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    envoy_checks: usize,
}

/// Templates that are to be committed.
pub(super) struct Candidate {
    /// What the store holds.
    pub(super) old: Set,
    /// What it is to hold.
    pub(super) new: Set,
    /// The same as a document.
    pub(super) bytes: Vec<u8>,
    /// The version to replace; `None` if there is none.
    pub(super) previous: Option<String>,
}

impl Checks {
    /// Shows what a commit changes, checks it, and commits it.
    pub(super) fn publish(
        &self,
        store: &Store,
        candidate: &Candidate,
    ) -> anyhow::Result<ExitStatus> {
        if candidate.new.is_empty() {
            anyhow::bail!(
                "nothing was committed: {} would hold no templates",
                store.name
            );
        }
        let changes = Changes::between(&candidate.old, &candidate.new);
        if changes.is_empty() {
            let version = candidate.previous.as_deref().unwrap_or_default();
            let message = format!(
                "nightjar: {}: version {version} is the same: nothing to commit",
                store.name
            );
            output::message(&message);
            return Ok(ExitStatus::Success);
        }
        output::diff(&changes.diff())?;
        output::message(&format!("nightjar: {}: {changes}", store.name));
        let mut is_good = is_linted(&candidate.new, self.base(), &changes);
        if !self.force {
            // What cannot be parsed is not rendered.
            is_good = is_good && self.try_out(store, candidate, &changes)?;
        }
        if !is_good && !self.force {
            output::message(
                "nightjar: nothing was committed\n  hint: --force commits it all the same",
            );
            return Ok(ExitStatus::Findings);
        }
        if self.dry_run {
            output::message("nightjar: dry run: nothing was committed");
            return Ok(ExitStatus::Success);
        }
        store.check_interrupted()?;
        commit(store, candidate)
    }

    /// What lies beneath the templates.
    fn base(&self) -> BaseLayer {
        if self.shipped_templates {
            BaseLayer::Shipped
        } else {
            BaseLayer::Nothing
        }
    }

    /// Renders the files of the proxies that get something else.
    fn try_out(
        &self,
        store: &Store,
        candidate: &Candidate,
        changes: &Changes<'_>,
    ) -> anyhow::Result<bool> {
        let map = self.map(store)?;
        let trial = Trial {
            map: &map,
            bootstrap: &self.bootstrap,
            shipped_templates: self.shipped_templates,
            old: &candidate.old,
            new: &candidate.new,
        };
        let places: Vec<&Place> = changes.iter().map(|change| change.place).collect();
        let proxies = trial.affected(&places);
        for place in &places {
            if candidate.new.contains_key(*place) && !trial.is_used(place) {
                output::warning(&format!("{place} is for no proxy of the map"));
            }
        }
        let rendered = store.wait_for(async { Ok(trial.render(&proxies).await) })?;
        let mut faults = rendered.faults;
        let all = match trial.proxies().len() {
            1 => "1 proxy".to_owned(),
            count => format!("{count} proxies"),
        };
        let mut message = format!("nightjar: rendered for {} of {all}", proxies.len());
        if faults.is_empty()
            && let Some(envoy) = self.envoy()?
        {
            let asked = store.wait_for(rendered.good.ask(
                &envoy,
                self.envoy_checks,
                store.temp_dir(),
            ))?;
            message = format!(
                "{message}, envoy {} asked about {}",
                asked.version, asked.count
            );
            faults = asked.faults;
        }
        output::message(&message);
        for warning in rendered.warnings.lines() {
            output::warning(&warning);
        }
        for fault in faults.lines() {
            output::message(&format!("nightjar: {fault}"));
        }
        Ok(faults.is_empty())
    }

    fn map(&self, store: &Store) -> anyhow::Result<DiscoveryMap> {
        if let Some(path) = &self.discovery_map {
            return input::document(path);
        }
        let held = store
            .current(&DocumentName::DISCOVERY_MAP)
            .map_err(|error| {
                error.with_hint(
                    "name a map with --discovery-map FILE, or go without these checks with --force",
                )
            })?;
        Ok(store.read(&held)?)
    }

    /// The Envoy to ask, if there is one. One that a person has named has to be there.
    fn envoy(&self) -> anyhow::Result<Option<EnvoyProgram>> {
        let env = Env::from_process();
        let given = self.envoy.as_deref();
        match check::envoy(given, &env) {
            Ok(envoy) => Ok(Some(envoy)),
            Err(error) if check::is_envoy_named(given, &env) => Err(error.into()),
            Err(_) => {
                output::warning("no Envoy was asked: there is no envoy on PATH");
                Ok(None)
            }
        }
    }
}

/// Shows what a lint finds: every error, and warnings about templates that change.
fn is_linted(new: &Set, base: BaseLayer, changes: &Changes<'_>) -> bool {
    let files: Vec<String> = changes.iter().map(|change| change.place.path()).collect();
    let findings = lint::found_in(&place::document(new), base, |file| file);
    let mut is_good = true;
    for finding in findings {
        let is_error = finding.severity == Severity::Error;
        is_good = is_good && !is_error;
        if is_error || files.contains(&finding.error.template) {
            output::message(&format!("nightjar: {finding}"));
        }
    }
    is_good
}

fn commit(store: &Store, candidate: &Candidate) -> anyhow::Result<ExitStatus> {
    // The same templates are the same bytes, whoever pushes them.
    let FetchOutcome::New(bytes) = FetchOutcome::of_content(&candidate.bytes, None)? else {
        anyhow::bail!("the document has no version");
    };
    let previous = candidate.previous.as_deref();
    let version = store.commit(&DocumentName::TEMPLATES, &bytes, previous)?;
    let now = version.map(|version| format!(": {} holds version {version} now", store.name));
    output::message(&format!("nightjar: committed{}", now.unwrap_or_default()));
    Ok(ExitStatus::Success)
}
