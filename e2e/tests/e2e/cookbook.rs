//! The recipes of `docs/cookbook.md`: both Envoys take what they make, and requests show what it does.
//!
//! ```text
//! callers       who may call: JWT, external authorization, CORS
//! certificates  TLS at a gateway, towards services, and to a service outside of the mesh
//! choosing      which instance or color answers: sticky sessions, a canary, a mirror
//! grpc          gRPC with its health check
//! limits        a rate limit, circuit breaking, a maintenance page
//! logs          a JSON access log, tracing
//! reaching      WebSocket, an HTTP proxy
//! tasks         how many lines four common tasks take
//! server        small servers that speak what the sample service does not
//! ```
//!
//! A recipe is a folder of `examples/cookbook`. Its JSON files are parts of a map, and the folder
//! `templates` lies over the shipped templates. A test replaces the addresses in them by its own.

mod callers;
mod certificates;
mod choosing;
mod grpc;
mod limits;
mod logs;
mod reaching;
mod server;
mod tasks;

use e2e::{
    envoy,
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    oldest_envoy, program, root,
    templates::{Templates, in_places},
};
use serde_json::{Value, json};
use std::{fmt::Display, fs, path::PathBuf, process::Command};

/// The namespace of the recipes' services.
const STORE: &str = "store";

/// A recipe, with what stands in the place of some texts of its files.
struct Recipe {
    folder: PathBuf,
    places: Vec<(&'static str, String)>,
    templates: Option<Templates>,
}

impl Recipe {
    fn named(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// A recipe with other texts in place of some.
    fn with(name: &str, places: &[(&'static str, &dyn Display)]) -> Self {
        let folder = root().join("examples/cookbook").join(name);
        let places: Vec<_> = places
            .iter()
            .map(|(text, own)| (*text, own.to_string()))
            .collect();
        let templates = folder.join("templates");
        Self {
            templates: templates
                .is_dir()
                .then(|| Templates::copied(&templates, &places)),
            folder,
            places,
        }
    }

    /// A file of the recipe.
    fn text(&self, file: &str) -> String {
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        in_places(&text, &self.places)
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_str(&self.text(file)).unwrap()
    }

    /// The folder of templates, for a test that edits it.
    fn templates(&self) -> &Templates {
        self.templates.as_ref().unwrap()
    }

    /// A gateway of `store`, once both Envoys have taken its files.
    fn gateway(&self, map: &Value) -> Proxy {
        self.check(map, &["--mode", "gateway", "--namespace", STORE]);
        self.start(Plan::gateway(STORE, map))
    }

    /// The sidecar of a service of `store`, likewise.
    fn sidecar(&self, service: &str, map: &Value) -> Proxy {
        let who = [
            "--namespace",
            STORE,
            "--service",
            service,
            "--color",
            "blue",
        ];
        self.check(map, &who);
        self.start(Plan::sidecar(STORE, service, "blue", map))
    }

    fn start(&self, plan: Plan) -> Proxy {
        let templates = self.templates.as_ref().map(Templates::env);
        plan.envs(templates.unwrap_or_default())
            .env("ENVOY_ARGS", "--file-flush-interval-msec 50")
            .start()
    }

    /// `nightjar template lint --strict`, and `nightjar check` of what `nightjar render` makes, as the
    /// page has it.
    fn check(&self, map: &Value, who: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("map.json"), map.to_string()).unwrap();
        let (map, made) = (path("map.json"), path("made"));
        let mut render = vec!["render", "--discovery-map", &map, "--listen-port", "8080"];
        render.extend(who);
        let templates = self.templates.as_ref();
        let templates = templates.map(|templates| templates.path().display().to_string());
        if let Some(templates) = &templates {
            nightjar(&["template", "lint", "--strict", templates]);
            render.extend(["--templates", templates]);
        }
        render.extend(["--out", &made, "--config-dir", &made]);
        let told = nightjar(&render);
        assert!(!told.contains("warning"), "{told}");
        for envoy in [envoy(), oldest_envoy()] {
            nightjar(&["check", "--envoy", &envoy.display().to_string(), &made]);
        }
    }
}

/// Runs `nightjar`, which has to succeed, and gives its messages.
fn nightjar(arguments: &[&str]) -> String {
    let mut command = Command::new(program("nightjar"));
    let output = command.args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "nightjar {arguments:?}: {output:?}"
    );
    String::from_utf8(output.stderr).unwrap()
}

/// A map whose namespace `store` has these service-colors.
fn store(service_colors: &[Value]) -> Value {
    map(&[namespace(STORE, service_colors)])
}

/// A service-color with one public route for all below `/<service>/`, which sees `/` in its place.
fn mounted(service: &str, backend: &Backend) -> Value {
    let route = with(
        prefix(&format!("/{service}/")),
        json!({"properties": {"prefix-rewrite": "/"}}),
    );
    service_color(service, "blue", &[backend.port], &[route])
}

/// A service-color of a recipe, on backends of this machine. What it has below `/<service>/` they have
/// at `/`.
fn on(service_color: Value, ports: &[u16]) -> Value {
    let instances: Vec<Value> = ports
        .iter()
        .map(|port| json!({"ipv4": "127.0.0.1", "port": port}))
        .collect();
    let mut made = with(service_color, json!({ "instances": instances }));
    for route in made["routes"].as_array_mut().unwrap() {
        if route.get("properties").is_none() {
            route["properties"] = json!({});
        }
        route["properties"]["prefix-rewrite"] = json!("/");
    }
    made
}
