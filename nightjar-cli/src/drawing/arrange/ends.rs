//! The ends of arrows at the sides of frames.

use super::Point;
use crate::drawing::float;

/// Space between the ends of arrows at one side of a frame, and from its corners.
const END_GAP: f64 = 18.0;

/// Where an arrow begins or ends.
pub(super) struct End {
    pub(super) frame: usize,
    pub(super) is_right: bool,
    /// The height from which it comes or to which it goes.
    pub(super) y: f64,
}

impl End {
    /// From the border of the frame to the border of its rank.
    pub(super) fn line(
        &self,
        y: f64,
        boxes: &[(Point, Point)],
        ranks: &[(f64, f64)],
    ) -> (Point, Point) {
        let nothing = Point { x: 0.0, y: 0.0 };
        let (corner, size) = boxes.get(self.frame).copied().unwrap_or((nothing, nothing));
        let center = corner.x + size.x / 2.0;
        let rank = ranks
            .iter()
            .find(|(middle, _)| (middle - center).abs() < 1.0);
        let half = rank.map_or(size.x, |(_, width)| *width) / 2.0;
        let (x, edge) = if self.is_right {
            (corner.x + size.x, (center + half).round())
        } else {
            (corner.x, (center - half).round())
        };
        (Point { x, y }, Point { x: edge, y })
    }
}

/// The height of each end: as near to what it wants as others at the same side leave room.
pub(super) fn spread(ends: &[End], boxes: &[(Point, Point)]) -> Vec<f64> {
    let mut heights = vec![0.0; ends.len()];
    for (frame, (corner, size)) in boxes.iter().enumerate() {
        for is_right in [false, true] {
            let here = ends.iter().enumerate();
            let here = here.filter(|(_, end)| end.frame == frame && end.is_right == is_right);
            let mut here: Vec<(usize, f64)> = here.map(|(index, end)| (index, end.y)).collect();
            here.sort_by(|left, right| left.1.total_cmp(&right.1).then(left.0.cmp(&right.0)));
            let gap = END_GAP.min((size.y - 16.0) / float(here.len()).max(1.0));
            let mut lowest = corner.y + 8.0 + gap / 2.0;
            for (_, y) in &mut here {
                *y = y.max(lowest);
                lowest = *y + gap;
            }
            let mut highest = corner.y + size.y - 8.0 - gap / 2.0;
            for (_, y) in here.iter_mut().rev() {
                *y = y.min(highest);
                highest = *y - gap;
            }
            for (index, y) in here {
                if let Some(height) = heights.get_mut(index) {
                    *height = y.round();
                }
            }
        }
    }
    heights
}
