//! What threads leave of the pieces they took, for the next ones.

use core::{ptr, ptr::NonNull};

use crate::{
    corruption::hooks,
    sync::atomic::{AtomicPtr, Ordering},
};

/// Pieces that are kept at most; what is left beyond that is free after a reset.
const MOST: usize = 8;
/// A piece smaller than this is not worth keeping, in bytes.
const LEAST: usize = 128;

/// Stands at the start of a piece.
struct Piece {
    len: usize,
}

/// A few pieces of free memory, each in a place of its own: put by one compare-and-swap, taken by
/// one swap.
///
/// # Invariant
///
/// 1. A pointer in a place leads to a [`Piece`] of `len` bytes that belong to the list alone.
#[derive(Debug)]
pub(crate) struct Leftovers {
    places: [AtomicPtr<Piece>; MOST],
}

impl Leftovers {
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn new() -> Self {
        Self {
            places: [const { AtomicPtr::new(ptr::null_mut()) }; MOST],
        }
    }

    #[cfg(any(loom, shuttle))]
    pub(crate) fn new() -> Self {
        Self {
            places: core::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// Keeps the `len` bytes from `start`, if they are enough and there is a place.
    ///
    /// # Safety
    ///
    /// The bytes are the caller's alone, and stay until `forget` is called.
    pub(crate) unsafe fn put(&self, start: NonNull<u8>, len: usize) {
        if len < LEAST {
            return;
        }
        let piece = start.cast::<Piece>();
        hooks::block_taken(start, size_of::<Piece>());
        // SAFETY: long enough, and the caller's; it may lie unaligned.
        unsafe { piece.write_unaligned(Piece { len }) };
        for place in &self.places {
            // Release: pairs with the Acquire in `take`, for the length and for what the thread
            // wrote there before. Relaxed on failure: nothing was read.
            let put = place.compare_exchange(
                ptr::null_mut(),
                piece.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            );
            if put.is_ok() {
                return;
            }
        }
    }

    /// Any piece, and how many bytes it has.
    pub(crate) fn take(&self) -> Option<(NonNull<u8>, usize)> {
        self.places.iter().find_map(|place| {
            // Relaxed: a look before writing, so that empty places are only read.
            if place.load(Ordering::Relaxed).is_null() {
                return None;
            }
            // Acquire: pairs with the Release in `put`.
            let piece = NonNull::new(place.swap(ptr::null_mut(), Ordering::Acquire))?;
            // SAFETY: invariant 1, and the swap made it ours.
            let Piece { len } = unsafe { piece.read_unaligned() };
            hooks::block_returned(piece.cast(), size_of::<Piece>());
            Some((piece.cast(), len))
        })
    }

    /// Loses all pieces; their memory is about to be used anew.
    pub(crate) fn forget(&mut self) {
        for place in &self.places {
            // Relaxed: `&mut self`.
            place.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }
}
