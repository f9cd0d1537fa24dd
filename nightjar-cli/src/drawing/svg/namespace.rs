//! A namespace in the drawing: its frame, its gateways, and the cards of its services.

use crate::drawing::{
    arrange::Point,
    card::{self, Card, INSET, NAME_LINE, Row},
    counted,
    frame::{Frame, GATEWAY_HEIGHT, GATEWAY_TOP, GATEWAY_WIDTH, LINE_DISTANCE, PADDING, Placed},
    markup::{Escaped, fitted},
};
use nightjar_core::{document::discovery_map::Protocol, report::listed};
use std::fmt::Write as _;

pub(super) fn write_frame(out: &mut String, frame: &Frame<'_>, corner: Point, is_page: bool) {
    let Frame {
        namespace,
        width,
        height,
        ..
    } = frame;
    let inner = width - 2.0 * PADDING;
    let _ = writeln!(
        out,
        "<g class=\"namespace\" transform=\"translate({} {})\">\n\
         <rect class=\"frame\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>\n\
         <text class=\"head\" x=\"{PADDING}\" y=\"26\">{}<title>namespace {}, network id {}</title></text>\n\
         <text class=\"small\" x=\"{PADDING}\" y=\"43\">{}</text>",
        corner.x,
        corner.y,
        Escaped(&fitted(&namespace.name, card::name_room(inner / 1.16))),
        Escaped(&namespace.name),
        Escaped(&namespace.network_id),
        Escaped(&fitted(&frame.facts(), card::small_room(inner))),
    );
    if !namespace.gateways.is_empty() {
        write_gateway(out, frame);
    }
    for placed in &frame.cards {
        write_card(out, frame, placed, is_page);
    }
    out.push_str("</g>\n");
}

/// The gateways, and the lines from them to public services.
fn write_gateway(out: &mut String, frame: &Frame<'_>) {
    let namespace = frame.namespace;
    let middle = GATEWAY_TOP + GATEWAY_HEIGHT / 2.0;
    let mut path = String::new();
    if let Some(last) = frame.lines.iter().rfind(|line| line.top <= middle) {
        let _ = write!(path, "M{} {middle}H{}", PADDING + GATEWAY_WIDTH, last.x);
    }
    for line in &frame.lines {
        let _ = write!(path, "M{} {}V{}", line.x, line.top, line.bottom);
    }
    if !path.is_empty() {
        let _ = writeln!(out, "<path class=\"bus\" d=\"{path}\"/>");
    }
    let protocol = match namespace.gateway_protocol {
        Protocol::Http1 => "HTTP/1.1",
        Protocol::Http2 => "HTTP/2",
    };
    let others = if namespace.prefers_gateway {
        "\nOther namespaces call through it."
    } else {
        ""
    };
    let _ = writeln!(
        out,
        "<g><title>gateway of {}: {}{others}</title>\
         <rect class=\"gate\" x=\"{PADDING}\" y=\"{GATEWAY_TOP}\" width=\"{GATEWAY_WIDTH}\" height=\"{GATEWAY_HEIGHT}\" rx=\"6\"/>\
         <text class=\"name\" x=\"{}\" y=\"{}\">gateway</text><text class=\"small\" x=\"{}\" y=\"{}\">{} · {protocol}</text></g>",
        Escaped(&namespace.name),
        Escaped(&listed(&namespace.gateways, 20)),
        PADDING + INSET,
        GATEWAY_TOP + 17.0,
        PADDING + INSET,
        GATEWAY_TOP + 32.0,
        counted(namespace.gateways.len(), "endpoint"),
    );
}

