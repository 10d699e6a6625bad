//! A line of text as a plot.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `width` characters for the values of points, which are given with where they are (rising). Each
/// shows the greatest value in its part; `top` is the value of a full block.
pub(super) fn sparkline(points: &[(f64, f64)], top: f64, width: usize) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return String::new();
    };
    let span = (last.0 - first.0).max(f64::MIN_POSITIVE);
    let column = |at: f64| (((at - first.0) / span * width as f64) as usize).min(width - 1);
    let mut columns = vec![None::<f64>; width];
    for &(at, value) in points {
        let most = &mut columns[column(at)];
        *most = Some(most.unwrap_or(value).max(value));
    }
    // A part without a point is as the one before it was.
    let mut before = first.1;
    let line = columns.into_iter().map(|most| {
        before = most.unwrap_or(before);
        let level = (before / top.max(f64::MIN_POSITIVE) * 7.0).round();
        BLOCKS[(level.max(0.0) as usize).min(7)]
    });
    line.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_value_of_each_part_shows() {
        let points: Vec<_> = (0..100)
            .map(|x| (f64::from(x), f64::from(x % 50)))
            .collect();
        let line = sparkline(&points, 49.0, 4);
        assert_eq!(line, "▄█▄█");
    }

    #[test]
    fn a_gap_keeps_the_last_value_and_nothing_is_nothing() {
        assert_eq!(sparkline(&[(0.0, 7.0), (10.0, 0.0)], 7.0, 4), "███▁");
        assert_eq!(sparkline(&[(5.0, 7.0)], 7.0, 3), "███");
        assert_eq!(sparkline(&[], 1.0, 4), "");
    }
}
