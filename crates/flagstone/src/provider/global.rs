//! The program's global allocator: the one file that may call it.
#![expect(unsafe_code, reason = "implements Provider over the global allocator")]
#![cfg_attr(
    feature = "alloc",
    expect(
        clippy::disallowed_methods,
        reason = "the one place that calls the allocator"
    )
)]

use core::{alloc::Layout, ptr::NonNull};

use super::{Chunk, Provider};
use crate::error::OutOfMemory;

/// Chunks from the program's global allocator.
///
/// Without the `alloc` feature there is none: every request is refused, and pools need another
/// provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Global;

// SAFETY: the global allocator's contract is this one; a zero-sized request, which it does not
// allow, is refused.
#[cfg(feature = "alloc")]
unsafe impl Provider for Global {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if layout.size() == 0 {
            return Err(OutOfMemory::new(layout));
        }
        // SAFETY: the size is not 0, checked above.
        Chunk::from_raw(unsafe { alloc::alloc::alloc(layout) }, layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: by the caller's promise it is an allocation of `layout` made above.
        unsafe { alloc::alloc::dealloc(ptr.as_ptr(), layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        // The global allocator keeps the alignment of a block for ever.
        if new.align() != old.align() || new.size() == 0 {
            return Err(OutOfMemory::new(new));
        }
        // SAFETY: by the caller's promise it is an allocation of `old` made above; the new size is not
        // 0, and valid because it is that of a layout with this alignment.
        let ptr = unsafe { alloc::alloc::realloc(ptr.as_ptr(), old, new.size()) };
        Chunk::from_raw(ptr, new)
    }
}

// SAFETY: it never gives anything.
#[cfg(not(feature = "alloc"))]
unsafe impl Provider for Global {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        Err(OutOfMemory::new(layout))
    }

    unsafe fn free(&self, _ptr: NonNull<u8>, _layout: Layout) {}
}
