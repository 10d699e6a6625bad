//! Whoever takes slots from a slab.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::{
    link::{read_link, set_occupied, write_link},
    shape::{GROUP, RemoteShape},
    slab::RemoteSlab,
};
use crate::{corruption::hooks, raw::locate, stats::Collector};

/// So many slots must have come back before an owner takes them off their list while it has others:
/// what is shared is touched once for many.
const WORTH_COLLECTING: u32 = 16;
/// At most so many untouched slots are made ready at once, and at most so many bytes of them, so that
/// memory is not touched long before it is used.
const CARVED_SLOTS: u32 = 16;
const CARVED_BYTES: u32 = 4096;

/// What an owner of slabs knows: one slab at most, and some of its free slots, for which no atomic
/// operation is needed.
///
/// # Invariants
///
/// 1. `slab` is null or a slab of which this is the owner, and `base` its base.
/// 2. With links: `left` slots are at hand, on a list that begins at `next`. With bits: those of the set
///    bits of `left`, in group number `group`, whose first slot is at `next`.
#[derive(Debug)]
pub(crate) struct Owner {
    next: Cell<*mut u8>,
    left: Cell<usize>,
    base: Cell<*mut u8>,
    slab: Cell<*mut RemoteSlab>,
    group: Cell<u32>,
}

impl Owner {
    /// An owner of nothing.
    pub(crate) const fn new() -> Self {
        Self {
            next: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
            base: Cell::new(ptr::null_mut()),
            slab: Cell::new(ptr::null_mut()),
            group: Cell::new(0),
        }
    }

    /// A slot that is at hand; what it holds is nobody's.
    ///
    /// # Safety
    ///
    /// The owner's slabs have that shape.
    #[inline(always)]
    pub(crate) unsafe fn take(&self, shape: RemoteShape) -> Option<NonNull<u8>> {
        let left = self.left.get();
        if left == 0 {
            return None;
        }
        let next = self.next.get();
        let slot = if shape.bits() {
            self.left.set(left & (left - 1));
            next.wrapping_add(left.trailing_zeros() as usize * shape.stride())
        } else {
            self.left.set(left - 1);
            next
        };
        // SAFETY: something is at hand, so it is in a slab (invariant 2).
        let slot = unsafe { NonNull::new_unchecked(slot) };
        hooks::slot_opened(slot, shape.stride());
        if !shape.bits() {
            // SAFETY: a free slot, and ours (invariant 2).
            let link = unsafe { read_link(slot, shape) };
            self.next.set(self.base.get().wrapping_add(link as usize));
        }
        if !shape.beside() {
            hooks::slot_taken(slot, shape.stride());
        }
        if Collector::ACTIVE
            && let Some(slab) = self.slab()
        {
            // SAFETY: ours (invariant 1).
            unsafe { slab.as_ref() }.count_taken();
        }
        Some(slot)
    }

    /// The slab, if there is one.
    pub(super) fn slab(&self) -> Option<NonNull<RemoteSlab>> {
        NonNull::new(self.slab.get())
    }

    /// Owns `slab` from now on.
    ///
    /// # Safety
    ///
    /// `slab` is of `shape`, this owner has none, and nobody else will touch the owner's line.
    pub(super) unsafe fn receive(&self, slab: NonNull<RemoteSlab>, shape: RemoteShape) {
        debug_assert!(self.slab().is_none() && self.left.get() == 0);
        // SAFETY: the pointer is good for all of the slab.
        let base = unsafe { locate::base(slab.cast(), shape.size()) };
        // SAFETY: a descriptor.
        let descriptor = unsafe { slab.as_ref() };
        self.slab.set(slab.as_ptr());
        self.base.set(base.as_ptr());
        self.at_hand(descriptor.chain.get(), descriptor.kept.get());
    }

    /// Owns nothing any more. Answers the slab, whose owner's line now says which slots were at hand,
    /// and how many of its slots are free that its word does not know of.
    ///
    /// # Safety
    ///
    /// The owner's slabs have that shape, and are `local` or not.
    pub(super) unsafe fn give_up(
        &self,
        shape: RemoteShape,
        local: bool,
    ) -> Option<(NonNull<RemoteSlab>, u32)> {
        let slab = self.slab()?;
        // SAFETY: ours (invariant 1).
        let descriptor = unsafe { slab.as_ref() };
        let left = self.left.replace(0);
        let at_hand = if shape.bits() {
            if left != 0 {
                // SAFETY: ours, with bits; what is at hand is in that group.
                unsafe { RemoteSlab::return_group(slab, self.group.get(), left, local) };
            }
            descriptor.kept.set(0);
            descriptor.count_not_taken(left.count_ones());
            left.count_ones()
        } else {
            let chain = self.next.get().addr().wrapping_sub(self.base.get().addr());
            // At most the slots of a slab, and an offset in it.
            descriptor.chain.set(chain as u32);
            descriptor.kept.set(left as u32);
            left as u32
        };
        self.slab.set(ptr::null_mut());
        Some((slab, at_hand + shape.slots() - descriptor.fresh.get()))
    }

