//! Those who wait for a slot of a depot.
//!
//! ```text
//! nobody waits     handle drop ─▶ Cache::push, or the loose list, or the stack that counts exactly
//!
//! somebody waits   handle drop ─▶ caches, list and stack let nothing in ─▶ Depot::refused ─▶ who waits
//! ```
//!
//! All places where a slot could stay are shut while somebody waits, by words that a free looks at anyway;
//! so a free asks nothing more while nobody does. What was in these places is taken out first.

use core::ptr::NonNull;

use super::{depot::Depot, desk::Panicked, moves::WANTED, put::Put};
use crate::{
    raw::wait::{Given, Held, WaitQueue},
    sync::{
        atomic::{AtomicIsize, Ordering},
        barrier, seeded,
    },
};

type Line<'q> = Held<'q, bool, (), Given>;

impl Depot {
    /// Those who wait.
    pub(crate) fn queue(&self) -> &WaitQueue<bool, (), Given> {
        &self.desk.queue
    }

    /// A slot for who is about to wait, if there is one and nobody was first; otherwise every slot that
    /// comes back from now on is handed over to who is in the line. Under the queue's lock.
    pub(crate) fn want(&self, held: &mut Line<'_>) -> Option<NonNull<u8>> {
        // Who waits already is before the caller, and there is nothing for them.
        if held.waiting() > 0 {
            return None;
        }
        self.shut_caches();
        loop {
            if let Some(slot) = self.look() {
                self.open_all();
                return Some(slot);
            }
            if self.shut_rest() {
                return None;
            }
        }
    }

    /// A slot that is in none of the caches.
    fn look(&self) -> Option<NonNull<u8>> {
        match &self.exact {
            Some(exact) => exact.take(),
            None => self.find_one().0,
        }
    }

    /// Shuts what is not a cache, if there is no slot in it; whether that is so.
    fn shut_rest(&self) -> bool {
        if seeded("depot: the list stays open") {
            return true;
        }
        match &self.exact {
            Some(exact) => exact.shut(),
            None => self.loose.shut(),
        }
    }

    /// Says that somebody waits, and takes from all threads what they have at hand.
    fn shut_caches(&self) {
        if self.exact.is_some() {
            return;
        }
        // Acquire and Release: see `Moving`. Who ends a move before this is seen by it, and who ends one
        // after it sees this.
        self.moves.fetch_or(WANTED, Ordering::AcqRel);
        let mut listed = self.registry.lock();
        if listed.wanted || seeded("depot: caches stay open") {
            return;
        }
        listed.wanted = true;
        let mut some = false;
        for cache in listed.caches() {
            cache.begin_want();
            some = true;
        }
        // Where the system refuses the barrier, slots stay in caches until nobody waits, or their owners' threads end.
        let out = some && (seeded("depot: no barrier before the look") || barrier::heavy());
        for cache in listed.caches().filter(|_| out) {
            // Its owner is out from now on: whoever robs caches does so under the registry's lock.
            if cache.wait_until_idle() && cache.len() > 0 {
                let _moving = self.moving();
                self.spill(cache, cache.most());
            }
        }
    }

    /// Lets slots be kept again. Under the queue's lock, when nobody waits.
    fn open_all(&self) {
        if let Some(exact) = &self.exact {
            return exact.open();
        }
        // Relaxed: it changes under the lock.
        if self.moves.load(Ordering::Relaxed) & WANTED == 0 {
            return;
        }
        // Acquire and Release: as for any change of it.
        self.moves.fetch_and(!WANTED, Ordering::AcqRel);
        self.loose.open();
        let mut listed = self.registry.lock();
        listed.wanted = false;
        for cache in listed.caches() {
            cache.end_want();
        }
    }

    /// Somebody has left the line, or was answered. Under the queue's lock.
    fn settle(&self, held: &Line<'_>) {
        // Relaxed: set under this lock. Once the pool is gone nothing is opened.
        if held.waiting() == 0 && !self.desk.gone.load(Ordering::Relaxed) {
            self.open_all();
        }
    }

    /// Somebody who waited does not any more.
    pub(crate) fn left(&self) {
        let held = self.queue().lock();
        self.settle(&held);
    }

    /// Hands slots that are in the depot over to those who wait, after they came there by another way than
    /// back from a user. What the wakers did is the caller's to pass on.
    #[cold]
    #[inline(never)]
    pub(super) fn serve(&self) -> Panicked {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue().lock();
            let mut again = false;
            while held.waiting() > 0 {
                again = !held.has_room();
                if again {
                    break;
                }
                match self.look() {
                    Some(slot) => held.answer_first(0, Given(Some(slot))),
                    None if self.shut_rest() => break,
                    None => {}
                }
            }
            self.settle(&held);
            panicked.add(held.open()); // USER CODE
            if !again {
                return panicked;
            }
        }
    }

    /// Takes a slot back that the loose list or the exact stack refused: because the pool is gone, or
    /// because somebody waits for it. `again` tries once more; whether it was let in.
    ///
    /// By a pointer, because the depot may be gone before this returns.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn refused(
        this: NonNull<Self>,
        slot: NonNull<u8>,
        mut again: impl FnMut() -> bool,
    ) -> Put {
        // SAFETY: the slot keeps the depot; an atomic, so that nothing else is borrowed when it is gone.
        let owed: &AtomicIsize = unsafe { &(*this.as_ptr()).owed };
        loop {
            // SAFETY: as above; not used once the slot is counted as back.
            let depot = unsafe { this.as_ref() };
            let mut held = depot.queue().lock();
            // Relaxed: set under this lock.
            if depot.desk.gone.load(Ordering::Relaxed) {
                drop(held);
                return Put::back(owed);
            }
            if held.first(0).is_some() {
                // The slot is another's as soon as the lock is open, and keeps the depot for that one
                // only; so this call keeps it, as a slot would.
                // Relaxed: a slot that is out keeps the number above 1 until the end of this lock.
                let keeps = !seeded("depot: nobody keeps it while he gives");
                owed.fetch_add(isize::from(keeps), Ordering::Relaxed);
                held.answer_first(0, Given(Some(slot)));
                depot.settle(&held);
                let panicked = held.open(); // USER CODE
                return Put::back(owed).woken(panicked);
            }
            // The last one has left just now.
            depot.settle(&held);
            drop(held);
            if again() {
                return Put::default();
            }
        }
    }

    /// A slot that a slab was added with, while somebody waits: whether it was handed over.
    pub(super) fn hand_over(&self, slot: NonNull<u8>, panicked: &mut Panicked) -> bool {
        let mut held = self.queue().lock();
        let waits = held.first(0).is_some();
        if waits {
            held.answer_first(0, Given(Some(slot)));
        }
        self.settle(&held);
        panicked.add(held.open()); // USER CODE
        waits
    }

    /// Nobody waits from now on, and those who do are told so.
    pub(crate) fn close_line(&self) {
        let mut panicked = Panicked::default();
        loop {
            let mut held = self.queue().lock();
            *held = true;
            while held.has_room() && held.first(0).is_some() {
                held.answer_first(0, Given(None));
            }
            let waiting = held.waiting();
            self.settle(&held);
            panicked.add(held.open()); // USER CODE
            if waiting == 0 {
                return panicked.resume();
            }
        }
    }

    /// The pool is gone, and nobody waits: what is refused from now on is counted only.
    pub(super) fn end_line(&self) {
        let held = self.queue().lock();
        self.settle(&held);
        // Relaxed: read under this lock.
        self.desk.gone.store(true, Ordering::Relaxed);
    }
}
