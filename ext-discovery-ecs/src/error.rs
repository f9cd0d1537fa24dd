//! Errors of the discovery, and whether another try may help.

use aws_smithy_runtime_api::box_error::BoxError;
use nightjar_aws::{CallError, SessionError};
use nightjar_core::extension::ActionError;

/// Why there is no discovery map.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscoveryError {
    /// AWS cannot be reached at all.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A cluster that the settings name is not there.
    #[error(
        "{0}\n  hint: check NJ_DMECS_AWS_CLUSTERS: the cluster has to be in the account and region of the \
         credentials"
    )]
    NoCluster(CallError),
    /// ECS does not describe a task definition any more. It does so while a task or a service refers
    /// to it, so the task that was listed is gone by now.
    #[error(
        "{0}\n  hint: this resolves itself: the last task of the definition has stopped meanwhile"
    )]
    NoTaskDefinition(CallError),
    /// ECS does not let the last map's tasks be described. It is asked for a limited time.
    #[error(
        "{0}\n  hint: most of the last map's tasks are no longer listed, so they are described; after 5 \
         minutes of this error they are forgotten"
    )]
    PreviousTasksDenied(CallError),
    /// A call was answered, but not for everything that it was asked about.
    #[error("{action} on {on} returned nothing for {arn}: {reason}")]
    Incomplete {
        /// The IAM action.
        action: &'static str,
        /// What it was made on.
        on: String,
        /// What is missing in the answer.
        arn: String,
        /// Why, as AWS says.
        reason: String,
    },
    /// AWS has no address for EC2 in this region.
    #[error("cannot find the endpoint for ec2:DescribeInstances in this region: {0}")]
    NoEndpoint(BoxError),
    /// The map could not be encoded as JSON.
    #[error("cannot write the discovery map as JSON")]
    Encode(#[source] serde_json::Error),
}

impl From<DiscoveryError> for ActionError {
    fn from(error: DiscoveryError) -> Self {
        match error {
            DiscoveryError::Session(error) => error.into(),
            DiscoveryError::Call(error) => error.into(),
            DiscoveryError::NoTaskDefinition(_)
            | DiscoveryError::PreviousTasksDenied(_)
            | DiscoveryError::Incomplete { .. } => Self::retry(error),
            DiscoveryError::NoCluster(_)
            | DiscoveryError::NoEndpoint(_)
            | DiscoveryError::Encode(_) => Self::fatal(error),
        }
    }
}
