//! A lock of one byte.
#![expect(
    unsafe_code,
    reason = "implements lock_api::RawMutex; see the numbered invariant"
)]

use core::fmt;

use super::{
    Backoff,
    atomic::{AtomicBool, Ordering},
};

/// A test-and-test-and-set lock with back-off, for critical sections of a few instructions.
///
/// Use it as the raw part of a [`lock_api::Mutex`]:
///
/// ```
/// use flagstone::sync::SpinLock;
///
/// static TOTAL: lock_api::Mutex<SpinLock, u64> = lock_api::Mutex::new(0);
/// *TOTAL.lock() += 1;
/// assert_eq!(*TOTAL.lock(), 1);
/// ```
///
/// With `std`, a thread that has spun for a while yields to the scheduler, so that a preempted
/// owner gets to run; without, it keeps spinning. Not fair.
///
/// # Invariant
///
/// 1. `locked` is true exactly while one owner holds the lock.
pub struct SpinLock {
    locked: AtomicBool,
}

impl SpinLock {
    /// An unlocked lock.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            locked: AtomicBool::new(false),
        }
    }

    /// An unlocked lock (the model checkers' atomics cannot be made in constants).
    #[cfg(any(loom, shuttle))]
    #[must_use]
    pub fn new() -> Self {
        Self {
            locked: AtomicBool::new(false),
        }
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_contended();
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        // Acquire: pairs with the Release store in `release`, so that the owner sees what the
        // one before wrote. Relaxed on failure: nothing is owned then. A swap would do as well,
        // but write to a lock that somebody else holds.
        self.locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Gives the lock back.
    ///
    /// # Safety
    ///
    /// The caller holds the lock.
    #[inline]
    pub unsafe fn release(&self) {
        // Release: pairs with the Acquire in `try_acquire`.
        self.locked.store(false, Ordering::Release);
    }

    /// Whether somebody holds the lock at this moment.
    #[must_use]
    pub fn is_held(&self) -> bool {
        // Relaxed: an answer that is old by the time it is read orders nothing.
        self.locked.load(Ordering::Relaxed)
    }

    #[cold]
    fn acquire_contended(&self) {
        let mut backoff = Backoff::default();
        loop {
            // Read before writing: waiting threads share the line instead of stealing it.
            while self.is_held() {
                backoff.wait();
            }
            if self.try_acquire() {
                return;
            }
        }
    }
}

impl Default for SpinLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SpinLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock")
            .field("held", &self.is_held())
            .finish()
    }
}

// SAFETY: mutual exclusion by invariant 1: only the thread whose exchange saw `false` owns the lock,
// and only the owner may call `unlock` (its contract), which is what stores `false` again.
unsafe impl lock_api::RawMutex for SpinLock {
    #[cfg(not(any(loom, shuttle)))]
    const INIT: Self = Self::new();
    // Only what is built with a lock that was made beforehand runs under a model checker.
    #[cfg(any(loom, shuttle))]
    #[expect(
        clippy::declare_interior_mutable_const,
        reason = "the trait's own constant"
    )]
    const INIT: Self = panic!("a model checker's atomics are not made in constants");

    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock(&self) {
        self.acquire();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.try_acquire()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the caller holds the lock, by the contract of this function.
        unsafe { self.release() }
    }

    fn is_locked(&self) -> bool {
        self.is_held()
    }
}
