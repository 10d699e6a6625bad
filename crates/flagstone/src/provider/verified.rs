//! A provider whose answers may be built on.
#![expect(unsafe_code, reason = "implements Provider")]

use core::{alloc::Layout, ptr::NonNull};

use super::{
    Chunk, Provider, Purged,
    request::{addresses, memory, moved, request},
};
use crate::error::OutOfMemory;

/// Passes on to `P` and checks what comes back, as the structures of this library do for
/// themselves: for structures of your own on providers of others.
///
/// | wrong answer | becomes |
/// |---|---|
/// | `alloc`, `reserve_addresses`: too short, misaligned | given back; [`OutOfMemory`] that [says so](OutOfMemory::is_wrong_answer) |
/// | `commit`: too short, elsewhere | `OutOfMemory` that says so |
/// | `remap`: too short, misaligned | given back; the [corruption handler](crate::corruption) is called, because what was in the chunk is lost |
/// | `page_size`: no power of two | a panic |
///
/// That a range is zeroed where it is said to be is not checked: reading it would be what the answer
/// saves. Time: a few comparisons a call.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::OutOfMemory;
/// use flagstone::provider::{Chunk, Global, Provider, Verified};
///
/// /// Forgets the alignment.
/// struct Careless;
///
/// // SAFETY: none; this is a defect that `Verified` finds.
/// unsafe impl Provider for Careless {
///     fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
///         Global.alloc(Layout::from_size_align(layout.size(), 1).unwrap())
///     }
///     unsafe fn free(&self, ptr: core::ptr::NonNull<u8>, layout: Layout) {
///         let layout = Layout::from_size_align(layout.size(), 1).unwrap();
///         // SAFETY: as it was asked for above.
///         unsafe { Global.free(ptr, layout) }
///     }
/// }
///
/// let layout = Layout::from_size_align(64, 1 << 30).unwrap();
/// let refused = Verified(Careless).alloc(layout).unwrap_err();
/// assert!(refused.is_wrong_answer());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Verified<P: Provider>(pub P);

// SAFETY: every answer is one of `P` that was checked.
unsafe impl<P: Provider> Provider for Verified<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        request(&self.0, layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, unchanged.
        unsafe { self.0.free(ptr, layout) } // USER CODE
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        // SAFETY: the caller's promise, unchanged.
        unsafe { moved(&self.0, ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        addresses(&self.0, layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        // SAFETY: the caller's promise, unchanged.
        unsafe { memory(&self.0, ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise, unchanged.
        unsafe { self.0.decommit(ptr, len) } // USER CODE
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise, unchanged.
        unsafe { self.0.purge(ptr, len) } // USER CODE
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise, unchanged.
        unsafe { self.0.prefer_huge_pages(ptr, len) } // USER CODE
    }

    fn page_size(&self) -> usize {
        let size = self.0.page_size(); // USER CODE
        assert!(
            size.is_power_of_two(),
            "a provider says that its pages have {size} bytes, which is no power of two"
        );
        size
    }
}
