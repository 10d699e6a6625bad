//! How long single operations took.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::op::OpKind;

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// An allocation.
    Alloc,
    /// An allocation of zeroed memory.
    AllocZeroed,
    /// A reallocation.
    Realloc,
    /// A free.
    Free,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Alloc, Self::AllocZeroed, Self::Realloc, Self::Free];

    fn of(kind: OpKind) -> Self {
        match kind {
            OpKind::Alloc => Self::Alloc,
            OpKind::AllocZeroed => Self::AllocZeroed,
            OpKind::Realloc => Self::Realloc,
            OpKind::Free => Self::Free,
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alloc => "allocation",
            Self::AllocZeroed => "zeroed allocation",
            Self::Realloc => "reallocation",
            Self::Free => "free",
        })
    }
}

/// The latencies of one or several replays by the same contender.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// What reading the clock takes, in nanoseconds. It is not in the latencies.
    pub clock_ns: f64,
    /// By what was asked for; nothing is said about what never was.
    pub sorts: Vec<(Sort, Counts)>,
}

/// How often each latency was seen: nanoseconds and counts, rising.
///
/// Latencies are put together that differ by less than a thousandth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts(Vec<(f64, u64)>);

impl Counts {
    /// Adds what another replay counted.
    pub fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
    }

    /// How many operations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|row| row.1).sum()
    }

    /// The latency in nanoseconds that this share of the operations did not exceed; `None` if there
    /// were none.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        // The least rank whose share is reached; shares such as 0.999 are not exact.
        let rank = (share * count as f64 - 1e-6).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = self.0.iter().find(|row| {
            seen += row.1;
            seen >= rank
        });
        reached.or(self.0.last()).map(|row| row.0)
    }
}

impl Latencies {
    /// Adds what another replay or another thread measured.
    pub fn merge(&mut self, other: &Self) {
        self.clock_ns = self.clock_ns.max(other.clock_ns);
        for (sort, counts) in &other.sorts {
            match self.sorts.iter_mut().find(|row| row.0 == *sort) {
                Some(row) => row.1.merge(counts),
                None => self.sorts.push((*sort, counts.clone())),
            }
        }
        self.sorts.sort_by_key(|row| row.0);
    }

    /// All operations together.
    #[must_use]
    pub fn all(&self) -> Counts {
        let mut all = Counts::default();
        self.sorts.iter().for_each(|(_, counts)| all.merge(counts));
        all
    }
}

/// Histograms of ticks while a replay goes on.
///
/// High dynamic range: three digits of each latency, from one tick to minutes, in memory that does
/// not depend on how many there are.
#[derive(Debug)]
pub(super) struct Sorts([Histogram<u64>; 4]);

/// The longest latency that is told from longer ones, in ticks.
const LONGEST: u64 = 1 << 40;

impl Sorts {
    pub(super) fn new() -> Self {
        Self(Sort::ALL.map(|_| {
            Histogram::new_with_bounds(1, LONGEST, 3)
                .expect("the bounds and three digits are valid")
        }))
    }

    pub(super) fn add(&mut self, kind: OpKind, ticks: u64) {
        self.0[Sort::of(kind) as usize].saturating_record(ticks);
    }

    /// The counts in nanoseconds.
    pub(super) fn in_ns(&self, clock_ticks: u64, ns_per_tick: f64) -> Latencies {
        let counts = |histogram: &Histogram<u64>| {
            let rows = histogram.iter_recorded();
            let rows = rows.map(|row| {
                let ns = row.value_iterated_to() as f64 * ns_per_tick;
                // A tenth of a nanosecond is far below what the clock can tell.
                ((ns * 10.0).round() / 10.0, row.count_at_value())
            });
            Counts(rows.collect())
        };
        let sorts = Sort::ALL.into_iter().zip(&self.0);
        Latencies {
            clock_ns: clock_ticks as f64 * ns_per_tick,
            sorts: sorts
                .filter(|(_, histogram)| !histogram.is_empty())
                .map(|(sort, histogram)| (sort, counts(histogram)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut sorts = Sorts::new();
        (1..=1_000).for_each(|ticks| sorts.add(OpKind::Free, ticks));
        let counts = sorts.in_ns(7, 2.0);
        assert_eq!(counts.clock_ns, 14.0);
        let [(Sort::Free, counts)] = &counts.sorts[..] else {
            panic!("only frees: {counts:?}");
        };
        assert_eq!(counts.count(), 1_000);
        let quantiles = [0.0, 0.5, 0.99, 0.999, 1.0].map(|share| counts.quantile(share));
        assert_eq!(
            quantiles,
            [2.0, 1_000.0, 1_980.0, 1_998.0, 2_000.0].map(Some)
        );
    }

    #[test]
    fn merged_counts_are_those_of_both() {
        let once = |kind, ticks| {
            let mut sorts = Sorts::new();
            sorts.add(kind, ticks);
            sorts.in_ns(1, 1.0)
        };
        let mut merged = once(OpKind::Free, 9);
        merged.merge(&once(OpKind::Alloc, 5));
        merged.merge(&once(OpKind::Free, 3));
        let sorts: Vec<_> = merged
            .sorts
            .iter()
            .map(|row| (row.0, row.1.count()))
            .collect();
        assert_eq!(sorts, [(Sort::Alloc, 1), (Sort::Free, 2)]);
        assert_eq!(merged.all().quantile(0.5), Some(5.0));
        assert_eq!(Counts::default().quantile(0.5), None);
    }

    #[test]
    fn what_takes_no_time_at_all_is_counted_too() {
        let mut sorts = Sorts::new();
        sorts.add(OpKind::Alloc, 0);
        sorts.add(OpKind::Alloc, u64::MAX);
        assert_eq!(sorts.in_ns(1, 1.0).all().count(), 2);
    }
}
