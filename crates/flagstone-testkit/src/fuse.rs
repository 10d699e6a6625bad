//! Panics on purpose.
//!
//! A planned panic unwinds with a payload of its own and without the panic hook, so that a failed
//! assertion is never taken for it and the output of a test run stays short.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// The payload of a planned panic.
struct Blown;

/// Panics at a chosen call. Clones share the count.
///
/// ```
/// use flagstone_testkit::fuse::{Fuse, blows};
///
/// let fuse = Fuse::at(2);
/// assert!(!blows(|| fuse.tick()));
/// assert!(blows(|| fuse.tick()));
/// assert!(!blows(|| fuse.tick()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fuse {
    // 0: never; otherwise how many calls are left until it blows.
    left: Arc<AtomicUsize>,
}

impl Fuse {
    /// A fuse that does not blow until it is [set](Self::set).
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// A fuse that blows at the `nth` call, counted from 1.
    #[must_use]
    pub fn at(nth: usize) -> Self {
        let fuse = Self::never();
        fuse.set(nth);
        fuse
    }

    /// Blow at the `nth` call from now; 0 for never.
    pub fn set(&self, nth: usize) {
        // Relaxed, here and below: a count that publishes nothing else.
        self.left.store(nth, Ordering::Relaxed);
    }

    /// Whether it is still to blow.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0
    }

    /// Counts one call, and panics if it is the chosen one.
    pub fn tick(&self) {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
            if left == 1 {
                blow();
            }
        }
    }
}

/// Starts a planned panic.
pub fn blow() -> ! {
    resume_unwind(Box::new(Blown))
}

/// Runs `f`; whether a planned panic came out of it. Any other panic goes on.
pub fn blows(f: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => false,
        Err(payload) if payload.is::<Blown>() => true,
        Err(payload) => resume_unwind(payload),
    }
}

/// Runs `f`; whether it panicked, however.
///
/// The panic is not printed if it is a planned one; others print their line, which a test run
/// captures.
pub fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}
