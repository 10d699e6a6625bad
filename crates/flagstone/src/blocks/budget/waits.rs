//! How long requests waited, and how many did not.

extern crate std;

use core::{fmt, time::Duration};

use crate::sync::atomic::{AtomicU64, Ordering};

/// The first bucket is for waits below so many nanoseconds, as a power of two; each further one for twice as
/// long, and the last one for all that were longer.
const FIRST: u32 = 10;
const BUCKETS: usize = 32;

/// How long requests waited that did: from the poll that found too little to the poll (of a thread that
/// blocks, the wake-up) that took the answer, whatever it was. Those that were given up before are not in
/// it. Buckets double: the first is below a microsecond (1024 nanoseconds), the last above half an hour.
///
/// ```
/// # use core::{future::Future, pin::pin, task::{Context, Waker}};
/// use flagstone::blocks::Budget;
///
/// let budget = Budget::new(100)?;
/// let held = budget.try_reserve(100).unwrap();
/// let mut waits = pin!(budget.reserve(10));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(waits.as_mut().poll(&mut context).is_pending());
/// drop(held);
/// assert!(waits.as_mut().poll(&mut context).is_ready());
/// let times = budget.snapshot().wait_times;
/// assert_eq!(times.count(), 1);
/// assert!(times.quantile(0.99).unwrap() >= times.quantile(0.5).unwrap());
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WaitTimes([u64; BUCKETS]);

impl WaitTimes {
    /// How many waited, and have their answers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The buckets: below which time, and how many; shortest first. The last one has everything that was
    /// longer, and no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let counts = self.0.iter().enumerate();
        counts.map(|(bucket, count)| (bound(bucket), *count))
    }

    /// A time below which that part of the waits was, from 0 to 1: the bound of its bucket. `None` if
    /// nobody waited, or if it is the bucket without bound.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        let wanted = ((count as f64 * part).ceil() as u64).clamp(1, count.max(1));
        let mut sum = 0;
        let mut buckets = self.buckets();
        let (bound, _) = buckets.find(|(_, count)| {
            sum += count;
            sum >= wanted
        })?;
        bound
    }
}

impl fmt::Debug for WaitTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (bound, count) in self.buckets().filter(|(_, count)| *count > 0) {
            match bound {
                Some(bound) => map.entry(&bound, &count),
                None => map.entry(&"longer", &count),
            };
        }
        map.finish()
    }
}

fn bound(bucket: usize) -> Option<Duration> {
    let nanos = || Duration::from_nanos(1 << (FIRST + bucket as u32));
    (bucket + 1 < BUCKETS).then(nanos)
}

/// What [`WaitTimes`] is read from.
#[derive(Default)]
pub(super) struct Times([AtomicU64; BUCKETS]);

impl Times {
    /// Counts a wait. One atomic addition.
    pub(super) fn add(&self, waited: Duration) {
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        let log = (nanos >> FIRST).checked_ilog2().map_or(0, |log| log + 1);
        let bucket = (log as usize).min(BUCKETS - 1);
        // Relaxed, here and below: numbers that publish nothing.
        self.0[bucket].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> WaitTimes {
        let mut counts = [0; BUCKETS];
        for (to, from) in counts.iter_mut().zip(&self.0) {
            *to = from.load(Ordering::Relaxed);
        }
        WaitTimes(counts)
    }
}

/// How many were granted at once outside of scopes; counted with the feature `stats` alone, because that is
/// one more operation in the shortest way.
#[derive(Default)]
pub(super) struct Hits {
    #[cfg(feature = "stats")]
    count: AtomicU64,
}

impl Hits {
    #[inline(always)]
    pub(super) fn add(&self) {
        #[cfg(feature = "stats")]
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> u64 {
        #[cfg(feature = "stats")]
        return self.count.load(Ordering::Relaxed);
        #[cfg(not(feature = "stats"))]
        0
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_in_the_bucket_of_its_length() {
        let times = Times::default();
        let below = |bucket: usize| bound(bucket).unwrap();
        for bucket in 0..BUCKETS - 1 {
            times.add(below(bucket) - Duration::from_nanos(1));
            if bucket > 0 {
                times.add(below(bucket - 1));
            }
        }
        times.add(Duration::MAX);
        let read = times.read();
        let counts: alloc::vec::Vec<_> = read.buckets().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[BUCKETS - 1]), (1, 1));
        assert!(counts[1..BUCKETS - 1].iter().all(|count| *count == 2));
        assert_eq!(read.quantile(0.0), Some(below(0)));
        assert_eq!(read.quantile(1.0), None);
        assert_eq!(Times::default().read().quantile(0.5), None);
    }
}
