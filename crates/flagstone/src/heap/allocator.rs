//! The allocator API: collections that live in the heap.
#![expect(unsafe_code, reason = "implements Allocator")]

use core::{alloc::Layout, ptr::NonNull};

use super::{Heap, LocalHeap, SharedHeap, door::Door};
use crate::provider::Provider;

/// The door behind a reference, or itself.
trait Behind {
    type Door: Door;

    fn door(&self) -> &Self::Door;
}

impl Behind for Heap {
    type Door = Self;

    fn door(&self) -> &Self {
        self
    }
}

impl<D: Door> Behind for &D {
    type Door = D;

    fn door(&self) -> &D {
        self
    }
}

/// A block for `layout`, with all the bytes that it has.
fn allocate(heap: &impl Door, layout: Layout, zeroed: bool) -> Option<NonNull<[u8]>> {
    if layout.size() == 0 {
        return Some(NonNull::slice_from_raw_parts(dangling(layout), 0));
    }
    let block = NonNull::new(if zeroed {
        heap.alloc_zeros(layout)
    } else {
        heap.alloc_block(layout)
    })?;
    // Behind a zeroed size there may be other bytes, so that is all there is.
    let size = if zeroed {
        layout.size()
    } else {
        // SAFETY: just allocated.
        unsafe { heap.block_size(block) }
    };
    Some(NonNull::slice_from_raw_parts(block, size))
}

/// An aligned address of no block.
fn dangling(layout: Layout) -> NonNull<u8> {
    NonNull::without_provenance(core::num::NonZero::new(layout.align()).expect("not 0"))
}

/// # Safety
///
/// `block` was allocated with a layout that `layout` fits.
unsafe fn deallocate(heap: &impl Door, block: NonNull<u8>, layout: Layout) {
    if layout.size() > 0 {
        // SAFETY: the caller's promise.
        unsafe { heap.free_block(block) };
    }
}

/// # Safety
///
/// As for `deallocate`.
unsafe fn resize(
    heap: &impl Door,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    zeroed: bool,
) -> Option<NonNull<[u8]>> {
    if old.size() == 0 {
        return allocate(heap, new, zeroed);
    }
    if new.size() == 0 {
        // SAFETY: the caller's promise.
        unsafe { deallocate(heap, block, old) };
        return allocate(heap, new, false);
    }
    // SAFETY: the caller's promise; the layout has a size.
    let block = NonNull::new(unsafe { heap.resize_block(block, new) })?;
    let size = if zeroed {
        let more = new.size().saturating_sub(old.size());
        // SAFETY: the block has the new size, of which the old was kept.
        unsafe { block.byte_add(old.size()).write_bytes(0, more) };
        new.size()
    } else {
        // SAFETY: just allocated.
        unsafe { heap.block_size(block) }
    };
    Some(NonNull::slice_from_raw_parts(block, size))
}

/// `Allocator` of one version of `allocator-api2`.
macro_rules! allocator {
    ($api:ident: $([$($generics:tt)*] $heap:ty,)*) => {$(
        // SAFETY: blocks stay while the heap is there; copies of the allocator are doors to the same heap.
        unsafe impl<$($generics)*> $api::alloc::Allocator for $heap {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                allocate(self.door(), layout, false).ok_or($api::alloc::AllocError)
            }

            fn allocate_zeroed(
                &self,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                allocate(self.door(), layout, true).ok_or($api::alloc::AllocError)
            }

            unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller's promise.
                unsafe { deallocate(self.door(), block, layout) }
            }

            unsafe fn grow(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: the caller's promise.
                unsafe { resize(self.door(), block, old, new, false) }.ok_or($api::alloc::AllocError)
            }

            unsafe fn grow_zeroed(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: the caller's promise.
                unsafe { resize(self.door(), block, old, new, true) }.ok_or($api::alloc::AllocError)
            }

            unsafe fn shrink(
                &self,
                block: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: the caller's promise.
                unsafe { resize(self.door(), block, old, new, false) }.ok_or($api::alloc::AllocError)
            }
        }
    )*};
}

#[cfg(feature = "allocator-api2-02")]
allocator!(allocator_api2_02:
    [] Heap,
    [P: Provider] &LocalHeap<P>,
    [P: Provider] &SharedHeap<P>,
);
#[cfg(feature = "allocator-api2-04")]
allocator!(allocator_api2_04:
    [] Heap,
    [P: Provider] &LocalHeap<P>,
    [P: Provider] &SharedHeap<P>,
);
