//! `attachable-slab-allocator`'s cache, under both of its locks.
//!
//! It hands out memory that was never written; the value is written right after.

#![expect(unsafe_code, reason = "what it hands out is not a value yet")]

use std::{
    alloc::{GlobalAlloc as _, Layout, System},
    hint::black_box,
    ptr::NonNull,
};

use ::attachable_slab_allocator::{
    Result, SlabBox, SlabCache, define_allocation_hooks,
    locks::{NoLock, SpinLock},
};

use super::exclusive::Exclusive;
use crate::{
    contender::{Contender, Role, exhausted},
    payload::Payload,
};

/// Bytes of a slab.
const SLAB: usize = 4096;

/// Where its slabs come from: the allocator of the process, as in its own example.
fn slab_alloc(layout: Layout) -> Option<NonNull<u8>> {
    // SAFETY: slabs are not empty.
    NonNull::new(unsafe { System.alloc(layout) })
}

/// Where its slabs go.
fn slab_free(slab: NonNull<u8>, layout: Layout) -> Result<()> {
    // SAFETY: the crate gives back what `slab_alloc` gave it, with the same layout.
    unsafe { System.dealloc(slab.as_ptr(), layout) };
    Ok(())
}

define_allocation_hooks!(slab_alloc, slab_free);

/// The cache under a lock.
macro_rules! attachable {
    ($adapter:ident, $name:literal, $lock:ty) => {
        #[doc = concat!("`", $name, "`.")]
        pub(crate) struct $adapter<T>(Exclusive<SlabCache<T, $lock, SLAB>>);

        impl<T: Payload> Contender for $adapter<T> {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Rival;
            type Value = T;
            type Handle<'p> = SlabBox<T, $lock, SLAB>;

            fn with_capacity(_: usize) -> Self {
                Self(Exclusive::new(
                    SlabCache::new().unwrap_or_else(|_| exhausted()),
                ))
            }

            #[inline(always)]
            fn alloc(&self, value: T) -> Self::Handle<'_> {
                // SAFETY: the cache runs nothing of the workload's, and is never borrowed.
                let place = unsafe { self.0.call(SlabCache::alloc) };
                let place = place.unwrap_or_else(|_| exhausted());
                // SAFETY: a slot of the layout of `T` that is nobody else's.
                unsafe { place.as_ptr().write(value) };
                place
            }

            #[inline(always)]
            fn free(&self, handle: Self::Handle<'_>) {
                drop(handle);
            }

            #[inline(always)]
            fn get<'p>(&'p self, handle: &'p Self::Handle<'_>) -> &'p T {
                handle
            }

            #[inline(always)]
            fn witness(&self, handle: &Self::Handle<'_>) {
                black_box(handle.as_ptr());
            }

            fn slots_per_slab() -> usize {
                SLAB / size_of::<T>()
            }
        }
    };
}

attachable!(
    AttachableNoLock,
    "attachable_slab_allocator<NoLock>",
    NoLock
);
attachable!(
    AttachableSpinLock,
    "attachable_slab_allocator<SpinLock>",
    SpinLock
);
