//! Those who wait for a slot.

use core::{fmt, ptr::NonNull};

use crate::{
    raw::wait::{Given, Panicked, WaitQueue},
    sync::{
        atomic::{AtomicBool, Ordering},
        seeded,
    },
};

/// Where a pool's slots are handed over to those who wait for them.
///
/// # Invariant
///
/// 1. While somebody waits, `wanted` is set. It changes under the queue's lock, and is set before the last
///    look for a free slot.
///
/// The store's lock comes after the queue's. A slot that was given and not taken yet counts as vacant: a
/// future that was given one may be forgotten.
pub(super) struct Desk {
    wanted: AtomicBool,
    /// Beside the lines: whether the pool is closed.
    pub(super) queue: WaitQueue<bool, (), Given>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            wanted: AtomicBool::new(false),
            queue: WaitQueue::new(false),
        }
    }

    /// Whether a slot that comes back is to be handed over; under the store's lock.
    ///
    /// Relaxed: the lock orders it. Who begins to wait sets it, and looks for a free slot under the store's
    /// lock afterwards. Either that look comes first, and this sees what was set before it; or the slot
    /// that comes back now is there when it looks.
    #[inline(always)]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Hands `slot` over to who has waited longest; `false` if nobody waits any more.
    #[cold]
    #[inline(never)]
    pub(super) fn hand_over(&self, slot: NonNull<u8>) -> bool {
        let mut held = self.queue.lock();
        let waits = held.first(0).is_some();
        if waits {
            held.answer_first(0, Given(Some(slot)));
        }
        if held.waiting() == 0 {
            self.wanted.store(false, Ordering::Relaxed);
        }
        waits
    }

    /// Says that somebody is about to wait. Under the queue's lock.
    pub(super) fn want(&self) {
        self.wanted
            .store(!seeded("desk: says nothing"), Ordering::Relaxed);
    }

    /// Says that nobody waits, if that is so.
    pub(super) fn settle(&self, waiting: usize) {
        if waiting == 0 {
            self.wanted.store(false, Ordering::Relaxed);
        }
    }

    /// Nobody waits from now on, and those who do are told so.
    pub(super) fn close(&self) {
        self.dismiss(true);
    }

    /// Those who wait were forgotten: the pool is the caller's alone.
    pub(super) fn forget(&self) {
        if self.is_wanted() {
            self.dismiss(false);
        }
    }

    /// Tells all who wait that they do so in vain, and later ones if it is closed for them.
    fn dismiss(&self, closed: bool) {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue.lock();
            *held |= closed;
            while held.has_room() && held.first(0).is_some() {
                held.answer_first(0, Given(None));
            }
            let waiting = held.waiting();
            self.settle(waiting);
            panicked.add(held.open()); // USER CODE
            if waiting == 0 {
                return panicked.resume();
            }
        }
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("queue", &self.queue).finish()
    }
}
