//! The lock for structures that one thread uses.
#![expect(
    unsafe_code,
    reason = "implements lock_api::RawMutex; see the numbered invariant"
)]

use core::{cell::Cell, fmt};

/// A lock without atomics for structures that stay on one thread: it is `!Sync`, so a
/// [`lock_api::Mutex`] over it is too.
///
/// It still excludes: locking it twice is re-entry by user code (a provider or destructor that
/// calls back), and panics instead of handing out a second `&mut`.
///
/// ```
/// use flagstone::sync::NoLock;
///
/// let total = lock_api::Mutex::<NoLock, u64>::new(0);
/// let held = total.lock();
/// assert!(total.try_lock().is_none());
/// # drop(held);
/// ```
///
/// # Invariant
///
/// 1. `locked` is true exactly while one guard exists. `Cell` makes the type `!Sync`, so no other
///    thread can look.
pub struct NoLock {
    locked: Cell<bool>,
}

impl NoLock {
    /// An unlocked lock.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            locked: Cell::new(false),
        }
    }
}

impl Default for NoLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NoLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoLock")
            .field("held", &self.locked.get())
            .finish()
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn reentered() -> ! {
    panic!("a NoLock was locked again by the thread that holds it: user code re-entered")
}

// SAFETY: mutual exclusion by invariant 1: the type is `!Sync`, so one thread at a time can call
// it, and on that thread a second `lock` panics before a second guard exists.
unsafe impl lock_api::RawMutex for NoLock {
    const INIT: Self = Self::new();

    // A guard sent to another thread would unlock there while this thread looks.
    type GuardMarker = lock_api::GuardNoSend;

    #[inline]
    #[track_caller]
    fn lock(&self) {
        if self.locked.replace(true) {
            reentered();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        !self.locked.replace(true)
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.locked.set(false);
    }

    fn is_locked(&self) -> bool {
        self.locked.get()
    }
}
