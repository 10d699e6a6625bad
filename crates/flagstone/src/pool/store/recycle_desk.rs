//! Where those stand who wait for an object of a recycling pool.

use core::{cell::Cell, ptr::NonNull};

use crate::{
    raw::wait::{Held, Panicked, WaitQueue},
    sync::NoLock,
};

/// What one who waits is given.
#[derive(Clone, Copy, Debug)]
pub enum Offer {
    /// A slot with an object that is to be made ready.
    Idle(NonNull<u8>),
    /// An empty slot.
    Free(NonNull<u8>),
    /// Nothing: the pool was closed.
    Closed,
}

// SAFETY: a slot is its new owner's alone. It stays on the thread of its pool in any case; the pool itself may
// be sent when nobody waits.
unsafe impl Send for Offer {}

type Line<'q> = Held<'q, bool, (), Offer, NoLock>;

/// Where objects are handed over. One thread at a time uses it, so its lock is none; it is open whenever
/// user code runs.
///
/// # Invariant
///
/// 1. While somebody waits, `wanted` is set, no object is idle and no slot free.
pub(super) struct Desk {
    wanted: Cell<bool>,
    /// Beside the line: whether the pool is closed.
    pub(super) queue: WaitQueue<bool, (), Offer, NoLock>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            wanted: Cell::new(false),
            queue: WaitQueue::with_lock(false, NoLock::new()),
        }
    }

    /// Whether what comes back is to be handed over.
    #[inline(always)]
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.get()
    }

    /// Says that somebody is about to wait. Under the queue's lock.
    pub(super) fn want(&self) {
        self.wanted.set(true);
    }

    /// Hands something over to who has waited longest; `false` if nobody waits any more, and then nothing was
    /// done.
    pub(super) fn hand_over(&self, offer: Offer) -> bool {
        let mut held = self.queue.lock();
        let waits = held.first(0).is_some();
        if waits {
            held.answer_first(0, offer);
        }
        self.settle(&held);
        held.open().resume(); // USER CODE
        waits
    }

    /// Says that nobody waits, if that is so.
    pub(super) fn settle(&self, held: &Line<'_>) {
        if held.waiting() == 0 {
            self.wanted.set(false);
        }
    }

    /// Nobody waits from now on.
    pub(super) fn close(&self) {
        self.dismiss(true).resume();
    }

    /// Those who wait were forgotten.
    pub(super) fn forget(&self) {
        if self.is_wanted() {
            self.dismiss(false).resume();
        }
    }

    /// Tells all who wait that they do so in vain, and later ones if it is closed for them.
    fn dismiss(&self, closed: bool) -> Panicked {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue.lock();
            *held |= closed;
            while held.has_room() && held.first(0).is_some() {
                held.answer_first(0, Offer::Closed);
            }
            let waiting = held.waiting();
            self.settle(&held);
            panicked.add(held.open()); // USER CODE
            if waiting == 0 {
                return panicked;
            }
        }
    }
}
