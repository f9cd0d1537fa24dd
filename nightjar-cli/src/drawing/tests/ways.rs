//! Frames do not overlap, and arrows do not cross them.

use crate::drawing::arrange::{Arrangement, Point, arrange};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn sizes_and_arrows() -> impl Strategy<Value = (Vec<Point>, Vec<(usize, usize)>)> {
    let size = (200_u16..900, 80_u16..900).prop_map(|(x, y)| Point {
        x: x.into(),
        y: y.into(),
    });
    prop::collection::vec(size, 0..9).prop_flat_map(|sizes| {
        let count = sizes.len().max(1);
        let arrows = prop::collection::btree_set((0..count, 0..count), 0..24);
        let is_inside = move |(from, to): &(usize, usize)| from != to;
        let arrows =
            arrows.prop_map(move |it: BTreeSet<_>| it.into_iter().filter(is_inside).collect());
        (Just(sizes), arrows)
    })
}

/// Points on a curve of an arrow.
fn samples(start: Point, end: Point) -> impl Iterator<Item = Point> {
    let middle = f64::midpoint(start.x, end.x);
    (0..=40_u8).map(move |step| {
        let t = f64::from(step) / 40.0;
        let bezier = |a: f64, b: f64, c: f64, d: f64| {
            let u = 1.0 - t;
            a * u * u * u + 3.0 * b * u * u * t + 3.0 * c * u * t * t + d * t * t * t
        };
        Point {
            x: bezier(start.x, middle, middle, end.x),
            y: bezier(start.y, start.y, end.y, end.y),
        }
    })
}

fn overlap(one: (Point, Point), other: (Point, Point)) -> bool {
    let apart = |start: f64, size: f64, other_start: f64, other_size: f64| {
        start + size <= other_start || other_start + other_size <= start
    };
    !apart(one.0.x, one.1.x, other.0.x, other.1.x) && !apart(one.0.y, one.1.y, other.0.y, other.1.y)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_are_apart_and_arrows_lead_past_them((sizes, arrows) in sizes_and_arrows()) {
        let Arrangement { corners, ways, size } = arrange(&sizes, &arrows);
        let boxes: Vec<(Point, Point)> = corners.into_iter().zip(sizes).collect();
        for (place, one) in boxes.iter().enumerate() {
            prop_assert!(one.0.x >= 0.0 && one.0.y >= 0.0);
            prop_assert!(one.0.x + one.1.x <= size.x + 1.0 && one.0.y + one.1.y <= size.y + 1.0);
            for other in boxes.iter().skip(place + 1) {
                prop_assert!(!overlap(*one, *other), "{one:?} {other:?}");
            }
        }
        prop_assert_eq!(ways.len(), arrows.len());
        for ((from, to), way) in arrows.iter().zip(&ways) {
            prop_assert!(way.len() >= 4 && way.len().is_multiple_of(2));
            let curves = way[1..].chunks_exact(2).flat_map(|pair| samples(pair[0], pair[1]));
            let lines = way.chunks_exact(2).flat_map(|pair| samples(pair[0], pair[1]));
            let is_at = |point: &Point, frame: usize| {
                let (corner, size) = boxes[frame];
                ((point.x - corner.x).abs() < 0.1 || (point.x - corner.x - size.x).abs() < 0.1)
                    && point.y > corner.y && point.y < corner.y + size.y
            };
            prop_assert!(is_at(&way[0], *from) && is_at(&way[way.len() - 1], *to));
            for point in curves.chain(lines) {
                for (corner, size) in &boxes {
                    let inside = point.x > corner.x + 1.0 && point.x < corner.x + size.x - 1.0
                        && point.y > corner.y + 1.0 && point.y < corner.y + size.y - 1.0;
                    prop_assert!(!inside, "{from} -> {to} at {point:?} crosses {corner:?} {size:?}");
                }
            }
        }
    }
}
