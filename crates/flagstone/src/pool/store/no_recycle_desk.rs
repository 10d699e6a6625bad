//! Where nobody can wait for an object.

use core::ptr::NonNull;

use super::recycle::RecycleStore;
use crate::{provider::Provider, raw::Recycle};

/// Nobody stands at it.
pub(super) struct Desk;

impl Desk {
    pub(super) const fn new() -> Self {
        Self
    }

    #[inline(always)]
    pub(super) const fn is_wanted(&self) -> bool {
        false
    }
}

impl<T, K: Recycle<T>, P: Provider> RecycleStore<T, K, P> {
    pub(super) fn forget_waiters(&mut self) {}

    /// # Safety
    ///
    /// As for `park`; never called.
    pub(super) unsafe fn offer_idle(&self, slot: NonNull<u8>) {
        self.keep(slot);
    }

    /// # Safety
    ///
    /// As for [`free`](Self::free); never called.
    pub(super) unsafe fn offer_free(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.put(slot) }
    }
}
