//! The page for requests that fail: each symptom of its table, provoked through a real Envoy.

use e2e::{
    eventually,
    http::Connection,
    maps::{map, namespace, prefix, service_color, with},
    markdown::{self, quoted},
    mesh::{Backend, Plan, Proxy},
    ports, program,
};
use nightjar_core::access_log::Line;
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
};

const PAGE: &str = "docs/when-requests-fail.md";

/// Sends a request, whose line in the access log has this id.
type Provoke = fn(&Mesh, &str);

/// Each row of the table, by what the line of the access log has.
const SYMPTOMS: [(&str, Provoke); 14] = [
    ("404 NR to=-@-", |mesh, id| mesh.get("/nowhere", id)),
    ("404 - to=-@-", |mesh, id| mesh.get("/shop/admin/x", id)),
    ("404 - to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/shop/nothing", id);
    }),
    ("400 - to=-@-", |mesh, id| mesh.get("/shop/;/x", id)),
    ("400 DPE to=-@-", |mesh, _| mesh.speak_tls()),
    ("503 UH to=CLUSTER@-", |mesh, id| mesh.get("/empty/", id)),
    ("503 UH to=nightjar-unavailable@-", |mesh, id| {
        mesh.get("/resting/", id);
    }),
    ("503 URX,UF to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/gone/", id);
    }),
    ("503 UC to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/closing/", id);
    }),
    ("503 UO to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/full/", id);
    }),
    ("504 UT to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/hasty/delay/20000", id);
    }),
    ("504 SI to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/idle/delay/20000", id);
    }),
    ("0 DC to=CLUSTER@ENDPOINT", Mesh::leave),
    ("503 - to=CLUSTER@ENDPOINT", |mesh, id| {
        mesh.get("/shop/status/503", id);
    }),
];

/// A gateway with a route for each symptom.
struct Mesh {
    proxy: Proxy,
    _shop: Backend,
}

impl Mesh {
    fn start() -> Self {
        let shop = Backend::start("shop", "blue");
        let rewritten = |path: &str, properties: Value| {
            let properties = with(json!({"prefix-rewrite": "/"}), properties);
            with(prefix(path), json!({ "properties": properties }))
        };
        let admin = with(prefix("/shop/admin/"), json!({"default-access": false}));
        let of_shop = [
            rewritten("/shop/", json!({})),
            rewritten("/hasty/", json!({"timeout": "100ms"})),
            rewritten("/idle/", json!({"idle-timeout": "100ms"})),
            admin,
        ];
        let blue =
            |name: &str, ports: &[u16], route: Value| service_color(name, "blue", ports, &[route]);
        let full = blue("full", &[shop.port], prefix("/full/"));
        let services = [
            service_color("shop", "blue", &[shop.port], &of_shop),
            blue("empty", &[], prefix("/empty/")),
            blue(
                "resting",
                &[shop.port],
                with(prefix("/resting/"), json!({"weight": 0})),
            ),
            blue("gone", &[ports::free()], prefix("/gone/")),
            blue("closing", &[start_closing()], prefix("/closing/")),
            with(full, json!({"properties": {"max-requests": "0"}})),
        ];
        let arguments = "--concurrency 1 --file-flush-interval-msec 50";
        let plan = Plan::gateway("store", &map(&[namespace("store", &services)]));
        Self {
            proxy: plan.env("ENVOY_ARGS", arguments).start(),
            _shop: shop,
        }
    }

    fn get(&self, path: &str, id: &str) {
        self.proxy.get_with(path, &[("x-request-id", id)]);
    }

    /// Sends the begin of a TLS handshake.
    fn speak_tls(&self) {
        let mut stream = TcpStream::connect(self.proxy.address()).unwrap();
        stream
            .write_all(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03")
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
    }

    /// Sends a request, and closes the connection when the service has it.
    fn leave(&self, id: &str) {
        let mut stream = TcpStream::connect(self.proxy.address()).unwrap();
        let request =
            format!("GET /shop/delay/20000 HTTP/1.1\r\nhost: a.test\r\nx-request-id: {id}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        eventually("the service has the request", || {
            let stats = self.proxy.admin("/stats?filter=c-shop-blue-1").body;
            stats.contains("upstream_rq_active: 1\n").then_some(())
        });
    }