    /// Makes slots of the slab ready that came back, or that nobody has had yet; `false` when there are
    /// none. Needs no lock: O(1) with links, O(slots / 64) with bits.
    ///
    /// # Safety
    ///
    /// The owner's slabs have that shape, and are `local` or not.
    pub(super) unsafe fn refill(&self, shape: RemoteShape, local: bool) -> bool {
        if self.left.get() != 0 {
            return true;
        }
        let Some(slab) = self.slab() else {
            return false;
        };
        // SAFETY: ours (invariant 1).
        let descriptor = unsafe { slab.as_ref() };
        // With bits, slots may have been taken before they were counted.
        let came_back = shape.slots().saturating_sub(descriptor.word().look().out());
        let fresh = descriptor.fresh.get();
        let all_touched = fresh == shape.slots();
        // With bits the count may hide a slot: those of puts that are under way may count as out twice.
        if came_back >= WORTH_COLLECTING || (all_touched && (came_back > 0 || shape.bits())) {
            // SAFETY: ours, and of that shape.
            unsafe { self.collect(slab, shape, local) };
            return self.left.get() != 0;
        }
        if all_touched {
            return false;
        }
        // SAFETY: as above; there are untouched slots.
        unsafe { self.carve(slab, fresh, shape) };
        true
    }

    /// Makes the slots ready that came back.
    ///
    /// # Safety
    ///
    /// `slab` is ours and of that shape; nothing is at hand.
    unsafe fn collect(&self, slab: NonNull<RemoteSlab>, shape: RemoteShape, local: bool) {
        // SAFETY: ours (invariant 1).
        let descriptor = unsafe { slab.as_ref() };
        let word = descriptor.word();
        if !shape.bits() {
            if cfg!(debug_assertions) {
                // Before the list is taken, as what is found may unwind: others only put slots before it.
                let said = word.look();
                let slots = shape.slots() - said.out();
                // SAFETY: ours.
                unsafe { RemoteSlab::check(slab, said.head(), slots, shape) };
            }
            let (head, slots) = word.collect(shape.slots(), local);
            descriptor.count_collected(slots);
            self.at_hand(head, slots);
            return;
        }
        let groups = shape.slots().div_ceil(GROUP);
        // The slot that came back last, or on from where the last ones were found.
        let start = self.group.get() % groups;
        let hint = shape.slot_at(word.look().head());
        let hint = hint.map_or(start, |(slot, _)| slot / GROUP);
        for group in [hint].into_iter().chain(start..groups).chain(0..start) {
            // SAFETY: ours, with bits, and so many groups.
            let bits = unsafe { RemoteSlab::take_group(slab, group, local) };
            if bits != 0 {
                word.took(bits.count_ones(), local);
                descriptor.count_collected(bits.count_ones());
                self.group_at_hand(group, bits, shape);
                return;
            }
        }
    }

    /// Makes the next untouched slots ready.
    ///
    /// # Safety
    ///
    /// As for `collect`; slot number `fresh` is the first untouched one.
    unsafe fn carve(&self, slab: NonNull<RemoteSlab>, fresh: u32, shape: RemoteShape) {
        let untouched = shape.slots() - fresh;
        // SAFETY: ours (invariant 1).
        let descriptor = unsafe { slab.as_ref() };
        if shape.bits() {
            // They are made ready in whole groups.
            let count = untouched.min(GROUP);
            descriptor.fresh.set(fresh + count);
            self.group_at_hand(fresh / GROUP, usize::MAX >> (GROUP - count), shape);
            return;
        }
        let stride = shape.stride() as u32;
        let count = untouched
            .min(CARVED_SLOTS)
            .min((CARVED_BYTES / stride).max(1));
        for number in fresh..fresh + count {
            let offset = shape.offset(number);
            let slot = self.base.get().wrapping_add(offset as usize);
            // SAFETY: a slot of our slab.
            let slot = unsafe { NonNull::new_unchecked(slot) };
            if shape.beside() {
                hooks::slot_opened(slot, shape.stride());
                // SAFETY: nobody has had it.
                unsafe { set_occupied(slot, false, shape) };
            }
            // SAFETY: as above.
            unsafe { write_link(slot, offset + stride, shape) };
        }
        descriptor.fresh.set(fresh + count);
        self.at_hand(shape.offset(fresh), count);
    }

    fn at_hand(&self, chain: u32, slots: u32) {
        self.next.set(self.base.get().wrapping_add(chain as usize));
        self.left.set(slots as usize);
    }

    fn group_at_hand(&self, group: u32, bits: usize, shape: RemoteShape) {
        let first = shape.offset(group * GROUP) as usize;
        self.group.set(group);
        self.next.set(self.base.get().wrapping_add(first));
        self.left.set(bits);
    }
}
