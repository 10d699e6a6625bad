//! The intrusive list of free slots: one pointer in each free slot, nothing else.

use core::{cell::Cell, ptr, ptr::NonNull};

use crate::corruption::hooks;

/// Free slots of one run: those given back, last in first out, then those never used, in order.
///
/// ```text
///  free ─▶ slot 5 ─▶ slot 2 ─▶ null        fresh = slot 9, end = one past the last slot
///  │ 0 │ 1 │ 2·│ 3 │ 4 │ 5·│ 6 │ 7 │ 8 │ 9 … end        0 1 3 4 6 7 8 are in use
/// ```
///
/// Slots from `fresh` on were never touched: a run costs nothing to set up, and its memory is not
/// paged in before it is needed.
///
/// # Invariants
///
/// 1. `free` is null or a slot of the run below `fresh` that nobody uses; its first bytes hold the
///    next such slot or null. No slot is on the list twice.
/// 2. `fresh` is a multiple of the stride from the run's first slot, and at most `end`.
/// 3. All pointers derive from the pointer to the run's chunk.
pub(crate) struct LocalList {
    free: Cell<*mut u8>,
    fresh: Cell<*mut u8>,
    end: Cell<*mut u8>,
}

impl LocalList {
    /// No slots at all.
    pub(crate) const fn empty() -> Self {
        Self {
            free: Cell::new(ptr::null_mut()),
            fresh: Cell::new(ptr::null_mut()),
            end: Cell::new(ptr::null_mut()),
        }
    }

    /// The slots from `first` to `end`, all free.
    ///
    /// # Safety
    ///
    /// They are whole slots of one chunk, at least one pointer wide, and belong to the list alone.
    pub(crate) const unsafe fn new(first: NonNull<u8>, end: NonNull<u8>) -> Self {
        Self {
            free: Cell::new(ptr::null_mut()),
            fresh: Cell::new(first.as_ptr()),
            end: Cell::new(end.as_ptr()),
        }
    }

    /// A free slot, now the caller's. Two loads and one store, or the next fresh slot.
    #[inline(always)]
    pub(crate) fn pop(&self, stride: usize) -> Option<NonNull<u8>> {
        match NonNull::new(self.free.get()) {
            Some(slot) => {
                hooks::slot_opened(slot, stride);
                // SAFETY: invariant 1: a free slot holds a link.
                self.free.set(unsafe { read_link(slot) });
                hooks::slot_taken(slot, stride);
                Some(slot)
            }
            None => self.pop_fresh(stride),
        }
    }

    #[inline(always)]
    fn pop_fresh(&self, stride: usize) -> Option<NonNull<u8>> {
        let fresh = self.fresh.get();
        if fresh == self.end.get() {
            return None;
        }
        // SAFETY: invariant 2: at least one stride lies between `fresh` and `end`.
        self.fresh.set(unsafe { fresh.add(stride) });
        // SAFETY: not null: a run does not start at address 0, and an empty list was answered above.
        let slot = unsafe { NonNull::new_unchecked(fresh) };
        hooks::slot_opened(slot, stride);
        hooks::slot_taken(slot, stride);
        Some(slot)
    }

