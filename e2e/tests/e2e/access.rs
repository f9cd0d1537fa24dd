//! What a caller may not reach, it does not reach, however it spells its requests.

mod agreement;
mod maps;
mod model;
mod random;
mod spellings;

use e2e::{
    http::{Answer, Connection},
    maps::{map, namespace, prefix, service_color, with},
    mesh::{Backend, Plan, Proxy},
    ports,
};
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

/// A way into the mesh, with a connection that is kept as long as the proxy keeps it.
struct Entry {
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Entry {
    fn new(port: u16) -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            connection: None,
        }
    }

    fn get(&mut self, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", target, headers)
    }

    fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut send = |mut connection: Connection| {
            Ok((connection.request(method, target, headers)?, connection))
        };
        // A connection that was kept may have been closed since.
        let kept = self.connection.take().and_then(|kept| send(kept).ok());
        let (answer, connection) = kept
            .map_or_else(|| Connection::open(self.address).and_then(&mut send), Ok)
            .unwrap_or_else(|error: io::Error| {
                panic!("{method} {target} at {}: {error}", self.address)
            });
        self.connection = (!answer.closes()).then_some(connection);
        answer
    }

    /// The status, who answered, and the path that reached it.
    fn seen(&mut self, target: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        let answer = self.get(target, headers);
        let path = answer.header("x-sample-path").unwrap_or_default();
        (answer.status, answer.by().to_owned(), path.to_owned())
    }
}

/// The namespaces `n1`, with a gateway, and `n2`, which calls `n1` through an egress port.
struct Mesh {
    egress_port: u16,
    gateway: Proxy,
    /// In `n1`.
    inside: Proxy,
    /// In `n2`; its egress port is what counts.
    _caller: Proxy,
}

/// The service-color whose sidecar is asked.
fn me(egress_port: u16) -> Value {
    with(
        service_color("me", "blue", &[], &[]),
        json!({"namespace-egress": [
            {"namespace": "n1", "interface": {"ipv4": "127.0.0.1", "port": egress_port}}
        ]}),
    )
}

/// One service with the given routes in `n1`, seen from everywhere.
fn mesh_of(backend: &Backend, routes: &[Value]) -> Mesh {
    let egress_port = ports::free();
    let shop = service_color("shop", "blue", &[backend.port], routes);
    let map = map(&[
        namespace("n1", &[shop]),
        namespace("n2", &[me(egress_port)]),
    ]);
    Mesh {
        egress_port,
        gateway: Plan::gateway("n1", &map).start(),
        inside: Plan::sidecar("n1", "shop", "blue", &map).start(),
        _caller: Plan::sidecar("n2", "me", "blue", &map).start(),
    }
}

