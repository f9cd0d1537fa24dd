//! The sample that reads a catalog behind a URL: what it makes of each answer, and of none.

use e2e::{
    extension::{Ending, Extension},
    root,
};
use nightjar_core::document::{self, discovery_map::DiscoveryMap};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener},
    thread,
    time::{Duration, SystemTime},
};

const SHOP: &str = r#"{"service": "shop", "color": "blue", "port": 3000, "path": "/shop/", "weight": 1,
    "hosts": ["10.0.0.2", "shop.example", "fd00::1"]}"#;
const STOCK: &str = r#"{"service": "stock", "color": "green", "port": 3001, "path": "/stock/", "weight": 2, "hosts": []}"#;

/// The sample, asking a server that answers with these bytes, and then ends or holds the connection.
fn asking(answer: String, holds: bool) -> Extension {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
            if holds {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    });
    let url = format!("http://127.0.0.1:{port}/services?key=of-the-catalog");
    Extension::at(root().join("examples/extensions/discovery-catalog.py")).env("MESH_CATALOG", url)
}

fn response(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn holding(services: &[&str]) -> Extension {
    let body = format!("{{\"services\": [{}]}}", services.join(", "));
    asking(response("200 OK", &body), false)
}

#[test]
fn a_catalog_is_a_map_whatever_its_order() {
    let answer = holding(&[SHOP, STOCK]).call(&["--of-a-later-version=x"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    let bytes = answer.document.as_ref().unwrap().to_string();
    let map = document::read::<DiscoveryMap>(bytes.as_bytes()).unwrap();
    let entries = &map.namespaces[0].service_colors;
    let instances = entries[0].instances.iter().map(ToString::to_string);
    let expected = ["10.0.0.2:3000", "[fd00::1]:3000", "shop.example:3000"];
    assert_eq!(instances.collect::<Vec<_>>(), expected);
    assert_eq!(entries[1].instances.len(), 0);
    let unchanged = holding(&[STOCK, SHOP]).call_after(answer.version(), &[]);
    assert_eq!((unchanged.code, unchanged.document), (Some(30), None));
    let changed = holding(&[STOCK]).call_after(answer.version(), &[]);
    assert_ne!(changed.version(), answer.version());
}

/// How it ends, and what it says.
fn told(ending: &Ending) -> (Option<i32>, &str) {
    assert_eq!(ending.document, None, "{ending:?}");
    assert!(!ending.stderr.contains("of-the-catalog"), "{ending:?}");
    let said = ending.stderr.strip_prefix("discovery-catalog: ");
    (ending.code, said.unwrap().trim_end())
}

#[test]
fn what_may_pass_is_told_from_what_a_person_has_to_change() {
    let misspelt = SHOP.replace("weight", "wieght");
    let half = &SHOP[..40];
    for (answer, code, said) in [
        (
            response("503 Busy", ""),
            31,
            "the catalog: HTTP Error 503: Busy",
        ),
        (
            response("429 Slow", ""),
            31,
            "the catalog: HTTP Error 429: Slow",
        ),
        (response("403 No", ""), 1, "the catalog: HTTP Error 403: No"),
        (
            response("404 Gone", ""),
            1,
            "the catalog: HTTP Error 404: Gone",
        ),
        (
            response("200 OK", SHOP).replace(&SHOP[40..], ""),
            31,
            &format!(
                "the catalog: IncompleteRead({} bytes read, {} more expected)",
                half.len(),
                SHOP.len() - half.len()
            ),
        ),
        (
            response("200 OK", "{"),
            1,
            "the catalog is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        (
            response("200 OK", "{}"),
            1,
            "the catalog has no list of services",
        ),
        (
            response("200 OK", "[]"),
            1,
            "the catalog has no list of services",
        ),
        (
            String::new(),
            31,
            "the catalog: Remote end closed connection without response",
        ),
    ] {
        let ending = asking(answer, false).call(&[]);
        assert_eq!(told(&ending), (Some(code), said));
    }
    let ending = holding(&[STOCK, &misspelt]).call(&[]);
    let (code, said) = told(&ending);
    assert_eq!(code, Some(1));
    let needed = "is not a service, which has exactly service (str), color (str), port (int), path (str), weight (int), hosts (list)";
    assert!(
        said.starts_with("{\"service\": \"shop\"") && said.ends_with(needed),
        "{said}"
    );
    let nowhere = Extension::at(root().join("examples/extensions/discovery-catalog.py"));
    let ending = nowhere.env("MESH_CATALOG", "of-the-catalog").call(&[]);
    assert_eq!(told(&ending), (Some(64), "MESH_CATALOG is not a URL"));
}

/// It ends by itself before it would be killed, and says what it waited for.
#[test]
fn it_gives_up_before_the_deadline() {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let deadline = (now + Duration::from_secs(2)).as_secs();
    let slow = asking(response("200 OK", SHOP).replace(&SHOP[40..], ""), true);
    let ending = slow.env("NJ_DEADLINE", deadline).call(&[]);
    let said = "the catalog: no whole answer before NJ_DEADLINE";
    assert_eq!(told(&ending), (Some(31), said));
}
