//! Context of one proxy: what templates are rendered with.

pub use super::route_settings::{
    Cors, CorsOrigin, Fault, HeaderChanges, HeaderToRemove, HeaderToSet, Mirror, RateLimit,
    Redirect, RetryBackOff, RetryStatus,
};
use super::{SchemaVersion, discovery_map::ValueMatchType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Free name-value pairs, documented ones in Envoy's form.
pub type Properties = BTreeMap<String, String>;

/// All that one sidecar or gateway needs to know. Its field names are what templates use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyInput {
    /// Which edition of this schema the document follows.
    #[serde(rename = "schema-version")]
    pub schema_version: SchemaVersion,
    /// The namespace's network id.
    pub network_name: String,
    /// `<service>-<color>`, or `gateway`.
    pub service_member: String,
    /// The namespace this proxy is in.
    pub namespace: String,
    /// The service this proxy stands beside; empty for a gateway.
    pub service: String,
    /// The color of that service; empty for a gateway.
    pub color: String,
    /// Whether this proxy is a gateway.
    pub is_gateway: bool,
    /// Whether this proxy is a sidecar.
    pub is_service: bool,
    /// Whether the proxy has an admin port.
    pub has_admin_port: bool,
    /// The port of Envoy's admin interface.
    pub admin_port: u16,
    /// The address of Envoy's admin interface.
    pub admin_address: String,
    /// The address that all listeners bind.
    pub listen_address: String,
    /// Whether the listeners take IPv4 and IPv6, as `listen_address` is `::`.
    pub listens_on_both_families: bool,
    /// The folder that Envoy reads its files from.
    pub config_dir: String,
    /// What holds for the proxy as a whole: what its namespace, its service-color and, over both, its
    /// own environment say.
    pub properties: Properties,
    /// The same, where nearer `properties` hide the root's.
    pub proxy: Proxy,
    /// Where the proxy takes requests.
    pub listeners: Vec<Listener>,
    /// Whether `clusters` has any item.
    pub has_clusters: bool,
    /// What the proxy can send requests to.
    pub clusters: Vec<Cluster>,
}

/// What holds for the proxy as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proxy {
    /// The root's properties.
    pub properties: Properties,
    /// Whether Envoy's statistics are served on a port of their own (`stats-port`).
    pub has_stats_port: bool,
    /// That port.
    pub stats_port: u16,
    /// The address at which the proxy's own machine reaches the admin interface.
    pub admin_host: String,
    /// Whether Envoy's statistics are sent to `statsd`.
    pub has_statsd: bool,
    /// Where they are sent (`statsd-to`, taken apart).
    pub statsd: Statsd,
    /// Whether spans are sent to `trace`.
    pub has_trace: bool,
    /// Where they are sent, and of how many requests (`trace-to` and `trace-percent`, taken apart).
    pub trace: Trace,
    /// How the access log is written.
    pub access_log: AccessLog,
}

/// Where statistics are sent as datagrams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Statsd {
    /// The IP address.
    pub host: String,
    /// The UDP port.
    pub port: u16,
}

/// Where spans are sent, and of how many requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// Whether the collector takes OTLP over gRPC.
    pub is_otlp: bool,
    /// Whether it is a Zipkin.
    pub is_zipkin: bool,
    /// Whether it is a Datadog agent.
    pub is_datadog: bool,
    /// Whether it is an X-Ray daemon.
    pub is_xray: bool,
    /// Whether Envoy needs a cluster for it, as it is reached by connections.
    pub is_collector_cluster: bool,
    /// The address or DNS name.
    pub host: String,
    /// Whether `host` is a DNS name.
    pub host_is_name: bool,
    /// The port.
    pub port: u16,
    /// How many percent of the requests are traced.
    pub percent: String,
    /// The same as a share of one, such as `0.05`.
    pub fraction: String,
}

