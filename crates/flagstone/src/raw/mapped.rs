//! The home of a handle that points into its value.

use core::ptr::NonNull;

use super::Home;

/// The home of a handle that points to a part of its value, or sees it as another type: remembers
/// the slot, because the handle's address no longer tells.
///
/// # Invariant
///
/// 1. `slot` is in use, holds a value of the home's pool, and belongs to the handle with this home.
#[derive(Debug)]
pub struct Mapped<H> {
    slot: NonNull<u8>,
    home: H,
}

impl<H: Home> Mapped<H> {
    /// # Safety
    ///
    /// The invariant of the type.
    pub(crate) unsafe fn new(slot: NonNull<u8>, home: H) -> Self {
        Self { slot, home }
    }
}

// SAFETY: the slot goes back to the home that it came from, instead of the address the handle has
// (invariant 1); everything else is that home's promise.
unsafe impl<H: Home> Home for Mapped<H> {
    unsafe fn welcome(&self, _value: NonNull<u8>) {
        // SAFETY: the caller's promise is about the value in our slot.
        unsafe { self.home.welcome(self.slot) }
    }

    #[inline]
    unsafe fn retire(&self, _value: NonNull<u8>) {
        // SAFETY: as above.
        unsafe { self.home.retire(self.slot) }
    }

    unsafe fn release(&self, _value: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: as above; `into` has room for the whole value.
        unsafe { self.home.release(self.slot, into) }
    }

    unsafe fn vacate(&self, _value: NonNull<u8>) {
        // SAFETY: as above.
        unsafe { self.home.vacate(self.slot) }
    }

    unsafe fn occupy(&self, _value: NonNull<u8>) {
        // SAFETY: as above.
        unsafe { self.home.occupy(self.slot) }
    }
}

// SAFETY: sending it sends the right to retire the slot's value, which the home's own `Send` allows
// on any thread.
unsafe impl<H: Home + Send> Send for Mapped<H> {}

// SAFETY: `&Mapped` gives out nothing but what `&H` does.
unsafe impl<H: Home + Sync> Sync for Mapped<H> {}
