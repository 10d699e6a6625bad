//! Walking over what lies in an arena.
#![expect(unsafe_code, reason = "refers to what lies in chunks")]

use core::{fmt, marker::PhantomData, mem::MaybeUninit, slice};

use super::Arena;
use crate::{provider::Provider, raw::bump::UsedChunks};

impl<P: Provider, const MIN_ALIGN: usize> Arena<P, MIN_ALIGN> {
    /// The bytes that were handed out since the last reset, chunk by chunk, the newest chunk first;
    /// within a chunk in the order in which they were handed out. Padding and links are among them,
    /// and values that are dropped later, so they can be looked at and not changed.
    ///
    /// ```
    /// let mut arena = flagstone::Arena::new();
    /// arena.alloc(1_u64);
    /// arena.alloc(2_u64);
    /// let sizes: Vec<usize> = arena.used_bytes().map(|bytes| bytes.len()).collect();
    /// assert_eq!(sizes, [16]);
    /// ```
    pub fn used_bytes(&mut self) -> UsedBytes<'_> {
        UsedBytes {
            chunks: self.bump.used_chunks(),
            arena: PhantomData,
        }
    }

    /// The values in an arena that holds values of one type only, chunk by chunk, the newest chunk
    /// first; within a chunk in the order in which they were placed.
    ///
    /// ```
    /// let mut arena = flagstone::Arena::new();
    /// for n in 0..1000_u64 {
    ///     arena.alloc(n);
    /// }
    /// // SAFETY: `u64`s were placed, and nothing else.
    /// let sum: u64 = unsafe { arena.chunks_of::<u64>() }.flatten().map(|n| *n).sum();
    /// assert_eq!(sum, 499_500);
    /// ```
    ///
    /// The size of the values must be a multiple of the arena's minimum alignment, and their
    /// alignment at most 16, or they would not stand side by side:
    ///
    /// ```compile_fail,E0080
    /// let mut arena = flagstone::Arena::new();
    /// arena.alloc(1_u32);
    /// // SAFETY: a `u32` was placed, and nothing else.
    /// let numbers = unsafe { arena.chunks_of::<u32>() };
    /// ```
    ///
    /// # Safety
    ///
    /// Since it was last reset nothing was placed in the arena but values of type `T`, by `alloc`,
    /// `alloc_with`, `alloc_slice_copy`, `alloc_slice_clone` and `alloc_slice_fill_with`, none of
    /// which panicked half-way.
    pub unsafe fn chunks_of<T>(&mut self) -> ChunksOf<'_, T> {
        const {
            assert!(size_of::<T>() > 0, "values without a size lie nowhere");
            assert!(
                size_of::<T>().is_multiple_of(MIN_ALIGN),
                "values stand side by side only if their size is a multiple of MIN_ALIGN"
            );
            assert!(
                align_of::<T>() <= 16,
                "values stand at the start of a chunk only if their alignment is at most 16"
            );
        };
        ChunksOf {
            chunks: self.bump.used_chunks(),
            values: PhantomData,
        }
    }
}

/// The bytes in use, chunk by chunk; made by [`Arena::used_bytes`].
pub struct UsedBytes<'a> {
    chunks: UsedChunks,
    arena: PhantomData<&'a mut ()>,
}

impl<'a> Iterator for UsedBytes<'a> {
    type Item = &'a [MaybeUninit<u8>];

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: the arena is borrowed exclusively for 'a, so it does not change.
        let bytes = unsafe { self.chunks.next() }?;
        let (start, len) = (bytes.as_ptr().cast::<MaybeUninit<u8>>(), bytes.len());
        // SAFETY: bytes of a chunk, which nobody changes for 'a; and they may be uninitialised.
        Some(unsafe { slice::from_raw_parts(start, len) })
    }
}

impl fmt::Debug for UsedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsedBytes").finish_non_exhaustive()
    }
}

/// The values in use, chunk by chunk; made by [`Arena::chunks_of`].
pub struct ChunksOf<'a, T> {
    chunks: UsedChunks,
    values: PhantomData<&'a mut [T]>,
}

impl<'a, T> Iterator for ChunksOf<'a, T> {
    type Item = &'a mut [T];

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: the arena is borrowed exclusively for 'a, so it does not change.
        let bytes = unsafe { self.chunks.next() }?;
        let (start, len) = (bytes.cast::<T>().as_ptr(), bytes.len() / size_of::<T>());
        // SAFETY: by the promise made to `chunks_of` the bytes are values of `T`, side by side from
        // the start of the chunk, which is aligned to 16; each chunk comes once, and nobody else
        // refers to it for 'a.
        Some(unsafe { slice::from_raw_parts_mut(start, len) })
    }
}

impl<T> fmt::Debug for ChunksOf<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunksOf").finish_non_exhaustive()
    }
}