/// How the access log is written; one of the first three holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessLog {
    /// Whether each line is text.
    pub is_text: bool,
    /// Whether each line is a JSON object.
    pub is_json: bool,
    /// Whether there is none.
    pub is_none: bool,
    /// Whether `format` takes the place of the usual text.
    pub has_format: bool,
    /// The line, without its end (`access-log-format`).
    pub format: String,
}

/// One port on which the proxy takes requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// `local`, `gateway`, or `egress-<namespace>`.
    pub name: String,
    /// The namespace whose routes it serves.
    pub namespace: String,
    /// Whether `mesh_port` is set.
    pub has_mesh_port: bool,
    /// The TCP port.
    pub mesh_port: u16,
    /// What it serves, most specific first.
    pub routes: Vec<Route>,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// A set of requests, and where they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The path or its prefix in normal form, or a regular expression (of a denied route that can be
    /// spelled in several ways: for every spelling).
    pub route_path: String,
    /// Whether `route_path` is compared with the start of the path.
    pub path_is_prefix: bool,
    /// Whether `route_path` is compared with the whole path.
    pub path_is_exact: bool,
    /// Whether `route_path` is a regular expression for the whole path.
    pub path_is_regex: bool,
    /// Whether upper and lower case differ.
    pub path_is_case_sensitive: bool,
    /// Whether requests can spell the path in several ways that Envoy keeps apart.
    pub has_spellings: bool,
    /// A regular expression for the path, or for the prefix itself, in every spelling.
    pub path_pattern: String,
    /// Whether `header_filters` has any item.
    pub has_header_filters: bool,
    /// Conditions on headers, all of which must hold.
    pub header_filters: Vec<Filter>,
    /// Whether `query_filters` has any item.
    pub has_query_filters: bool,
    /// Conditions on query parameters, all of which must hold.
    pub query_filters: Vec<Filter>,
    /// Whether the caller may not have this route: it stands here so that no wider one serves it.
    pub is_denied: bool,
    /// Whether `clusters` has one item.
    pub has_one_cluster: bool,
    /// Whether `clusters` has more than one item.
    pub has_many_clusters: bool,
    /// The sum of all `route_weight`.
    pub total_cluster_weight: u64,
    /// Where the requests go.
    pub clusters: Vec<WeightedCluster>,
    /// Whether `hash_policy` has any item.
    pub has_hash_policy: bool,
    /// What requests are hashed by (`hash-on`, taken apart).
    pub hash_policy: Vec<HashPolicy>,
    /// What is set and removed of a request's headers; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<Box<HeaderChanges>>,
    /// What is set and removed of a response's headers; absent if nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<Box<HeaderChanges>>,
    /// Where requests are redirected to (`redirect-to`, taken apart); absent if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Box<Redirect>>,
    /// Whether `cors`, `fault` or `rate_limit` is there: each is a setting of an HTTP filter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_filter_config: bool,
    /// Which pages may read responses (`cors-origins`, taken apart); absent if the property is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Box<Cors>>,
    /// Which faults are made (`abort-status` and `delay`, taken apart); absent if none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Box<Fault>>,
    /// How many requests are let through (`rate-limit`, taken apart); absent if all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<Box<RateLimit>>,
    /// Who gets copies of requests (`mirror-to`, looked up); absent if nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Box<Mirror>>,
    /// Whether `retry_statuses` has any item.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_retry_statuses: bool,
    /// The statuses that are tried again besides what `retry-on` says; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_statuses: Vec<RetryStatus>,
    /// The time between tries (`retry-back-off`, taken apart); absent if the property is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_back_off: Option<Box<RetryBackOff>>,
    /// What the members of the route say together.
    pub properties: Properties,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// One thing that requests are hashed by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HashPolicy {
    /// Whether it is the value of the header `name`.
    pub is_header: bool,
    /// Whether it is the value of the cookie `name`.
    pub is_cookie: bool,
    /// Whether it is the caller's address.
    pub is_source_ip: bool,
    /// The name of the header or cookie; else empty.
    pub name: String,
    /// Whether Envoy makes a cookie where there is none.
    pub has_ttl: bool,
    /// How long such a cookie lives; `0s` is as long as the caller's session.
    pub ttl: String,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// A condition on a header or a query parameter.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Filter {
    /// The header's or parameter's name.
    pub name: String,
    /// What to compare with; empty for `is_present_match`.
    #[serde(rename = "match")]
    pub value: String,
    /// Whether the whole value must be equal.
    pub is_exact_match: bool,
    /// Whether `match` is a regular expression for the whole value.
    pub is_regex_match: bool,
    /// Whether any value will do.
    pub is_present_match: bool,
    /// Whether the value must start with `match`.
    pub is_prefix_match: bool,
    /// Whether the value must end with `match`.
    pub is_suffix_match: bool,
    /// Whether the condition holds when the comparison fails.
    pub invert_match: bool,
    /// Whether upper and lower case of the value differ.
    pub case_sensitive: bool,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

