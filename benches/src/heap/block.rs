//! What the workloads hold: blocks that go back when they are dropped.

#![expect(unsafe_code, reason = "calls allocators, and writes to what they gave")]

use std::{alloc::Layout, marker::PhantomData, ptr::NonNull};

use super::allocator::{Allocator, allocate, allocate_zeroed, deallocate, reallocate};
use crate::contender::exhausted;

/// Bytes of a word, and the alignment of blocks that ask for none.
pub(super) const WORD: usize = size_of::<u64>();

/// A block of a size that is always the same, as a `Box` has it: one pointer. Only its first word is
/// written.
///
/// - **I1** `place` has room for [`LAYOUT`](Self::LAYOUT), came from `A` with it, and is nobody else's.
pub(super) struct Fixed<A: Allocator, const SIZE: usize, const ALIGN: usize = WORD> {
    place: NonNull<u8>,
    from: PhantomData<A>,
}

// SAFETY: the block is nobody else's (I1), and `GlobalAlloc` lets any thread give it back. Nothing that
// depends on the thread may be added.
unsafe impl<A: Allocator, const SIZE: usize, const ALIGN: usize> Send for Fixed<A, SIZE, ALIGN> {}

impl<A: Allocator, const SIZE: usize, const ALIGN: usize> Fixed<A, SIZE, ALIGN> {
    const LAYOUT: Layout = {
        assert!(SIZE >= WORD && ALIGN >= WORD, "the first word is written");
        match Layout::from_size_align(SIZE, ALIGN) {
            Ok(layout) => layout,
            Err(_) => panic!("the alignment is no power of two"),
        }
    };

    /// A block that begins with `word`.
    #[inline(always)]
    pub(super) fn new(word: u64) -> Self {
        // SAFETY: the size is not zero, as its assertion says.
        let place = unsafe { allocate::<A>(Self::LAYOUT) };
        let place = NonNull::new(place).unwrap_or_else(|| exhausted());
        // SAFETY: fresh memory of the layout, which has room for a word and is aligned for it.
        unsafe { place.cast::<u64>().write(word) };
        Self {
            place,
            from: PhantomData,
        }
    }

    /// Where it is.
    #[inline(always)]
    pub(super) fn place(&self) -> NonNull<u8> {
        self.place
    }

    /// The word that it begins with.
    #[cfg(test)]
    pub(super) fn word(&self) -> u64 {
        // SAFETY: `new` wrote it, and it is ours (I1).
        unsafe { self.place.cast::<u64>().read() }
    }
}

impl<A: Allocator, const SIZE: usize, const ALIGN: usize> Drop for Fixed<A, SIZE, ALIGN> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: of `A`, with this layout, and ours (I1).
        unsafe { deallocate::<A>(self.place.as_ptr(), Self::LAYOUT) };
    }
}

/// A block of any size from a word on, aligned as a word.
///
/// - **I1** `place` has room for `size` bytes, at least a word; it came from `A`, with that size and the
///   alignment of a word, and is nobody else's.
pub(super) struct Block<A: Allocator> {
    place: NonNull<u8>,
    size: usize,
    from: PhantomData<A>,
}

// SAFETY: as of `Fixed`, by I1.
unsafe impl<A: Allocator> Send for Block<A> {}

impl<A: Allocator> Block<A> {
    /// A block of `size` bytes that begins with `word`.
    #[inline(always)]
    pub(super) fn new(size: usize, word: u64) -> Self {
        // SAFETY: the size is not zero.
        let place = unsafe { allocate::<A>(layout(size)) };
        let mut block = Self::at(place, size);
        block.write(0, word);
        block
    }

    /// A block of `size` bytes that are zero.
    #[inline(always)]
    pub(super) fn zeroed(size: usize) -> Self {
        // SAFETY: the size is not zero.
        let place = unsafe { allocate_zeroed::<A>(layout(size)) };
        Self::at(place, size)
    }

    /// What an allocator answered to a request for `size` bytes.
    #[inline(always)]
    fn at(place: *mut u8, size: usize) -> Self {
        let place = NonNull::new(place).unwrap_or_else(|| exhausted());
        Self {
            place,
            size,
            from: PhantomData,
        }
    }

    /// Makes it larger or smaller; what both sizes have stays.
    #[inline(always)]
    pub(super) fn resize(&mut self, size: usize) {
        let (old, new) = (layout(self.size), layout(size));
        // SAFETY: of `A`, with this layout, and ours (I1); the new size is not zero and fits a layout.
        let place = unsafe { reallocate::<A>(self.place.as_ptr(), old, new.size()) };
        self.place = NonNull::new(place).unwrap_or_else(|| exhausted());
        self.size = size;
    }

    /// Writes a word at a multiple of its size.
    #[inline(always)]
    pub(super) fn write(&mut self, at: usize, word: u64) {
        // SAFETY: inside of the block, aligned as it is, and ours (I1).
        unsafe { self.inside(at).write(word) };
    }

    /// The place of a word, which lies inside of the block as a whole.
    #[inline(always)]
    fn inside(&self, at: usize) -> NonNull<u64> {
        assert!(at.is_multiple_of(WORD) && at < self.size && self.size - at >= WORD);
        // SAFETY: not behind the block's end.
        unsafe { self.place.add(at) }.cast()
    }

    /// Where it is.
    #[inline(always)]
    pub(super) fn place(&self) -> NonNull<u8> {
        self.place
    }

    /// Writes all of it.
    #[cfg(test)]
    pub(super) fn fill(&mut self, byte: u8) {
        // SAFETY: as many bytes are there, and ours (I1).
        unsafe { self.place.write_bytes(byte, self.size) };
    }

    /// Its first bytes.
    ///
    /// # Safety
    ///
    /// They have been written, or the block came [zeroed](Self::zeroed).
    #[cfg(test)]
    pub(super) unsafe fn bytes(&self, count: usize) -> &[u8] {
        assert!(count <= self.size);
        // SAFETY: as many bytes are there, ours and shared as this borrow is (I1), and initialised, as the
        // caller says.
        unsafe { std::slice::from_raw_parts(self.place.as_ptr(), count) }
    }
}

impl<A: Allocator> Drop for Block<A> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: of `A`, with this layout, and ours (I1).
        unsafe { deallocate::<A>(self.place.as_ptr(), layout(self.size)) };
    }
}

/// The layout of a block: at least a word.
#[inline(always)]
fn layout(size: usize) -> Layout {
    match Layout::from_size_align(size, WORD) {
        Ok(layout) if size >= WORD => layout,
        _ => exhausted(),
    }
}
