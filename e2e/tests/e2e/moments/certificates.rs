//! Files behind files: a certificate that comes later than the proxy is taken up when it is there.

use super::wait_told_of;
use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    root,
    templates::Templates,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Makes a key and its certificate, for a minute of tests.
const MAKE: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mesh.test")])
now = datetime.datetime.now(datetime.timezone.utc)
day = datetime.timedelta(days=1)
made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        .sign(key, hashes.SHA256()))
open(sys.argv[1], "wb").write(made.public_bytes(serialization.Encoding.PEM))
open(sys.argv[2], "wb").write(key.private_bytes(serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"#;

/// Asks for `/who` by TLS, and prints who answered.
pub(crate) const ASK: &str = r#"
import http.client, ssl, sys
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=5,
                                         context=ssl._create_unverified_context())
connection.request("GET", "/who", headers={"host": "mesh.test"})
print(connection.getresponse().getheader("x-sample-service"))
"#;

pub(crate) fn python(script: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(root().join(".venv/bin/python"))
        .args(["-c", script])
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.trim().to_owned())
}

/// Where a gateway expects its certificate.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What `tls_certificate` is in Envoy's words.
    fn certificate(&self) -> String {
        format!(
            r#"{{"certificate_chain": {{"filename": "{}"}}, "private_key": {{"filename": "{}"}}}}"#,
            self.path("chain.pem").display(),
            self.path("key.pem").display()
        )
    }

    /// A file with that as a secret.
    fn secrets(&self) -> String {
        format!(
            r#"{{"version_info": "1", "resources": [{{"@type":
            "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", "name": "own",
            "tls_certificate": {}}}]}}"#,
            self.certificate()
        )
    }

    /// Has the secret file come, with this version.
    fn publish(&self, secrets: &str) -> PathBuf {
        let path = self.path("sds.json");
        fs::write(self.path("unfinished"), secrets).unwrap();
        fs::rename(self.path("unfinished"), &path).unwrap();
        path
    }

    /// Has the key and the certificate come, as a volume does: elsewhere first, then renamed.
    pub(crate) fn fill(&self) {
        let new = |name: &str| self.path(name).display().to_string();
        python(MAKE, &[&new("new-chain"), &new("new-key")]).expect("a certificate is made");
        fs::rename(self.path("new-key"), self.path("key.pem")).unwrap();
        fs::rename(self.path("new-chain"), self.path("chain.pem")).unwrap();
    }
}

/// The shipped templates, whose listeners speak TLS with the certificate that `common` says.
fn with_tls(common: &str) -> Templates {
    let templates = Templates::shipped();
    let socket = format!(
        r#""filter_chains": [
        {{
          "transport_socket": {{"name": "tls", "typed_config": {{
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {{{common}}}
          }}}},
"#
    );
    templates.edit("lds.json", "\"filter_chains\": [\n        {\n", &socket);
    templates
}

fn by_sds(path: &str) -> String {
    format!(
        r#""tls_certificate_sds_secret_configs": [{{"name": "own", "sds_config": {{
        "resource_api_version": "V3", "path_config_source": {{"path": "{path}"}}}}}}]"#
    )
}

fn launch(templates: &Templates, blue: &Backend) -> Proxy {
    Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("ENVOY_UPDATE_TIMEOUT", 1)
        .launch()
}

/// The gateway says what it waits for, and serves when it is there.
fn serves_later(proxy: &Proxy, missing: &Path, come: impl FnOnce()) {
    wait_told_of(proxy, 503, &[&missing.display().to_string()]);
    proxy.wait_refreshes(3);
    come();
    eventually("it shakes hands", || {
        let by = python(ASK, &[&proxy.port.to_string()])?;
        (by == "shop-blue").then_some(())
    });
    proxy.wait_told(200, "ready\n");
}

#[test]
fn a_certificate_that_a_listener_names_may_come_later() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    let templates = with_tls(&format!("\"tls_certificates\": [{}]", place.certificate()));
    let proxy = launch(&templates, &blue);
    serves_later(&proxy, &place.path("key.pem"), || place.fill());
}

