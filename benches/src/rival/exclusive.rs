//! Containers that want `&mut self`, called through `&self`.

#![expect(unsafe_code, reason = "a RefCell would charge its flag to the rival")]

use std::cell::UnsafeCell;

/// A container that is never called while a call is running.
///
/// # Invariants
///
/// 1. Every reference into the cell is made by `call` or `get` and ends before the next `call`.
pub(crate) struct Exclusive<C>(UnsafeCell<C>);

impl<C> Exclusive<C> {
    pub(crate) fn new(container: C) -> Self {
        Self(UnsafeCell::new(container))
    }

    /// Runs one call that changes the container.
    ///
    /// # Safety
    ///
    /// `call` reaches this cell in no other way than through its argument, and no result of `get`
    /// is alive.
    #[inline(always)]
    pub(crate) unsafe fn call<R>(&self, call: impl FnOnce(&mut C) -> R) -> R {
        // SAFETY: exclusive by the caller's promise (invariant 1); the cell is not `Sync`.
        call(unsafe { &mut *self.0.get() })
    }

    /// The container, for reading.
    ///
    /// # Safety
    ///
    /// No `call` while the result is alive.
    #[inline(always)]
    pub(crate) unsafe fn get(&self) -> &C {
        // SAFETY: nothing changes it meanwhile, by the caller's promise (invariant 1).
        unsafe { &*self.0.get() }
    }
}
