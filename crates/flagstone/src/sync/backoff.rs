//! Waiting that gets longer: a few spins, then the rest of the time slice.

use super::spin_loop;

/// Doublings of the spin count before the thread offers its time slice (at most 64 spins a step).
const SPIN_STEPS: u32 = 6;

/// Exponential back-off after T. E. Anderson, "The performance of spin lock alternatives for
/// shared-memory multiprocessors" (1990).
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    step: u32,
}

impl Backoff {
    /// Waits a little, longer each time. With `std` it yields to the scheduler once spinning has
    /// not helped; without, it keeps spinning at the longest step.
    pub(crate) fn wait(&mut self) {
        if self.step < SPIN_STEPS {
            self.step += 1;
        } else {
            #[cfg(all(feature = "std", not(any(loom, shuttle))))]
            return std::thread::yield_now();
        }
        for _ in 0..if cfg!(any(loom, shuttle)) {
            1
        } else {
            1_u32 << self.step
        } {
            spin_loop();
        }
    }
}
