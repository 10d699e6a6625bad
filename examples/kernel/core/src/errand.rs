//! How a closure gets to a context that takes no arguments, such as an interrupt handler.
#![expect(unsafe_code, reason = "lends a closure beyond what lifetimes can say")]

use core::{
    cell::UnsafeCell,
    hint, mem,
    sync::atomic::{AtomicU8, Ordering},
};

const IDLE: u8 = 0;
const LENDING: u8 = 1;
const LENT: u8 = 2;
const TAKEN: u8 = 3;
const DONE: u8 = 4;

/// A place for one closure, lent by one context and carried out by another.
///
/// # Invariants
///
/// 1. `work` is written by who went from idle to lending, and read by who went from lent to taken.
/// 2. What `work` points to is borrowed until who lent it is back at idle, which is after done, or
///    instead of taken.
#[derive(Debug, Default)]
pub struct Errand {
    state: AtomicU8,
    work: UnsafeCell<Option<*mut (dyn FnMut() + Send)>>,
}

/// Says that the work is done, even if it panics.
struct Finish<'a>(&'a AtomicU8);

/// Waits for work that is under way, even if `during` panics.
struct Await<'a>(&'a AtomicU8);

impl Errand {
    /// With nothing to do.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(IDLE),
            work: UnsafeCell::new(None),
        }
    }

    /// Lends `work` while `during` runs, in which another context is made to call
    /// [`carry_out`](Self::carry_out), and waits until it is done.
    ///
    /// # Panics
    ///
    /// When something is lent already, or nobody carried it out.
    pub fn lend(&self, work: &mut (dyn FnMut() + Send), during: impl FnOnce()) {
        // Acquire: pairs with the Release with which `Await` ends an earlier errand.
        let before =
            self.state
                .compare_exchange(IDLE, LENDING, Ordering::Acquire, Ordering::Relaxed);
        assert!(before.is_ok(), "one errand at a time");
        // SAFETY: invariant 2: this call does not return, or unwind, before the closure is unused.
        let work = unsafe {
            mem::transmute::<*mut (dyn FnMut() + Send + '_), *mut (dyn FnMut() + Send)>(work)
        };
        // SAFETY: invariant 1: we are the one who is lending.
        unsafe { *self.work.get() = Some(work) };
        // Release: pairs with the Acquire in `carry_out`.
        self.state.store(LENT, Ordering::Release);
        let done = Await(&self.state);
        during();
        assert!(done.wait(), "nobody carried the errand out");
    }

    /// Does what was lent, if something was and nobody else does it; says whether.
    pub fn carry_out(&self) -> bool {
        // Acquire: pairs with the Release in `lend`, so that the work is seen.
        let taken = self
            .state
            .compare_exchange(LENT, TAKEN, Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return false;
        }
        let _finish = Finish(&self.state);
        // SAFETY: invariant 1: we are the one who took it.
        let work = unsafe { *self.work.get() };
        if let Some(work) = work {
            // SAFETY: invariant 2: borrowed exclusively for us until `_finish` is dropped.
            unsafe { (*work)() };
        }
        true
    }
}

impl Await<'_> {
    /// Whether the work was done; otherwise nobody can take it any more.
    fn wait(self) -> bool {
        let done = self.end();
        mem::forget(self);
        done
    }

    fn end(&self) -> bool {
        // Relaxed: taken back as it was lent, and nobody else saw it.
        let revoked = self
            .0
            .compare_exchange(LENT, IDLE, Ordering::Relaxed, Ordering::Relaxed);
        if revoked.is_ok() {
            return false;
        }
        // Acquire: pairs with the Release of `Finish`: what the work did is seen here.
        while self.0.load(Ordering::Acquire) != DONE {
            hint::spin_loop();
        }
        // Release: pairs with the Acquire of the next errand.
        self.0.store(IDLE, Ordering::Release);
        true
    }
}

impl Drop for Await<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire load in `Await::end`.
        self.0.store(DONE, Ordering::Release);
    }
}

// SAFETY: `work` goes to one context at a time (invariant 1), and what it points to is `Send`.
unsafe impl Sync for Errand {}

// SAFETY: the same; while something is lent the errand is borrowed and does not move.
unsafe impl Send for Errand {}
