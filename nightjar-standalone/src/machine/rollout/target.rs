//! Target of a rollout, and how far the rollout is.

use crate::plan::Phase;
use nightjar_core::envoy::Configuration;
use std::time::Duration;
use tokio::time::Instant;

/// A set of files that can be rolled out.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) configuration: Configuration,
    /// The number of the templates that it was rendered with.
    pub(crate) templates: u64,
    /// The version of the templates; `None` for the shipped ones.
    pub(crate) templates_version: Option<String>,
    /// The version of the map that it was rendered from.
    pub(crate) map_version: Option<String>,
    /// The same map with the last templates that Envoy accepted, if these are new.
    pub(crate) fallback: Option<Box<Candidate>>,
    /// Whether it was rendered in place of newer templates that are not used.
    pub(crate) is_fallback: bool,
}

impl Candidate {
    pub(crate) fn fingerprint(&self) -> u64 {
        self.configuration.fingerprint()
    }

    /// The hash of its bootstrap.
    pub(crate) fn bootstrap(&self) -> u64 {
        self.configuration.bootstrap().hash()
    }

    /// The version of its templates, as metrics have it.
    pub(crate) fn templates_version(&self) -> String {
        let version = self.templates_version.as_deref();
        version.unwrap_or("shipped").to_owned()
    }
}

/// Where a rollout leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To a new configuration.
    Forward,
    /// To the configuration in force, from which clusters have to be removed that no route leads to any more.
    Clear,
    /// Back to the configuration in force, for this reason.
    Back { reason: String },
}

/// The configuration that a rollout leads to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) candidate: Candidate,
    pub(crate) direction: Direction,
    pub(crate) began: Instant,
    /// The set of files that was rejected last when it began.
    pub(crate) rejected: Option<u64>,
    /// How long each finished phase took.
    pub(crate) phases: Vec<(Phase, Duration)>,
    entered: Option<(Phase, Instant)>,
    /// Why the live Envoy rejected it although it passed validation, if Envoy was restarted for that.
    pub(crate) forced_restart: Option<String>,
}

impl Target {
    pub(crate) fn forward(candidate: Candidate, now: Instant) -> Self {
        Self {
            candidate,
            direction: Direction::Forward,
            began: now,
            rejected: None,
            phases: Vec::new(),
            entered: None,
            forced_restart: None,
        }
    }

    pub(crate) fn back(candidate: Candidate, now: Instant, reason: String) -> Self {
        Self {
            direction: Direction::Back { reason },
            ..Self::forward(candidate, now)
        }
    }

    pub(crate) fn clear(candidate: Candidate, now: Instant) -> Self {
        Self {
            direction: Direction::Clear,
            ..Self::forward(candidate, now)
        }
    }

    pub(crate) fn is_clearing(&self) -> bool {
        self.direction == Direction::Clear
    }

    pub(crate) fn is_back(&self) -> bool {
        matches!(self.direction, Direction::Back { .. })
    }

    pub(crate) fn is_forward(&self) -> bool {
        self.direction == Direction::Forward
    }

    /// Whether anything of it was written.
    pub(crate) fn has_started(&self) -> bool {
        self.entered.is_some() || !self.phases.is_empty()
    }

    pub(crate) fn enter(&mut self, phase: Phase, now: Instant) {
        self.entered = Some((phase, now));
    }

    /// The phase that is being carried out.
    pub(crate) fn phase(&self) -> Option<Phase> {
        self.entered.map(|(phase, _)| phase)
    }

    /// Ends the phase, and gives it with its time.
    pub(crate) fn leave(&mut self, now: Instant) -> Option<(Phase, Duration)> {
        let (phase, since) = self.entered.take()?;
        Some((phase, now - since))
    }

    /// The phases with their times, for the log.
    pub(crate) fn describe_phases(&self) -> String {
        let described: Vec<String> = self
            .phases
            .iter()
            .map(|(phase, took)| format!("{} {:.3} s", phase.as_str(), took.as_secs_f64()))
            .collect();
        described.join(", ")
    }
}
