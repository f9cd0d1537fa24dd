//! A namespace as a frame: its gateways, and its services as cards in columns.

use super::{
    card::{Card, Detail, small_width},
    counted, float,
    markup::cells,
};
use nightjar_core::picture::Namespace;
use std::collections::BTreeSet;

/// Space between the border of a frame and what is in it.
pub(super) const PADDING: f64 = 16.0;
/// Where the box of the gateways is drawn.
pub(super) const GATEWAY_TOP: f64 = 54.0;
pub(super) const GATEWAY_WIDTH: f64 = 172.0;
pub(super) const GATEWAY_HEIGHT: f64 = 40.0;
/// Space beside a column for the line from the gateways.
const GUTTER: f64 = 26.0;
/// How far from a card the line from the gateways is.
pub(super) const LINE_DISTANCE: f64 = 15.0;
const COLUMN_GAP: f64 = 16.0;
const CARD_GAP: f64 = 12.0;
/// The most columns of cards.
const MAX_COLUMNS: usize = 80;

pub(super) struct Frame<'m> {
    pub(super) number: usize,
    pub(super) namespace: &'m Namespace,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) card_width: f64,
    pub(super) cards: Vec<Placed<'m>>,
    /// The vertical lines from the gateways: where each is, and where it begins and ends.
    pub(super) lines: Vec<Line>,
}

pub(super) struct Placed<'m> {
    pub(super) card: Card<'m>,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) column: usize,
}

pub(super) struct Line {
    pub(super) x: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl<'m> Frame<'m> {
    /// `ratio` is how much wider than high it should be.
    pub(super) fn new(
        number: usize,
        namespace: &'m Namespace,
        ratio: f64,
        detail: Detail,
        known: &BTreeSet<&str>,
    ) -> Self {
        let services = namespace.services.iter().enumerate();
        let cards: Vec<Card<'m>> = services
            .map(|(place, (name, service))| {
                Card::new(format!("n{number}_s{place}"), name, service, detail, known)
            })
            .collect();
        let card_width = cards.iter().map(Card::width).fold(180.0, f64::max);
        let has_gateway = !namespace.gateways.is_empty();
        let top = if has_gateway {
            GATEWAY_TOP + GATEWAY_HEIGHT + 16.0
        } else {
            GATEWAY_TOP + 2.0
        };
        let gutter = if has_gateway { GUTTER } else { 0.0 };
        let pitch = gutter + card_width + COLUMN_GAP;
        let rows = rows(&cards, pitch, top, ratio);

        let mut height = top;
        let mut placed = Vec::new();
        let mut columns = 0;
        let mut y = top;
        for (place, card) in cards.into_iter().enumerate() {
            let column = place / rows;
            if column >= columns {
                columns = column + 1;
                y = top;
            }
            let x = PADDING + float(column) * pitch + gutter;
            let bottom = y + card.height();
            placed.push(Placed { card, x, y, column });
            height = f64::max(height, bottom);
            y = bottom + CARD_GAP;
        }
        let width = 2.0 * PADDING + float(columns) * pitch - COLUMN_GAP;
        let mut frame = Self {
            number,
            namespace,
            width: width.max(2.0 * PADDING + head_width(namespace)),
            height: height + PADDING,
            card_width,
            cards: placed,
            lines: Vec::new(),
        };
        if has_gateway {
            frame.lines = frame.gateway_lines(columns);
        }
        frame
    }

    /// The text below its name.
    pub(super) fn facts(&self) -> String {
        facts(self.namespace)
    }

    /// Beside each column with a public service, from the gateways to the last of them.
    fn gateway_lines(&self, columns: usize) -> Vec<Line> {
        let line = |column: usize| {
            let mut in_column = self.cards.iter().filter(|placed| placed.column == column);
            let last = in_column.rfind(|placed| placed.card.service.is_public)?;
            Some(Line {
                x: last.x - LINE_DISTANCE,
                top: if column == 0 {
                    GATEWAY_TOP + GATEWAY_HEIGHT
                } else {
                    GATEWAY_TOP + GATEWAY_HEIGHT / 2.0
                },
                bottom: last.arrow_line(),
            })
        };
        (0..columns).filter_map(line).collect()
    }
}

impl Placed<'_> {
    /// Where the arrow from the gateways arrives.
    pub(super) fn arrow_line(&self) -> f64 {
        self.y + 16.0
    }
}

fn facts(namespace: &Namespace) -> String {
    let services = counted(namespace.services.len(), "service");
    let endpoints = counted(namespace.endpoints(), "endpoint");
    let network = if namespace.network_id == namespace.name {
        String::new()
    } else {
        format!(" · network id {}", namespace.network_id)
    };
    format!("{services} · {endpoints}{network}")
}

fn head_width(namespace: &Namespace) -> f64 {
    let name = float(cells(&namespace.name)) * 9.2;
    let gateway = if namespace.gateways.is_empty() {
        0.0
    } else {
        GATEWAY_WIDTH
    };
    name.max(small_width(&facts(namespace)))
        .min(340.0)
        .max(gateway)
        .ceil()
}

/// How many cards to put below each other, so that the frame gets the right form.
fn rows(cards: &[Card<'_>], pitch: f64, top: f64, ratio: f64) -> usize {
    let heights: Vec<f64> = cards.iter().map(|card| card.height() + CARD_GAP).collect();
    let distance = |rows: usize| {
        let columns = heights.chunks(rows);
        let width = float(columns.len()) * pitch;
        let height = columns
            .map(|column| column.iter().sum::<f64>())
            .fold(0.0, f64::max);
        (width / (top + height) / ratio).ln().abs()
    };
    let most = cards.len().clamp(1, MAX_COLUMNS);
    let choices = (1..=most).map(|columns| cards.len().max(1).div_ceil(columns));
    let best = choices.min_by(|left, right| distance(*left).total_cmp(&distance(*right)));
    best.unwrap_or(1)
}
