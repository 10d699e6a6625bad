//! A contiguous run of slots: the memory of a fixed pool.

use core::{alloc::Layout, marker::PhantomData, ptr::NonNull};

use super::Strategy;
use crate::layout::SlotLayout;

/// `capacity` slots for values of `T`, `stride` bytes apart, from `base` on.
///
/// # Invariants
///
/// 1. The slots lie in one chunk that `base` points to, or `capacity` is 0.
/// 2. `stride` is that of a `SlotLayout` for `T`: every slot is aligned and large enough.
#[derive(Debug)]
pub(crate) struct Run<T> {
    base: NonNull<u8>,
    stride: usize,
    capacity: usize,
    value: PhantomData<*mut T>,
}

impl<T> Run<T> {
    /// # Safety
    ///
    /// The two invariants of the type.
    pub(crate) const unsafe fn new(base: NonNull<u8>, slot: SlotLayout, capacity: usize) -> Self {
        Self {
            base,
            stride: slot.stride(),
            capacity,
            value: PhantomData,
        }
    }

    /// Where the first slot lies.
    pub(crate) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes from slot to slot.
    #[inline(always)]
    pub(crate) const fn stride(&self) -> usize {
        self.stride
    }

    /// How many slots there are.
    #[inline(always)]
    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of all slots together.
    pub(crate) const fn bytes(&self) -> usize {
        self.stride * self.capacity
    }

    /// One past the last slot.
    pub(crate) const fn end(&self) -> NonNull<u8> {
        // SAFETY: invariant 1: the slots lie in one chunk, so its end is in bounds; with capacity 0
        // the offset is 0.
        unsafe { self.base.add(self.bytes()) }
    }

    /// The slot numbered `index`, or `None` when there is no such slot.
    #[inline(always)]
    pub(crate) const fn slot(&self, index: usize) -> Option<NonNull<u8>> {
        if index >= self.capacity {
            return None;
        }
        // SAFETY: below the capacity, so within the chunk of invariant 1.
        Some(unsafe { self.base.add(index * self.stride) })
    }

    /// The number of the slot that starts at `slot`, which must be a slot of this run.
    ///
    /// Without the alignment knob the stride is a constant, and the division a multiplication.
    #[inline(always)]
    pub(crate) fn index_of<S: Strategy>(&self, slot: NonNull<u8>) -> usize {
        let offset = slot.as_ptr().addr().wrapping_sub(self.base.as_ptr().addr());
        match natural_slot::<T, S>() {
            Some(natural) if natural.stride() == self.stride => offset / natural.stride(),
            _ => offset / self.stride,
        }
    }

    /// The number of the slot that starts at `address`, or `None` when none does.
    pub(crate) fn checked_index_of(&self, address: usize) -> Option<usize> {
        let offset = address.checked_sub(self.base.as_ptr().addr())?;
        let index = offset / self.stride;
        (index < self.capacity && offset.is_multiple_of(self.stride)).then_some(index)
    }
}

/// The slots of a pool of `T` whose alignment knob was not touched.
const fn natural_slot<T, S: Strategy>() -> Option<SlotLayout> {
    if S::LINKED {
        SlotLayout::linked(Layout::new::<T>(), 1)
    } else {
        SlotLayout::plain(Layout::new::<T>(), 1)
    }
}
