//! Views of what a template can name: the context's structs and any JSON, looked at without copying them.
//!
//! A context of a large mesh has some hundred thousand fields, most of which a template reads once
//! or never. So nothing is converted: a [`Node`] borrows from the struct or the JSON value it shows.

use crate::document::{
    SchemaVersion,
    proxy_input::{
        AccessLog, Cluster, Cors, CorsOrigin, Endpoint, Fault, Filter, HashPolicy, HeaderChanges,
        HeaderToRemove, HeaderToSet, Listener, Mirror, Properties, Proxy, ProxyInput, RateLimit,
        Redirect, RetryBackOff, RetryStatus, Route, Statsd, Trace, WeightedCluster,
    },
};
use serde_json::{Map, Number, Value};

/// One value as Mustache sees it.
#[derive(Clone, Copy)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Integer(u64),
    Number(&'a Number),
    Text(&'a str),
    List(&'a dyn List),
    Record(&'a dyn Record),
    /// The version of the file being made, which is known only when the rest of it is.
    Version,
}

/// Something with named fields.
pub(super) trait Record {
    fn field(&self, name: &str) -> Option<Node<'_>>;
}

/// Something with items in order.
pub(super) trait List {
    fn size(&self) -> usize;
    fn item(&self, index: usize) -> Option<Node<'_>>;
}

/// Anything that can be shown to a template.
pub(super) trait View {
    fn view(&self) -> Node<'_>;
}

impl<'a> Node<'a> {
    pub(super) fn field(self, name: &str) -> Option<Node<'a>> {
        match self {
            Node::Record(record) => record.field(name),
            _ => None,
        }
    }

    /// What JavaScript's `!!value` says, as the Mustache specification puts it, save that an
    /// empty list is false.
    pub(super) fn is_truthy(self) -> bool {
        match self {
            Node::Null => false,
            Node::Bool(value) => value,
            Node::Integer(value) => value != 0,
            Node::Number(value) => value.as_f64() != Some(0.0),
            Node::Text(value) => !value.is_empty(),
            Node::List(list) => list.size() > 0,
            Node::Record(_) | Node::Version => true,
        }
    }
}

/// Shows a struct's fields under the names that its JSON form has. Leaving a field out of the list
/// does not compile.
macro_rules! record {
    ($type:ident { $($name:literal: $field:ident),+ $(,)? }) => {
        impl Record for $type {
            fn field(&self, name: &str) -> Option<Node<'_>> {
                let Self { $($field),+ } = self;
                match name {
                    $($name => Some($field.view()),)+
                    _ => None,
                }
            }
        }

        impl View for $type {
            fn view(&self) -> Node<'_> {
                Node::Record(self)
            }
        }
    };
}

record!(ProxyInput {
    "schema-version": schema_version,
    "network_name": network_name,
    "service_member": service_member,
    "namespace": namespace,
    "service": service,
    "color": color,
    "is_gateway": is_gateway,
    "is_service": is_service,
    "has_admin_port": has_admin_port,
    "admin_port": admin_port,
    "admin_address": admin_address,
    "listen_address": listen_address,
    "listens_on_both_families": listens_on_both_families,
    "config_dir": config_dir,
    "properties": properties,
    "proxy": proxy,
    "listeners": listeners,
    "has_clusters": has_clusters,
    "clusters": clusters,
});

record!(Proxy {
    "properties": properties,
    "has_stats_port": has_stats_port,
    "stats_port": stats_port,
    "admin_host": admin_host,
    "has_statsd": has_statsd,
    "statsd": statsd,
    "has_trace": has_trace,
    "trace": trace,
    "access_log": access_log,
});

record!(Statsd {
    "host": host,
    "port": port,
});

record!(Trace {
    "is_otlp": is_otlp,
    "is_zipkin": is_zipkin,
    "is_datadog": is_datadog,
    "is_xray": is_xray,
    "is_collector_cluster": is_collector_cluster,
    "host": host,
    "host_is_name": host_is_name,
    "port": port,
    "percent": percent,
    "fraction": fraction,
});

record!(AccessLog {
    "is_text": is_text,
    "is_json": is_json,
    "is_none": is_none,
    "has_format": has_format,
    "format": format,
});

record!(Listener {
    "name": name,
    "namespace": namespace,
    "has_mesh_port": has_mesh_port,
    "mesh_port": mesh_port,
    "routes": routes,
    "is_first": is_first,
    "is_last": is_last,
});

record!(Route {
    "route_path": route_path,
    "path_is_prefix": path_is_prefix,
    "path_is_exact": path_is_exact,
    "path_is_regex": path_is_regex,
    "path_is_case_sensitive": path_is_case_sensitive,
    "has_spellings": has_spellings,
    "path_pattern": path_pattern,
    "has_header_filters": has_header_filters,
    "header_filters": header_filters,
    "has_query_filters": has_query_filters,
    "query_filters": query_filters,
    "is_denied": is_denied,
    "has_one_cluster": has_one_cluster,
    "has_many_clusters": has_many_clusters,
    "total_cluster_weight": total_cluster_weight,
    "clusters": clusters,
    "has_hash_policy": has_hash_policy,
    "hash_policy": hash_policy,
    "request_headers": request_headers,
    "response_headers": response_headers,
    "redirect": redirect,
    "has_filter_config": has_filter_config,
    "cors": cors,
    "fault": fault,
    "rate_limit": rate_limit,
    "mirror": mirror,
    "has_retry_statuses": has_retry_statuses,
    "retry_statuses": retry_statuses,
    "retry_back_off": retry_back_off,
    "properties": properties,
    "is_first": is_first,
    "is_last": is_last,
});