impl Filter {
    pub(crate) fn new(name: String, match_type: ValueMatchType, value: String) -> Self {
        Self {
            name,
            value,
            is_exact_match: match_type == ValueMatchType::Exact,
            is_regex_match: match_type == ValueMatchType::Regex,
            is_present_match: match_type == ValueMatchType::Present,
            is_prefix_match: match_type == ValueMatchType::Prefix,
            is_suffix_match: match_type == ValueMatchType::Suffix,
            invert_match: false,
            case_sensitive: true,
            is_first: false,
            is_last: false,
        }
    }

    /// The way to compare, of which one flag is set.
    pub fn match_type(&self) -> Option<ValueMatchType> {
        ValueMatchType::ALL
            .into_iter()
            .find(|match_type| match match_type {
                ValueMatchType::Exact => self.is_exact_match,
                ValueMatchType::Regex => self.is_regex_match,
                ValueMatchType::Prefix => self.is_prefix_match,
                ValueMatchType::Suffix => self.is_suffix_match,
                ValueMatchType::Present => self.is_present_match,
            })
    }
}

/// One member of a route, with its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeightedCluster {
    /// The name of an item of the root's `clusters`.
    pub cluster_name: String,
    /// The share, relative to the route's `total_cluster_weight`.
    pub route_weight: u64,
    /// The route's properties with this member's own on top.
    pub properties: Properties,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// A group of endpoints that requests can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// The cluster's name, made from its identity alone.
    pub name: String,
    /// The namespace it belongs to.
    pub namespace: String,
    /// Its service; empty for a gateway.
    pub service: String,
    /// Its color; empty for a gateway.
    pub color: String,
    /// Whether the endpoints are another namespace's gateways.
    pub is_gateway: bool,
    /// Whether the endpoints speak HTTP/2.
    pub uses_http2: bool,
    /// Whether every endpoint is an IPv4 address.
    pub hosts_are_ipv4: bool,
    /// Whether every endpoint is an IPv6 address.
    pub hosts_are_ipv6: bool,
    /// Whether an endpoint is a DNS name, or the kinds are mixed.
    pub hosts_are_hostname: bool,
    /// Whether `endpoints` has any item.
    pub has_endpoints: bool,
    /// Where requests can be sent.
    pub endpoints: Vec<Endpoint>,
    /// Whether endpoints are checked: one of the next three holds.
    pub has_health_check: bool,
    /// Whether they are checked by requests for the property `health-check-path`.
    pub is_checked_by_http: bool,
    /// Whether they are checked by calls of `grpc.health.v1.Health`.
    pub is_checked_by_grpc: bool,
    /// Whether they are checked by connecting.
    pub is_checked_by_tcp: bool,
    /// Whether the property `slow-start` holds.
    pub has_slow_start: bool,
    /// Whether the `lb-policy` is `LEAST_REQUEST`.
    pub uses_least_request: bool,
    /// The namespace's and service-color's properties.
    pub properties: Properties,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}

/// One address and port.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Endpoint {
    /// The address or DNS name.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether this is the list's first item.
    pub is_first: bool,
    /// Whether this is the list's last item.
    pub is_last: bool,
}
