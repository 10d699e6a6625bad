//! Live bytes over time, in bounded memory.

use serde::{Deserialize, Serialize};

/// Most points of a curve: more than a plot has columns.
const MOST: usize = 512;

/// Live bytes in a stretch of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivePoint {
    /// How many events come before the end of the stretch.
    pub events: u64,
    /// When the last of them was recorded, in nanoseconds since the start.
    pub time_ns: u64,
    /// Bytes alive at the end of the stretch.
    pub bytes: u64,
    /// The most bytes that were alive in the stretch.
    pub most_bytes: u64,
    /// Objects alive at the end of the stretch.
    pub objects: u64,
}

/// Live bytes over a trace whose length is not known beforehand.
///
/// Stretches have the same number of events. When there are too many, each two become one.
#[derive(Clone, Debug)]
pub struct LiveCurve {
    points: Vec<LivePoint>,
    /// Events of a stretch, and those of the last one so far.
    stride: u64,
    filled: u64,
}

impl Default for LiveCurve {
    fn default() -> Self {
        Self {
            points: Vec::with_capacity(MOST),
            stride: 1,
            filled: 0,
        }
    }
}

impl LiveCurve {
    /// Adds the state after one more event.
    pub fn push(&mut self, now: LivePoint) {
        match self.points.last_mut() {
            Some(last) if self.filled < self.stride => *last = joined(*last, now),
            _ => {
                if self.points.len() == MOST {
                    self.halve();
                }
                self.points.push(now);
                self.filled = 0;
            }
        }
        self.filled += 1;
    }

    fn halve(&mut self) {
        self.points = self
            .points
            .chunks(2)
            .map(|pair| pair.iter().copied().reduce(joined).unwrap_or_default())
            .collect();
        self.stride *= 2;
    }

    /// The points so far.
    #[must_use]
    pub fn into_points(self) -> Vec<LivePoint> {
        self.points
    }
}

fn joined(first: LivePoint, second: LivePoint) -> LivePoint {
    LivePoint {
        most_bytes: first.most_bytes.max(second.most_bytes),
        ..second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_end_and_its_peak() {
        for events in [1, 2, 511, 512, 513, 1_024, 1_025, 100_000] {
            let mut curve = LiveCurve::default();
            for event in 1..=events {
                let bytes = if event == events / 3 { 999 } else { event % 7 };
                curve.push(LivePoint {
                    events: event,
                    time_ns: event * 10,
                    bytes,
                    most_bytes: bytes,
                    objects: 1,
                });
            }
            let points = curve.into_points();
            assert!((1..=MOST).contains(&points.len()), "{events}");
            assert_eq!(points.last().map(|point| point.events), Some(events));
            assert!(points.is_sorted_by_key(|point| point.events));
            let most = points.iter().map(|point| point.most_bytes).max();
            assert!(events < 3 || most == Some(999), "{events}: {most:?}");
        }
    }
}
