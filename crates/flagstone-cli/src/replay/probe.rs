//! What a worker does around each operation beyond carrying it out.

use super::latency::{Latencies, Sorts};
use super::op::Op;
use super::ticks::TickClock;

/// Is told when an operation begins and ends.
pub(super) trait Probe {
    /// The operation's turn has come.
    fn begin(&mut self);

    /// It was carried out.
    fn end(&mut self);

    /// A worker's part of a window was carried out as far as `end` was called.
    fn settle(&mut self, ops: &[Op]);

    /// What it measured, if it measures anything.
    fn finish(self) -> Option<Latencies>;
}

/// Does nothing, in no instructions.
pub(super) struct NoProbe;

impl Probe for NoProbe {
    #[inline]
    fn begin(&mut self) {}

    #[inline]
    fn end(&mut self) {}

    #[inline]
    fn settle(&mut self, _: &[Op]) {}

    fn finish(self) -> Option<Latencies> {
        None
    }
}

/// Measures every operation.
///
/// While a window is played the times are only written down one after the other; they are counted
/// afterwards, so that counting takes no cache from the allocator.
#[derive(Debug)]
pub(super) struct Stopwatch {
    clock: TickClock,
    cost: u64,
    begun: u64,
    laps: Vec<u64>,
    sorts: Sorts,
}

impl Stopwatch {
    /// A stopwatch for windows of at most `longest` operations.
    pub(super) fn new(longest: usize) -> Self {
        let clock = TickClock::start();
        // Not zeros: zeroed memory would become resident only when it is written.
        let mut laps = vec![1; longest];
        laps.clear();
        Self {
            clock,
            cost: clock.cost(),
            begun: 0,
            laps,
            sorts: Sorts::new(),
        }
    }
}

impl Probe for Stopwatch {
    #[inline]
    fn begin(&mut self) {
        self.begun = self.clock.now();
    }

    #[inline]
    fn end(&mut self) {
        let lap = self.clock.now() - self.begun;
        self.laps.push(lap);
    }

    fn settle(&mut self, ops: &[Op]) {
        for (op, lap) in ops.iter().zip(self.laps.drain(..)) {
            self.sorts.add(op.kind, lap.saturating_sub(self.cost));
        }
    }

    /// All latencies, less what reading the clock takes.
    fn finish(self) -> Option<Latencies> {
        let ns_per_tick = self.clock.ns_per_tick();
        Some(self.sorts.in_ns(self.cost, ns_per_tick))
    }
}
