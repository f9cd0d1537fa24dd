//! The drawing as SVG, without scripts, and without anything from elsewhere.

mod namespace;

use super::{
    arrange::{Arrangement, MAX_ARROWS, Point, arrange},
    card::Detail,
    counted,
    frame::Frame,
    markup::{Escaped, fitted},
};
use namespace::write_frame;
use nightjar_core::{picture::Mesh, report::listed};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// Space around the drawing.
const MARGIN: f64 = 24.0;
/// Where the frames begin, below title and legend.
const TOP: f64 = 92.0;
/// What title and legend need.
const MIN_WIDTH: f64 = 640.0;
/// How much wider than high the drawing should be.
const RATIO: f64 = 1.5;
/// Space for the names of callers, where an arrow begins.
const LABEL_WIDTH: f64 = 88.0;
/// With more services than this, cards do not list routes.
const MAX_WITH_ROUTES: usize = 60;

pub(super) const STYLE: &str = include_str!("drawing.css");

/// A mesh as an SVG document.
pub(crate) fn svg(mesh: &Mesh) -> String {
    let drawing = Drawing::new(mesh);
    let style = format!("<style>\n{STYLE}</style>\n");
    drawing.text(&style, false)
}

/// A mesh as an `svg` element of a page that has [`STYLE`]. Its services can be focused.
pub(super) fn element(mesh: &Mesh) -> String {
    Drawing::new(mesh).text("", true)
}

pub(super) struct Drawing<'m> {
    mesh: &'m Mesh,
    frames: Vec<Frame<'m>>,
    calls: Vec<Call<'m>>,
    arrangement: Arrangement,
}

/// An arrow from one namespace to another.
struct Call<'m> {
    from: usize,
    to: usize,
    callers: Vec<&'m str>,
}

/// What title and legend say.
pub(super) fn summary(mesh: &Mesh) -> String {
    let namespaces = counted(mesh.namespaces.len(), "namespace");
    let services = counted(mesh.services(), "service");
    let endpoints: usize = mesh
        .namespaces
        .iter()
        .map(nightjar_core::picture::Namespace::endpoints)
        .sum();
    format!(
        "{namespaces}, {services}, {}",
        counted(endpoints, "endpoint")
    )
}

impl<'m> Drawing<'m> {
    fn new(mesh: &'m Mesh) -> Self {
        let detail = if mesh.services() > MAX_WITH_ROUTES {
            Detail::Colors
        } else {
            Detail::Routes
        };
        let known: BTreeSet<&str> = mesh.namespaces.iter().map(|it| &*it.name).collect();
        let calls = calls(mesh);
        let ends: Vec<(usize, usize)> = calls.iter().map(|call| (call.from, call.to)).collect();
        let draw = |ratio: f64| {
            let namespaces = mesh.namespaces.iter().enumerate();
            let frames: Vec<Frame<'m>> = namespaces
                .map(|(number, namespace)| Frame::new(number, namespace, ratio, detail, &known))
                .collect();
            let sizes: Vec<Point> = frames
                .iter()
                .map(|it| Point {
                    x: it.width,
                    y: it.height,
                })
                .collect();
            let arrangement = arrange(&sizes, &ends);
            (frames, arrangement)
        };
        let (mut frames, mut arrangement) = draw(RATIO);
        // Many ranks make a wide drawing. It is as much narrower as its frames are.
        let size = arrangement.size;
        if size.x > 1.4 * RATIO * size.y && size.x > MIN_WIDTH {
            (frames, arrangement) = draw((RATIO * RATIO * size.y / size.x).max(0.3));
        }
        Self {
            mesh,
            frames,
            calls,
            arrangement,
        }
    }