#[test]
fn a_certificate_that_a_made_secret_names_may_come_later() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    let templates = with_tls(&by_sds("{{config_dir}}/sds.json"));
    templates.set("sds.json", &place.secrets());
    let proxy = launch(&templates, &blue);
    serves_later(&proxy, &place.path("key.pem"), || place.fill());
}

#[test]
fn a_secret_that_somebody_else_writes_may_come_later() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    let secrets = place.path("sds.json");
    let templates = with_tls(&by_sds(&secrets.display().to_string()));
    let proxy = launch(&templates, &blue);
    serves_later(&proxy, &secrets, || {
        place.fill();
        place.publish(&place.secrets());
    });
}

/// A secret file whose key is none. Envoy looks at a file that it has refused only once.
fn bad(place: &Place, attempt: usize) -> String {
    let nonsense = place.path(&format!("nonsense-{attempt}.pem"));
    fs::write(&nonsense, "no key").unwrap();
    let key = place.path("key.pem").display().to_string();
    place
        .secrets()
        .replace(&key, &nonsense.display().to_string())
}

fn shakes_hands(proxy: &Proxy) -> bool {
    python(ASK, &[&proxy.port.to_string()]).is_some_and(|by| by == "shop-blue")
}

#[test]
fn a_gateway_whose_secret_is_bad_from_the_start_is_not_ready() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    place.fill();
    let secrets = place.publish(&bad(&place, 0));
    let secrets = secrets.display().to_string();
    let templates = with_tls(&by_sds(&secrets));
    let proxy = launch(&templates, &blue);
    wait_told_of(&proxy, 503, &["own", &secrets]);
    assert!(!shakes_hands(&proxy));
    place.publish(&place.secrets());
    proxy.wait_told(200, "ready\n");
    assert!(shakes_hands(&proxy));
}

/// Provokes the alert on `nightjar_secrets_refused`, too.
#[test]
pub(super) fn a_bad_rotation_leaves_the_secret_before_and_is_told() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    place.fill();
    let secrets = place.publish(&place.secrets());
    let secrets = secrets.display().to_string();
    let templates = with_tls(&by_sds(&secrets));
    let proxy = launch(&templates, &blue);
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_secrets_refused"), Some(0));
    // Whoever rotates does it again and again, so it does not matter when Envoy is looked at.
    let attempts = std::cell::Cell::new(0);
    eventually("the bad secret is told", || {
        attempts.update(|attempt| attempt + 1);
        place.publish(&bad(&place, attempts.get()));
        std::thread::sleep(std::time::Duration::from_millis(500));
        let told = proxy.status("/ready")?;
        let things = ["secrets: ", "own", secrets.as_str()];
        let is_told = things.iter().all(|thing| told.body.contains(thing));
        (told.status == 200 && is_told).then_some(())
    });
    assert_eq!(proxy.count("nightjar_secrets_refused"), Some(1));
    assert!(shakes_hands(&proxy));
    place.fill();
    place.publish(&place.secrets());
    proxy.wait_told(200, "ready\n");
    assert!(shakes_hands(&proxy));
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}

#[test]
fn a_key_that_envoy_cannot_use_is_told_until_another_is_there() {
    let blue = Backend::start("shop", "blue");
    let place = Place::new();
    place.fill();
    let secrets = place.publish(&place.secrets()).display().to_string();
    let templates = with_tls(&by_sds(&secrets));
    let proxy = launch(&templates, &blue);
    proxy.wait_told(200, "ready\n");
    // Whoever rotates does it again and again, so it does not matter when Envoy is looked at.
    eventually("the bad key is told", || {
        fs::write(place.path("new-key"), "no key").unwrap();
        fs::rename(place.path("new-key"), place.path("key.pem")).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        let told = proxy.status("/ready")?;
        let line = format!(
            "secrets: envoy cannot use the files that {secrets} names for secret \"own\" of lds.json, \
             and uses the previous ones\n"
        );
        (told.status == 200 && told.body.contains(&line)).then_some(())
    });
    assert_eq!(proxy.count("nightjar_secrets_refused"), Some(1));
    assert!(shakes_hands(&proxy));
    place.fill();
    proxy.wait_told(200, "ready\n");
    assert_eq!(proxy.count("nightjar_secrets_refused"), Some(0));
    assert!(shakes_hands(&proxy));
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
}
