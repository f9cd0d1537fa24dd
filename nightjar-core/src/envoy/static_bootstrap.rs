//! Static bootstrap with everything in it, which `envoy --mode validate` reads in full.

use super::{
    configuration::Configuration,
    file::File,
    proto_json::{inside, member, parse, source_path, static_resources, take},
    role::FileRole,
};
use crate::config_text::camel;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Folds the subscribed files of a configuration into its bootstrap, as JSON.
///
/// Envoy's validation does not open the files behind subscriptions, so a check of the bootstrap
/// alone would pass anything. Clusters, listeners and secrets become static, routes and endpoints
/// become inline. Files without a role that the configuration names (certificates, scripts) are
/// looked for in `scratch` instead of `config_dir`.
pub fn static_bootstrap(configuration: &Configuration, config_dir: &str, scratch: &str) -> String {
    let bootstrap = configuration.bootstrap();
    // It was read before, so it parses.
    let mut root = parse(bootstrap.name(), bootstrap.text()).unwrap_or_default();
    let mut inliner = Inliner {
        configuration,
        config_dir,
        scratch,
        names: static_resources(&root, "secrets")
            .iter()
            .filter_map(|secret| Some(secret.get("name")?.as_str()?.to_owned()))
            .collect(),
        secrets: BTreeMap::new(),
    };
    drop_subscriptions(&mut root);
    inliner.inline(&mut root);
    let Value::Object(mut root) = root else {
        return root.to_string();
    };
    let key = ["static_resources", "staticResources"]
        .into_iter()
        .find(|key| root.contains_key(*key));
    let fixed = key.and_then(|key| root.remove(key));
    let mut fixed = match fixed {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(fixed)) => fixed,
        // Envoy has to say what is wrong with it.
        Some(other) => {
            root.insert("static_resources".to_owned(), other);
            return Value::Object(root).to_string();
        }
    };
    let clusters = take(&mut fixed, "clusters");
    let listeners = take(&mut fixed, "listeners");
    let secrets = take(&mut fixed, "secrets");
    let mut json = String::from("{\"static_resources\":{");
    inliner.list(&mut json, "clusters", clusters, &FileRole::Clusters);
    json.push(',');
    inliner.list(&mut json, "listeners", listeners, &FileRole::Listeners);
    json.push(',');
    inliner.secrets(&mut json, secrets);
    members(&mut json, &fixed);
    json.push('}');
    members(&mut json, &root);
    json.push('}');
    json
}

/// Writes members after those that are there.
fn members(json: &mut String, members: &Map<String, Value>) {
    for (name, value) in members {
        json.push(',');
        json.push_str(&Value::from(name.as_str()).to_string());
        json.push(':');
        json.push_str(&value.to_string());
    }
}

fn drop_subscriptions(root: &mut Value) {
    for dynamic in ["dynamic_resources", "dynamicResources"] {
        if let Some(dynamic) = root.get_mut(dynamic).and_then(Value::as_object_mut) {
            for name in ["cds_config", "lds_config"] {
                take(dynamic, name);
            }
        }
    }
}

struct Inliner<'a> {
    configuration: &'a Configuration,
    config_dir: &'a str,
    scratch: &'a str,
    /// The names that static secrets have by now.
    names: BTreeSet<String>,
    /// The name that the secret of a file gets among the static ones.
    secrets: BTreeMap<String, String>,
}

