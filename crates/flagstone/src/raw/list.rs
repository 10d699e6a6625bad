//! The intrusive list of free slots: a few bytes in each free slot, nothing beside them.

use core::{cell::Cell, mem, ptr, ptr::NonNull};

use crate::corruption::hooks;

/// Where the slots of a list lie, and how their links are written. Small numbers of 32 bits, the
/// *offsets*, stand for slots where an address would take too much room.
///
/// # Invariants
///
/// 1. `origin` derives from the pointer to the chunk the slots lie in. It may lie before the chunk,
///    so that no slot has the offset 0, which means "none".
/// 2. Every slot starts at `origin + offset * unit` for an offset above 0 that fits 32 bits.
/// 3. Slots are at least eight bytes wide; `wide` only if they are at least [`WIDE`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(super) origin: *mut u8,
    /// Bytes from offset to offset; a power of two unless `wide`.
    pub(super) unit: usize,
    /// From slot to slot, in offsets.
    pub(super) step: u32,
    /// Links are addresses instead of offsets, which saves the arithmetic where there is room.
    pub(super) wide: bool,
}

/// Slots at least so wide hold an address and a depth.
pub(super) const WIDE: usize = size_of::<*mut u8>() + size_of::<u32>();

impl Place {
    /// The slot at `offset`.
    #[inline(always)]
    fn slot(self, offset: u32) -> *mut u8 {
        self.origin.wrapping_add(offset as usize * self.unit)
    }

    /// The offset of a slot, where links are narrow.
    #[inline(always)]
    fn offset(self, slot: *mut u8) -> u32 {
        (slot.addr().wrapping_sub(self.origin.addr()) >> self.unit.trailing_zeros()) as u32
    }

    /// Bytes of a slot, for the tools.
    #[inline(always)]
    fn bytes(self) -> usize {
        self.step as usize * self.unit
    }

    /// The free slot after `slot`, or null.
    ///
    /// # Safety
    ///
    /// `slot` is a slot of this place that holds a link.
    #[inline(always)]
    unsafe fn read_next(self, slot: NonNull<u8>) -> *mut u8 {
        // Unaligned, because slots of byte arrays need not be aligned for a link.
        if self.wide {
            // SAFETY: a link, by the caller's promise; wide ones start with an address.
            return unsafe { slot.cast::<*mut u8>().read_unaligned() };
        }
        // SAFETY: as above; narrow ones start with an offset.
        match unsafe { slot.cast::<u32>().read_unaligned() } {
            0 => ptr::null_mut(),
            offset => self.slot(offset),
        }
    }

    /// How many free slots there are from `slot` on.
    ///
    /// # Safety
    ///
    /// As for [`read_next`](Self::read_next).
    #[inline(always)]
    unsafe fn read_depth(self, slot: NonNull<u8>) -> u32 {
        // SAFETY: the depth is part of the slot.
        let depth = unsafe { slot.byte_add(self.next_width()) };
        // SAFETY: a link, by the caller's promise.
        unsafe { depth.cast::<u32>().read_unaligned() }
    }

    /// Writes a link: the next free slot or null, and how many there are from this one on.
    ///
    /// Two writes, and never one word: the next slot is known long before the depth is, and a
    /// processor forwards a word from a store only when all of it is there (measured: five cycles
    /// an allocation).
    ///
    /// # Safety
    ///
    /// `slot` is a slot of this place and nobody uses it.
    #[inline(always)]
    unsafe fn write(self, slot: NonNull<u8>, next: *mut u8, depth: u32) {
        if self.wide {
            // SAFETY: wide enough by invariant 3, and nobody uses it.
            unsafe { slot.cast::<*mut u8>().write_unaligned(next) };
        } else {
            let offset = if next.is_null() { 0 } else { self.offset(next) };
            // SAFETY: at least eight bytes by invariant 3, and nobody uses it.
            unsafe { slot.cast::<u32>().write_unaligned(offset) };
        }
        // SAFETY: the depth is part of the slot.
        let place = unsafe { slot.byte_add(self.next_width()) };
        // SAFETY: as above.
        unsafe { place.cast::<u32>().write_unaligned(depth) };
    }

    /// Bytes before the depth.
    #[inline(always)]
    const fn next_width(self) -> usize {
        if self.wide {
            size_of::<*mut u8>()
        } else {
            size_of::<u32>()
        }
    }
}

