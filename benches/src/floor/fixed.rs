//! The floor of fixed pools: last freed first through the slots themselves, plus a bump cursor.

#![expect(unsafe_code, reason = "a floor is the mechanism without any check")]

use std::{
    cell::Cell,
    hint::black_box,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::{self, NonNull},
};

use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// A value, or the link to the next free slot.
union Slot<T> {
    next: *mut Slot<T>,
    #[expect(dead_code, reason = "gives the slot size and alignment of a value")]
    value: ManuallyDrop<T>,
}

/// Bytes of a cache line.
const LINE: usize = 64;

/// One run of slots.
///
/// # Invariants
///
/// 1. The list from `free` holds each freed slot of the region once, linked through `next`.
/// 2. Slots from `fresh` to `end` have never been used; both point into the region or to its end.
pub(crate) struct FixedFloor<T> {
    free: Cell<*mut Slot<T>>,
    fresh: Cell<*mut Slot<T>>,
    end: *mut Slot<T>,
    /// Not a box, which would claim to be the only way to its bytes when the pool moves.
    _region: Vec<MaybeUninit<u8>>,
}

impl<T> FixedFloor<T> {
    fn new(capacity: usize) -> Self {
        const { assert!(align_of::<Slot<T>>() <= LINE) };
        // A slot as large as a line, or as several, straddles no two when the first one does not;
        // asking the allocator for the alignment would cost more than a line.
        let bytes = capacity * size_of::<Slot<T>>() + LINE;
        let mut region = Vec::<MaybeUninit<u8>>::with_capacity(bytes);
        let start = region.as_mut_ptr().cast::<u8>();
        let first = start
            .wrapping_add(start.align_offset(LINE))
            .cast::<Slot<T>>();
        Self {
            free: Cell::new(ptr::null_mut()),
            fresh: Cell::new(first),
            end: first.wrapping_add(capacity),
            _region: region,
        }
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> Result<FixedHandle<'_, T>, T> {
        let mut slot = self.free.get();
        if slot.is_null() {
            slot = self.fresh.get();
            if slot == self.end {
                return Err(value);
            }
            // SAFETY: `slot` is not the end (invariant 2).
            self.fresh.set(unsafe { slot.add(1) });
        } else {
            // SAFETY: a listed slot holds a link (invariant 1).
            self.free.set(unsafe { (*slot).next });
        }
        // SAFETY: the slot lies in the region and is on neither side of the invariants any more.
        unsafe { slot.cast::<T>().write(value) };
        Ok(FixedHandle {
            // SAFETY: tested above, or between the region's start and its end.
            slot: unsafe { NonNull::new_unchecked(slot) },
            pool: self,
        })
    }
}

/// Two words: the slot and its pool.
pub(crate) struct FixedHandle<'p, T> {
    slot: NonNull<Slot<T>>,
    pool: &'p FixedFloor<T>,
}

impl<T> Deref for FixedHandle<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the handle's slot holds its value until the handle drops.
        unsafe { self.slot.cast::<T>().as_ref() }
    }
}

impl<T> Drop for FixedHandle<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        let slot = self.slot.as_ptr();
        // SAFETY: the value is live and nobody sees it again.
        unsafe { slot.cast::<T>().drop_in_place() };
        // SAFETY: the slot is unused memory of the region now.
        unsafe { (*slot).next = self.pool.free.get() };
        self.pool.free.set(slot);
    }
}

impl<T: Payload> Contender for FixedFloor<T> {
    const NAME: &'static str = "floor::fixed";
    const ROLE: Role = Role::Floor;
    type Value = T;
    type Handle<'p> = FixedHandle<'p, T>;

    fn with_capacity(capacity: usize) -> Self {
        Self::new(capacity)
    }

    #[inline(always)]
    fn alloc(&self, value: T) -> FixedHandle<'_, T> {
        self.alloc(value).unwrap_or_else(|_| exhausted())
    }

    #[inline(always)]
    fn free<'p>(&'p self, handle: FixedHandle<'p, T>) {
        drop(handle);
    }

    #[inline(always)]
    fn get<'p>(&'p self, handle: &'p FixedHandle<'_, T>) -> &'p T {
        handle
    }

    #[inline(always)]
    fn witness(&self, handle: &FixedHandle<'_, T>) {
        black_box(handle.slot);
    }
}
