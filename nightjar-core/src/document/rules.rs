//! The rules for documents that their types cannot express.

use super::{
    Fault,
    discovery_map::{
        DiscoveryMap, HeaderMatch, Host, HostPort, Namespace, PathMatchType, Properties,
        QueryParameterMatch, Route, ServiceColor, ValueMatchType,
    },
    fault::{Place, shown},
    pattern,
    templates::Templates,
    words,
};
use std::collections::HashMap;

/// Every breach of a rule in a discovery map.
pub(super) fn discovery_map(map: &DiscoveryMap) -> Vec<Fault> {
    let mut walk = Walk::default();
    let root = &Place::ROOT;
    walk.text(&root.key("document-version"), &map.document_version);
    let mut seen = HashMap::new();
    let place = root.key("namespaces");
    for (index, namespace) in map.namespaces.iter().enumerate() {
        let place = place.item(index);
        if let Some(first) = seen.insert(namespace.namespace.as_str(), index) {
            walk.fault(
                &place.key("namespace"),
                format!(
                    "{} is already the name of /namespaces/{first}; a namespace appears once",
                    shown(&namespace.namespace)
                ),
            );
        }
        walk.namespace(&place, namespace);
    }
    walk.faults
}

/// Every breach of a rule in a templates document.
pub(super) fn templates(document: &Templates) -> Vec<Fault> {
    let mut walk = Walk::default();
    let root = &Place::ROOT;
    walk.text(&root.key("document-version"), &document.document_version);
    let mut seen = HashMap::new();
    let place = root.key("gateway-templates");
    for (index, item) in document.gateway_templates.iter().enumerate() {
        let place = place.item(index);
        walk.optional_name(&place.key("namespace"), item.namespace.as_deref());
        let identity = [item.namespace.as_deref(), None, None];
        walk.purpose(
            &place,
            &item.purpose,
            seen.insert((true, identity, &*item.purpose), index),
        );
    }
    let place = root.key("service-templates");
    for (index, item) in document.service_templates.iter().enumerate() {
        let place = place.item(index);
        walk.optional_name(&place.key("namespace"), item.namespace.as_deref());
        walk.optional_name(&place.key("service"), item.service.as_deref());
        walk.optional_name(&place.key("color"), item.color.as_deref());
        let identity = [&item.namespace, &item.service, &item.color].map(Option::as_deref);
        walk.purpose(
            &place,
            &item.purpose,
            seen.insert((false, identity, &*item.purpose), index),
        );
    }
    walk.faults
}

/// A walk over a document that notes what it finds.
#[derive(Default)]
struct Walk {
    faults: Vec<Fault>,
    /// Patterns seen before: compiling is by far the dearest check.
    patterns: HashMap<String, Option<String>>,
}

impl Walk {
    fn fault(&mut self, place: &Place<'_>, message: impl Into<String>) {
        self.faults.push(place.fault(message));
    }

    fn namespace(&mut self, place: &Place<'_>, namespace: &Namespace) {
        self.name(&place.key("namespace"), &namespace.namespace);
        self.text(&place.key("network-id"), &namespace.network_id);
        self.properties(&place.key("properties"), &namespace.properties);
        let gateways = place.key("gateways");
        self.instances(&gateways.key("instances"), &namespace.gateways.instances);
        let service_colors = place.key("service-colors");
        for (index, service_color) in namespace.service_colors.iter().enumerate() {
            self.service_color(&service_colors.item(index), service_color);
        }
    }

    fn service_color(&mut self, place: &Place<'_>, service_color: &ServiceColor) {
        self.name(&place.key("service"), &service_color.service);
        self.name(&place.key("color"), &service_color.color);
        self.properties(&place.key("properties"), &service_color.properties);
        self.instances(&place.key("instances"), &service_color.instances);
        let routes = place.key("routes");
        for (index, route) in service_color.routes.iter().enumerate() {
            self.route(&routes.item(index), route);
        }
        let egress = place.key("namespace-egress");
        for (index, item) in service_color.namespace_egress.iter().enumerate() {
            let place = egress.item(index);
            self.name(&place.key("namespace"), &item.namespace);
            self.host_port(&place.key("interface"), &item.interface);
        }
    }

