//! Watches resident memory during a replay.

use super::measured::{Growth, Look, Measured, Moment};
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
    faults: Option<u64>,
    looks: Vec<Look>,
}

impl Gauge {
    /// Takes the baseline: everything resident before the allocator under test exists. There are at
    /// most `looks` calls of [`sample`](Self::sample).
    pub(super) fn start(looks: usize) -> Self {
        // Not zeros: zeroed memory would become resident only when it is written.
        let filler = Look {
            resident_bytes: 1,
            ..Look::default()
        };
        let mut looks = vec![filler; looks];
        looks.clear();
        memory::trim();
        memory::reset_peak();
        let baseline = memory::resident();
        Self {
            baseline,
            peak: baseline,
            last: baseline,
            faults: memory::faults(),
            looks,
        }
    }

    /// Looks at the memory at this moment of the trace.
    pub(super) fn sample(&mut self, moment: Moment) {
        self.last = memory::resident();
        self.peak = self.peak.max(self.last);
        // Growing would count as the allocator's memory.
        if let Some((baseline, now)) = self.baseline.zip(self.last)
            && self.looks.len() < self.looks.capacity()
        {
            self.looks.push(Look {
                moment,
                resident_bytes: now.saturating_sub(baseline),
            });
        }
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
            faults: memory::faults()
                .zip(self.faults)
                .map(|(now, before)| now - before),
            looks: self.looks,
            latencies: None,
        }
    }
}
