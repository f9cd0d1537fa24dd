//! What can go wrong, and whether another try may help.

use aws_sdk_servicediscovery::error::BuildError;
use nightjar_aws::{CallError, SessionError};
use nightjar_core::extension::ActionError;
use std::time::Duration;

/// Why there is no discovery map.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// AWS cannot be reached at all.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A call could not be put together.
    #[error("a call to Cloud Map is incomplete")]
    Request(#[from] BuildError),
    /// Something was deleted after it had been listed; the next list will not have it.
    #[error("something was deleted during the discovery")]
    Vanished(#[source] CallError),
    /// The calls took too long together, each of them within its time.
    #[error(
        "the discovery took longer than {0:?}; what it has learnt is kept, and the next try goes on \
         from there\n  hint: set NJ_EXTENSION_TIMEOUT higher, or NJ_DMCM_ATTRIBUTES_CACHE_SECONDS"
    )]
    OutOfTime(Duration),
    /// A namespace that the settings name is not there.
    #[error(
        "Cloud Map has no namespace {asked} in {region}; it has {known}\n  hint: NJ_DMCM_NAMESPACES \
         takes names and ids of this account's namespaces, and ARNs; one that another account shares \
         needs its ARN"
    )]
    NoNamespace {
        /// What the settings name.
        asked: String,
        /// Where it was looked for.
        region: String,
        /// The names that there are.
        known: String,
    },
    /// AWS left out what has to be there.
    #[error("{call} answered without {member}")]
    Answer {
        /// The call.
        call: &'static str,
        /// What its answer lacks.
        member: &'static str,
    },
    /// The map could not be written as JSON.
    #[error("cannot write the discovery map as JSON")]
    Encode(#[source] serde_json::Error),
}

impl From<DiscoveryError> for ActionError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Session(error) => error.into(),
            DiscoveryError::Call(error) => error.into(),
            DiscoveryError::Vanished(_)
            | DiscoveryError::OutOfTime(_)
            | DiscoveryError::Answer { .. } => Self::retry(error),
            DiscoveryError::NoNamespace { .. }
            | DiscoveryError::Request(_)
            | DiscoveryError::Encode(_) => Self::fatal(error),
        }
    }
}
