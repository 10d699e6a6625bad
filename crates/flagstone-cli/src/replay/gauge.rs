//! Watches resident memory during a replay.

use super::measured::{Growth, Measured};
use super::memory;

/// Resident memory since a baseline.
///
/// It is looked at in the pauses between windows, one of which is right after the event at which
/// the most bytes were live, and the system's own peak covers what happens inside a window.
#[derive(Debug)]
pub(super) struct Gauge {
    baseline: Option<u64>,
    peak: Option<u64>,
    last: Option<u64>,
}

impl Gauge {
    /// Takes the baseline: everything resident before the allocator under test exists.
    pub(super) fn start() -> Self {
        memory::trim();
        memory::reset_peak();
        let baseline = memory::resident();
        Self {
            baseline,
            peak: baseline,
            last: baseline,
        }
    }

    /// Looks at the memory now.
    pub(super) fn sample(&mut self) {
        self.last = memory::resident();
        self.peak = self.peak.max(self.last);
    }

    /// The result of a replay of `operations` that took `busy_ns`.
    pub(super) fn finish(self, operations: u64, busy_ns: u64) -> Measured {
        let growth = self.baseline.zip(self.last).map(|(baseline, last)| Growth {
            peak: self
                .peak
                .max(memory::peak())
                .unwrap_or(baseline)
                .saturating_sub(baseline),
            end: last.saturating_sub(baseline),
        });
        Measured {
            operations,
            busy_ns,
            growth,
        }
    }
}
