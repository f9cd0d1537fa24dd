//! Any map makes a drawing that parses, says what the map says, and is the same whatever the map's order.

mod laws;
mod ways;

use super::{html, page, svg, svg::STYLE};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use nightjar_core::{document, picture::Mesh};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use test_kit::maps;

fn mesh(map: &Value) -> Mesh {
    Mesh::new(&document::read(map.to_string().as_bytes()).unwrap())
}

fn map(namespaces: &Value) -> Value {
    json!({"schema-version": "v1", "document-version": "7", "namespaces": namespaces})
}

fn route(path: &str, weight: u16, is_public: bool, access: &Value) -> Value {
    let members =
        json!({"weight": weight, "default-access": is_public, "namespace-access": access});
    maps::with(maps::prefix(path), members)
}

fn shop_and_bank() -> Value {
    let stock = |color: &str, weight: u16| {
        json!({
            "service": "stock", "color": color, "index": 1,
            "instances": [{"hostname": format!("stock-{color}"), "port": 80}],
            "routes": [
                route("/stock/", weight, true, &json!([])),
                route("/stock/admin/", 1, false, &json!([{"namespace": "bank", "access": true}])),
            ],
            "namespace-egress": [
                {"namespace": "bank", "interface": {"ipv4": "127.0.0.1", "port": 3001}},
                {"namespace": "gone", "interface": {"ipv4": "127.0.0.1", "port": 3002}},
            ],
        })
    };
    let mut green = stock("green", 2);
    green["routes"][0]["headers"] = json!([
        {"header-name": "X-Version", "match-type": "exact", "value": "2", "invert": true},
    ]);
    map(&json!([
        {
            "namespace": "shop", "network-id": "shop.example", "properties": {"timeout": "5s"},
            "gateways": {"instances": [{"ipv4": "10.0.0.1", "port": 80}, {"ipv6": "fd00::1", "port": 80}]},
            "service-colors": [green, stock("blue", 1), stock("canary", 0)],
        },
        {
            "namespace": "bank", "network-id": "bank",
            "gateways": {"prefer-gateway": true, "protocol": "HTTP2", "instances": [{"ipv4": "10.1.0.1", "port": 80}]},
            "service-colors": [{
                "service": "rates", "color": "blue", "index": 1, "protocol": "HTTP2", "properties": {"timeout": "1s"},
                "instances": [], "routes": [], "namespace-egress": [],
            }],
        },
        {"namespace": "empty", "network-id": "empty", "gateways": {"instances": []}, "service-colors": []},
    ]))
}

#[test]
fn a_small_mesh_as_svg() {
    let svg = svg(&mesh(&shop_and_bank()));
    insta::assert_snapshot!(svg.replace(STYLE, "…"));
}

#[test]
fn a_small_mesh_as_a_page() {
    let page = html(&mesh(&shop_and_bank()));
    let page = page.replace(STYLE, "…").replace(page::PAGE_STYLE, "…");
    insta::assert_snapshot!(page.replace(page::SCRIPT, "…"));
}

#[test]
fn a_mesh_without_namespaces() {
    let mesh = mesh(&map(&json!([])));
    let svg = svg(&mesh);
    roxmltree::Document::parse(&svg).unwrap();
    assert!(svg.contains("Mesh of 0 namespaces, 0 services, 0 endpoints"));
}

#[test]
fn shares_are_what_proxies_of_the_namespace_serve() {
    let shares = |blue: &Value, green: &Value| {
        let entry = |color: &str, instances: &Value| {
            json!({
                "service": "a", "color": color, "index": 1, "instances": instances, "namespace-egress": [],
                // What a group gives twice counts once, with the greater weight.
                "routes": [route("/", 1, true, &json!([])), route("/", 3, true, &json!([]))],
            })
        };
        let map = map(&json!([{
            "namespace": "n", "network-id": "n", "gateways": {"instances": []},
            "service-colors": [entry("blue", blue), entry("green", green)],
        }]));
        let mesh = mesh(&map);
        let groups = mesh.namespaces[0].services["a"].colors.values().flatten();
        let routes: Vec<_> = groups.flat_map(|group| &group.routes).collect();
        let shares = routes.iter().map(|route| route.share.to_string());
        shares.collect::<Vec<_>>().join(" ")
    };
    let (some, none) = (json!([{"ipv4": "10.0.0.1", "port": 80}]), json!([]));
    assert_eq!(shares(&some, &some), "50 % 50 % 50 % 50 %");
    assert_eq!(shares(&some, &none), "100 % 100 % 0 % 0 %");
    assert_eq!(shares(&none, &none), "50 % 50 % 50 % 50 %");
}

#[test]
fn browsers_take_the_script_and_the_styles_that_the_page_has_and_no_others() {
    let hash = |text: &str| format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)));
    assert_eq!(page::SCRIPT_HASH, hash(page::SCRIPT));
    assert_eq!(page::PAGE_STYLE_HASH, hash(page::PAGE_STYLE));
    assert_eq!(page::DRAWING_STYLE_HASH, hash(STYLE));
}

#[test]
fn a_hundred_namespaces_that_all_call_each_other_are_drawn_without_arrows() {
    let namespaces: Vec<Value> = (0..100)
        .map(|number| {
            let egress: Vec<Value> = (0..100)
                .map(|other| json!({"namespace": format!("n{other}"), "interface": {"ipv4": "127.0.0.1", "port": 4000 + other}}))
                .collect();
            json!({
                "namespace": format!("n{number}"), "network-id": "n", "gateways": {"instances": []},
                "service-colors": [{
                    "service": "a", "color": "blue", "index": 1, "instances": [], "routes": [], "namespace-egress": egress,
                }],
            })
        })
        .collect();
    let svg = svg(&mesh(&map(&json!(namespaces))));
    let document = roxmltree::Document::parse(&svg).unwrap();
    let arrows = document
        .descendants()
        .filter(|node| node.attribute("data-from").is_some());
    assert_eq!(arrows.count(), 0);
    assert!(
        svg.contains("9900 calls between namespaces: see the cards"),
        "{svg}"
    );
}
