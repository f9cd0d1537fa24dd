//! Where calls for instances go if a custom endpoint is set.
//!
//! Cloud Map answers `DiscoverInstances` and `DiscoverInstancesRevision` on hosts of their own, whose
//! names start with `data-`, and the SDK puts that in front of any host, `127.0.0.1` included. A
//! custom endpoint (`AWS_ENDPOINT_URL`) is to be used as it is.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        endpoint::EndpointPrefix,
        interceptors::{
            Intercept, context::BeforeSerializationInterceptorContextMut, dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::endpoint_config::EndpointUrl;

/// Takes the prefix off again where there is a custom endpoint.
#[derive(Debug)]
pub(crate) struct CustomEndpoint;

#[dyn_dispatch_hint]
impl Intercept for CustomEndpoint {
    fn name(&self) -> &'static str {
        "CustomEndpoint"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<EndpointUrl>().is_some() {
            config.interceptor_state().unset::<EndpointPrefix>();
        }
        Ok(())
    }
}