    /// Takes a slot back: two stores and a load.
    ///
    /// # Safety
    ///
    /// `slot` came from `pop` of this list, was not pushed since, and nobody uses it.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, slot: NonNull<u8>, stride: usize) {
        // SAFETY: a slot of ours that nobody uses, at least one pointer wide.
        unsafe { write_link(slot, self.free.get()) };
        self.free.set(slot.as_ptr());
        hooks::slot_put(slot, stride);
    }

    /// Whether `pop` would find nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.free.get().is_null() && self.fresh.get() == self.end.get()
    }

    /// Whether `slot` is among the first `most` slots of the list: how debug builds look for a
    /// double free without keeping a bit per slot.
    pub(crate) fn recently_freed(&self, slot: NonNull<u8>, stride: usize, most: usize) -> bool {
        let mut at = self.free.get();
        for _ in 0..most {
            let Some(free) = NonNull::new(at) else {
                return false;
            };
            if free == slot {
                return true;
            }
            at = peek_link(free, stride);
        }
        false
    }

    /// Puts the list in order of address, so that [`next_live`](Self::next_live) can tell the slots
    /// in use from the free ones without any memory of its own.
    ///
    /// A bottom-up merge sort over the links: O(n log n) for n free slots.
    pub(crate) fn sort(&mut self, stride: usize) {
        // bins[i] is null or a sorted list of 2^i slots, as the carry of a binary counter.
        let mut bins = [ptr::null_mut::<u8>(); usize::BITS as usize];
        let mut at = self.free.get();
        while let Some(slot) = NonNull::new(at) {
            at = peek_link(slot, stride);
            set_link(slot, ptr::null_mut(), stride);
            let mut sorted = slot.as_ptr();
            for bin in &mut bins {
                if bin.is_null() {
                    *bin = sorted;
                    break;
                }
                sorted = merge(core::mem::replace(bin, ptr::null_mut()), sorted, stride);
            }
        }
        let all = bins
            .into_iter()
            .fold(ptr::null_mut(), |all, bin| merge(all, bin, stride));
        self.free.set(all);
    }

    /// Where a walk over the slots in use starts; `first` is the first slot of the run. The list
    /// must be sorted, and stay so but for slots that the walk itself has passed.
    pub(crate) fn walk(&self, first: NonNull<u8>) -> ListWalk {
        ListWalk {
            at: first.as_ptr(),
            free: self.free.get(),
        }
    }

    /// The next slot in use.
    pub(crate) fn next_live(&self, walk: &mut ListWalk, stride: usize) -> Option<NonNull<u8>> {
        while walk.at != self.fresh.get() {
            let slot = NonNull::new(walk.at)?;
            walk.at = walk.at.wrapping_add(stride);
            if walk.free != slot.as_ptr() {
                return Some(slot);
            }
            walk.free = peek_link(slot, stride);
        }
        None
    }
}

/// How far a walk over the slots in use has come.
#[derive(Debug)]
pub struct ListWalk {
    /// The next slot to look at.
    at: *mut u8,
    /// The lowest free slot not below `at`.
    free: *mut u8,
}

/// Merges two sorted lists.
fn merge(mut a: *mut u8, mut b: *mut u8, stride: usize) -> *mut u8 {
    let mut first = ptr::null_mut();
    let mut last: Option<NonNull<u8>> = None;
    while let (Some(x), Some(y)) = (NonNull::new(a), NonNull::new(b)) {
        let lower = if x < y {
            a = peek_link(x, stride);
            x
        } else {
            b = peek_link(y, stride);
            y
        };
        match last {
            None => first = lower.as_ptr(),
            Some(last) => set_link(last, lower.as_ptr(), stride),
        }
        last = Some(lower);
    }
    let rest = if a.is_null() { b } else { a };
    match last {
        None => rest,
        Some(last) => {
            set_link(last, rest, stride);
            first
        }
    }
}

/// Looks at the link of a free slot of ours.
fn peek_link(slot: NonNull<u8>, stride: usize) -> *mut u8 {
    hooks::slot_opened(slot, stride);
    // SAFETY: only called for slots on a `LocalList`, which hold a link (its invariant 1).
    let link = unsafe { read_link(slot) };
    hooks::slot_closed(slot, stride);
    link
}

/// Changes the link of a free slot of ours.
fn set_link(slot: NonNull<u8>, link: *mut u8, stride: usize) {
    hooks::slot_opened(slot, stride);
    // SAFETY: only called for slots on a `LocalList`, which nobody uses (its invariant 1).
    unsafe { write_link(slot, link) };
    hooks::slot_closed(slot, stride);
}

/// # Safety
///
/// `slot` holds a link.
#[inline(always)]
unsafe fn read_link(slot: NonNull<u8>) -> *mut u8 {
    // SAFETY: valid by the caller's promise; slots of byte arrays need not be aligned for pointers.
    unsafe { slot.cast::<*mut u8>().read_unaligned() }
}

/// # Safety
///
/// `slot` is at least one pointer wide and nobody uses it.
#[inline(always)]
unsafe fn write_link(slot: NonNull<u8>, link: *mut u8) {
    // SAFETY: as in `read_link`.
    unsafe { slot.cast::<*mut u8>().write_unaligned(link) }
}