record!(HashPolicy {
    "is_header": is_header,
    "is_cookie": is_cookie,
    "is_source_ip": is_source_ip,
    "name": name,
    "has_ttl": has_ttl,
    "ttl": ttl,
    "is_first": is_first,
    "is_last": is_last,
});

record!(HeaderChanges {
    "has_set": has_set,
    "set": set,
    "has_remove": has_remove,
    "remove": remove,
});

record!(HeaderToSet {
    "name": name,
    "value": value,
    "is_first": is_first,
    "is_last": is_last,
});

record!(HeaderToRemove {
    "name": name,
    "is_first": is_first,
    "is_last": is_last,
});

record!(Redirect {
    "status": status,
    "response_code": response_code,
    "has_scheme": has_scheme,
    "scheme": scheme,
    "has_host": has_host,
    "host": host,
    "has_path": has_path,
    "path": path,
});

record!(Cors {
    "origins": origins,
});

record!(CorsOrigin {
    "origin": origin,
    "is_first": is_first,
    "is_last": is_last,
});

record!(RateLimit {
    "max_tokens": max_tokens,
    "tokens_per_fill": tokens_per_fill,
    "fill_interval": fill_interval,
});

record!(Fault {
    "has_abort": has_abort,
    "abort_status": abort_status,
    "abort_per_million": abort_per_million,
    "has_delay": has_delay,
    "delay": delay,
    "delay_per_million": delay_per_million,
});

record!(Mirror {
    "cluster_name": cluster_name,
    "per_million": per_million,
});

record!(RetryStatus {
    "status": status,
    "is_first": is_first,
    "is_last": is_last,
});

record!(RetryBackOff {
    "base": base,
    "has_max": has_max,
    "max": max,
});

record!(Filter {
    "name": name,
    "match": value,
    "is_exact_match": is_exact_match,
    "is_regex_match": is_regex_match,
    "is_present_match": is_present_match,
    "is_prefix_match": is_prefix_match,
    "is_suffix_match": is_suffix_match,
    "invert_match": invert_match,
    "case_sensitive": case_sensitive,
    "is_first": is_first,
    "is_last": is_last,
});

record!(WeightedCluster {
    "cluster_name": cluster_name,
    "route_weight": route_weight,
    "properties": properties,
    "is_first": is_first,
    "is_last": is_last,
});

record!(Cluster {
    "name": name,
    "namespace": namespace,
    "service": service,
    "color": color,
    "is_gateway": is_gateway,
    "uses_http2": uses_http2,
    "hosts_are_ipv4": hosts_are_ipv4,
    "hosts_are_ipv6": hosts_are_ipv6,
    "hosts_are_hostname": hosts_are_hostname,
    "has_endpoints": has_endpoints,
    "endpoints": endpoints,
    "has_health_check": has_health_check,
    "is_checked_by_http": is_checked_by_http,
    "is_checked_by_grpc": is_checked_by_grpc,
    "is_checked_by_tcp": is_checked_by_tcp,
    "has_slow_start": has_slow_start,
    "uses_least_request": uses_least_request,
    "properties": properties,
    "is_first": is_first,
    "is_last": is_last,
});

record!(Endpoint {
    "host": host,
    "port": port,
    "is_first": is_first,
    "is_last": is_last,
});

/// The context as a file's template sees it: with the version of that file.
pub(super) struct FileRoot<'a>(pub(super) &'a ProxyInput);

impl Record for FileRoot<'_> {
    fn field(&self, name: &str) -> Option<Node<'_>> {
        match name {
            "version" => Some(Node::Version),
            other => self.0.field(other),
        }
    }
}

impl Record for Properties {
    fn field(&self, name: &str) -> Option<Node<'_>> {
        self.get(name).map(View::view)
    }
}

impl Record for Map<String, Value> {
    fn field(&self, name: &str) -> Option<Node<'_>> {
        self.get(name).map(View::view)
    }
}

impl<T: View> List for Vec<T> {
    fn size(&self) -> usize {
        self.len()
    }

    fn item(&self, index: usize) -> Option<Node<'_>> {
        self.get(index).map(View::view)
    }
}

impl<T: View> View for Vec<T> {
    fn view(&self) -> Node<'_> {
        Node::List(self)
    }
}

impl<T: View> View for Option<Box<T>> {
    fn view(&self) -> Node<'_> {
        self.as_deref().map_or(Node::Null, View::view)
    }
}

impl View for Properties {
    fn view(&self) -> Node<'_> {
        Node::Record(self)
    }
}

impl View for String {
    fn view(&self) -> Node<'_> {
        Node::Text(self)
    }
}

impl View for bool {
    fn view(&self) -> Node<'_> {
        Node::Bool(*self)
    }
}

impl View for u16 {
    fn view(&self) -> Node<'_> {
        Node::Integer((*self).into())
    }
}

impl View for u64 {
    fn view(&self) -> Node<'_> {
        Node::Integer(*self)
    }
}

impl View for SchemaVersion {
    fn view(&self) -> Node<'_> {
        match self {
            Self::V1 => Node::Text("v1"),
        }
    }
}

impl View for Value {
    fn view(&self) -> Node<'_> {
        match self {
            Value::Null => Node::Null,
            Value::Bool(value) => Node::Bool(*value),
            Value::Number(value) => Node::Number(value),
            Value::String(value) => Node::Text(value),
            Value::Array(items) => Node::List(items),
            Value::Object(fields) => Node::Record(fields),
        }
    }
}