    /// The line of a request. What is not HTTP has no id, and is found by its flag.
    fn line(&self, symptom: &str, id: &str) -> String {
        let end = format!(" id={id}");
        let is_it = |line: &&str| {
            line.ends_with(&end) || (symptom.contains(" DPE ") && line.contains(" DPE "))
        };
        let line = eventually(&format!("{symptom} in the access log"), || {
            self.proxy.log().lines().find(is_it).map(str::to_owned)
        });
        line.split_at(line.find('[').unwrap()).1.to_owned()
    }

    /// What `nightjar why` says of a line.
    fn why(&self, line: &str) -> String {
        let mut command = Command::new(program("nightjar"));
        command.args(["why", "--mode=gateway", "--namespace=store", line]);
        command.arg(format!("--listen-port={}", self.proxy.port));
        command.arg("--discovery-map").arg(&self.proxy.map_file);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A service that closes each connection once it has a request.
fn start_closing() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut request = String::new();
            let _ = BufReader::new(stream.unwrap()).read_line(&mut request);
        }
    });
    port
}

/// A line as the page has it: what differs from mesh to mesh has a name.
fn general(line: &str) -> String {
    let line = Line::read(line).unwrap();
    let flags = if line.flags.is_empty() {
        "-".to_owned()
    } else {
        line.flags.join(",")
    };
    let cluster = match line.cluster {
        Some(name) if name.starts_with("c-") => "CLUSTER",
        other => other.unwrap_or("-"),
    };
    let endpoint = line.endpoint.map_or("-", |_| "ENDPOINT");
    format!("{} {flags} to={cluster}@{endpoint}", line.status)
}

#[test]
fn every_symptom_is_what_envoy_logs_and_nightjar_why_explains() {
    let page = markdown::page(PAGE).text;
    let rows = markdown::rows(&page, "\n## By the line of the access log\n");
    let symptoms: Vec<&str> = rows
        .iter()
        .filter_map(|row| quoted(&row[0]).next())
        .collect();
    assert_eq!(symptoms, SYMPTOMS.map(|(symptom, _)| symptom));
    let mesh = Mesh::start();
    for (number, (row, (symptom, provoke))) in rows.iter().zip(SYMPTOMS).enumerate() {
        let id = format!("symptom-{number}");
        provoke(&mesh, &id);
        let line = mesh.line(symptom, &id);
        assert_eq!(general(&line), symptom, "{line}");
        let said = mesh.why(&line);
        for words in quoted(&row[2]) {
            assert!(
                said.contains(words),
                "{symptom}: {words:?} is not in\n{said}"
            );
        }
    }
}

#[test]
fn a_port_that_is_not_open_is_explained() {
    let refused = |port: u16| {
        let error = Connection::open(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).err();
        error.map(|error| error.kind())
    };
    let expected = Some(std::io::ErrorKind::ConnectionRefused);
    // A proxy that has never seen a map.
    let waiting = Plan::gateway("store", &map(&[]))
        .discovery("false")
        .launch();
    let ready = eventually("its status", || waiting.status("/ready"));
    assert_eq!(ready.status, 503);
    assert_eq!(refused(waiting.port), expected);
    // A sidecar that may reach no route of the namespace that it calls.
    let egress = ports::free();
    let interface = json!({"ipv4": "127.0.0.1", "port": egress});
    let client = with(
        service_color("client", "blue", &[], &[]),
        json!({"namespace-egress": [{"namespace": "bank", "interface": interface}]}),
    );
    let closed = with(prefix("/"), json!({"default-access": false}));
    let bank = service_color("bank", "blue", &[ports::free()], &[closed]);
    let map = map(&[namespace("store", &[client]), namespace("bank", &[bank])]);
    let sidecar = Plan::sidecar("store", "client", "blue", &map).start();
    assert_eq!(refused(egress), expected);
    let mut route = Command::new(program("nightjar"));
    route.args(["route", "--from=store/client/blue", "--to=bank", "GET", "/"]);
    let output = route
        .arg("--discovery-map")
        .arg(&sidecar.map_file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let page = markdown::page(PAGE).text;
    let rows = markdown::rows(&page, "\n## By what the caller sees\n");
    let row = rows.iter().find(|row| row[0].contains("egress port"));
    let mut words = quoted(&row.unwrap()[2]);
    assert!(words.any(|words| said.contains(words)), "{said}");
}
