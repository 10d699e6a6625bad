//! A `ByteRegion` with its bytes.
#![expect(unsafe_code, reason = "owns the bytes that the region borrows")]

use std::{
    alloc::Layout,
    mem::{ManuallyDrop, MaybeUninit},
    ptr::NonNull,
};

use flagstone::{
    OutOfMemory,
    provider::{ByteRegion, Chunk, Provider},
};

/// Bytes on the heap, lent to a [`ByteRegion`] that serves all requests: a region that can be moved
/// into a pool, which a test over all providers needs.
#[derive(Debug)]
pub struct Lending {
    region: ManuallyDrop<ByteRegion<'static>>,
    bytes: NonNull<[MaybeUninit<u8>]>,
}

impl Lending {
    /// A region of `len` bytes.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let bytes = NonNull::from(Box::leak(Box::<[u8]>::new_uninit_slice(len)));
        // SAFETY: just leaked, so valid and exclusive until `drop` takes it back.
        let lent = unsafe { &mut *bytes.as_ptr() };
        Self {
            region: ManuallyDrop::new(ByteRegion::new(lent)),
            bytes,
        }
    }
}

// SAFETY: every answer is the region's; its bytes stay where they are until `self` is dropped.
unsafe impl Provider for Lending {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.region.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.region.free(ptr, layout) }
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        // SAFETY: the region is not used below; it ends before its bytes do.
        unsafe { ManuallyDrop::drop(&mut self.region) };
        // SAFETY: the box that `new` leaked, borrowed by nobody any more.
        drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
    }
}