impl Inliner<'_> {
    /// Writes a list of static resources: those of the bootstrap, and those of the files.
    fn list(&mut self, json: &mut String, kind: &str, own: Option<Value>, role: &FileRole) {
        let mut list = List::open(json, kind);
        match own {
            None => {}
            Some(Value::Array(own)) => own.iter().for_each(|item| list.push(item)),
            // Envoy has to say what is wrong with it.
            Some(other) => list.push(&other),
        }
        let files = self.configuration.iter();
        for file in files.filter(|file| file.role() == Some(role)) {
            for resource in file.resources() {
                let mut resource = plain(file.resource_text(resource));
                self.inline(&mut resource);
                list.push(&resource);
            }
        }
        list.close();
    }

    /// Writes the static secrets: those of the bootstrap, and those of the files.
    fn secrets(&mut self, json: &mut String, own: Option<Value>) {
        let mut list = List::open(json, "secrets");
        if let Some(own) = own {
            match own {
                Value::Array(own) => own.iter().for_each(|item| list.push(item)),
                other => list.push(&other),
            }
        }
        for (file, name) in std::mem::take(&mut self.secrets) {
            if let Some(mut secret) = self.configuration.get(&file).and_then(|it| first(it)) {
                self.inline(&mut secret);
                if let Some(secret) = secret.as_object_mut() {
                    secret.insert("name".to_owned(), name.into());
                }
                list.push(&secret);
            }
        }
        list.close();
    }

    /// Replaces references to files by what the files hold, or by where their copies are.
    fn inline(&mut self, value: &mut Value) {
        match value {
            Value::String(path) => self.redirect(path),
            Value::Array(items) => {
                for item in items {
                    self.inline(item);
                }
            }
            Value::Object(members) => {
                self.routes(members);
                self.endpoints(members);
                self.secret(members);
                for item in members.values_mut() {
                    self.inline(item);
                }
            }
            _ => {}
        }
    }

    fn routes(&self, members: &mut Map<String, Value>) {
        let routes = members.get("rds").and_then(|rds| {
            member(rds, "route_config_name")?.as_str()?;
            self.first_at(member(rds, "config_source")?)
        });
        if let Some(mut routes) = routes {
            members.remove("rds");
            // Of its own accord Envoy would let a route to an unknown cluster pass.
            if let Some(routes) = routes.as_object_mut() {
                routes.insert("validate_clusters".to_owned(), true.into());
                routes.remove("validateClusters");
            }
            members.insert("route_config".to_owned(), routes);
        }
    }

    fn endpoints(&self, members: &mut Map<String, Value>) {
        let name = "eds_cluster_config";
        let eds = members.get(name).or_else(|| members.get(&camel(name)));
        let endpoints = eds.and_then(|eds| {
            let name = member(eds, "service_name").or_else(|| members.get("name"))?;
            let mut endpoints = self.first_at(member(eds, "eds_config")?)?;
            let name = name.as_str()?.into();
            endpoints
                .as_object_mut()?
                .insert("cluster_name".to_owned(), name);
            Some(endpoints)
        });
        if let Some(endpoints) = endpoints {
            take(members, name);
            take(members, "load_assignment");
            members.insert("type".to_owned(), "STATIC".into());
            members.insert("load_assignment".to_owned(), endpoints);
        }
    }

    /// Moves a secret from its file into the bootstrap: only there does the check read it.
    fn secret(&mut self, members: &mut Map<String, Value>) {
        let name = "sds_config";
        let source = members.get(name).or_else(|| members.get(&camel(name)));
        let file = source
            .and_then(source_path)
            .and_then(|path| inside(path, self.config_dir))
            .filter(|file| {
                let file = self.configuration.get(file);
                file.is_some_and(|file| matches!(file.role(), Some(FileRole::Secrets(_))))
            });
        let Some(file) = file else { return };
        let known = self.secrets.get(file).cloned();
        let name = known.unwrap_or_else(|| {
            let asked = members.get("name").and_then(Value::as_str);
            let mut name = asked.unwrap_or_default().to_owned();
            if !self.names.insert(name.clone()) {
                name = format!("{name} of {file}");
            }
            self.secrets.insert(file.to_owned(), name.clone());
            name
        });
        take(members, "sds_config");
        members.insert("name".to_owned(), name.into());
    }

    /// Points the path of a file without a role, or of a folder of such files, to its copy.
    fn redirect(&self, path: &mut String) {
        let has_copy = |file: &str| {
            self.configuration.iter().any(|made| {
                made.role().is_none()
                    && made.name().strip_prefix(file).is_some_and(|rest| {
                        rest.is_empty() || rest.starts_with('/') || file.ends_with('/')
                    })
            })
        };
        if let Some(file) = inside(path, self.config_dir)
            && !file.is_empty()
            && has_copy(file)
        {
            *path = format!("{}/{file}", self.scratch);
        }
    }

    fn first_at(&self, source: &Value) -> Option<Value> {
        let file = inside(source_path(source)?, self.config_dir)?;
        first(self.configuration.get(file)?)
    }
}

/// The first resource of a file.
fn first(file: &File) -> Option<Value> {
    let resource = file.resources().first()?;
    Some(plain(file.resource_text(resource)))
}

/// A resource without the type that only a subscription needs.
fn plain(text: &str) -> Value {
    let mut resource: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
    if let Some(members) = resource.as_object_mut() {
        members.remove("@type");
    }
    resource
}

/// A list of JSON that is written item by item, so that no tree of all of it is made.
struct List<'a> {
    json: &'a mut String,
    is_empty: bool,
}

impl<'a> List<'a> {
    fn open(json: &'a mut String, name: &str) -> Self {
        json.push('"');
        json.push_str(name);
        json.push_str("\":[");
        Self {
            json,
            is_empty: true,
        }
    }

    fn push(&mut self, item: &Value) {
        if !self.is_empty {
            self.json.push(',');
        }
        self.is_empty = false;
        self.json.push_str(&item.to_string());
    }

    fn close(self) {
        self.json.push(']');
    }
}

#[cfg(test)]
mod tests;
