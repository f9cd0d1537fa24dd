//! `ec2:DescribeInstances`, described by hand.
//!
//! It is the only call that is made to EC2. The client crate for the whole of EC2 takes minutes and
//! gigabytes to build, so this operation is put together from the parts that the client crates are
//! made of: the SDK's signing, credentials, retries, time-outs and clock correction all apply.

use super::{ec2_endpoint::endpoint, ec2_xml, rate_limit::RateLimiter};
use crate::error::DiscoveryError;
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, sigv4},
    invocation_id::InvocationIdInterceptor,
    request_info::RequestInfoInterceptor,
    retries::classifiers::AwsErrorCodeClassifier,
    service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor},
    user_agent::{ApiMetadata, UserAgentInterceptor},
};
use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        auth::{
            AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
            static_resolver::StaticAuthSchemeOptionResolver,
        },
        identity::SharedIdentityResolver,
        interceptors::SharedInterceptor,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
        runtime_components::RuntimeComponentsBuilder,
        runtime_plugin::StaticRuntimePlugin,
    },
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::{ErrorMetadata, metadata::ProvideErrorMetadata},
    retry::RetryConfig,
};
use aws_types::{SdkConfig, SigningName, region::SigningRegion};
use ec2_xml::Page;
use nightjar_aws::Call;
use nightjar_core::report::listed;
use std::{
    collections::{BTreeSet, HashSet},
    fmt::Write as _,
};

pub(super) const DESCRIBE_INSTANCES: &str = "ec2:DescribeInstances";
/// The version of EC2's API.
const VERSION: &str = "2016-11-15";
/// How many instances one call asks for.
const BATCH: usize = 200;
/// What EC2 says to a whole call if it does not know one of the ids.
const UNKNOWN_IDS: [&str; 2] = ["InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"];

/// EC2, called no faster than it allows.
pub(crate) struct Ec2Client {
    operation: Operation<Query, Page, ErrorMetadata>,
    pace: RateLimiter,
}

/// What EC2 answers about the instances that it was asked for.
#[derive(Debug, Default)]
pub(super) struct DescribedInstances {
    pub(super) instances: Vec<ec2_xml::Ec2Instance>,
    /// The ids that it does not know.
    pub(super) unknown: BTreeSet<String>,
}

/// Which instances, and which page of the response.
#[derive(Debug, Clone)]
struct Query {
    instances: Vec<String>,
    token: Option<String>,
}

impl Ec2Client {
    /// No call is made yet.
    pub(crate) async fn new(config: &SdkConfig) -> Result<Self, DiscoveryError> {
        let endpoint = endpoint(config).await?;
        Ok(Self {
            operation: operation(config, &endpoint),
            pace: RateLimiter::new(),
        })
    }

    /// Instances by their ids. EC2 refuses a call as a whole for one id that it does not know, so
    /// those are taken out, and the others are asked for again.
    pub(super) async fn instances(
        &self,
        ids: &[String],
    ) -> Result<DescribedInstances, DiscoveryError> {
        let mut described = DescribedInstances::default();
        let mut batches: Vec<Vec<String>> = ids.chunks(BATCH).map(<[_]>::to_vec).collect();
        while let Some(mut batch) = batches.pop() {
            let error = match self.describe(&batch).await {
                Ok(instances) => {
                    described.instances.extend(instances);
                    continue;
                }
                Err(error) => error,
            };
            if !error.code().is_some_and(|code| UNKNOWN_IDS.contains(&code)) {
                return Err(Call::new(DESCRIBE_INSTANCES, describe_ids(&batch))
                    .error(&error)
                    .into());
            }
            let is_unknown = is_named_in(error.message().unwrap_or_default());
            let (unknown, known): (Vec<_>, Vec<_>) = batch.drain(..).partition(is_unknown);
            match (unknown.len(), known.len()) {
                (0, 1) => described.unknown.extend(known),
                // It does not say which.
                (0, most) => batches.extend(known.chunks(most.div_ceil(2)).map(<[_]>::to_vec)),
                _ => {
                    described.unknown.extend(unknown);
                    batches.extend(Some(known).filter(|known| !known.is_empty()));
                }
            }
        }
        Ok(described)
    }

    async fn describe(
        &self,
        ids: &[String],
    ) -> Result<Vec<ec2_xml::Ec2Instance>, SdkError<ErrorMetadata, HttpResponse>> {
        let mut query = Query {
            instances: ids.to_vec(),
            token: None,
        };
        let mut instances = Vec::new();
        loop {
            let page = self.pace.call(self.operation.invoke(query.clone())).await?;
            instances.extend(page.instances);
            query.token = page.token;
            if query.token.is_none() {
                return Ok(instances);
            }
        }
    }
}

