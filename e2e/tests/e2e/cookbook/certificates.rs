//! TLS at a gateway, towards services, and to a service outside of the mesh.

use super::{Recipe, STORE, mounted, on, server::Server, store};
use crate::moments::certificates::python;
use e2e::{
    eventually, http,
    maps::{map, namespace, with},
    mesh::Backend,
};
use serde_json::{Value, json};
use std::{fs, net::Ipv4Addr};
use tempfile::TempDir;

/// Makes an authority, `ca.crt`, and for each name a certificate of it with a key: `NAME.crt`, `NAME.key`.
/// A name with an identity, as in `NAME=URI`, is certified by that alone.
const MAKE: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
folder, names = sys.argv[1], sys.argv[2:]
now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
def save(file, data):
    open(f"{folder}/{file}", "wb").write(data)
def certificate(name, key, extension, issuer, signer):
    to_name = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    made = (x509.CertificateBuilder().subject_name(to_name(name)).issuer_name(to_name(issuer))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - day).not_valid_after(now + day)
            .add_extension(extension, critical=False).sign(signer, hashes.SHA256()))
    save(name + ".crt", made.public_bytes(serialization.Encoding.PEM))
authority = ec.generate_private_key(ec.SECP256R1())
certificate("ca", authority, x509.BasicConstraints(ca=True, path_length=0), "ca", authority)
for name in names:
    name, _, uri = name.partition("=")
    key = ec.generate_private_key(ec.SECP256R1())
    identity = x509.UniformResourceIdentifier(uri) if uri else x509.DNSName(name)
    certificate(name, key, x509.SubjectAlternativeName([identity]), "ca", authority)
    save(name + ".key", key.private_bytes(serialization.Encoding.PEM,
         serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
"#;

/// Asks for a path by TLS and trusts one authority: prints the names in the certificate, and the answer.
const ASK: &str = r#"
import http.client, json, ssl, sys
port, authority, path = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.check_hostname = False
connection = http.client.HTTPSConnection("127.0.0.1", int(port), timeout=5, context=context)
connection.connect()
names = [name for _, name in connection.sock.getpeercert()["subjectAltName"]]
connection.request("GET", path, headers={"host": "shop.example"})
print(json.dumps([names, json.loads(connection.getresponse().read())]))
"#;

/// A service that speaks TLS and, if an authority is named, wants a certificate of it. It answers with the
/// names in the caller's certificate and what was asked for.
const SERVE: &str = r#"
import http.server, json, ssl, sys
port, certificate, key, *authority = sys.argv[1:]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        caller = self.connection.getpeercert() or {}
        body = json.dumps({"caller": [name for _, name in caller.get("subjectAltName", ())],
                           "host": self.headers["host"], "path": self.path,
                           "secrets": [self.headers["authorization"], self.headers["cookie"]]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
for file in authority:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(file)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"#;

/// A folder with an authority, and certificates for these names.
struct Certificates(TempDir);

impl Certificates {
    fn of(names: &[&str]) -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        let folder = made.path("");
        let arguments: Vec<&str> = [folder.as_str()]
            .into_iter()
            .chain(names.iter().copied())
            .collect();
        python(MAKE, &arguments).expect("certificates are made");
        made
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Has the certificate of a name come where the gateway expects its own, by rename.
    fn put(&self, name: &str) {
        for ending in ["key", "crt"] {
            fs::copy(self.path(&format!("{name}.{ending}")), self.path("new")).unwrap();
            fs::rename(self.path("new"), self.path(&format!("tls.{ending}"))).unwrap();
        }
    }

    /// A service that has the certificate of a name.
    fn serve(&self, name: &str, wants_certificates: bool) -> Server {
        let files = [format!("{name}.crt"), format!("{name}.key")];
        let authority = wants_certificates.then(|| "ca.crt".to_owned());
        let arguments: Vec<String> = files
            .iter()
            .chain(&authority)
            .map(|file| self.path(file))
            .collect();
        Server::start(SERVE, &arguments)
    }
}

#[test]
fn a_gateway_serves_a_new_certificate_without_a_restart() {
    let certificates = Certificates::of(&["old.example", "new.example"]);
    certificates.put("old.example");
    let recipe = Recipe::with(
        "tls-at-the-gateway",
        &[("/etc/tls", &certificates.path(""))],
    );
    let shop = Backend::start("shop", "blue");
    let proxy = recipe.gateway(&store(&[mounted("shop", &shop)]));
    let port = proxy.port.to_string();
    let ask = || -> Option<(Value, Value)> {
        let told = python(ASK, &[&port, &certificates.path("ca.crt"), "/shop/echo"])?;
        serde_json::from_str(&told).ok()
    };
    let (names, echo) = ask().expect("the gateway shakes hands");
    assert_eq!(names, json!(["old.example"]));
    assert_eq!(echo["headers"]["x-forwarded-proto"], "https");

    certificates.put("new.example");
    eventually("the new certificate is served", || {
        (ask()?.0 == json!(["new.example"])).then_some(())
    });
    assert_eq!(proxy.count("nightjar_envoy_starts_total"), Some(1));
    assert_eq!(proxy.ready(), Some((200, "ready\n".to_owned())));
}

#[test]
fn services_are_called_by_mutual_tls() {
    let certificates = Certificates::of(&[
        "proxy.mesh.example",
        "stock=spiffe://mesh.example/store/service/stock",
        "other=spiffe://mesh.example/store/service/other",
    ]);
    certificates.put("proxy.mesh.example");
    let recipe = Recipe::with("mutual-tls", &[("/etc/mesh-tls", &certificates.path(""))]);
    let [stock, other] = ["stock", "other"].map(|name| certificates.serve(name, true));
    let shop = Backend::start("shop", "blue");
    let part = recipe.json("service-color.json");
    let map = |port| store(&[on(part.clone(), &[port]), mounted("shop", &shop)]);
    for proxy in [
        recipe.gateway(&map(stock.port)),
        recipe.sidecar("shop", &map(stock.port)),
    ] {
        let answer = proxy.get("/stock/7");
        assert_eq!(answer.status, 200, "{answer:?}");
        let seen: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(seen["caller"], json!(["proxy.mesh.example"]));
        assert_eq!(seen["path"], "/7");
        // A service without the property is called as before.
        assert_eq!(proxy.get("/shop/who").by(), "shop-blue");

        // A service with the certificate of another is not called, whatever its property says.
        let mut wrong = map(other.port);
        wrong["namespaces"][0]["service-colors"][0]["properties"]["tls"] = json!("other");
        proxy.set_map(&wrong);
        proxy.wait_for_status("/stock/7", 503);
    }
}

/// The gateways of another namespace are called by TLS if its property says so, and are known as such.
#[test]
fn gateways_of_other_namespaces_are_called_by_mutual_tls() {
    let certificates = Certificates::of(&[
        "proxy.mesh.example",
        "gateway=spiffe://mesh.example/bank/gateway",
        "service=spiffe://mesh.example/bank/service/gateway",
    ]);
    certificates.put("proxy.mesh.example");
    let recipe = Recipe::with("mutual-tls", &[("/etc/mesh-tls", &certificates.path(""))]);
    let [gateway, service] = ["gateway", "service"].map(|name| certificates.serve(name, true));
    let (shop, egress) = (Backend::start("shop", "blue"), e2e::ports::free());
    let caller = with(
        mounted("shop", &shop),
        json!({"namespace-egress": [
            {"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": egress}}
        ]}),
    );
    let all = |port: u16| {
        let gateways = json!({
            "prefer-gateway": true,
            "instances": [{"ipv4": "127.0.0.1", "port": port}],
        });
        let members = json!({"gateways": gateways, "properties": {"tls": "true"}});
        let bank = with(namespace("bank", &[mounted("rates", &shop)]), members);
        map(&[namespace(STORE, std::slice::from_ref(&caller)), bank])
    };
    let proxy = recipe.sidecar("shop", &all(gateway.port));
    let status = || {
        let answer = http::get((Ipv4Addr::LOCALHOST, egress).into(), "/rates/7", &[]);
        answer.unwrap().status
    };
    assert_eq!(status(), 200);
    proxy.set_map(&all(service.port));
    eventually("it is not taken for the gateway", || {
        (status() == 503).then_some(())
    });
}

#[test]
fn a_service_outside_of_the_mesh_is_called_by_tls() {
    let certificates = Certificates::of(&["geocoder.example"]);
    let geocoder = certificates.serve("geocoder.example", false);
    // The name in the certificate stays, and nobody is asked for its address.
    let address = "\"address\": \"geocoder.example\", \"port_value\": 443";
    let here = format!(
        "\"address\": \"localhost\", \"port_value\": {}",
        geocoder.port
    );
    let recipe = Recipe::with(
        "outside-service",
        &[
            (address, &here),
            (
                "/etc/ssl/certs/ca-certificates.crt",
                &certificates.path("ca.crt"),
            ),
        ],
    );
    let shop = Backend::start("shop", "blue");
    // Another namespace has a path of the same name.
    let egress = e2e::ports::free();
    let caller = with(
        mounted("shop", &shop),
        json!({"namespace-egress": [
            {"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": egress}}
        ]}),
    );
    let bank = namespace("bank", &[mounted("geocoder", &shop)]);
    let map = map(&[namespace(STORE, &[caller]), bank]);
    let proxy = recipe.sidecar("shop", &map);
    let there = http::get((Ipv4Addr::LOCALHOST, egress).into(), "/geocoder/who", &[]);
    assert_eq!(there.unwrap().by(), "shop-blue");
    let secrets = [("authorization", "Bearer 7"), ("cookie", "session=7")];
    let answer = proxy.get_with("/geocoder/v1/place?q=here", &secrets);
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen: Value = serde_json::from_str(&answer.body).unwrap();
    let expected = json!({
        "caller": [], "host": "geocoder.example", "path": "/v1/place?q=here", "secrets": [null, null],
    });
    assert_eq!(seen, expected);
    assert_eq!(proxy.get("/shop/who").by(), "shop-blue");
    // Gateways do not have the way.
    assert_eq!(recipe.gateway(&map).get("/geocoder/v1/place").status, 404);
}
