//! The places of frames, and the ways of arrows between them. Dagre puts each frame in a rank, from callers
//! to called; here arrows are led through the gaps between ranks, so that none crosses a frame.

mod ends;

use dagre::{
    Acyclicer, EdgeLabel, LayoutOptions, NodeLabel, RankDir,
    graph::{Graph, GraphOptions},
};
use ends::{End, spread};

/// Space between ranks, for arrows.
const RANK_GAP: f64 = 184.0;
/// Space between frames of a rank, and between isolated ones.
const FRAME_GAP: f64 = 36.0;
/// Space between arrows that pass a frame.
const ARROW_GAP: f64 = 20.0;
/// The most arrows that dagre places in a tenth of a second, and that people can follow.
pub(super) const MAX_ARROWS: usize = 120;

/// A place, or the size of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

pub(super) struct Arrangement {
    /// The upper left corner of each frame.
    pub(super) corners: Vec<Point>,
    /// The way of each arrow in the order of the arrows. Its points are the ends of level lines past the
    /// frames of a rank, two for each; between lines, a curve leads through a gap. Empty if there are too
    /// many.
    pub(super) ways: Vec<Vec<Point>>,
    pub(super) size: Point,
}

/// Places frames of some sizes and arrows from one to another, by their indexes. No arrow leads to where
/// it comes from, and no two are the same.
pub(super) fn arrange(sizes: &[Point], arrows: &[(usize, usize)]) -> Arrangement {
    let arrows = if arrows.len() > MAX_ARROWS {
        &[]
    } else {
        arrows
    };
    let is_joined = |frame: usize| {
        arrows
            .iter()
            .any(|(from, to)| *from == frame || *to == frame)
    };
    let mut corners = vec![Point { x: 0.0, y: 0.0 }; sizes.len()];
    let joined = Joined::new(sizes, arrows, &is_joined);
    for (corner, (frame, size)) in corners.iter_mut().zip(sizes.iter().enumerate()) {
        if let Some(center) = joined.center(frame) {
            corner.x = (center.x - size.x / 2.0).round();
            corner.y = (center.y - size.y / 2.0).round();
        }
    }
    let boxes: Vec<(Point, Point)> = corners.iter().copied().zip(sizes.iter().copied()).collect();
    let ways = joined.ways(&boxes, arrows);
    let mut size = drawn_size(&boxes, &ways, &is_joined);

    // What has no arrow goes into rows below.
    let isolated: Vec<usize> = (0..sizes.len())
        .filter(|frame| !is_joined(*frame))
        .collect();
    let area: f64 = isolated
        .iter()
        .filter_map(|frame| sizes.get(*frame))
        .map(|size| size.x * size.y)
        .sum();
    let limit = size.x.max((area * 1.8).sqrt());
    let top = if size.y > 0.0 {
        size.y + FRAME_GAP
    } else {
        0.0
    };
    let (mut x, mut y, mut row) = (0.0, top, 0.0_f64);
    for frame in isolated {
        let (Some(corner), Some(frame)) = (corners.get_mut(frame), sizes.get(frame)) else {
            continue;
        };
        if x > 0.0 && x + frame.x > limit {
            x = 0.0;
            y += row + FRAME_GAP;
            row = 0.0;
        }
        *corner = Point { x, y };
        row = row.max(frame.y);
        size.x = size.x.max(x + frame.x);
        size.y = size.y.max(y + frame.y);
        x += frame.x + FRAME_GAP;
    }
    Arrangement {
        corners,
        ways,
        size,
    }
}

/// The frames with arrows, as dagre has placed them.
struct Joined(Graph<NodeLabel, EdgeLabel>);

fn key(frame: usize) -> String {
    format!("{frame:08}")
}

impl Joined {
    fn new(sizes: &[Point], arrows: &[(usize, usize)], is_joined: &impl Fn(usize) -> bool) -> Self {
        let mut graph = Graph::with_options(GraphOptions {
            directed: true,
            // An arrow that is turned around to break a circle is drawn beside the one of the other direction.
            multigraph: true,
            compound: false,
        });
        for (frame, size) in sizes
            .iter()
            .enumerate()
            .filter(|(frame, _)| is_joined(*frame))
        {
            let label = NodeLabel {
                width: size.x,
                height: size.y,
                ..NodeLabel::default()
            };
            graph.set_node(key(frame), Some(label));
        }
        for (from, to) in arrows {
            graph.set_edge(key(*from), key(*to), Some(EdgeLabel::default()), None);
        }
        if !arrows.is_empty() {
            let options = LayoutOptions {
                rankdir: RankDir::LR,
                nodesep: FRAME_GAP,
                edgesep: ARROW_GAP,
                ranksep: RANK_GAP,
                acyclicer: Some(Acyclicer::Greedy),
                ..LayoutOptions::default()
            };
            dagre::layout(&mut graph, Some(options));
        }
        Self(graph)
    }