/// Whether a message names an id, as in `The instance IDs 'i-1, i-2' do not exist`.
fn is_named_in(message: &str) -> impl Fn(&String) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let named: HashSet<&str> = message.split(|letter| !is_part(letter)).collect();
    move |id| named.contains(id.as_str())
}

/// A few of the instances, for people.
fn describe_ids(ids: &[String]) -> String {
    if ids.is_empty() {
        "no instance".to_owned()
    } else {
        format!("instance {}", listed(ids, 1))
    }
}

impl Query {
    /// The request, as EC2's query protocol has it. Instances are asked for by their ids: a call by
    /// filter alone fails as a whole while a zone is in trouble, and leaves managed instances out.
    fn request(&self) -> Result<HttpRequest, BoxError> {
        let mut body =
            format!("Action=DescribeInstances&Version={VERSION}&IncludeManagedResources=true");
        for (index, id) in self.instances.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(body, "&InstanceId.{}={}", index + 1, escaped(id));
        }
        if let Some(token) = &self.token {
            let _ = write!(body, "&NextToken={}", escaped(token));
        }
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri("/")?;
        let form = "application/x-www-form-urlencoded";
        request.headers_mut().insert("content-type", form);
        Ok(request)
    }
}

/// Text as a form may hold it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn response(response: &HttpResponse) -> Result<Page, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        ec2_xml::page(body).map_err(|error| OrchestratorError::response(error.into()))
    } else {
        Err(OrchestratorError::operation(ec2_xml::error(body)))
    }
}

fn operation(config: &SdkConfig, endpoint: &str) -> Operation<Query, Page, ErrorMetadata> {
    let retries = config.retry_config().cloned();
    let mut operation = Operation::builder()
        .service_name("EC2")
        .operation_name("DescribeInstances")
        .endpoint_url(endpoint)
        .standard_retry(&retries.unwrap_or_else(RetryConfig::standard))
        .with_connection_poisoning()
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .runtime_plugin(signing_plugin(config))
        .serializer(|query: Query| query.request())
        .deserializer(response);
    if let Some(version) = config.behavior_version() {
        operation = operation.behavior_version(version);
    }
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    if let Some(timeouts) = config.timeout_config() {
        operation = operation.timeout_config(timeouts.clone());
    }
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(clock) = config.time_source() {
        operation = operation.time_source(clock);
    }
    operation.build()
}

/// What makes a call one of AWS's: who signs it, for which service and region, and what it says of
/// its caller.
fn signing_plugin(config: &SdkConfig) -> StaticRuntimePlugin {
    let mut layer = Layer::new("EC2");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(ApiMetadata::new("ec2", env!("CARGO_PKG_VERSION")));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(SigningName::from_static("ec2"));
    if let Some(region) = config.region() {
        layer.store_put(SigningRegion::from(region.clone()));
        layer.store_put(region.clone());
    }
    if let Some(name) = config.app_name() {
        layer.store_put(name.clone());
    }
    let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
    let mut components = RuntimeComponentsBuilder::new("EC2")
        .with_auth_scheme(SharedAuthScheme::new(sigv4::SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
        .with_interceptor(SharedInterceptor::new(ServiceClockSkewInterceptor::new()))
        .with_interceptor(SharedInterceptor::new(RequestInfoInterceptor::new()))
        .with_interceptor(SharedInterceptor::new(UserAgentInterceptor::new()))
        .with_interceptor(SharedInterceptor::new(InvocationIdInterceptor::new()));
    if let Some(credentials) = config.credentials_provider() {
        let identity = SharedIdentityResolver::new(credentials);
        components.set_identity_resolver(sigv4::SCHEME_ID, identity);
    }
    components.set_identity_cache(config.identity_cache());
    StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_by_id_and_goes_on_where_the_last_one_ended() -> Result<(), BoxError> {
        let query = Query {
            instances: vec!["i-1".to_owned(), "i-2".to_owned()],
            token: Some("a+b/c=".to_owned()),
        };
        let request = query.request()?;
        assert_eq!(
            request
                .body()
                .bytes()
                .map(String::from_utf8_lossy)
                .as_deref(),
            Some(
                "Action=DescribeInstances&Version=2016-11-15&IncludeManagedResources=true&InstanceId.1=i-1\
                 &InstanceId.2=i-2&NextToken=a%2Bb%2Fc%3D"
            )
        );
        assert_eq!((request.method(), request.uri()), ("POST", "/"));
        Ok(())
    }
}