    fn route(&mut self, place: &Place<'_>, route: &Route) {
        let path = place.key("path-match");
        self.text(&path.key("value"), &route.path_match.value);
        if route.path_match.match_type == PathMatchType::Regex {
            self.pattern(&path.key("value"), &route.path_match.value);
        }
        if !(1..=32767).contains(&route.weight) {
            self.fault(&place.key("weight"), words::not_a_weight(&route.weight));
        }
        let headers = place.key("headers");
        for (index, header) in route.headers.iter().enumerate() {
            let HeaderMatch {
                header_name,
                match_type,
                value,
                ..
            } = header;
            let place = headers.item(index);
            self.filter(
                &place,
                ("header-name", header_name),
                *match_type,
                value.as_deref(),
            );
        }
        let parameters = place.key("query-parameters");
        for (index, parameter) in route.query_parameters.iter().enumerate() {
            let QueryParameterMatch {
                parameter_name,
                match_type,
                value,
                ..
            } = parameter;
            let place = parameters.item(index);
            self.filter(
                &place,
                ("parameter-name", parameter_name),
                *match_type,
                value.as_deref(),
            );
        }
        let access = place.key("namespace-access");
        for (index, item) in route.namespace_access.iter().enumerate() {
            self.name(&access.item(index).key("namespace"), &item.namespace);
        }
        self.properties(&place.key("properties"), &route.properties);
    }

    fn filter(
        &mut self,
        place: &Place<'_>,
        (key, name): (&str, &str),
        match_type: ValueMatchType,
        value: Option<&str>,
    ) {
        self.text(&place.key(key), name);
        if name.is_empty() {
            self.fault(&place.key(key), words::empty());
        } else if name.len() > 1024 {
            let size = name.len();
            self.fault(
                &place.key(key),
                format!("has {size} bytes, and 1024 are allowed"),
            );
        }
        let place = place.key("value");
        if let Some(value) = value {
            self.text(&place, value);
        }
        match (match_type, value) {
            (ValueMatchType::Present, _) => {}
            (_, None) => {
                let kind = format!("{match_type:?}").to_lowercase();
                self.fault(
                    &place,
                    format!("is missing, and match-type {kind} needs it"),
                );
            }
            (ValueMatchType::Prefix | ValueMatchType::Suffix, Some("")) => {
                self.fault(
                    &place,
                    "is empty; use match-type present to accept any value",
                );
            }
            (ValueMatchType::Regex, Some(value)) => self.pattern(&place, value),
            _ => {}
        }
    }

    fn pattern(&mut self, place: &Place<'_>, text: &str) {
        if text.is_empty() {
            self.fault(place, "is empty, and a regular expression is needed");
            return;
        }
        if !self.patterns.contains_key(text) {
            self.patterns
                .insert(text.to_owned(), pattern::check(text).err());
        }
        if let Some(Some(reason)) = self.patterns.get(text) {
            let message = format!("{} is not a regular expression: {reason}", shown(text));
            self.fault(place, message);
        }
    }

    fn instances(&mut self, place: &Place<'_>, instances: &[HostPort]) {
        for (index, instance) in instances.iter().enumerate() {
            self.host_port(&place.item(index), instance);
        }
    }

    fn host_port(&mut self, place: &Place<'_>, host_port: &HostPort) {
        if host_port.port == 0 {
            self.fault(&place.key("port"), words::not_a_port(&host_port.port));
        }
        if let Host::Name(name) = &host_port.host
            && !pattern::is_hostname(name)
        {
            self.fault(&place.key("hostname"), words::not_a_hostname(name));
        }
    }

    fn properties(&mut self, place: &Place<'_>, properties: &Properties) {
        for (name, value) in properties {
            let place = place.key(name);
            if name.is_empty() {
                self.fault(&place, "the name of a property is empty");
            }
            self.text(&place, name);
            self.text(&place, value);
        }
    }

    fn optional_name(&mut self, place: &Place<'_>, name: Option<&str>) {
        if let Some(name) = name {
            self.name(place, name);
        }
    }

    fn name(&mut self, place: &Place<'_>, name: &str) {
        if !pattern::is_name(name) {
            self.fault(place, words::not_a_name(name));
        }
    }

    fn text(&mut self, place: &Place<'_>, text: &str) {
        if let Some(character) = text.chars().find(|character| character.is_control()) {
            self.fault(
                place,
                format!(
                    "{} holds the control character U+{:04X}",
                    shown(text),
                    u32::from(character)
                ),
            );
        }
    }

    fn purpose(&mut self, place: &Place<'_>, purpose: &str, earlier: Option<usize>) {
        let place = place.key("purpose");
        if let Err(reason) = crate::template::check_purpose(purpose) {
            let shown = shown(purpose);
            // Most reasons quote it themselves.
            let quoted = reason.contains(&shown);
            self.fault(
                &place,
                if quoted {
                    reason
                } else {
                    format!("{shown} {reason}")
                },
            );
        }
        if let Some(earlier) = earlier {
            self.fault(
                &place,
                format!(
                    "{} is already the purpose of item {earlier}, for the same proxies",
                    shown(purpose)
                ),
            );
        }
    }
}