    fn center(&self, frame: usize) -> Option<Point> {
        let node = self.0.node(&key(frame))?;
        Some(Point {
            x: node.x?,
            y: node.y?,
        })
    }

    /// The ranks: where the middle of each is, and its width.
    fn ranks(&self, boxes: &[(Point, Point)]) -> Vec<(f64, f64)> {
        let mut ranks = Vec::<(f64, f64)>::new();
        for (frame, (_, size)) in boxes.iter().enumerate() {
            let Some(center) = self.center(frame) else {
                continue;
            };
            match ranks
                .iter_mut()
                .find(|(middle, _)| (*middle - center.x).abs() < 1.0)
            {
                Some((_, width)) => *width = width.max(size.x),
                None => ranks.push((center.x, size.x)),
            }
        }
        ranks
    }

    fn ways(&self, boxes: &[(Point, Point)], arrows: &[(usize, usize)]) -> Vec<Vec<Point>> {
        let ranks = self.ranks(boxes);
        let mut ends = Vec::new();
        let mut middles = Vec::new();
        for (from, to) in arrows {
            let (Some(start), Some(end)) = (self.center(*from), self.center(*to)) else {
                continue;
            };
            let points = self
                .0
                .edge(&key(*from), &key(*to), None)
                .map(|edge| edge.points.as_slice());
            // The first and the last are at the borders of the frames.
            let inner = points.and_then(|points| points.get(1..points.len().saturating_sub(1)));
            let inner: Vec<Point> = inner
                .unwrap_or_default()
                .iter()
                .map(|it| Point { x: it.x, y: it.y })
                .collect();
            let forward = start.x < end.x;
            let near = |point: Option<&Point>, other: f64| point.map_or(other, |point| point.y);
            ends.push(End {
                frame: *from,
                is_right: forward,
                y: near(inner.first(), end.y),
            });
            ends.push(End {
                frame: *to,
                is_right: !forward,
                y: near(inner.last(), start.y),
            });
            middles.push(passes(&ranks, &inner, forward));
        }
        let heights = spread(&ends, boxes);
        let places: Vec<(Point, Point)> = ends
            .iter()
            .zip(heights)
            .map(|(end, y)| end.line(y, boxes, &ranks))
            .collect();
        let pairs = places.chunks_exact(2).zip(middles);
        pairs
            .filter_map(|(pair, middle)| {
                let [start, end] = pair else { return None };
                Some([&[start.0, start.1][..], &middle, &[end.1, end.0]].concat())
            })
            .collect()
    }
}

/// Where a way passes the frames of a rank: on one height, from one side of the rank to the other.
fn passes(ranks: &[(f64, f64)], inner: &[Point], forward: bool) -> Vec<Point> {
    let mut way = Vec::new();
    for point in inner {
        let rank = ranks
            .iter()
            .find(|(middle, _)| (middle - point.x).abs() < 1.0);
        let Some((middle, width)) = rank else {
            continue;
        };
        let half = if forward { width / 2.0 } else { -width / 2.0 };
        let y = point.y.round();
        way.push(Point {
            x: (middle - half).round(),
            y,
        });
        way.push(Point {
            x: (middle + half).round(),
            y,
        });
    }
    way
}

/// What the frames with arrows, and the arrows, take.
fn drawn_size(
    boxes: &[(Point, Point)],
    ways: &[Vec<Point>],
    is_joined: &impl Fn(usize) -> bool,
) -> Point {
    let frames = boxes
        .iter()
        .enumerate()
        .filter(|(frame, _)| is_joined(*frame));
    let frames = frames.map(|(_, (corner, size))| Point {
        x: corner.x + size.x,
        y: corner.y + size.y,
    });
    let points = ways.iter().flatten().copied();
    frames
        .chain(points)
        .fold(Point { x: 0.0, y: 0.0 }, |size, point| Point {
            x: size.x.max(point.x),
            y: size.y.max(point.y),
        })
}
