//! Who may call: with a JWT, by the word of an external service, from a page of another origin.

use super::{Recipe, mounted, server, store};
use crate::moments::certificates::python;
use e2e::{
    eventually,
    http::{Answer, Connection},
    maps::with,
    mesh::Backend,
};
use serde_json::{Value, json};

/// Writes a key to a file, and prints tokens: a good one, one of another issuer, one for another audience,
/// one whose time is over, one whose time never is, and one with another key.
const TOKENS: &str = r#"
import base64, json, sys, time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
def number(value):
    return value.to_bytes(32, "big")
def token(claims, key):
    head = {"alg": "ES256", "kid": "1"}
    parts = ".".join(text(json.dumps(part).encode()) for part in (head, claims))
    r, s = utils.decode_dss_signature(key.sign(parts.encode(), ec.ECDSA(hashes.SHA256())))
    return parts + "." + text(number(r) + number(s))
key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
public = key.public_key().public_numbers()
jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1",
       "x": text(number(public.x)), "y": text(number(public.y))}
json.dump({"keys": [jwk]}, open(sys.argv[1], "w"))
claims = {"iss": "https://login.example", "aud": "store", "sub": "ada", "exp": int(time.time()) + 3600}
print(token(claims, key))
for changed in {"iss": "https://other.example"}, {"aud": "other"}, {"exp": 1}, {"exp": None}:
    changed = claims | changed
    print(token({name: value for name, value in changed.items() if value is not None}, key))
print(token(claims, other))
"#;

/// The user that the service was told of.
fn user(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo: Value = serde_json::from_str(&answer.body).unwrap();
    echo["headers"]["x-user"].clone()
}

#[test]
fn a_gateway_wants_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("jwks.json").display().to_string();
    let tokens = python(TOKENS, &[&keys]).expect("tokens are made");
    let (good, bad) = tokens.split_once('\n').unwrap();
    let recipe = Recipe::with("jwt", &[("/etc/jwt/jwks.json", &keys)]);
    let shop = Backend::start("shop", "blue");
    let proxy = recipe.gateway(&store(&[mounted("shop", &shop)]));
    let get = |token: &str| {
        let token = format!("Bearer {token}");
        let headers = [("authorization", token.as_str()), ("x-user", "root")];
        proxy.get_with("/shop/echo", &headers)
    };
    assert_eq!(user(&get(good)), "ada");
    assert_eq!(proxy.get("/shop/echo").status, 401);
    let statuses: Vec<u16> = bad.lines().map(|token| get(token).status).collect();
    assert_eq!(statuses, [401, 403, 401, 401, 401]);
    assert_eq!(proxy.get("/___health_check___").status, 200);
    // A URL gets into logs, so a token in it does not count.
    let by_query = format!("/shop/echo?access_token={good}");
    assert_eq!(proxy.get(&by_query).status, 401);

    // Where no token is wanted, nobody is told of a user that a caller has made up.
    let (all, other) = ("{\"prefix\": \"/\"}", "{\"prefix\": \"/other/\"}");
    recipe.templates().edit("http-filters.mustache", all, other);
    eventually("the path is open", || {
        let answer = proxy.get_with("/shop/echo", &[("x-user", "root")]);
        (answer.status == 200).then(|| assert_eq!(user(&answer), Value::Null))
    });
}

#[test]
fn an_external_service_decides_who_may_call() {
    let authorization = server::serve(|head, stream| {
        let (status, headers) = if !head.starts_with("GET /shop/echo ") {
            ("400 Bad Request", "")
        } else if head.contains("authorization: Bearer good\r\n") {
            ("200 OK", "x-user: ada\r\n")
        } else if head.contains("authorization: Bearer nobody\r\n") {
            ("200 OK", "")
        } else {
            ("403 Forbidden", "")
        };
        server::answer(&stream, status, headers, "");
    });
    let address = "\"address\": \"authorization.example\", \"port_value\": 9000";
    let here = |port: u16| format!("\"address\": \"127.0.0.1\", \"port_value\": {port}");
    let shop = Backend::start("shop", "blue");
    let map = store(&[mounted("shop", &shop)]);
    let recipe = Recipe::with("external-authorization", &[(address, &here(authorization))]);
    let proxy = recipe.gateway(&map);
    let get = |token: &str| {
        let headers = [("authorization", token), ("x-user", "root")];
        proxy.get_with("/shop/echo", &headers)
    };
    assert_eq!(user(&get("Bearer good")), "ada");
    assert_eq!(user(&get("Bearer nobody")), Value::Null);
    assert_eq!(get("Bearer bad").status, 403);
    assert_eq!(proxy.get("/shop/echo").status, 403);
    assert_eq!(proxy.get("/___health_check___").status, 200);

    // Nobody decides: nobody is let in.
    let recipe = Recipe::with(
        "external-authorization",
        &[(address, &here(e2e::ports::free()))],
    );
    let proxy = recipe.gateway(&map);
    let answer = proxy.get_with("/shop/echo", &[("authorization", "Bearer good")]);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.by(), "");
}

#[test]
fn browsers_may_call_one_service_from_other_origins() {
    let recipe = Recipe::named("cors");
    let [shop, stock] = ["shop", "stock"].map(|name| Backend::start(name, "blue"));
    let browsers = json!({"properties": {"browsers": "yes"}});
    let proxy = recipe.gateway(&store(&[
        with(mounted("shop", &shop), browsers),
        mounted("stock", &stock),
    ]));
    let allowed = |path: &str, origin: &str| {
        let answer = proxy.get_with(path, &[("origin", origin)]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let header = answer.header("access-control-allow-origin");
        header.map(ToOwned::to_owned)
    };
    for origin in ["https://app.example", "https://pr-7.preview.example"] {
        assert_eq!(allowed("/shop/who", origin).as_deref(), Some(origin));
        assert_eq!(allowed("/stock/who", origin), None);
    }
    assert_eq!(allowed("/shop/who", "https://app.example.other"), None);

    // What a browser asks first is answered by the gateway.
    let mut connection = Connection::open(proxy.address()).unwrap();
    let asks = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = connection.request("OPTIONS", "/shop/who", &asks).unwrap();
    assert_eq!((answer.status, answer.by()), (200, ""));
    let methods = answer.header("access-control-allow-methods");
    assert_eq!(methods, Some("GET, POST"));
}
