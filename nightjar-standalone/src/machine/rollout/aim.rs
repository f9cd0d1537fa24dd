//! Where a rollout goes, and what became of it on its way.

use crate::plan::Phase;
use nightjar_core::envoy::Configuration;
use std::time::Duration;
use tokio::time::Instant;

/// A set of files that may come into force.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) configuration: Configuration,
    /// The templates that it was made with, by number.
    pub(crate) templates: u64,
    /// The version of those; `None` for the shipped ones.
    pub(crate) templates_version: Option<String>,
    /// The version of the map that it was made of.
    pub(crate) map_version: Option<String>,
    /// The same map with the last templates that Envoy accepted, if these are new.
    pub(crate) fallback: Option<Box<Candidate>>,
    /// Whether newer templates were not used, and this was made in their stead.
    pub(crate) is_fallback: bool,
}

impl Candidate {
    pub(crate) fn print(&self) -> u64 {
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

/// Whether a rollout goes to something new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    /// To what was meant to be in force, for this reason.
    Back {
        reason: String,
    },
}

/// Where a rollout goes.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    pub(crate) candidate: Candidate,
    pub(crate) direction: Direction,
    pub(crate) began: Instant,
    /// How long each phase took that is over, and the one that is not.
    pub(crate) phases: Vec<(Phase, Duration)>,
    entered: Option<(Phase, Instant)>,
    /// What the live Envoy refused though its check took it, if it was restarted for that.
    pub(crate) rescue: Option<String>,
}

impl Aim {
    pub(crate) fn forward(candidate: Candidate, now: Instant) -> Self {
        Self {
            candidate,
            direction: Direction::Forward,
            began: now,
            phases: Vec::new(),
            entered: None,
            rescue: None,
        }
    }

    pub(crate) fn back(candidate: Candidate, now: Instant, reason: String) -> Self {
        Self {
            direction: Direction::Back { reason },
            ..Self::forward(candidate, now)
        }
    }

    pub(crate) fn is_forward(&self) -> bool {
        self.direction == Direction::Forward
    }

    /// Whether anything of it was written.
    pub(crate) fn has_begun(&self) -> bool {
        self.entered.is_some() || !self.phases.is_empty()
    }

    pub(crate) fn enter(&mut self, phase: Phase, now: Instant) {
        self.entered = Some((phase, now));
    }

    /// Gives the phase that is over with its time.
    pub(crate) fn leave(&mut self, now: Instant) -> Option<(Phase, Duration)> {
        let (phase, since) = self.entered.take()?;
        Some((phase, now - since))
    }

    /// The phases with their times, for people.
    pub(crate) fn told_phases(&self) -> String {
        let told: Vec<String> = self
            .phases
            .iter()
            .map(|(phase, took)| format!("{} {:.3} s", phase.as_str(), took.as_secs_f64()))
            .collect();
        told.join(", ")
    }
}
