//! The numbers at one moment.

use core::{array, fmt, iter::Sum, ops::Add};

use super::metric::{COUNT, Kind, Metric};

/// What a structure has done up to one moment.
///
/// Snapshots of parts (of the threads of a shared structure, of the pools of a program) are added
/// up with `+` or `sum()`; the difference of two is what happened [`since`](Self::since).
///
/// ```
/// use flagstone::{FixedPool, stats::Metric};
///
/// let pool = FixedPool::new(2);
/// let before = pool.stats();
/// let handles = [pool.alloc(1), pool.alloc(2), pool.alloc(3)];
/// let stats = pool.stats().since(&before);
/// assert_eq!(stats.get(Metric::Allocations), 2);
/// assert_eq!(stats.refused(), 1);
/// assert_eq!(stats.utilization(), Some(1.0));
/// # drop(handles);
/// ```
#[doc(alias = "PoolStatistics")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    numbers: [u64; COUNT],
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::of([0; COUNT])
    }
}

impl Snapshot {
    pub(super) const fn of(numbers: [u64; COUNT]) -> Self {
        Self { numbers }
    }

    /// One number.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> u64 {
        self.numbers[metric as usize]
    }

    /// The same with one number replaced: how a structure adds what its collector does not know.
    #[must_use]
    pub const fn with(mut self, metric: Metric, number: u64) -> Self {
        self.numbers[metric as usize] = number;
        self
    }

    /// Every metric with its number, in the order of reports.
    #[must_use]
    #[doc(alias = "as_key_value_pairs")]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Metric, u64)> {
        let numbers = self.numbers;
        Metric::ALL
            .iter()
            .map(move |&metric| (metric, numbers[metric as usize]))
    }

    /// Requests that were refused, for whatever reason.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.get(Metric::Exhausted)
            .saturating_add(self.get(Metric::OutOfMemory))
            .saturating_add(self.get(Metric::NoInitializer))
            .saturating_add(self.get(Metric::LimitReached))
            .saturating_add(self.get(Metric::Claimed))
            .saturating_add(self.get(Metric::Format))
            .saturating_add(self.get(Metric::Closed))
            .saturating_add(self.get(Metric::TimedOut))
    }

    /// The share of the capacity that is in use, from 0 to 1; `None` without a capacity.
    #[must_use]
    #[doc(alias = "utilization_rate")]
    pub fn utilization(&self) -> Option<f64> {
        self.share(Metric::InUse)
    }

    /// The share of the present capacity that was in use at most. Above 1 if the structure has
    /// shrunk since.
    #[must_use]
    #[doc(alias = "peak_utilization_rate")]
    pub fn peak_utilization(&self) -> Option<f64> {
        self.share(Metric::PeakInUse)
    }

    fn share(&self, metric: Metric) -> Option<f64> {
        let capacity = self.get(Metric::Capacity);
        (capacity > 0).then(|| self.get(metric) as f64 / capacity as f64)
    }

    /// The share of the requests that were served, from 0 to 1; `None` before the first request.
    #[must_use]
    #[doc(alias = "hit_rate")]
    pub fn served(&self) -> Option<f64> {
        let served = self.get(Metric::Allocations);
        let asked = served.saturating_add(self.refused());
        (asked > 0).then(|| served as f64 / asked as f64)
    }

    /// What happened after `earlier`: the differences of the counters. Gauges and peaks are those of
    /// this snapshot.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.combine(earlier, |kind, now, then| match kind {
            Kind::Counter => now.saturating_sub(then),
            Kind::Gauge | Kind::Peak => now,
        })
    }

    fn combine(&self, other: &Self, f: impl Fn(Kind, u64, u64) -> u64) -> Self {
        Self::of(array::from_fn(|at| {
            let kind = Metric::ALL[at].kind();
            f(kind, self.numbers[at], other.numbers[at])
        }))
    }
}

impl Add for Snapshot {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combine(&other, |_, a, b| a.saturating_add(b))
    }
}

impl Sum for Snapshot {
    fn sum<I: Iterator<Item = Self>>(snapshots: I) -> Self {
        snapshots.fold(Self::default(), Self::add)
    }
}

impl<'a> Sum<&'a Self> for Snapshot {
    fn sum<I: Iterator<Item = &'a Self>>(snapshots: I) -> Self {
        snapshots.copied().sum()
    }
}

/// Every number by its name.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.iter().map(|(metric, number)| (metric.name(), number));
        f.debug_map().entries(numbers).finish()
    }
}
