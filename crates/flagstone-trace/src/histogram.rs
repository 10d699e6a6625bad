//! Counts by power of two.

/// Rows of a 64-bit histogram: one for 0 and one for each highest bit.
const ROWS: usize = 65;

/// How many values fell between one power of two and the next, and what they add up to.
///
/// ```
/// # use flagstone_trace::Histogram;
/// let mut sizes = Histogram::default();
/// sizes.add(5);
/// sizes.add(7);
/// let row = sizes.buckets().next().unwrap();
/// assert_eq!((row.low, row.high, row.count, row.total), (4, 7, 2, 12));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    rows: [(u64, u128); ROWS],
}

/// One row of a [`Histogram`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The smallest value of the row: 0, or a power of two.
    pub low: u64,
    /// The largest value of the row: 0, or one less than the next power of two.
    pub high: u64,
    /// Values in the row.
    pub count: u64,
    /// Their sum.
    pub total: u128,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            rows: [(0, 0); ROWS],
        }
    }
}

impl Histogram {
    /// Counts `value`. Constant time.
    pub fn add(&mut self, value: u64) {
        let row = &mut self.rows[(u64::BITS - value.leading_zeros()) as usize];
        row.0 += 1;
        row.1 += u128::from(value);
    }

    /// Values counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows.iter().map(|row| row.0).sum()
    }

    /// The sum of the values counted.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.rows.iter().map(|row| row.1).sum()
    }

    /// The rows from the first to the last that is not empty, by rising value; empty rows between
    /// them are included.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let first = self.rows.iter().position(|row| row.0 > 0).unwrap_or(0);
        let end = self
            .rows
            .iter()
            .rposition(|row| row.0 > 0)
            .map_or(0, |last| last + 1);
        (first..end).map(|index| {
            let low = if index == 0 { 0 } else { 1 << (index - 1) };
            let high = if index == 0 {
                0
            } else {
                u64::MAX >> (ROWS - 1 - index)
            };
            let (count, total) = self.rows[index];
            Bucket {
                low,
                high,
                count,
                total,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_inside_its_row() {
        for value in [0, 1, 2, 3, 4, 1 << 40, u64::MAX >> 1, 1 << 63, u64::MAX] {
            let mut histogram = Histogram::default();
            histogram.add(value);
            let rows: Vec<_> = histogram.buckets().collect();
            assert_eq!(rows.len(), 1);
            assert!((rows[0].low..=rows[0].high).contains(&value));
            assert_eq!(
                (histogram.count(), histogram.total()),
                (1, u128::from(value))
            );
        }
        assert_eq!(Histogram::default().buckets().count(), 0);
    }
}
