//! Lists of slabs.

use core::{ptr, ptr::NonNull};

use super::slab::{RemoteSlab, Shelf};

/// A doubly linked list of slabs: first in, first out, and anything from its middle.
///
/// # Invariant
///
/// 1. The slabs on the list hang together by `next` and `previous` from `first` to `last`, are on no
///    other list, and stay as long as they are on this one.
#[derive(Debug)]
pub(super) struct SlabList {
    shelf: Shelf,
    first: *mut RemoteSlab,
    last: *mut RemoteSlab,
    len: usize,
}

impl SlabList {
    pub(super) const fn new(shelf: Shelf) -> Self {
        Self {
            shelf,
            first: ptr::null_mut(),
            last: ptr::null_mut(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn first(&self) -> Option<NonNull<RemoteSlab>> {
        NonNull::new(self.first)
    }

    /// The slab after `slab` on the list.
    ///
    /// # Safety
    ///
    /// `slab` is on this list.
    pub(super) unsafe fn after(&self, slab: NonNull<RemoteSlab>) -> Option<NonNull<RemoteSlab>> {
        // SAFETY: on the list, so it is there.
        NonNull::new(unsafe { slab.as_ref() }.next.get())
    }

    /// Puts `slab` at the end.
    ///
    /// # Safety
    ///
    /// `slab` is on no list, and stays as long as it is on this one.
    pub(super) unsafe fn add(&mut self, slab: NonNull<RemoteSlab>) {
        // SAFETY: the caller's promise.
        let descriptor = unsafe { slab.as_ref() };
        descriptor.shelf.set(self.shelf);
        descriptor.next.set(ptr::null_mut());
        descriptor.previous.set(self.last);
        // SAFETY: null or on the list.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(slab.as_ptr()),
            None => self.first = slab.as_ptr(),
        }
        self.last = slab.as_ptr();
        self.len += 1;
    }

    /// Takes `slab` off the list.
    ///
    /// # Safety
    ///
    /// `slab` is on this list.
    pub(super) unsafe fn remove(&mut self, slab: NonNull<RemoteSlab>) {
        // SAFETY: on the list, so it is there.
        let descriptor = unsafe { slab.as_ref() };
        debug_assert_eq!(descriptor.shelf.get(), self.shelf);
        let (next, previous) = (descriptor.next.get(), descriptor.previous.get());
        // SAFETY: null or on the list.
        match unsafe { previous.as_ref() } {
            Some(before) => before.next.set(next),
            None => self.first = next,
        }
        // SAFETY: null or on the list.
        match unsafe { next.as_ref() } {
            Some(after) => after.previous.set(previous),
            None => self.last = previous,
        }
        self.len -= 1;
    }
}
