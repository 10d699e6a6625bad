//! The floor of arenas: a pointer, an end, one comparison.
//!
//! Both directions run. Sizes are rounded up to 8 as in our arena, so that both have the same
//! footprint; there is one chunk, which never runs out.

#![expect(unsafe_code, reason = "a floor is the mechanism without any check")]

use std::{
    alloc::Layout,
    cell::Cell,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

use super::bumper::{Bumper, Rooms, Texts, TryNumbers, Values};
use crate::contender::{Role, exhausted};

/// Every place is a multiple of this.
const ALIGN: usize = 8;

/// `size` rounded up.
const fn padded(size: usize) -> usize {
    (size + (ALIGN - 1)) & !(ALIGN - 1)
}

/// A chunk, and how much of it is free.
///
/// # Invariant
///
/// 1. `pos` lies in the chunk or at one of its ends and is a multiple of `ALIGN`. With `UP`, the
///    bytes from there to `stop`, which is the chunk's end, are free; else those from `stop`, its
///    start, to `pos`.
pub(crate) struct BumpFloor<const UP: bool> {
    pos: Cell<*mut u8>,
    stop: *mut u8,
    first: *mut u8,
    /// Not a box, which would claim to be the only way to its bytes when the arena moves.
    _chunk: Vec<MaybeUninit<u128>>,
}

impl<const UP: bool> BumpFloor<UP> {
    #[inline(always)]
    fn take(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        let (pos, size) = (self.pos.get(), padded(size));
        let (place, next) = if UP {
            let place = if align > ALIGN {
                pos.map_addr(|pos| (pos + (align - 1)) & !(align - 1))
            } else {
                pos
            };
            (place, place.wrapping_add(size))
        } else {
            let place = pos.wrapping_sub(size);
            let place = if align > ALIGN {
                place.map_addr(|place| place & !(align - 1))
            } else {
                place
            };
            (place, place)
        };
        let full = if UP {
            next > self.stop
        } else {
            next < self.stop
        };
        if full {
            return None;
        }
        self.pos.set(next);
        // SAFETY: in the chunk, whose addresses are not null.
        Some(unsafe { NonNull::new_unchecked(place) })
    }

    #[inline(always)]
    fn sure(&self, size: usize, align: usize) -> NonNull<u8> {
        self.take(size, align).unwrap_or_else(|| exhausted())
    }
}

impl<const UP: bool> Bumper for BumpFloor<UP> {
    const NAME: &'static str = if UP {
        "floor::bump-up"
    } else {
        "floor::bump-down"
    };
    const ROLE: Role = Role::Floor;

    fn fresh(bytes: usize) -> Self {
        let mut chunk = Vec::<MaybeUninit<u128>>::with_capacity(bytes.div_ceil(16));
        let low = chunk.as_mut_ptr().cast::<u8>();
        let high = low.wrapping_add(bytes.next_multiple_of(16));
        let (first, stop) = if UP { (low, high) } else { (high, low) };
        Self {
            pos: Cell::new(first),
            stop,
            first,
            _chunk: chunk,
        }
    }

    #[inline(always)]
    fn reset(&mut self) {
        self.pos.set(self.first);
    }
}

impl<const UP: bool> Values for BumpFloor<UP> {
    #[inline(always)]
    fn value<T: Copy + 'static>(&self, value: T) -> NonNull<T> {
        let place = self.sure(size_of::<T>(), align_of::<T>()).cast();
        // SAFETY: room for a `T` that nobody else has.
        unsafe { place.write(value) };
        place
    }
}

impl<const UP: bool> TryNumbers for BumpFloor<UP> {
    #[inline(always)]
    fn try_number(&self, number: u64) -> Option<NonNull<u64>> {
        let place = self.take(size_of::<u64>(), align_of::<u64>())?.cast();
        // SAFETY: room for a number that nobody else has.
        unsafe { place.write(number) };
        Some(place)
    }
}

impl<const UP: bool> Texts for BumpFloor<UP> {
    #[inline(always)]
    fn text(&self, text: &str) -> NonNull<u8> {
        let place = self.sure(text.len(), 1);
        // SAFETY: room for as many bytes, apart from the text.
        unsafe { ptr::copy_nonoverlapping(text.as_ptr(), place.as_ptr(), text.len()) };
        place
    }
}

impl<const UP: bool> Rooms for BumpFloor<UP> {
    #[inline(always)]
    fn room(&self, layout: Layout) -> NonNull<u8> {
        self.sure(layout.size(), layout.align())
    }
}
