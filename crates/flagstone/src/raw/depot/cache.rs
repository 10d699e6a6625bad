//! The free slots that one thread has at hand.

use alloc::sync::Arc;
use core::{array, cell::Cell, ptr, ptr::NonNull};

use super::{
    magazine::{MOST, Magazines},
    registry::Registry,
};
use crate::{
    stats::Collector,
    sync::{
        Backoff,
        atomic::{AtomicBool, AtomicU32, Ordering},
        barrier, seeded,
    },
};

// Bits of `state`. The owner's hurried way asks for none of them.

/// Another thread takes the slots.
const STOLEN: u32 = 1;
/// The pool is gone.
const CLOSED: u32 = 2;
/// The cheap barrier does not meet the expensive one here: every use takes the slow path.
const STRICT: u32 = 4;
/// Somebody waits for a slot: none is to stay here.
const WANTED: u32 = 8;

/// A thread's free slots of one pool, last in first out: no lock, and no instruction that locks the
/// bus.
///
/// The thread that has it marks it *busy*, looks whether somebody else wants it, and only then touches
/// the slots; who wants it says so first and then looks whether it is busy. At least one of the two
/// sees the other, because a barrier stands between store and load on both sides: that of the
/// owner costs nothing, the other makes up for it (see [`barrier`]). (The protocol is T. Dekker's; the
/// asymmetry that of D. Dice, H. Huang and M. Yang, "Asymmetric Dekker synchronization", 2001.)
///
/// # Invariants
///
/// 1. `len` and `slots` belong to who is in a busy section that it entered with `state` free, or to who
///    set `STOLEN`, `WANTED` or `CLOSED`, found it not busy after the barrier, and has not yet cleared it;
///    or to who has the registry's lock and is the owner. The first three are set by who has that lock.
/// 2. The first `len` of `slots` are free slots of the pool, which belong to the cache. `len` is at
///    most `most`, and that at most the length of `slots`.
/// 3. `depot` is good as long as the cache is on its registry's list, which is under the registry's
///    lock, and while its owner is in a busy section.
/// 4. `next` and `previous` are touched under the registry's lock.
#[repr(C, align(128))]
pub(crate) struct Cache {
    busy: AtomicBool,
    state: AtomicU32,
    /// How many slots there are. Others may look at it at any time.
    len: AtomicU32,
    /// How many there are at most: two magazines.
    most: u32,
    slots: [Cell<*mut u8>; 2 * MOST],
    /// A `Depot`, which knows its caches' type, and not the other way round.
    pub(super) depot: NonNull<()>,
    pub(super) registry: Arc<Registry>,
    pub(super) next: Cell<*const Self>,
    pub(super) previous: Cell<*const Self>,
    process: u32,
    stats: Collector,
}

impl Cache {
    /// An empty cache that takes `2 * magazine` slots.
    pub(super) fn new(depot: NonNull<()>, registry: Arc<Registry>, magazine: usize) -> Self {
        let state = if barrier::ready() { 0 } else { STRICT };
        Self {
            busy: AtomicBool::new(false),
            state: AtomicU32::new(state),
            len: AtomicU32::new(0),
            most: (2 * magazine.min(MOST)) as u32,
            slots: array::from_fn(|_| Cell::new(ptr::null_mut())),
            depot,
            registry,
            next: Cell::new(ptr::null()),
            previous: Cell::new(ptr::null()),
            process: std::process::id(),
            stats: Collector::new(),
        }
    }

    /// Begins a busy section, in the usual case.
    #[inline(always)]
    fn enter(&self) -> bool {
        // Relaxed: the barrier orders it before the load.
        self.busy.store(true, Ordering::Relaxed);
        if !seeded("cache: no barrier") {
            barrier::light();
        }
        // Acquire: pairs with the Release of a thief that is done, whose changes are seen then.
        if self.state.load(Ordering::Acquire) == 0 {
            return true;
        }
        self.leave();
        false
    }

    /// Begins a busy section, unless somebody else wants the cache or the pool is gone.
    pub(super) fn enter_slow(&self) -> bool {
        if self.enter() {
            return true;
        }
        // Relaxed: whether the cache is strict never changes.
        if self.state.load(Ordering::Relaxed) != STRICT {
            return false;
        }
        // Relaxed: the barrier orders it before the load.
        self.busy.store(true, Ordering::Relaxed);
        barrier::full();
        // Acquire: as in `enter`.
        if self.state.load(Ordering::Acquire) == STRICT {
            return true;
        }
        self.leave();
        false
    }

