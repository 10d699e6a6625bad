//! A clock for single operations.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "reads the processor's counter")
)]

use std::time::Instant;

/// A counter that advances steadily; how long a tick is becomes known in the end.
///
/// On x86-64 it is the processor's time stamp counter where that runs at a constant rate in all
/// states of the processor, elsewhere the system's monotonic clock. Rejected: the monotonic clock
/// everywhere, which takes twice as long to read; a crate that measures the counter's rate at the
/// start, which takes longer than most replays. The rate follows from the replay itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickClock {
    counts: bool,
    began: Instant,
    began_ticks: u64,
}

impl TickClock {
    pub(super) fn start() -> Self {
        let mut clock = Self {
            counts: counts_steadily(),
            began: Instant::now(),
            began_ticks: 0,
        };
        clock.began_ticks = clock.now();
        clock
    }

    /// Ticks so far.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if self.counts {
            use std::arch::x86_64::{_mm_lfence, _rdtsc};

            // The fence waits for the instructions before it: without it the processor reads the
            // counter while the operation is still under way.
            // SAFETY: every x86-64 processor has both instructions.
            return unsafe {
                _mm_lfence();
                _rdtsc()
            };
        }
        self.began.elapsed().as_nanos() as u64
    }

    /// Nanoseconds per tick, from all that has passed since the start.
    pub(super) fn ns_per_tick(&self) -> f64 {
        let (passed, ticks) = (self.began.elapsed(), self.now() - self.began_ticks);
        passed.as_nanos() as f64 / ticks.max(1) as f64
    }

    /// Ticks between two readings with nothing between them: the median of many.
    pub(super) fn cost(&self) -> u64 {
        let mut gaps = [0; 4_001];
        for gap in &mut gaps {
            let start = self.now();
            *gap = self.now() - start;
        }
        gaps.sort_unstable();
        gaps[gaps.len() / 2]
    }
}

/// Whether the processor says that its counter's rate never changes.
fn counts_steadily() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::__cpuid;

        const POWER: u32 = 0x8000_0007;
        const INVARIANT: u32 = 1 << 8;
        __cpuid(0x8000_0000).eax >= POWER && __cpuid(POWER).edx & INVARIANT != 0
    }
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn ticks_are_as_long_as_the_systems_clock_says() {
        let clock = TickClock::start();
        let start = Instant::now();
        let before = clock.now();
        while start.elapsed() < Duration::from_millis(20) {}
        let ticks = clock.now() - before;
        let ns = ticks as f64 * clock.ns_per_tick();
        assert!((19e6..200e6).contains(&ns), "{ns}");
    }
}