fn write_card(out: &mut String, frame: &Frame<'_>, placed: &Placed<'_>, is_page: bool) {
    let Placed { card, x, y, .. } = placed;
    let is_public = card.service.is_public;
    if is_public && !frame.namespace.gateways.is_empty() {
        let _ = writeln!(
            out,
            "<path class=\"bus\" marker-end=\"url(#bus-tip)\" d=\"M{} {}H{x}\"/>",
            x - LINE_DISTANCE,
            placed.arrow_line()
        );
    }
    let class = if is_public {
        "service"
    } else {
        "service private"
    };
    let focus = if is_page {
        page_attributes(frame, card)
    } else {
        String::new()
    };
    let width = frame.card_width;
    let _ = writeln!(
        out,
        "<g class=\"{class}\" id=\"{}\"{focus} transform=\"translate({x} {y})\"><title>{}</title>\
         <rect class=\"card\" width=\"{width}\" height=\"{}\" rx=\"6\"/>",
        card.id,
        Escaped(&card.description(frame.namespace)),
        card.height(),
    );
    let inner = width - 2.0 * INSET;
    let badge = if is_public { 0.0 } else { 60.0 };
    let _ = write!(
        out,
        "<text class=\"name\" x=\"{INSET}\" y=\"{NAME_LINE}\">{}</text>",
        Escaped(&fitted(card.name, card::name_room(inner - badge))),
    );
    if !is_public {
        let _ = write!(
            out,
            "<text class=\"small end\" x=\"{}\" y=\"{NAME_LINE}\">private</text>",
            width - INSET
        );
    }
    let mut top = 30.0;
    for row in &card.rows {
        out.push('\n');
        write_row(out, row, top, width, is_public);
        top += row.height();
    }
    out.push_str("</g>\n");
}

/// What lets people and the page's script reach a card.
fn page_attributes(frame: &Frame<'_>, card: &Card<'_>) -> String {
    format!(
        " tabindex=\"0\" role=\"button\" aria-label=\"{} in {}\" data-namespace=\"{}\"",
        Escaped(card.name),
        Escaped(&frame.namespace.name),
        frame.number,
    )
}

fn write_row(out: &mut String, row: &Row, top: f64, width: f64, is_service_public: bool) {
    let (inner, end) = (width - 2.0 * INSET, width - INSET);
    let _ = match row {
        Row::Color {
            name,
            facts,
            percent,
        } => {
            let ink = ink(name);
            let room = inner - 16.0 - card::small_width(facts) - 8.0;
            let name = fitted(name, card::row_room(room));
            let line = top + 12.0;
            let _ = write!(
                out,
                "<circle class=\"{ink}\" cx=\"{}\" cy=\"{}\" r=\"4\"/><text x=\"{}\" y=\"{line}\">{}</text>\
                 <text class=\"small end\" x=\"{end}\" y=\"{line}\">{}</text>",
                INSET + 4.0,
                line - 4.0,
                INSET + 16.0,
                Escaped(&name),
                Escaped(facts),
            );
            let bar = line + 5.0;
            percent.map_or(Ok(()), |percent| {
                write!(
                    out,
                    "<rect class=\"track\" x=\"{INSET}\" y=\"{bar}\" width=\"{inner}\" height=\"3\" rx=\"1.5\"/>\
                     <rect class=\"{ink}\" x=\"{INSET}\" y=\"{bar}\" width=\"{}\" height=\"3\" rx=\"1.5\"/>",
                    (inner * percent / 100.0).round()
                )
            })
        }
        Row::Route { text, is_public } => {
            // A private service says so beside its name.
            let badge = if *is_public || !is_service_public {
                ""
            } else {
                "private"
            };
            let room = inner - if badge.is_empty() { 0.0 } else { 56.0 };
            let line = top + 12.0;
            let _ = write!(
                out,
                "<text class=\"small\" x=\"{INSET}\" y=\"{line}\">{}</text>",
                Escaped(&fitted(text, card::small_room(room)))
            );
            if badge.is_empty() {
                Ok(())
            } else {
                write!(
                    out,
                    "<text class=\"small end\" x=\"{end}\" y=\"{line}\">{badge}</text>"
                )
            }
        }
        Row::Small(text) => write!(
            out,
            "<text class=\"small\" x=\"{INSET}\" y=\"{}\">{}</text>",
            top + 12.0,
            Escaped(&fitted(text, card::small_room(inner)))
        ),
    };
}

/// The class of a color: its own, if people know it by name, else one by its letters.
fn ink(color: &str) -> &'static str {
    const INKS: [&str; 7] = ["blue", "green", "red", "yellow", "orange", "purple", "grey"];
    let known = INKS.into_iter().find(|ink| color.eq_ignore_ascii_case(ink));
    known.unwrap_or_else(|| match color {
        "canary" => "yellow",
        "gray" | "black" | "white" | "default" => "grey",
        _ => {
            let sum: usize = color.bytes().map(usize::from).sum();
            INKS.get(sum % INKS.len()).copied().unwrap_or("grey")
        }
    })
}
