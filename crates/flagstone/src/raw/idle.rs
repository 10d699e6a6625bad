//! Slots whose objects wait for their next user.

use core::{alloc::Layout, cell::Cell, ptr::NonNull};

/// A stack of slots, in memory beside them: what is in an idle slot is alive, so it cannot hold a
/// link, and taking it does not touch it.
///
/// ```text
///  idle ─▶ │ slot 4 │ slot 0 │ slot 7 │   │   │   room for every slot there is
///                              ▲ last in, first out
/// ```
///
/// # Invariants
///
/// 1. `base` points to room for `room` slots that is the stack's alone, or `room` is 0.
/// 2. The first `len` places hold slots that were pushed and not popped since; `len` is at most
///    `room`.
#[derive(Debug)]
pub(crate) struct Idle {
    base: NonNull<NonNull<u8>>,
    len: Cell<usize>,
    room: usize,
}

impl Idle {
    /// The memory a stack of `room` slots needs; `None` when there is no such memory.
    pub(crate) fn layout(room: usize) -> Option<Layout> {
        Layout::array::<NonNull<u8>>(room).ok()
    }

    /// # Safety
    ///
    /// `memory` is a chunk of `Self::layout(room)` that is the stack's alone, or `room` is 0.
    pub(crate) unsafe fn new(memory: NonNull<u8>, room: usize) -> Self {
        Self {
            base: memory.cast(),
            len: Cell::new(0),
            room,
        }
    }

    /// Where its memory lies.
    pub(crate) fn memory(&self) -> NonNull<u8> {
        self.base.cast()
    }

    /// How many slots there is room for.
    pub(crate) fn room(&self) -> usize {
        self.room
    }

    /// How many slots are on it.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// The slot pushed last. Two loads and a store.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let len = self.len.get().checked_sub(1)?;
        self.len.set(len);
        // SAFETY: below what `len` was, so within the memory (invariants 1 and 2).
        let place = unsafe { self.base.add(len) };
        // SAFETY: written by the push of this place (invariant 2).
        Some(unsafe { place.read() })
    }

    /// Puts a slot on top. One load and two stores.
    ///
    /// # Safety
    ///
    /// Fewer than `room` slots are on the stack.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, slot: NonNull<u8>) {
        let len = self.len.get();
        debug_assert!(len < self.room, "more slots are idle than there are");
        // SAFETY: below `room` by the caller's promise, so within the memory.
        let place = unsafe { self.base.add(len) };
        // SAFETY: as above; the memory is the stack's alone (invariant 1).
        unsafe { place.write(slot) };
        self.len.set(len + 1);
    }

    /// Whether `slot` is among the `most` slots pushed last.
    pub(crate) fn recently_pushed(&self, slot: NonNull<u8>, most: usize) -> bool {
        let len = self.len.get();
        (len.saturating_sub(most)..len).any(|at| {
            // SAFETY: below `len`, so within the memory.
            let place = unsafe { self.base.add(at) };
            // SAFETY: written by the push of this place (invariant 2).
            slot == unsafe { place.read() }
        })
    }
}

// SAFETY: the pointers lead to slots and memory of whoever owns the stack. The cell keeps it `!Sync`.
unsafe impl Send for Idle {}