    /// Ends a busy section.
    #[inline(always)]
    pub(super) fn leave(&self) {
        // Release: pairs with the Acquire of who waits for the end in `wait_until_idle`.
        let order = if seeded("cache: leave is relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.busy.store(false, order);
    }

    /// A slot, in the usual case: a dozen instructions.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        if !self.enter() {
            return None;
        }
        let slot = self.pop_inside();
        self.leave();
        slot
    }

    /// Takes a slot back, in the usual case; whether it did.
    #[inline(always)]
    pub(crate) fn push(&self, slot: NonNull<u8>) -> bool {
        if !self.enter() {
            return false;
        }
        let took = self.push_inside(slot);
        self.leave();
        took
    }

    /// A slot; in a busy section.
    #[inline(always)]
    pub(super) fn pop_inside(&self) -> Option<NonNull<u8>> {
        // Relaxed, here and below: ours, by invariant 1; others only guess by it.
        let last = self.len.load(Ordering::Relaxed).checked_sub(1)?;
        // SAFETY: `len` is at most the length of `slots` (invariant 2).
        let slot = unsafe { self.slots.get_unchecked(last as usize) }.get();
        self.len.store(last, Ordering::Relaxed);
        // SAFETY: a slot's address (invariant 2).
        Some(unsafe { NonNull::new_unchecked(slot) })
    }

    /// Takes a slot, if there is room; in a busy section.
    #[inline(always)]
    pub(super) fn push_inside(&self, slot: NonNull<u8>) -> bool {
        let len = self.len.load(Ordering::Relaxed);
        if len >= self.most {
            return false;
        }
        // SAFETY: `most` is at most the length of `slots` (invariant 2).
        unsafe { self.slots.get_unchecked(len as usize) }.set(slot.as_ptr());
        self.len.store(len + 1, Ordering::Relaxed);
        true
    }

    /// Fills an empty cache from a magazine; in a busy section.
    pub(super) fn fill(&self, magazines: &Magazines, number: u32) {
        let len = magazines.at(number).empty_into(&self.slots);
        self.len.store(len as u32, Ordering::Relaxed);
    }

    /// Whether no further slot fits; in a busy section.
    pub(super) fn is_full(&self) -> bool {
        self.len.load(Ordering::Relaxed) >= self.most
    }

    /// Slots that the cache takes at most.
    pub(super) fn most(&self) -> usize {
        self.most as usize
    }

    /// Takes up to `count` slots out, those that were put in first, and passes them to `take`, a
    /// magazine's worth at a time; by who has the slots (invariant 1).
    pub(super) fn spill(&self, count: usize, mut take: impl FnMut(&[Cell<*mut u8>])) {
        let len = self.len() as usize;
        let count = count.min(len);
        let (out, rest) = self.slots[..len].split_at(count);
        for slots in out.chunks(MOST) {
            take(slots);
        }
        for (to, from) in self.slots.iter().zip(rest) {
            to.set(from.get());
        }
        self.len.store(rest.len() as u32, Ordering::Relaxed);
    }

    /// How many slots there are, at a moment that may be over.
    pub(super) fn len(&self) -> u32 {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether a thief could find something, at a moment that may be over.
    pub(super) fn may_hold(&self) -> bool {
        // Acquire: whoever was told that a slot was given back sees it in `len`.
        self.busy.load(Ordering::Acquire) || self.len() > 0
    }

    /// Says that another thread wants the slots.
    pub(super) fn begin_theft(&self) {
        // Relaxed: the barrier that follows orders it before what is read then.
        self.state.fetch_or(STOLEN, Ordering::Relaxed);
    }

    /// The owner may go on.
    pub(super) fn end_theft(&self) {
        // Release: pairs with the Acquire in `enter`.
        self.state.fetch_and(!STOLEN, Ordering::Release);
    }

    /// Says that somebody waits for a slot.
    pub(super) fn begin_want(&self) {
        // Release: pairs with the Acquire in `enter`, for who sees it set and looks who waits; the barrier that
        // follows orders it before what is read then.
        self.state.fetch_or(WANTED, Ordering::Release);
    }

    /// Nobody waits any more: the owner may keep slots again.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn end_want(&self) {
        // Release: pairs with the Acquire in `enter`.
        self.state.fetch_and(!WANTED, Ordering::Release);
    }

    /// Says that the pool is gone.
    pub(super) fn begin_end(&self) {
        // Relaxed: as in `begin_theft`.
        self.state.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// Whether the pool that it was for is gone.
    pub(super) fn is_closed(&self) -> bool {
        // Relaxed: who finds it open by accident finds out in `enter`.
        self.state.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Waits for the end of the owner's busy section, after a barrier; `false` when that will not
    /// come, because the owner stayed behind in the process that this one was forked from.
    pub(super) fn wait_until_idle(&self) -> bool {
        let mut backoff = Backoff::default();
        // Acquire: pairs with the Release in `leave`.
        while self.busy.load(Ordering::Acquire) {
            if self.process != std::process::id() {
                return false;
            }
            backoff.wait();
        }
        true
    }

    /// Whether `slot` is among the last `most` that came in; in a busy section.
    pub(super) fn holds(&self, slot: NonNull<u8>, most: usize) -> bool {
        let len = self.len() as usize;
        let last = &self.slots[len.saturating_sub(most)..len];
        last.iter().any(|held| held.get() == slot.as_ptr())
    }

    /// What the owner counted; by who has the slots (invariant 1).
    pub(super) fn stats(&self) -> &Collector {
        &self.stats
    }
}

// SAFETY: slots are pointers to memory of the pool; cells are touched as invariants 1 and 4 say, with
// an order that their partners' comments name.
unsafe impl Send for Cache {}
// SAFETY: as above.
unsafe impl Sync for Cache {}
