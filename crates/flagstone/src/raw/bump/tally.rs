//! What a shared arena counts: what happens rarely, by whichever thread (feature `stats`).

#[cfg(feature = "stats")]
use crate::{
    error::AllocErrorKind,
    stats::{Metric, Snapshot},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Counters of slow paths. All are sums that order nothing, so every access is Relaxed.
#[cfg(feature = "stats")]
#[derive(Debug)]
pub(crate) struct Tally {
    placed: AtomicUsize,
    limit: AtomicUsize,
    memory: AtomicUsize,
    format: AtomicUsize,
    added: AtomicUsize,
    returned: AtomicUsize,
    resets: AtomicUsize,
}

#[cfg(feature = "stats")]
impl Tally {
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn new() -> Self {
        Self {
            placed: AtomicUsize::new(0),
            limit: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            format: AtomicUsize::new(0),
            added: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
        }
    }

    #[cfg(any(loom, shuttle))]
    pub(crate) fn new() -> Self {
        Self {
            placed: AtomicUsize::new(0),
            limit: AtomicUsize::new(0),
            memory: AtomicUsize::new(0),
            format: AtomicUsize::new(0),
            added: AtomicUsize::new(0),
            returned: AtomicUsize::new(0),
            resets: AtomicUsize::new(0),
        }
    }

    /// A local arena placed so many values.
    pub(crate) fn placed(&self, count: u64) {
        self.placed.fetch_add(count as usize, Ordering::Relaxed);
    }

    /// A request was refused.
    pub(crate) fn refused(&self, kind: AllocErrorKind) {
        let counter = match kind {
            AllocErrorKind::LimitReached => &self.limit,
            AllocErrorKind::Format => &self.format,
            _ => &self.memory,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk came from the provider.
    pub(crate) fn chunk_added(&self) {
        self.added.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk went back.
    pub(crate) fn chunk_returned(&self) {
        self.returned.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything was taken back.
    pub(crate) fn reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }

    /// The numbers as they are now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let of = |counter: &AtomicUsize| counter.load(Ordering::Relaxed) as u64;
        Snapshot::default()
            .with(Metric::Allocations, of(&self.placed))
            .with(Metric::LimitReached, of(&self.limit))
            .with(Metric::OutOfMemory, of(&self.memory))
            .with(Metric::Format, of(&self.format))
            .with(Metric::Growths, of(&self.added))
            .with(Metric::ChunksAdded, of(&self.added))
            .with(Metric::ChunksReturned, of(&self.returned))
            .with(Metric::Resets, of(&self.resets))
    }
}

/// Without the feature nothing is counted.
#[cfg(not(feature = "stats"))]
#[derive(Debug)]
pub(crate) struct Tally(());

#[cfg(not(feature = "stats"))]
impl Tally {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    #[inline(always)]
    pub(crate) fn refused(&self, _kind: crate::error::AllocErrorKind) {}

    #[inline(always)]
    pub(crate) fn chunk_added(&self) {}

    #[inline(always)]
    pub(crate) fn chunk_returned(&self) {}

    #[inline(always)]
    pub(crate) fn reset(&self) {}
}