impl Mesh {
    /// The gateway of `n1`, and the egress port from `n2` to it.
    fn outside(&self) -> [(&'static str, Entry); 2] {
        [
            ("gateway", Entry::new(self.gateway.port)),
            ("egress", Entry::new(self.egress_port)),
        ]
    }

    fn inside(&self) -> Entry {
        Entry::new(self.inside.port)
    }
}

fn private(route: Value) -> Value {
    with(route, json!({"default-access": false}))
}

/// What a caller sees that is turned away.
fn nobody() -> (u16, String, String) {
    (404, String::new(), String::new())
}

#[test]
fn a_private_part_of_a_public_path_stays_private_in_every_spelling() {
    let backend = Backend::start_with("shop", "blue", &[("PATH_PREFIX", "/shop/admin")]);
    let mesh = mesh_of(
        &backend,
        &[prefix("/shop/"), private(prefix("/shop/admin/"))],
    );
    let private = [
        "/shop/admin/who",
        "http://mesh.test/shop/admin/who",
        "/shop//admin/who",
        "//shop/admin//who",
        "/shop/./admin/who",
        "/./shop/admin/./who",
        "/shop/x/../admin/who",
        "/../shop/admin/who",
        "/shop/admin/x/../who",
        "/shop/admin/../admin/who",
        "/shop/%61dmin/who",
        "/shop/adm%69n/who",
        "/%73%68%6F%70/%61%64%6d%69%6E/who",
        "/shop%2Fadmin/who",
        "/shop/admin%2fwho",
        "/shop/%2Fadmin/who",
        "/shop/%2e/admin/who",
        "/shop/%2E%2e/shop/admin/who",
        "/shop/.%2e/shop/admin/who",
        "/shop/..%2fshop/admin/who",
        "/shop/x%2f..%2Fadmin/who",
        "/shop\\admin\\who",
        "/shop/\\admin/who",
        "/shop%5Cadmin/who",
        "/shop/%5cadmin/who",
    ];
    for (place, mut entry) in mesh.outside() {
        for target in private {
            assert_eq!(entry.seen(target, &[]), nobody(), "{place} {target}");
        }
    }
    // Inside the namespace each of these is answered, and the service gets the plain path.
    let expected = (200, "shop-blue".to_owned(), "/shop/admin/who".to_owned());
    let mut inside = mesh.inside();
    for target in private {
        assert_eq!(inside.seen(target, &[]), expected, "{target}");
    }
    // These are other paths: no one who decodes them once arrives below `/shop/admin/`.
    let public = [
        "/shop/admin",
        "/shop/Admin/who",
        "/shop/admin./who",
        "/shop/admin../who",
        "/shop/.../admin/who",
        "/shop/%2561dmin/who",
        "/shop/admin%252Fwho",
        "/shop/%252e%252e/shop/admin/who",
        "/shop/admin%20/who",
        "/shop/admin/../who",
    ];
    for (place, mut entry) in mesh.outside() {
        for target in public {
            let (_, by, path) = entry.seen(target, &[]);
            let plain = if target == "/shop/admin/../who" {
                "/shop/who"
            } else {
                target
            };
            assert_eq!((&*by, &*path), ("shop-blue", plain), "{place} {target}");
        }
    }
    // Path parameters do not lead past it, as services that know them leave them out; nor do segments
    // that are empty or dots without them.
    let parametrised = [
        "/shop/admin;/who",
        "/shop/admin;v=1/who;x",
        "/shop;a=b/admin/who",
        "/shop/;/admin/who",
        "/shop/.;/admin/who",
        "/shop/x/..;/admin/who",
        "/shop/x/..;v=1/admin/who",
        "/;/shop/admin/who",
        "/shop/%2e;/admin/who",
        "/shop/..;",
    ];
    for (place, mut entry) in mesh.outside() {
        for target in parametrised {
            let answer = entry.get(target, &[]);
            let is_closed = matches!(answer.status, 400 | 404) && answer.by().is_empty();
            assert!(is_closed, "{place} {target}: {answer:?}");
        }
    }
    // And these are no paths at all.
    for (place, mut entry) in mesh.outside() {
        for target in [
            "/shop/admin%00/who",
            "shop/admin/who",
            "/shop/admin/who#x",
            "*",
        ] {
            let expected = (400, String::new(), String::new());
            assert_eq!(entry.seen(target, &[]), expected, "{place} {target}");
        }
    }
}

#[test]
fn a_private_path_is_private_with_its_escapes_too() {
    let backend = Backend::start("shop", "blue");
    let root = json!({"path-match": {"match-type": "exact", "value": "/"}});
    let mesh = mesh_of(
        &backend,
        &[
            prefix("/"),
            private(with(prefix("/"), root)),
            private(prefix("/a+b/")),
            private(prefix("/%C3%A9/")),
            private(prefix("/a b/")),
            private(with(
                prefix(""),
                json!({"path-match": {"match-type": "exact", "value": "/User@Home", "case-sensitive": false}}),
            )),
        ],
    );
    let private = [
        "/",
        "/.",
        "/x/..",
        "/a+b/x",
        "/a%2Bb/x",
        "/a%2bb/x",
        "/%61%2b%62%2Fx",
        "/%C3%A9/x",
        "/%c3%a9/x",
        "/%C3%a9/x",
        "/a%20b/x",
        "/user@home",
        "/USER%40HOME",
        "/u%73er%40home",
    ];
    let public = [
        "/a",
        "/a+b",
        "/a%252Bb/x",
        "/a%2Cb/x",
        "/%C3%A8/x",
        "/user@home/",
        "/a/",
    ];
    for (place, mut entry) in mesh.outside() {
        for target in private {
            assert_eq!(entry.seen(target, &[]), nobody(), "{place} {target}");
        }
        // Envoy does not merge two slashes that are all there is.
        for target in ["//", "///", "/%2F", "/.//"] {
            let answer = entry.get(target, &[]);
            let seen = (answer.status, answer.header("location"), answer.by());
            assert_eq!(
                seen,
                (308, Some("http://mesh.test/"), ""),
                "{place} {target}"
            );
        }
        for target in public {
            let expected = (404, "shop-blue".to_owned(), target.to_owned());
            assert_eq!(entry.seen(target, &[]), expected, "{place} {target}");
        }
    }
}

#[test]
fn a_second_header_does_not_lead_past_a_private_route() {
    let backend = Backend::start("shop", "blue");
    let version = |value: &str| json!({"headers": [{"header-name": "x", "match-type": "exact", "value": value}]});
    let mesh = mesh_of(
        &backend,
        &[
            with(prefix("/shop/"), version("1")),
            private(with(prefix("/shop/admin/"), version("2"))),
        ],
    );
    let answered = (404, "shop-blue".to_owned(), "/shop/admin/x".to_owned());
    for (place, mut entry) in mesh.outside() {
        for (values, expected) in [
            (["1", "1"], &answered),
            (["2", "2"], &nobody()),
            (["1", "2"], &nobody()),
            (["2", "1"], &nobody()),
        ] {
            let headers = values.map(|value| ("x", value));
            let seen = entry.seen("/shop/admin/x", &headers);
            assert_eq!(seen, *expected, "{place} {values:?}");
        }
    }
}
