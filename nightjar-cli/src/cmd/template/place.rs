//! Places of templates: for which proxies a template is, and for which file.

use nightjar_core::{
    context::ProxyRole,
    document::{
        SchemaVersion,
        discovery_map::{Name, Text},
        templates::{GatewayTemplate, Purpose, ServiceTemplate, Templates},
    },
    template::folder,
};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Texts by their places. No place is there twice, as in a valid document.
pub(super) type Set = BTreeMap<Place, String>;

/// Where a template belongs: `gateway/<namespace>/<purpose>` or
/// `service/<namespace>/<service>/<color>/<purpose>`, with `_default` for any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) purpose: Purpose,
}

/// For which proxies a template is. `None` is any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Gateway {
        namespace: Option<Name>,
    },
    Service {
        namespace: Option<Name>,
        service: Option<Name>,
        color: Option<Name>,
    },
}

impl Scope {
    /// Whether a proxy is among those that it is for.
    pub(super) fn has(&self, namespace: &str, role: &ProxyRole) -> bool {
        let fits = |named: &Option<Name>, actual: &str| {
            named.as_ref().is_none_or(|named| *named == *actual)
        };
        match (self, role) {
            (Self::Gateway { namespace: named }, ProxyRole::Gateway) => fits(named, namespace),
            (
                Self::Service {
                    namespace: of,
                    service,
                    color,
                },
                ProxyRole::Service {
                    service: own,
                    color: own_color,
                },
            ) => fits(of, namespace) && fits(service, own) && fits(color, own_color),
            (Self::Gateway { .. }, ProxyRole::Service { .. })
            | (Self::Service { .. }, ProxyRole::Gateway) => false,
        }
    }

    /// `gateway` or `service`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Gateway { .. } => "gateway",
            Self::Service { .. } => "service",
        }
    }

    /// Namespace, service and color, as far as it has them.
    pub(super) fn names(&self) -> Vec<Option<&str>> {
        match self {
            Self::Gateway { namespace } => vec![namespace.as_deref()],
            Self::Service {
                namespace,
                service,
                color,
            } => vec![namespace.as_deref(), service.as_deref(), color.as_deref()],
        }
    }
}

impl Place {
    /// The path of its file in a folder of templates.
    pub(super) fn path(&self) -> String {
        format!("{self}{}", folder::SUFFIX)
    }

    /// The place that a file has at this path in a folder of templates.
    pub(super) fn of_path(path: &str) -> Result<Option<Self>, String> {
        let mut templates = document(&Set::new());
        folder::add(&mut templates, path, String::new())?;
        Ok(set(&templates).into_keys().next())
    }

    /// Why it cannot be a file in a folder, where `_default` and hidden names mean something else.
    pub(super) fn check_as_file(&self) -> Result<(), String> {
        for name in self.scope.names().into_iter().flatten() {
            if name == folder::ANY {
                return Err(format!("a folder takes the name {name:?} for any name"));
            }
            if name.starts_with('.') {
                return Err(format!("the name {name:?} is that of a hidden file"));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scope.kind())?;
        for name in self.scope.names() {
            write!(f, "/{}", name.unwrap_or(folder::ANY))?;
        }
        write!(f, "/{}", self.purpose)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of_path(&format!("{text}{}", folder::SUFFIX))?.ok_or_else(|| {
            "is neither gateway/NAMESPACE/PURPOSE nor service/NAMESPACE/SERVICE/COLOR/PURPOSE, \
             with _default for any"
                .to_owned()
        })
    }
}

/// The templates of a document by their places.
pub(super) fn set(templates: &Templates) -> Set {
    let gateway = templates.gateway_templates.iter().map(|item| {
        let scope = Scope::Gateway {
            namespace: item.namespace.clone(),
        };
        (scope, &item.purpose, &item.template)
    });
    let service = templates.service_templates.iter().map(|item| {
        let scope = Scope::Service {
            namespace: item.namespace.clone(),
            service: item.service.clone(),
            color: item.color.clone(),
        };
        (scope, &item.purpose, &item.template)
    });
    gateway
        .chain(service)
        .map(|(scope, purpose, text)| {
            let purpose = purpose.clone();
            (Place { scope, purpose }, text.clone())
        })
        .collect()
}

/// The document that holds templates. Stores make its version.
pub(super) fn document(set: &Set) -> Templates {
    let mut templates = Templates {
        schema_version: SchemaVersion::V1,
        document_version: Text::default(),
        gateway_templates: Vec::new(),
        service_templates: Vec::new(),
    };
    for (place, text) in set {
        let (purpose, template) = (place.purpose.clone(), text.clone());
        match place.scope.clone() {
            Scope::Gateway { namespace } => templates.gateway_templates.push(GatewayTemplate {
                namespace,
                purpose,
                template,
            }),
            Scope::Service {
                namespace,
                service,
                color,
            } => templates.service_templates.push(ServiceTemplate {
                namespace,
                service,
                color,
                purpose,
                template,
            }),
        }
    }
    templates
}