/// Free slots of one run: those given back, last in first out, then those never used, in order.
///
/// ```text
///  free ─▶ slot 5 (depth 2) ─▶ slot 2 (depth 1) ─▶ none       fresh = slot 9, end = behind the last
///  │ 0 │ 1 │ 2·│ 3 │ 4 │ 5·│ 6 │ 7 │ 8 │ 9 … end               0 1 3 4 6 7 8 are in use
/// ```
///
/// Slots from `fresh` on were never touched: a run costs nothing to set up, and its memory is not
/// paged in before it is needed.
///
/// The depth in each link gives the count of free slots, and the moment a slab changes its shelf,
/// without a counter that every allocation and every free would have to write: that counter was a
/// fifth of their time.
///
/// The list itself holds only what differs from list to list; [`at`](Self::at) adds the [`Place`].
///
/// # Invariants
///
/// 1. `free` is null or a slot below `fresh` that nobody uses; it starts with a link to the next
///    such slot and the number of slots from itself on. No slot is on the list twice.
/// 2. `fresh` is the offset of the first slot that was never handed out, or `end`.
pub(crate) struct LocalList {
    free: Cell<*mut u8>,
    fresh: Cell<u32>,
    end: Cell<u32>,
}

impl LocalList {
    /// The slots with offsets from `first` to below `end`, all free.
    pub(crate) const fn new(first: u32, end: u32) -> Self {
        Self {
            free: Cell::new(ptr::null_mut()),
            fresh: Cell::new(first),
            end: Cell::new(end),
        }
    }

    /// The list in its place.
    ///
    /// # Safety
    ///
    /// `place` is that of the list's slots, the same for every call; free slots are whole slots of
    /// one chunk that belong to the list alone.
    #[inline(always)]
    pub(crate) unsafe fn at(&self, place: Place) -> PlacedList<'_> {
        PlacedList { list: self, place }
    }

    /// Whether no slot is free.
    pub(crate) fn is_empty(&self) -> bool {
        self.free.get().is_null() && self.fresh.get() == self.end.get()
    }
}

// SAFETY: the pointer leads to slots that belong to the list alone; whoever owns the list owns
// them. The cells keep it `!Sync`.
unsafe impl Send for LocalList {}

/// A list and the place of its slots.
///
/// # Invariant
///
/// 1. They belong together, as [`LocalList::at`] was promised.
#[derive(Clone, Copy)]
pub(crate) struct PlacedList<'a> {
    list: &'a LocalList,
    place: Place,
}