    fn text(&self, style: &str, is_page: bool) -> String {
        let size = self.arrangement.size;
        let width = (size.x + 2.0 * MARGIN).max(MIN_WIDTH).ceil();
        let height = (size.y + TOP + MARGIN).ceil();
        let role = if is_page { "group" } else { "img" };
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mesh\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"{role}\" aria-labelledby=\"mesh-title\">\n\
             <title id=\"mesh-title\">Mesh of {}</title>\n{style}{MARKERS}\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\"/>\n",
            summary(self.mesh)
        );
        self.write_head(&mut out);
        let _ = writeln!(out, "<g transform=\"translate({MARGIN} {TOP})\">");
        for (frame, corner) in self.frames.iter().zip(&self.arrangement.corners) {
            write_frame(&mut out, frame, *corner, is_page);
        }
        let ways = self.arrangement.ways.iter();
        for (call, way) in self.calls.iter().zip(ways) {
            self.write_call(&mut out, call, way);
        }
        // Above all arrows, so that none strikes a label through.
        for (call, way) in self.calls.iter().zip(&self.arrangement.ways) {
            write_label(&mut out, call, way);
        }
        out.push_str("</g>\n</svg>\n");
        out
    }

    fn write_head(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<text class=\"head\" x=\"{MARGIN}\" y=\"34\">{}</text>\n\
             <text class=\"small\" x=\"{MARGIN}\" y=\"53\">map version {}</text>\n{LEGEND}",
            Escaped(&summary(self.mesh)),
            Escaped(&fitted(&self.mesh.version, 84)),
        );
        if self.calls.len() > MAX_ARROWS {
            let _ = writeln!(
                out,
                "<text class=\"small\" x=\"458\" y=\"76\">{} between namespaces: see the cards</text>",
                counted(self.calls.len(), "call"),
            );
        } else if !self.calls.is_empty() {
            out.push_str(CALLS_LEGEND);
        }
    }

    fn write_call(&self, out: &mut String, call: &Call<'_>, way: &[Point]) {
        let name = |number: usize| self.mesh.namespaces.get(number).map_or("", |it| &*it.name);
        let target = self.mesh.namespaces.get(call.to);
        let by_gateway = target.is_some_and(|it| it.prefers_gateway && !it.gateways.is_empty());
        let by = if by_gateway { " by its gateways" } else { "" };
        let _ = writeln!(
            out,
            "<path class=\"egress\" data-from=\"{}\" data-to=\"{}\" marker-end=\"url(#egress-tip)\" d=\"{}\"><title>{}</title></path>",
            call.from,
            call.to,
            curves(way),
            Escaped(&format!(
                "{} calls {}{by}: {}",
                name(call.from),
                name(call.to),
                listed(&call.callers, 30)
            )),
        );
    }
}

const MARKERS: &str = r#"<defs>
<marker id="bus-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="bus-tip" d="M0 0 10 5 0 10z"/></marker>
<marker id="egress-tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto"><path class="egress-tip" d="M0 0 10 5 0 10z"/></marker>
</defs>
"#;

const LEGEND: &str = r#"<path class="bus" d="M24 72h28" marker-end="url(#bus-tip)"/><text class="small" x="60" y="76">public route, by a gateway</text>
<g class="private"><rect class="card" x="256" y="64" width="28" height="16" rx="4"/></g><text class="small" x="292" y="76">no public route</text>"#;

const CALLS_LEGEND: &str = r#"<path class="egress" d="M424 72h28" marker-end="url(#egress-tip)"/><text class="small" x="460" y="76">calls a namespace</text>
"#;

/// Who calls whom, from namespace to namespace.
fn calls(mesh: &Mesh) -> Vec<Call<'_>> {
    let numbers: BTreeMap<&str, usize> = mesh
        .namespaces
        .iter()
        .enumerate()
        .map(|(number, it)| (&*it.name, number))
        .collect();
    let mut calls = BTreeMap::<(usize, usize), Vec<&str>>::new();
    for (from, namespace) in mesh.namespaces.iter().enumerate() {
        for (name, service) in &namespace.services {
            let called = service
                .calls
                .iter()
                .filter_map(|called| numbers.get(&**called));
            for to in called.filter(|to| **to != from) {
                calls.entry((from, *to)).or_default().push(name);
            }
        }
    }
    let calls = calls.into_iter();
    calls
        .map(|((from, to), callers)| Call { from, to, callers })
        .collect()
}

/// A way as lines past frames, and curves through the gaps between ranks. It leaves its frame straight
/// on, where its label is.
fn curves(way: &[Point]) -> String {
    let mut text = String::new();
    let mut before: Option<Point> = None;
    for line in way.chunks_exact(2) {
        let [start, end] = line else { continue };
        let mut x = end.x;
        match before {
            None => {
                let _ = write!(text, "M{} {}", start.x, start.y);
                let next = way.get(2).map_or(x, |next| next.x);
                let room = LABEL_WIDTH - (x - start.x).abs();
                x += room.max(0.0).copysign(next - x);
            }
            Some(before) => {
                let middle = f64::midpoint(before.x, start.x).round();
                let _ = write!(
                    text,
                    "C{middle} {} {middle} {} {} {}",
                    before.y, start.y, start.x, start.y
                );
            }
        }
        let _ = write!(text, "H{x}");
        before = Some(Point { x, y: end.y });
    }
    text
}

/// Names the callers where an arrow begins.
fn write_label(out: &mut String, call: &Call<'_>, way: &[Point]) {
    let [start, _, next, ..] = way else { return };
    let text = match call.callers.as_slice() {
        [caller] => fitted(caller, 12),
        callers => counted(callers.len(), "service"),
    };
    let (x, class) = if next.x > start.x {
        (start.x + 6.0, "call")
    } else {
        (start.x - 6.0, "call end")
    };
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x}\" y=\"{}\">{}</text>",
        start.y - 6.0,
        Escaped(&text)
    );
}
