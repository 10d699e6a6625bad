//! The counters of one thread.

use core::{array, cell::Cell, fmt};

use super::{
    Snapshot,
    metric::{COUNT, Metric},
};
use crate::error::AllocErrorKind;

/// Counts what a structure of one thread does.
///
/// The library's own structures have one inside; a structure of yours that stands on theirs can
/// have one too. Every call is a handful of additions; none can fail or panic.
///
/// ```
/// use flagstone::stats::{Collector, Metric};
///
/// let collector = Collector::new();
/// collector.allocated();
/// collector.allocated();
/// collector.freed();
/// let snapshot = collector.snapshot();
/// assert_eq!(snapshot.get(Metric::InUse), 1);
/// assert_eq!(snapshot.get(Metric::PeakInUse), 2);
/// ```
#[doc(alias = "StatisticsCollector")]
pub struct Collector {
    numbers: [Cell<u64>; COUNT],
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Collector {
    /// Whether anything is counted.
    pub(crate) const ACTIVE: bool = true;

    /// Everything at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            numbers: [const { Cell::new(0) }; COUNT],
        }
    }

    #[inline(always)]
    fn cell(&self, metric: Metric) -> &Cell<u64> {
        &self.numbers[metric as usize]
    }

    /// Wrapping, so that nothing here can panic; 2^64 events take centuries.
    #[inline(always)]
    fn add(&self, metric: Metric, number: u64) {
        let cell = self.cell(metric);
        cell.set(cell.get().wrapping_add(number));
    }

    #[inline(always)]
    fn raise(&self, gauge: Metric, peak: Metric, number: u64) {
        self.add(gauge, number);
        let now = self.cell(gauge).get();
        if now > self.cell(peak).get() {
            self.cell(peak).set(now);
        }
    }

    #[inline(always)]
    fn lower(&self, gauge: Metric, number: u64) {
        let cell = self.cell(gauge);
        cell.set(cell.get().saturating_sub(number));
    }

    /// One was handed out.
    #[inline(always)]
    pub fn allocated(&self) {
        self.add(Metric::Allocations, 1);
        self.raise(Metric::InUse, Metric::PeakInUse, 1);
    }

    /// One was handed out that does not come back by itself.
    #[inline(always)]
    pub fn placed(&self) {
        self.add(Metric::Allocations, 1);
    }

    /// One came back.
    #[inline(always)]
    pub fn freed(&self) {
        self.add(Metric::Frees, 1);
        self.lower(Metric::InUse, 1);
    }

    /// A request was refused.
    pub fn refused(&self, kind: AllocErrorKind) {
        self.add(
            match kind {
                AllocErrorKind::Exhausted => Metric::Exhausted,
                AllocErrorKind::OutOfMemory => Metric::OutOfMemory,
                AllocErrorKind::NoInitializer => Metric::NoInitializer,
                AllocErrorKind::LimitReached => Metric::LimitReached,
                AllocErrorKind::Claimed => Metric::Claimed,
                AllocErrorKind::Format => Metric::Format,
                AllocErrorKind::Closed => Metric::Closed,
                AllocErrorKind::TimedOut => Metric::TimedOut,
            },
            1,
        );
    }

    /// The structure was full and is larger now.
    pub fn grew(&self) {
        self.add(Metric::Growths, 1);
    }

    /// A provider gave a chunk of `bytes`.
    pub fn chunk_added(&self, bytes: usize) {
        self.add(Metric::ChunksAdded, 1);
        self.raise(
            Metric::BytesReserved,
            Metric::PeakBytesReserved,
            bytes as u64,
        );
    }

    /// A provider got a chunk of `bytes` back.
    pub fn chunk_returned(&self, bytes: usize) {
        self.add(Metric::ChunksReturned, 1);
        self.lower(Metric::BytesReserved, bytes as u64);
    }

    /// An object was made.
    pub fn created(&self) {
        self.add(Metric::Created, 1);
    }

    /// An object was reset.
    #[inline(always)]
    pub fn reset(&self) {
        self.add(Metric::Resets, 1);
    }

    /// An object was found invalid.
    pub fn rejected(&self) {
        self.add(Metric::Rejected, 1);
    }

    /// An object was given up.
    pub fn discarded(&self) {
        self.add(Metric::Discarded, 1);
    }

    /// Goes on counting where `other` is: what `other` counted moves here.
    pub(crate) fn continue_from(&self, other: &Self) {
        let numbers = self.numbers.iter().zip(&other.numbers);
        numbers.for_each(|(own, other)| own.set(other.get()));
    }

    /// Adds what `other` counted: for the parts of one structure.
    #[cfg(all(feature = "std", target_has_atomic = "64"))]
    pub(crate) fn absorb(&self, other: &Self) {
        let numbers = self.numbers.iter().zip(&other.numbers);
        numbers.for_each(|(own, other)| own.set(own.get().wrapping_add(other.get())));
    }

    /// The numbers as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(array::from_fn(|at| self.numbers[at].get()))
    }

    /// Starts counting anew: counters are 0, gauges stay, and peaks begin at what the gauges are,
    /// so that a peak is never below what is in use.
    pub fn restart(&self) {
        let (in_use, reserved) = (self.cell(Metric::InUse), self.cell(Metric::BytesReserved));
        let (in_use, reserved) = (in_use.get(), reserved.get());
        self.numbers.iter().for_each(|number| number.set(0));
        self.raise(Metric::InUse, Metric::PeakInUse, in_use);
        self.raise(Metric::BytesReserved, Metric::PeakBytesReserved, reserved);
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collector").field(&self.snapshot()).finish()
    }
}
