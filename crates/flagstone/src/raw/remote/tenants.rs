//! What free slots hold.

use core::{marker::PhantomData, ptr::NonNull};

use super::{
    link::{is_occupied, set_occupied},
    shape::RemoteShape,
};
use crate::{corruption::hooks, raw::Recycle};

/// What is to be done with a slab's slots before its memory goes back.
pub(crate) trait Tenants {
    /// The slots below number `fresh` are free and will not be handed out any more, and those above
    /// were never. User code may run.
    ///
    /// # Safety
    ///
    /// `base` is that of a slab of `shape`, which is the caller's alone.
    unsafe fn evict(&self, base: NonNull<u8>, fresh: u32, shape: RemoteShape);
}

/// Slots that hold nothing while they are free.
impl Tenants for () {
    unsafe fn evict(&self, _: NonNull<u8>, _: u32, _: RemoteShape) {}
}

/// Slots that may hold an object while they are free, which `K` takes care of.
pub(crate) struct Recycler<T, K> {
    recycle: K,
    objects: PhantomData<T>,
}

impl<T, K: Recycle<T>> Recycler<T, K> {
    pub(crate) const fn new(recycle: K) -> Self {
        Self {
            recycle,
            objects: PhantomData,
        }
    }

    pub(crate) fn recycle(&self) -> &K {
        &self.recycle
    }
}

impl<T, K: Recycle<T>> Tenants for Recycler<T, K> {
    unsafe fn evict(&self, base: NonNull<u8>, fresh: u32, shape: RemoteShape) {
        Eviction {
            recycler: self,
            base,
            next: 0,
            fresh,
            shape,
        }
        .all();
    }
}

/// Gives up the objects of a slab one by one.
///
/// # Invariant
///
/// 1. The slots from number `next` on and below `fresh` are free, ours alone, and say whether they hold
///    an object; `base` is that of their slab, of `shape`.
struct Eviction<'r, T, K: Recycle<T>> {
    recycler: &'r Recycler<T, K>,
    base: NonNull<u8>,
    next: u32,
    fresh: u32,
    shape: RemoteShape,
}

impl<T, K: Recycle<T>> Eviction<'_, T, K> {
    fn all(&mut self) {
        while self.next < self.fresh {
            let offset = self.shape.offset(self.next) as usize;
            self.next += 1;
            // SAFETY: a slot of the slab.
            let slot = unsafe { self.base.byte_add(offset) };
            hooks::slot_opened(slot, self.shape.stride());
            // SAFETY: invariant 1.
            if unsafe { is_occupied(slot, self.shape) } {
                // SAFETY: as above.
                unsafe { set_occupied(slot, false, self.shape) };
                // SAFETY: an object, which moves out once: its note is gone.
                let object = unsafe { slot.cast::<T>().read() };
                self.recycler.recycle.discard(object); // USER CODE
            }
        }
    }
}

/// When the end of one object panics, the others' comes all the same.
impl<T, K: Recycle<T>> Drop for Eviction<'_, T, K> {
    fn drop(&mut self) {
        self.all();
    }
}