impl PlacedList<'_> {
    /// A free slot, now the caller's. Two loads and one store, or the next fresh slot.
    #[inline(always)]
    pub(crate) fn pop(self) -> Option<NonNull<u8>> {
        let Some(slot) = NonNull::new(self.list.free.get()) else {
            return self.pop_fresh();
        };
        hooks::slot_opened(slot, self.place.bytes());
        // SAFETY: a free slot holds a link (the list's invariant 1).
        self.list.free.set(unsafe { self.place.read_next(slot) });
        hooks::slot_taken(slot, self.place.bytes());
        Some(slot)
    }

    #[inline(always)]
    fn pop_fresh(self) -> Option<NonNull<u8>> {
        let fresh = self.list.fresh.get();
        if fresh == self.list.end.get() {
            return None;
        }
        self.list.fresh.set(fresh + self.place.step);
        // SAFETY: not null: a slot of the place (its invariant 2), and no chunk starts at address 0.
        let slot = unsafe { NonNull::new_unchecked(self.place.slot(fresh)) };
        hooks::slot_opened(slot, self.place.bytes());
        hooks::slot_taken(slot, self.place.bytes());
        Some(slot)
    }

    /// Takes a slot back; how many slots have been given back and are free now. Two loads and three
    /// stores.
    ///
    /// # Safety
    ///
    /// `slot` came from `pop` of this list, was not pushed since, and nobody uses it.
    #[inline(always)]
    pub(crate) unsafe fn push(self, slot: NonNull<u8>) -> u32 {
        let depth = self.depth() + 1;
        // SAFETY: a slot of the place that nobody uses.
        unsafe { self.place.write(slot, self.list.free.get(), depth) };
        self.list.free.set(slot.as_ptr());
        hooks::slot_put(slot, self.place.bytes());
        depth
    }

    /// How many slots were given back and are free.
    #[inline(always)]
    pub(crate) fn depth(self) -> u32 {
        let Some(slot) = NonNull::new(self.list.free.get()) else {
            return 0;
        };
        hooks::slot_opened(slot, self.place.bytes());
        // SAFETY: a free slot holds a link (the list's invariant 1).
        let depth = unsafe { self.place.read_depth(slot) };
        hooks::slot_closed(slot, self.place.bytes());
        depth
    }

    /// How many slots are out, if the first one has the offset `first`.
    pub(crate) fn in_use(self, first: u32) -> u32 {
        (self.list.fresh.get() - first) / self.place.step - self.depth()
    }

    /// How many slots there are, if the first one has the offset `first`.
    pub(crate) fn slots(self, first: u32) -> u32 {
        (self.list.end.get() - first) / self.place.step
    }

    /// Whether `slot` is among the first `most` slots of the list: how debug builds look for a
    /// double free without keeping a bit per slot.
    pub(crate) fn recently_freed(self, slot: NonNull<u8>, most: usize) -> bool {
        let mut at = self.list.free.get();
        for _ in 0..most {
            let Some(free) = NonNull::new(at) else {
                return false;
            };
            if free == slot {
                return true;
            }
            at = self.next(free);
        }
        false
    }

    /// Puts the list in order of address, so that [`next_live`](Self::next_live) can tell the slots
    /// in use from the free ones without any memory of its own.
    ///
    /// A bottom-up merge sort over the links: O(n log n) for n free slots.
    pub(crate) fn sort(self) {
        // bins[i] is null or a sorted list of 2^i slots, as the carry of a binary counter.
        let mut bins = [ptr::null_mut::<u8>(); u32::BITS as usize];
        let mut depth = self.depth();
        let mut at = self.list.free.get();
        while let Some(slot) = NonNull::new(at) {
            at = self.next(slot);
            self.relink(slot, ptr::null_mut(), 0);
            let mut sorted = slot.as_ptr();
            for bin in &mut bins {
                if bin.is_null() {
                    *bin = sorted;
                    break;
                }
                sorted = self.merge(mem::replace(bin, ptr::null_mut()), sorted);
            }
        }
        let all = bins
            .into_iter()
            .fold(ptr::null_mut(), |all, bin| self.merge(all, bin));
        self.list.free.set(all);
        at = all;
        while let Some(slot) = NonNull::new(at) {
            at = self.next(slot);
            self.relink(slot, at, depth);
            depth -= 1;
        }
    }

    /// Merges two sorted lists; depths are left for later.
    fn merge(self, mut a: *mut u8, mut b: *mut u8) -> *mut u8 {
        let mut first = ptr::null_mut();
        let mut last: Option<NonNull<u8>> = None;
        while let (Some(x), Some(y)) = (NonNull::new(a), NonNull::new(b)) {
            let lower = if x < y {
                a = self.next(x);
                x
            } else {
                b = self.next(y);
                y
            };
            match last {
                None => first = lower.as_ptr(),
                Some(last) => self.relink(last, lower.as_ptr(), 0),
            }
            last = Some(lower);
        }
        let rest = if a.is_null() { b } else { a };
        match last {
            None => rest,
            Some(last) => {
                self.relink(last, rest, 0);
                first
            }
        }
    }

    /// The slot after one that is on the list.
    fn next(self, slot: NonNull<u8>) -> *mut u8 {
        hooks::slot_opened(slot, self.place.bytes());
        // SAFETY: only called for slots on the list, which hold a link (the list's invariant 1).
        let next = unsafe { self.place.read_next(slot) };
        hooks::slot_closed(slot, self.place.bytes());
        next
    }

    /// Changes the link of a slot that is on the list.
    fn relink(self, slot: NonNull<u8>, next: *mut u8, depth: u32) {
        hooks::slot_opened(slot, self.place.bytes());
        // SAFETY: only called for slots on the list, which nobody uses (the list's invariant 1).
        unsafe { self.place.write(slot, next, depth) };
        hooks::slot_closed(slot, self.place.bytes());
    }

    /// Sorts the list and starts a walk over the slots in use; `first` is the offset of the first
    /// slot.
    pub(crate) fn walk(self, first: u32) -> ListWalk {
        self.sort();
        ListWalk {
            at: first,
            free: self.list.free.get(),
        }
    }

    /// The next slot in use. Since `walk`, no slot was taken, and none but those the walk has passed
    /// was put back.
    pub(crate) fn next_live(self, walk: &mut ListWalk) -> Option<NonNull<u8>> {
        while walk.at != self.list.fresh.get() {
            let slot = NonNull::new(self.place.slot(walk.at))?;
            walk.at += self.place.step;
            if walk.free != slot.as_ptr() {
                return Some(slot);
            }
            walk.free = self.next(slot);
        }
        None
    }
}

/// How far a walk over the slots in use has come.
#[derive(Debug)]
pub struct ListWalk {
    /// The offset of the next slot to look at.
    at: u32,
    /// The lowest free slot not below it.
    free: *mut u8,
}
