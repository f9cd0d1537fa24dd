//! HTTP client for the AWS SDK: TLS, certificates and proxies.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, runtime_components::RuntimeComponents,
};
use nightjar_core::env::Env;

/// Each of them, in upper case first, names a proxy.
const PROXY_VARIABLES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// HTTP by hyper, TLS by rustls on ring with the system's certificates (or those that
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` name), by way of a proxy if the environment names one.
pub(crate) fn client(env: &Env) -> SharedHttpClient {
    let proxy = PROXY_VARIABLES
        .iter()
        .any(|name| env.get(name).is_some())
        .then(ProxyConfig::from_env);
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(tls_context(settings.is_some()));
        connector.set_proxy_config(proxy.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// Without a request to come, the SDK only tries whether a connector can be made, to have the
/// certificates read early. They are read for the first request, and once is enough.
fn tls_context(for_requests: bool) -> TlsContext {
    let store = if for_requests {
        TrustStore::default()
    } else {
        TrustStore::empty()
    };
    // Fails never: there is nothing in it that could be wrong.
    TlsContext::builder()
        .with_trust_store(store)
        .build()
        .unwrap_or_default()
}
