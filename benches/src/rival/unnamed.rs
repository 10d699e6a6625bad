//! A handle whose type its crate does not export: it can be held, but not be written down.

#![expect(unsafe_code, reason = "the type is forgotten and remembered")]

use std::mem::MaybeUninit;

/// Words of the handle.
const WORDS: usize = 3;

/// A handle, and how it is dropped: a call through a pointer, which its crate would not need.
///
/// # Invariants
///
/// 1. `words` holds a live value of a `Send` type for which `drop` was made.
pub(crate) struct Unnamed {
    words: MaybeUninit<[usize; WORDS]>,
    drop: unsafe fn(*mut [usize; WORDS]),
}

// SAFETY: what is in it is `Send` (invariant 1); a way to reach it by reference would need `Sync`.
unsafe impl Send for Unnamed {}

impl Unnamed {
    #[inline(always)]
    pub(crate) fn new<H: Send>(handle: H) -> Self {
        const {
            assert!(size_of::<H>() <= size_of::<[usize; WORDS]>());
            assert!(align_of::<H>() <= align_of::<usize>());
        }
        let mut words = MaybeUninit::<[usize; WORDS]>::uninit();
        // SAFETY: the words are large enough and aligned, and nobody else's.
        unsafe { words.as_mut_ptr().cast::<H>().write(handle) };
        Self {
            words,
            drop: drop_as::<H>,
        }
    }
}

impl Drop for Unnamed {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the value is live, of the type the function is for (invariant 1), and not seen again.
        unsafe { (self.drop)(self.words.as_mut_ptr()) };
    }
}

/// Drops the handle in the words.
///
/// # Safety
///
/// They hold a live `H` that nobody uses afterwards.
unsafe fn drop_as<H>(words: *mut [usize; WORDS]) {
    // SAFETY: by the caller's promise.
    unsafe { words.cast::<H>().drop_in_place() };
}
