//! One bootstrap with everything in it, which `envoy --mode validate` reads in full.

use super::{
    Files, Layout, Role,
    layout::{camel, endpoints_reference, routes_reference},
};
use serde_json::{Map, Value, json};

/// Folds the subscribed files of a layout into its bootstrap.
///
/// Envoy's validation does not open the files behind subscriptions, so a check of the bootstrap
/// alone would pass anything. Clusters and listeners become static, routes and endpoints become
/// inline. Files without a role that the configuration names (certificates, scripts) are looked
/// for in `scratch` instead of `config_dir`.
pub fn fixed_bootstrap(layout: &Layout, files: &Files, config_dir: &str, scratch: &str) -> Value {
    let Some((_, bootstrap)) = layout.bootstrap() else {
        return Value::Null;
    };
    let mut fixed = bootstrap.value.clone();
    let mut clusters = Vec::new();
    let mut listeners = Vec::new();
    for (_, subscribed) in layout.iter() {
        let resources = subscribed.resources().iter().map(plain);
        match subscribed.role {
            Role::Clusters => clusters.extend(resources),
            Role::Listeners => listeners.extend(resources),
            _ => {}
        }
    }
    if let Some(root) = fixed.as_object_mut() {
        drop_subscriptions(root);
        add_static(root, "clusters", clusters);
        add_static(root, "listeners", listeners);
    }
    inline(&mut fixed, layout, config_dir);
    redirect(&mut fixed, layout, files, config_dir, scratch);
    fixed
}

/// A resource without the type that only a subscription needs.
fn plain(resource: &Value) -> Value {
    let mut resource = resource.clone();
    if let Some(members) = resource.as_object_mut() {
        members.remove("@type");
    }
    resource
}

fn drop_subscriptions(root: &mut Map<String, Value>) {
    for dynamic in ["dynamic_resources", "dynamicResources"] {
        if let Some(dynamic) = root.get_mut(dynamic).and_then(Value::as_object_mut) {
            for name in ["cds_config", "lds_config"] {
                dynamic.remove(name);
                dynamic.remove(&camel(name));
            }
        }
    }
}

fn add_static(root: &mut Map<String, Value>, kind: &str, items: Vec<Value>) {
    if items.is_empty() {
        return;
    }
    let key = if root.contains_key("staticResources") {
        "staticResources"
    } else {
        "static_resources"
    };
    let resources = root.entry(key).or_insert_with(|| json!({}));
    if !resources.is_object() {
        *resources = json!({});
    }
    if let Some(resources) = resources.as_object_mut() {
        let list = resources.entry(kind).or_insert_with(|| json!([]));
        match list.as_array_mut() {
            Some(list) => list.extend(items),
            None => *list = items.into(),
        }
    }
}

/// Replaces references to route and endpoint files by what the files hold.
fn inline(value: &mut Value, layout: &Layout, config_dir: &str) {
    let first_resource = |path: &str| {
        let file = path.strip_prefix(config_dir)?.trim_start_matches('/');
        layout.get(file)?.resources().first().map(plain)
    };
    let routes = routes_reference(value).and_then(|(path, _)| first_resource(path));
    let endpoints = endpoints_reference(value).and_then(|(path, name)| {
        let mut endpoints = first_resource(path)?;
        endpoints
            .as_object_mut()?
            .insert("cluster_name".to_owned(), name.into());
        Some(endpoints)
    });
    match value {
        Value::Array(items) => {
            for item in items {
                inline(item, layout, config_dir);
            }
        }
        Value::Object(members) => {
            if let Some(mut routes) = routes {
                members.remove("rds");
                // Of its own accord Envoy would let a route to an unknown cluster pass.
                if let Some(routes) = routes.as_object_mut() {
                    routes.insert("validate_clusters".to_owned(), true.into());
                    routes.remove("validateClusters");
                }
                members.insert("route_config".to_owned(), routes);
            }
            if let Some(endpoints) = endpoints {
                for name in ["eds_cluster_config", "load_assignment"] {
                    members.remove(name);
                    members.remove(&camel(name));
                }
                members.insert("type".to_owned(), "STATIC".into());
                members.insert("load_assignment".to_owned(), endpoints);
            }
            for item in members.values_mut() {
                inline(item, layout, config_dir);
            }
        }
        _ => {}
    }
}

/// Points paths of files without a role to their copies.
fn redirect(value: &mut Value, layout: &Layout, files: &Files, config_dir: &str, scratch: &str) {
    match value {
        Value::String(text) => {
            let file = text
                .strip_prefix(config_dir)
                .and_then(|rest| rest.strip_prefix('/'));
            if let Some(file) = file
                && files.contains_key(file)
                && layout.get(file).is_none()
            {
                *text = format!("{scratch}/{file}");
            }
        }
        Value::Array(items) => {
            for item in items {
                redirect(item, layout, files, config_dir, scratch);
            }
        }
        Value::Object(members) => {
            for item in members.values_mut() {
                redirect(item, layout, files, config_dir, scratch);
            }
        }
        _ => {}
    }
}
