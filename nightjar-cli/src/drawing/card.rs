//! A service as a card: its name, its colors with their endpoints and shares, its routes, and what it calls.

use super::{
    counted, float,
    markup::{cells, fitted},
};
use nightjar_core::picture::{Group, Namespace, Service};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

/// The width of a character in the font of a name, of a row, and of small print.
const NAME_CELL: f64 = 7.9;
const ROW_CELL: f64 = 7.3;
const SMALL_CELL: f64 = 6.7;
/// Space between the border of a card and its text.
pub(super) const INSET: f64 = 12.0;
/// Where the name of a card is drawn.
pub(super) const NAME_LINE: f64 = 20.0;
/// The most routes that a card shows.
const MAX_ROUTES: usize = 4;
/// The most lines of a description.
const MAX_LINES: usize = 40;

/// How much a card shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Its routes too.
    Routes,
    /// Its colors and what it calls.
    Colors,
}

pub(super) struct Card<'m> {
    /// Made of letters, digits and `_`.
    pub(super) id: String,
    pub(super) name: &'m str,
    pub(super) service: &'m Service,
    pub(super) rows: Vec<Row>,
}

pub(super) enum Row {
    Color {
        name: String,
        /// Endpoints and share.
        facts: String,
        /// The greatest of its shares, from 0 to 100, if it has a route.
        percent: Option<f64>,
    },
    Route {
        text: String,
        is_public: bool,
    },
    Small(String),
}

impl Row {
    pub(super) fn height(&self) -> f64 {
        match self {
            Self::Color { .. } => 25.0,
            Self::Route { .. } | Self::Small(_) => 17.0,
        }
    }

    fn width(&self) -> f64 {
        match self {
            Self::Color { name, facts, .. } => {
                float(cells(name) + 2) * ROW_CELL + float(cells(facts)) * SMALL_CELL + 14.0
            }
            Self::Route { text, is_public } => {
                let badge = if *is_public { 0 } else { 9 };
                float(cells(text) + badge) * SMALL_CELL
            }
            Self::Small(text) => float(cells(text)) * SMALL_CELL,
        }
    }
}

impl<'m> Card<'m> {
    pub(super) fn new(
        id: String,
        name: &'m str,
        service: &'m Service,
        detail: Detail,
        known: &BTreeSet<&str>,
    ) -> Self {
        let mut rows: Vec<Row> = service
            .colors
            .iter()
            .map(|(name, groups)| color(name, groups))
            .collect();
        if detail == Detail::Routes {
            rows.extend(routes(service));
        }
        if !service.calls.is_empty() {
            let calls = service.calls.iter().map(|called| {
                let unknown = if known.contains(&**called) {
                    ""
                } else {
                    " (not in the map)"
                };
                format!("{called}{unknown}")
            });
            let calls: Vec<String> = calls.collect();
            rows.push(Row::Small(format!("calls {}", calls.join(", "))));
        }
        Self {
            id,
            name,
            service,
            rows,
        }
    }

    /// The width that it needs, within limits.
    pub(super) fn width(&self) -> f64 {
        let badge = if self.service.is_public { 0 } else { 9 };
        let name = float(cells(self.name) + badge) * NAME_CELL;
        let widest = self.rows.iter().map(Row::width).fold(name, f64::max);
        (widest + 2.0 * INSET).ceil().clamp(180.0, 290.0)
    }

    pub(super) fn height(&self) -> f64 {
        let rows: f64 = self.rows.iter().map(Row::height).sum();
        30.0 + rows + 6.0
    }

    /// All about it as lines of text.
    pub(super) fn description(&self, namespace: &Namespace) -> String {
        let mut lines = vec![format!("{} in {}", self.name, namespace.name)];
        for (color, groups) in &self.service.colors {
            for group in groups {
                let endpoints = counted(group.endpoints.len(), "endpoint");
                lines.push(format!("{color}, index {}: {endpoints}", group.index));
                lines.extend(group.routes.iter().map(|route| {
                    let mut line = format!("  {}", route.path);
                    for condition in &route.conditions {
                        let _ = write!(line, ", {condition}");
                    }
                    let _ = write!(
                        line,
                        ": {}, weight {}, share {}",
                        route.access, route.weight, route.share
                    );
                    line
                }));
                let egress = group.egress.iter();
                lines.extend(
                    egress.map(|(called, interface)| format!("  calls {called} by {interface}")),
                );
            }
        }
        if lines.len() > MAX_LINES {
            let more = lines.len() - MAX_LINES;
            lines.truncate(MAX_LINES);
            lines.push(format!("and {more} more"));
        }
        lines.join("\n")
    }
}

/// How many characters of a name have room in so many pixels.
pub(super) fn name_room(width: f64) -> usize {
    room(width, NAME_CELL)
}

pub(super) fn row_room(width: f64) -> usize {
    room(width, ROW_CELL)
}

pub(super) fn small_room(width: f64) -> usize {
    room(width, SMALL_CELL)
}

/// The width of small print.
pub(super) fn small_width(text: &str) -> f64 {
    float(cells(text)) * SMALL_CELL
}

/// The whole number of cells within a width.
fn room(width: f64, cell: f64) -> usize {
    (0..200)
        .take_while(|count| float(count + 1) * cell <= width)
        .count()
}

fn color(name: &str, groups: &[Group]) -> Row {
    let endpoints: usize = groups.iter().map(|group| group.endpoints.len()).sum();
    let mut facts = counted(endpoints, "endpoint");
    let percents = percents(groups);
    let least = percents.values().copied().reduce(f64::min);
    let most = percents.values().copied().reduce(f64::max);
    if let (Some(least), Some(most)) = (least, most) {
        let (low, high) = (whole(least), whole(most));
        let _ = if low == high {
            write!(facts, " · {high} %")
        } else {
            write!(facts, " · {low}–{high} %")
        };
    }
    Row::Color {
        name: name.to_owned(),
        facts,
        percent: most,
    }
}

/// The share of a color in each of its routes.
fn percents(groups: &[Group]) -> BTreeMap<(&str, &[String]), f64> {
    let mut sums = BTreeMap::<(&str, &[String]), f64>::new();
    for group in groups {
        let mut own = BTreeMap::<(&str, &[String]), f64>::new();
        for route in &group.routes {
            own.insert((&route.path, &route.conditions), route.share.percent());
        }
        for (route, percent) in own {
            *sums.entry(route).or_default() += percent;
        }
    }
    sums
}

fn whole(percent: f64) -> String {
    if percent > 0.0 && percent < 1.0 {
        "<1".to_owned()
    } else {
        format!("{percent:.0}")
    }
}

fn routes(service: &Service) -> Vec<Row> {
    let requests = service.requests();
    let mut rows: Vec<Row> = requests
        .iter()
        .take(MAX_ROUTES)
        .map(|(path, conditions, access)| Row::Route {
            text: match conditions.len() {
                0 => (*path).to_owned(),
                count => format!("{} if {}", fitted(path, 24), counted(count, "condition")),
            },
            is_public: access.is_public,
        })
        .collect();
    if let Some(more @ 1..) = requests.len().checked_sub(MAX_ROUTES) {
        rows.push(Row::Small(format!("and {}", counted(more, "more route"))));
    }
    rows
}
