//! A contiguous run of slots: the memory of a fixed pool.

use core::{alloc::Layout, marker::PhantomData, ptr::NonNull};

use super::{
    Strategy,
    list::{Place, WIDE},
};
use crate::{corruption::Corruption, layout::SlotLayout};

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
    /// Whether slots for `T` have room for an address and a depth, whatever their alignment.
    const WIDE_LINKS: bool = match SlotLayout::linked(Layout::new::<T>(), 1) {
        Some(slot) => slot.stride() >= WIDE,
        None => false,
    };

    /// # Safety
    ///
    /// The invariants of the type.
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

    /// Where the slots lie for a list through them: slot `n` has the offset `(n + 1) * step`. Of
    /// use only if there are at most `linkable` slots.
    #[inline(always)]
    pub(crate) fn place(&self) -> Place {
        // Wide links hold addresses, so offsets may count slots; narrow ones count in the largest
        // unit that divides the stride and needs no division.
        let unit = if Self::WIDE_LINKS {
            self.stride
        } else {
            1 << self.stride.trailing_zeros()
        };
        Place {
            // One slot before the first, so that offset 0 can mean none. Nobody looks there.
            origin: self.base.as_ptr().wrapping_sub(self.stride),
            unit,
            step: (self.stride / unit) as u32,
            wide: Self::WIDE_LINKS,
        }
    }

    /// How many slots a list of offsets of 32 bits can run through.
    pub(crate) const fn linkable(stride: usize) -> usize {
        let step = if Self::WIDE_LINKS {
            1
        } else {
            stride >> stride.trailing_zeros()
        };
        // One is spent on "none".
        u32::MAX as usize / step - 1
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

    /// What is wrong with taking back `slot`, which is not taken.
    #[cold]
    pub(crate) fn untaken(&self, slot: NonNull<u8>) -> Corruption {
        let address = slot.as_ptr().addr();
        match self.checked_index_of(address) {
            Some(_) => Corruption::DoubleFree { address },
            None => Corruption::ForeignPointer { address },
        }
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
