//! What other threads have at hand is taken from them when nothing else is left.

use super::{cache::Cache, depot::Depot, moves::UNDER_WAY};
use crate::sync::{Backoff, atomic::Ordering};

/// How often [`Depot::reclaim`] looks again while slots are on the move, until it asks whether a thread was
/// left behind on the way, in the process that this one was forked from.
const LOOKS: usize = if cfg!(test) { 8 } else { 1 << 16 };

impl Depot {
    /// Looks for free slots in other threads' caches, and moves those of the first that has any to the
    /// depot; whether there is something to be taken now.
    ///
    /// `false` means: there was no slot that was free all the time.
    pub(crate) fn reclaim(&self) -> bool {
        if let Some(exact) = &self.exact {
            return exact.available() > 0;
        }
        let listed = self.registry.lock();
        let mut backoff = Backoff::default();
        loop {
            for _ in 0..LOOKS {
                // Acquire and Release: see `moving`. Adding nothing, to be ordered with who adds.
                let before = self.moves.fetch_add(0, Ordering::AcqRel);
                if self.has_stored() {
                    return true;
                }
                if before & UNDER_WAY != 0 {
                    backoff.wait();
                    continue;
                }
                if listed.caches().any(|cache| self.rob(cache)) {
                    return true;
                }
                // Acquire and Release: as above. What began since may have passed by.
                if self.moves.fetch_add(0, Ordering::AcqRel) == before {
                    return false;
                }
            }
            // Here every move comes to its end: no user's code runs in one, and no lock is waited for. A thread that is
            // stopped in one from outside stops who looks here, too.
            if self.process != std::process::id() {
                return false;
            }
        }
    }

    /// Moves all slots of a cache to the depot; whether there were any. Under the registry's lock.
    fn rob(&self, cache: &Cache) -> bool {
        if !cache.may_hold() {
            return false;
        }
        let robbed = Self::with_owner_out(cache, || {
            let some = cache.len() > 0;
            if some {
                let _moving = self.moving();
                self.spill(cache, cache.most());
            }
            some
        });
        robbed == Some(true)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    extern crate std;

    use core::{alloc::Layout, ptr::NonNull};
    use std::{sync::Barrier, thread};

    use super::*;
    use crate::{
        layout::{SlabLayout, SlotLayout},
        provider::Global,
        raw::depot::{NO_POOL, SharedShape, SharedSlab},
    };

    #[test]
    fn a_move_is_waited_for_however_long_it_takes() {
        let slot = SlotLayout::linked(Layout::new::<u64>(), 1).unwrap();
        let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
        let depot = Depot::new(SharedShape::new(layout, slot), NO_POOL, 1);
        depot.add(&Global, NonNull::dangling(), Some(1)).unwrap();
        let (slot, _) = depot.fresh().carve(1).unwrap();
        let (moving, begun) = (depot.moving(), Barrier::new(2));
        let found = thread::scope(|threads| {
            let looks = threads.spawn(|| {
                begun.wait();
                depot.reclaim()
            });
            begun.wait();
            // Long enough for it to give up, if it does.
            (0..100 * LOOKS).for_each(|_| thread::yield_now());
            // SAFETY: the slot, which nobody uses.
            let _ = unsafe { Depot::put_into(NonNull::from(&depot), None, slot) };
            drop(moving);
            looks.join().unwrap()
        });
        assert!(found, "a slot on the move was not waited for");
        // SAFETY: nobody uses it any more.
        unsafe { depot.end(&Global) };
    }
}
