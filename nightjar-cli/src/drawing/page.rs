//! The drawing as a page that needs no network: the picture, a search, and all that the map says of each
//! service. Values of the map are in elements and attributes alone, never in the script.

use super::{
    counted,
    markup::Escaped,
    svg::{self, summary},
};
use nightjar_core::picture::{Group, Mesh, Namespace, Route, Service};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

pub(super) const SCRIPT: &str = include_str!("page.js");
pub(super) const PAGE_STYLE: &str = include_str!("page.css");
/// What browsers compare script and styles with before they use them.
pub(super) const SCRIPT_HASH: &str = "sha256-sCuHvemVEPoqaIAsRbQHjc8WwtOtuEXyPiU0iTIyifU=";
pub(super) const PAGE_STYLE_HASH: &str = "sha256-9f1pFCCXrikGQeH8jTty+COazddwSxPZmEwuGqm7vnA=";
pub(super) const DRAWING_STYLE_HASH: &str = "sha256-Wmom64elEHtlDl15a9rTmH7OrsuLTqW9jv0b7SjN95g=";

/// A mesh as a page.
pub(crate) fn html(mesh: &Mesh) -> String {
    let numbers: BTreeMap<&str, usize> = mesh
        .namespaces
        .iter()
        .enumerate()
        .map(|(number, it)| (&*it.name, number))
        .collect();
    let mut entries = String::new();
    let mut templates = String::new();
    for (number, namespace) in mesh.namespaces.iter().enumerate() {
        for (place, (name, service)) in namespace.services.iter().enumerate() {
            let id = format!("n{number}_s{place}");
            let entry = Entry {
                id: &id,
                name,
                namespace,
                service,
                numbers: &numbers,
            };
            // Writing to a string cannot fail.
            let _ = writeln!(entries, "{entry}");
            let about = About {
                name,
                namespace,
                service,
            };
            let _ = writeln!(
                templates,
                "<template id=\"about-{id}\">\n{about}</template>"
            );
        }
    }
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{SCRIPT_HASH}'; style-src '{PAGE_STYLE_HASH}' '{DRAWING_STYLE_HASH}'; base-uri 'none'; form-action 'none'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>Mesh of {summary}</title>
<style>{PAGE_STYLE}</style>
<style>{drawing_style}</style>
</head>
<body>
<header>
<h1>Mesh of {summary}</h1>
<label>Search <input id="search" type="search" autocomplete="off" placeholder="name, color, path, address"/></label>
<output id="found" for="search"></output>
<span><button type="button" data-zoom="0.8" aria-label="Smaller">−</button> <button type="button" data-zoom="1">100 %</button> <button type="button" data-zoom="1.25" aria-label="Larger">+</button> <button type="button" data-zoom="0">Fit</button></span>
</header>
<main id="canvas" tabindex="-1">
{drawing}</main>
<aside aria-label="Details">
<button type="button" id="back" hidden="">All services</button>
<div id="details" aria-live="polite"></div>
<ul id="list">
{entries}</ul>
</aside>
{templates}<script>{SCRIPT}</script>
</body>
</html>
"#,
        summary = Escaped(&summary(mesh)),
        drawing_style = svg::STYLE,
        drawing = svg::element(mesh),
    )
}

/// A service in the list.
struct Entry<'m> {
    id: &'m str,
    name: &'m str,
    namespace: &'m Namespace,
    service: &'m Service,
    numbers: &'m BTreeMap<&'m str, usize>,
}

impl Entry<'_> {
    /// What the search looks at, in lower case.
    fn words(&self) -> String {
        let mut words = vec![self.name, &*self.namespace.name];
        for (color, groups) in &self.service.colors {
            words.push(color);
            for group in groups {
                words.extend(group.endpoints.iter().map(String::as_str));
                words.extend(group.routes.iter().map(|route| &*route.path));
            }
        }
        words.join(" ").to_lowercase()
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            name,
            namespace,
            service,
            numbers,
        } = self;
        let calls = service
            .calls
            .iter()
            .filter_map(|called| numbers.get(&**called));
        let calls: Vec<String> = calls.map(ToString::to_string).collect();
        write!(
            f,
            "<li><button type=\"button\" id=\"entry-{id}\" data-card=\"{id}\" data-calls=\"{}\" data-find=\"{}\">{} <small>{}, {}</small></button></li>",
            calls.join(" "),
            Escaped(&self.words()),
            Escaped(name),
            Escaped(&namespace.name),
            counted(service.endpoints(), "endpoint"),
        )
    }
}

/// All that the map says of a service.
struct About<'m> {
    name: &'m str,
    namespace: &'m Namespace,
    service: &'m Service,
}

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            namespace,
            service,
        } = self;
        let access = if service.is_public {
            "public"
        } else {
            "private"
        };
        writeln!(
            f,
            "<h2>{}</h2>\n<p>{access} service in {}</p>",
            Escaped(name),
            Escaped(&namespace.name)
        )?;
        for (color, groups) in &service.colors {
            for group in groups {
                write_group(f, color, group)?;
            }
        }
        write_properties(f, "Properties of the namespace", &namespace.properties)
    }
}

fn write_group(f: &mut fmt::Formatter<'_>, color: &str, group: &Group) -> fmt::Result {
    let protocol = match group.protocol {
        nightjar_core::document::discovery_map::Protocol::Http1 => "HTTP/1.1",
        nightjar_core::document::discovery_map::Protocol::Http2 => "HTTP/2",
    };
    writeln!(
        f,
        "<h3>{}, index {}</h3>\n<p>{protocol}</p>",
        Escaped(color),
        group.index
    )?;
    write_routes(f, &group.routes)?;
    if group.endpoints.is_empty() {
        f.write_str("<p>No endpoints</p>\n")?;
    } else {
        write!(f, "<p>{}: ", counted(group.endpoints.len(), "endpoint"))?;
        for (place, endpoint) in group.endpoints.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}<code>{}</code>", Escaped(endpoint))?;
        }
        f.write_str("</p>\n")?;
    }
    for (called, interface) in &group.egress {
        writeln!(
            f,
            "<p>Calls {} by <code>{}</code></p>",
            Escaped(called),
            Escaped(interface)
        )?;
    }
    write_properties(f, "Properties", &group.properties)
}

fn write_routes(f: &mut fmt::Formatter<'_>, routes: &[Route]) -> fmt::Result {
    if routes.is_empty() {
        return f.write_str("<p>No routes</p>\n");
    }
    f.write_str("<table><thead><tr><th>Route</th><th>Access</th><th>Weight</th><th>Share</th></tr></thead><tbody>\n")?;
    for route in routes {
        write!(f, "<tr><td><code>{}</code>", Escaped(&route.path))?;
        for condition in &route.conditions {
            write!(f, "<br/>if <code>{}</code>", Escaped(condition))?;
        }
        for (name, value) in &route.properties {
            write!(
                f,
                "<br/>{} = <code>{}</code>",
                Escaped(name),
                Escaped(value)
            )?;
        }
        let access = route.access.to_string();
        writeln!(
            f,
            "</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(&access),
            route.weight,
            route.share
        )?;
    }
    f.write_str("</tbody></table>\n")
}

fn write_properties(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    properties: &[(String, String)],
) -> fmt::Result {
    if properties.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "<table><thead><tr><th>{title}</th><th>Value</th></tr></thead><tbody>"
    )?;
    for (name, value) in properties {
        writeln!(
            f,
            "<tr><td>{}</td><td><code>{}</code></td></tr>",
            Escaped(name),
            Escaped(value)
        )?;
    }
    f.write_str("</tbody></table>\n")
}
