//! Declarations: from settings to a service or a gateway.

use super::{
    Defaults, Gateway, Service, Workload, egress, misspelt_settings, properties,
    reader::{ROUTE_PORT, WorkloadReader},
    routes,
    settings::Settings,
    warning::{Warning, Warnings},
};
use crate::{
    context::properties::Scope,
    document::discovery_map::{Name, Properties, Protocol},
    env,
};

const MODE: &str = "NJ_PROXY_MODE";
const NAMESPACE: &str = "NJ_NAMESPACE";
const SERVICE: &str = "NJ_SERVICE";
const COLOR: &str = "NJ_COLOR";
const PROTOCOL: &str = "NJ_PROTOCOL";
const PREFER_GATEWAY: &str = "NJ_PREFER_GATEWAY";
const PROPERTY: &str = "NJ_PROP_";
const LISTEN_PORT: &str = "NJ_LISTEN_PORT";

/// What `NJ_PROXY_MODE` asks for.
enum Mode {
    Service,
    Gateway,
}

impl Workload {
    /// What a workload is in the mesh, if it is in it. `workload_id` is what warnings call it.
    pub fn read(
        settings: &Settings,
        defaults: &Defaults,
        workload_id: &str,
        warnings: &mut Warnings,
    ) -> Option<Self> {
        let mut reader = WorkloadReader {
            settings,
            workload_id,
            warnings,
        };
        let mode = reader.mode(defaults.mode.as_deref());
        if mode.is_some() || settings.find(MODE).is_none() {
            misspelt_settings::warn_of_misspelt(&mut reader);
        }
        match mode? {
            Mode::Service => reader.service(defaults).map(Self::Service),
            Mode::Gateway => reader.gateway(defaults).map(Self::Gateway),
        }
    }
}

impl WorkloadReader<'_> {
    fn mode(&mut self, preset: Option<&str>) -> Option<Mode> {
        let found = self.settings.find(MODE);
        let word = found.as_ref().map(|found| found.value).or(preset)?;
        if word.eq_ignore_ascii_case("SERVICE") {
            return Some(Mode::Service);
        }
        if word.eq_ignore_ascii_case("GATEWAY") {
            return Some(Mode::Gateway);
        }
        let says_no = word.eq_ignore_ascii_case("NONE") || env::parse_bool(word) == Some(false);
        if let Some(found) = found.filter(|_| !says_no) {
            self.warn(
                &found,
                "is neither SERVICE nor GATEWAY; the workload is left out of the mesh",
                "set it to SERVICE or GATEWAY, or to NONE to stay out",
            );
        }
        None
    }

    fn service(&mut self, defaults: &Defaults) -> Option<Service> {
        let namespace = self.name(NAMESPACE, defaults.namespace.as_deref());
        let service = self.name(SERVICE, defaults.service.as_deref());
        let color = self.name(COLOR, defaults.color.as_deref());
        let (namespace, service, color) = (namespace?, service?, color?);
        let routes = routes::read(self);
        let egress = egress::read(self, &namespace);
        let (protocol, properties) = (self.protocol(), self.properties());
        let (routes, has_errors) = routes?;
        Some(Service {
            namespace,
            service,
            color,
            protocol,
            properties,
            routes,
            egress,
            has_errors,
        })
    }

    fn gateway(&mut self, defaults: &Defaults) -> Option<Gateway> {
        let namespace = self.name(NAMESPACE, defaults.namespace.as_deref())?;
        let said = self.settings.find(ROUTE_PORT);
        let port = match said.or_else(|| self.settings.find(LISTEN_PORT)) {
            None => None,
            Some(found) => Some(self.port(&found, "the gateway is left out")?),
        };
        Some(Gateway {
            namespace,
            protocol: self.protocol(),
            prefer_gateway: self.prefer_gateway(),
            properties: self.properties(),
            port,
        })
    }

    /// A part of the identity, without which a workload is not in the mesh.
    fn name(&mut self, setting: &str, preset: Option<&str>) -> Option<Name> {
        let remedy = "give it 1 to 128 letters, digits, dots, underscores and hyphens";
        let Some(found) = self.settings.find(setting) else {
            let reason = match preset.map(|name| (name, name.parse())) {
                Some((_, Ok(name))) => return Some(name),
                Some((name, Err(_))) => format!(
                    "{setting} is not set, and {name:?} is not a name; the workload is left out"
                ),
                None => format!("{setting} is not set; the workload is left out"),
            };
            let remedy = format!("set {setting}, and {remedy}");
            let warning = Warning::new(self.workload_id, reason).with_remedy(remedy);
            self.warnings.push(warning);
            return None;
        };
        if let Ok(name) = found.value.parse() {
            return Some(name);
        }
        self.warn(&found, "is not a name; the workload is left out", remedy);
        None
    }

    fn protocol(&mut self) -> Protocol {
        let Some(found) = self.settings.find(PROTOCOL) else {
            return Protocol::Http1;
        };
        if let Ok(protocol) = found.value.parse() {
            return protocol;
        }
        let is = |word: &str| word.eq_ignore_ascii_case(found.value);
        if !["HTTP1", "HTTP"].into_iter().any(is) {
            let reason = "is neither HTTP1.1 nor HTTP2; HTTP1.1 is used";
            self.warn(&found, reason, "set it to HTTP1.1 or HTTP2");
        }
        Protocol::Http1
    }

    fn prefer_gateway(&mut self) -> bool {
        let Some(found) = self.settings.find(PREFER_GATEWAY) else {
            return false;
        };
        env::parse_bool(found.value).unwrap_or_else(|| {
            let reason = "is neither true nor false; false is used";
            self.warn(&found, reason, "set it to true or false");
            false
        })
    }

    fn properties(&mut self) -> Properties {
        properties::read(
            self.settings,
            PROPERTY,
            None,
            Scope::ServiceColorOrNamespace,
            self.workload_id,
            self.warnings,
        )
    }
}
