//! Which allocations of a thread get a guarded block.

use core::cell::Cell;

/// One of so many calls is chosen, once calls are counted.
const CALLS: u32 = 64;

/// Counts the slow ways of a thread; after so many, all its calls, until one of those is chosen. So any call may
/// be, and the ones that are not slow pay nothing for it most of the time.
pub(super) struct Sampling {
    /// Slow ways until calls are counted.
    slow: Cell<u32>,
    /// Calls until one is chosen; 0 while none are counted.
    calls: Cell<u32>,
    random: Cell<u64>,
}

/// What a step leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Wait,
    /// Calls are counted from now on.
    Divert,
    /// This is the one; whether its block is to lie at the beginning of its pages.
    Choose(bool),
}

impl Sampling {
    pub(super) const fn new() -> Self {
        Self {
            slow: Cell::new(0),
            calls: Cell::new(0),
            random: Cell::new(0),
        }
    }

    /// One slow way more, of which about one of `every` is followed by a choice.
    pub(super) fn step(&self, every: u32, seed: impl FnOnce() -> usize) -> Step {
        if let Some(calls) = self.calls.get().checked_sub(1) {
            self.calls.set(calls);
            if calls > 0 {
                return Step::Wait;
            }
            return Step::Choose(self.random.get() >> 63 != 0);
        }
        if let Some(slow) = self.slow.get().checked_sub(1) {
            self.slow.set(slow);
            return Step::Wait;
        }
        if self.random.get() == 0 {
            // Differs between threads, too.
            self.random
                .set(seed() as u64 ^ (&raw const *self).addr() as u64 | 1);
        }
        // Marsaglia's xorshift ("Xorshift RNGs", 2003).
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        // Half to one and a half of `every`, so that nothing in the program keeps step.
        let more = (random >> 32) as u32 % every.max(1);
        self.slow.set((every / 2).saturating_add(more));
        self.calls.set(random as u32 % CALLS + 1);
        Step::Divert
    }
}
