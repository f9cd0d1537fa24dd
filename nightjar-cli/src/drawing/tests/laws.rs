//! Laws of all drawings, over maps whose texts are as hostile as a map allows.

use super::{html, map, mesh, page, svg};
use proptest::{collection::vec, prelude::*, sample::select};
use roxmltree::Document;
use serde_json::{Value, json};

const HOSTILE: &[&str] = &[
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></svg><style>*{display:none}</style>",
    "]]><!--",
    "-->",
    "&lt;b&gt;&#60;script&#62;",
    "\u{202e}gnp.elif",
    "שלום \u{2067}עולם",
    "naïve — 名前 😀",
    "{{constructor}} ${alert(1)} `x`",
    "javascript:alert(1)",
    "\u{feff}\u{200f}\u{fffe}\u{ffff}",
    "a\\\"b",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(HOSTILE).prop_map(str::to_owned),
        1 => "[^\\p{Cc}]{0,40}",
    ]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["shop", "stock", "script", "onload", "a.b-c_d"]).prop_map(str::to_owned),
        1 => "[A-Za-z0-9._-]{1,128}",
    ]
}

fn routes() -> impl Strategy<Value = Value> {
    let access = vec((names(), any::<bool>()), 0..3).prop_map(|entries| {
        let entries = entries.into_iter();
        json!(
            entries
                .map(|(namespace, access)| json!({"namespace": namespace, "access": access}))
                .collect::<Vec<_>>()
        )
    });
    let paths = vec(
        select(vec![
            "a",
            "%3Cscript%3E",
            "b%22",
            "שלום",
            "'",
            "&",
            "<",
            "\"",
        ]),
        0..3,
    );
    (paths, 0..4_u16, texts(), any::<bool>(), access, texts()).prop_map(
        |(path, weight, header, is_public, access, property)| {
            let mut route =
                super::route(&format!("/{}", path.join("/")), weight, is_public, &access);
            route["headers"] =
                json!([{"header-name": "x", "match-type": "exact", "value": header}]);
            route["properties"] = json!({"timeout": property});
            route
        },
    )
}

fn service_colors() -> impl Strategy<Value = Value> {
    let instances = vec((1..255_u8, 80..82_u16), 0..3).prop_map(|it| {
        let it = it.into_iter();
        json!(
            it.map(|(last, port)| json!({"ipv4": format!("10.0.0.{last}"), "port": port}))
                .collect::<Vec<_>>()
        )
    });
    let egress = vec((names(), 3000..3004_u16), 0..3).prop_map(|it| {
        let it = it.into_iter();
        json!(it.map(|(namespace, port)| json!({"namespace": namespace, "interface": {"ipv4": "127.0.0.1", "port": port}})).collect::<Vec<_>>())
    });
    (names(), names(), 1..3, instances, vec(routes(), 0..4), egress, texts()).prop_map(
        |(service, color, index, instances, routes, egress, property)| {
            json!({
                "service": service, "color": color, "index": index, "instances": instances, "routes": routes,
                "namespace-egress": egress, "properties": {"mine": property},
            })
        },
    )
}

fn maps() -> impl Strategy<Value = Value> {
    let namespace = (
        texts(),
        any::<bool>(),
        0..3_u8,
        vec(service_colors(), 0..6),
        texts(),
    );
    (vec(namespace, 0..5), texts()).prop_map(|(parts, version)| {
        let called = ["shop", "stock", "script", "onload", "a.b-c_d"];
        let namespaces = parts.into_iter().zip(called).map(|((network, prefers, gateways, colors, property), name)| {
            let instances: Vec<Value> = (0..gateways).map(|last| json!({"ipv4": format!("10.1.0.{last}"), "port": 80})).collect();
            json!({
                "namespace": name, "network-id": network, "properties": {"mine": property},
                "gateways": {"prefer-gateway": prefers, "instances": instances}, "service-colors": colors,
            })
        });
        let mut map = map(&json!(namespaces.collect::<Vec<_>>()));
        map["document-version"] = version.into();
        map
    })
}

/// The map with each of its lists turned around.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(reversed).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), reversed(member)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// What elements and attributes may be there, whatever the map says.
fn check_names(document: &Document<'_>, elements: &[&str]) -> Result<(), TestCaseError> {
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        prop_assert!(elements.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let name = attribute.name();
            prop_assert!(
                !name.starts_with("on") && !["href", "src", "style"].contains(&name),
                "{name}"
            );
        }
    }
    prop_assert!(
        document
            .descendants()
            .all(|node| !node.is_comment() && !node.is_pi())
    );
    Ok(())
}

const SVG: &[&str] = &[
    "svg", "title", "style", "defs", "marker", "path", "rect", "text", "g", "circle",
];
const HTML: &[&str] = &[
    "html", "head", "meta", "body", "header", "h1", "h2", "h3", "label", "input", "output", "span",
    "button", "main", "aside", "div", "ul", "li", "small", "template", "p", "code", "table",
    "thead", "tbody", "tr", "th", "td", "br", "script",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_becomes_markup_and_the_order_of_the_map_does_not_matter(value in maps()) {
        let (one, other) = (mesh(&value), mesh(&reversed(&value)));
        let (drawing, page) = (svg(&one), html(&one));
        prop_assert_eq!(&drawing, &svg(&other));
        prop_assert_eq!(&page, &html(&other));

        let document = Document::parse(&drawing).unwrap();
        check_names(&document, SVG)?;
        let cards: Vec<_> = document.descendants().filter(|node| node.attribute("id").is_some_and(|id| id.contains("_s"))).collect();
        prop_assert_eq!(cards.len(), one.services());

        // The script is not XML; it is the one that the page always has.
        prop_assert_eq!(page.matches(page::SCRIPT).count(), 1);
        let page = page.replace(page::SCRIPT, "").replace("<!DOCTYPE html>", "");
        let document = Document::parse(&page).unwrap();
        check_names(&document, &[SVG, HTML].concat())?;
        let scripts = document.descendants().filter(|node| node.has_tag_name("script"));
        prop_assert_eq!(scripts.count(), 1);
    }

    #[test]
    fn what_the_map_says_is_what_people_read(text in "[ -~]{1,60}") {
        let mut value = super::shop_and_bank();
        value["namespaces"][0]["properties"]["timeout"] = text.clone().into();
        let page = html(&mesh(&value)).replace(page::SCRIPT, "").replace("<!DOCTYPE html>", "");
        let document = Document::parse(&page).unwrap();
        let is_there = document.descendants().any(|node| node.has_tag_name("code") && node.text() == Some(&text));
        prop_assert!(is_there, "{text}");
    }
}
