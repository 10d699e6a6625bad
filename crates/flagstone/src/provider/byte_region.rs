//! Chunks carved from bytes that somebody lends.
#![expect(unsafe_code, reason = "implements Provider")]

use core::{
    alloc::Layout, cell::RefCell, fmt, marker::PhantomData, mem::MaybeUninit, ptr::NonNull,
};

use super::{Chunk, Provider, carve::Carve};
use crate::error::OutOfMemory;

/// Carves chunks from borrowed bytes: on a stack, in a `static`, in a mapped file.
///
/// Chunks that come back are merged with their neighbours and given again. `!Sync`: for one thread
/// at a time; [`StaticRegion`](super::StaticRegion) can be shared. Time: O(free pieces) a call;
/// no memory besides the region itself.
///
/// ```
/// use core::mem::MaybeUninit;
/// use flagstone::{FixedPool, provider::ByteRegion};
///
/// let mut memory = [MaybeUninit::uninit(); 4096];
/// let region = ByteRegion::new(&mut memory);
/// let pool = FixedPool::new_in(100, &region);
/// assert_eq!(*pool.alloc(7_u64).unwrap(), 7);
/// ```
pub struct ByteRegion<'m> {
    // Borrowed for a few instructions that call nobody else's code.
    carve: RefCell<Carve>,
    len: usize,
    memory: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

impl<'m> ByteRegion<'m> {
    /// A region over all of `memory`.
    #[must_use]
    pub fn new(memory: &'m mut [MaybeUninit<u8>]) -> Self {
        let len = memory.len();
        let start = NonNull::from(memory).cast();
        // SAFETY: borrowed exclusively for 'm, and neither the region nor, by the contract of
        // `Provider`, what it hands out is used after the region's lifetime.
        let carve = unsafe { Carve::new(start, len) };
        Self {
            carve: RefCell::new(carve),
            len,
            memory: PhantomData,
        }
    }

    /// Bytes of the region, in use or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the region has no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

// SAFETY: `Carve` hands out disjoint pieces of the borrowed bytes with the size and alignment asked
// for; they are borrowed for 'm wherever the region moves.
unsafe impl Provider for ByteRegion<'_> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let ptr = self.carve.borrow_mut().alloc(layout);
        let ptr = ptr.ok_or(OutOfMemory::new(layout))?;
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, layout.size()),
            zeroed: false,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.carve.borrow_mut().free(ptr, layout.size()) }
    }
}

// SAFETY: the bytes are exclusively the region's, and `Carve` has no tie to a thread; all methods
// that follow may be called from any thread that owns the region, one at a time (it stays `!Sync`).
unsafe impl Send for ByteRegion<'_> {}

impl fmt::Debug for ByteRegion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteRegion")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
