//! What threads do to a depot at once, in every interleaving within the stated bounds; and the same
//! with a bug planted, which each model must find.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib depot
//! ```
//!
//! Loom runs all threads of a model on one thread of the system, so the models do without the thread's
//! table: each thread of a model is given its cache.

extern crate std;

use alloc::{sync::Arc, vec::Vec};
use core::{alloc::Layout, ptr::NonNull};
use std::sync::Mutex;

use super::{
    cache::Cache,
    depot::{Depot, NO_POOL},
    fresh::{SharedShape, SharedSlab},
    magazine::Magazines,
};
use crate::{
    layout::{SlabLayout, SlotLayout},
    provider::{Global, Provider},
    sync::model::{explore, finds, thread},
};

/// What models need of the parts.
impl Depot {
    pub(super) fn model_supply(&self, provider: &impl Provider) {
        assert!(self.magazines.add(provider).is_ok());
    }

    pub(super) fn model_cache(&self) -> Arc<Cache> {
        let registry = Arc::clone(&self.registry);
        let cache = Arc::new(Cache::new(
            NonNull::from(self).cast(),
            registry,
            self.magazine,
        ));
        self.registry.lock().add(Arc::clone(&cache));
        cache
    }

    pub(super) fn model_spill(&self, cache: &Cache) {
        if cache.enter_slow() {
            let moving = self.moving();
            self.spill(cache, cache.most());
            drop(moving);
            cache.leave();
        }
    }
}

/// A depot with two slots out, and one thread's cache for it, which takes two.
struct Bench {
    depot: Arc<Depot>,
    cache: Arc<Cache>,
    slots: [NonNull<u8>; 2],
}

// SAFETY: slots are addresses, and each is with one thread at a time.
unsafe impl Send for Bench {}
// SAFETY: as above.
unsafe impl Sync for Bench {}

impl Bench {
    fn new() -> Arc<Self> {
        let slot = SlotLayout::linked(Layout::new::<u64>(), 1).unwrap();
        let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
        let depot = Arc::new(Depot::new(SharedShape::new(layout, slot), NO_POOL, 1));
        let fresh = depot.fresh();
        depot.add(&Global, NonNull::dangling(), Some(2)).unwrap();
        let slots = [(); 2].map(|()| fresh.carve(1).unwrap().0);
        depot.model_supply(&Global);
        let cache = depot.model_cache();
        Arc::new(Self {
            depot,
            cache,
            slots,
        })
    }

    fn depot(&self) -> NonNull<Depot> {
        NonNull::from(&*self.depot)
    }

    fn put(&self, slot: NonNull<u8>) -> bool {
        let cache = Some(NonNull::from(&*self.cache));
        // SAFETY: one of the two slots, which nobody has; only the cache's owner calls this.
        unsafe { Depot::put_into(self.depot(), cache, slot) }.is_last
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // SAFETY: the model is over.
        unsafe { self.depot.end(&Global) };
    }
}

fn thief_and_owner() {
    let bench = Bench::new();
    assert_eq!(bench.slots.map(|slot| bench.put(slot)), [false; 2]);
    let owner = {
        let bench = Arc::clone(&bench);
        thread::spawn(move || bench.cache.pop().map(|slot| slot.as_ptr().addr()))
    };
    bench.depot.reclaim();
    let mut had: Vec<_> = owner.join().unwrap().into_iter().collect();
    while let Some(slot) = bench.depot.take_stored() {
        had.push(slot.as_ptr().addr());
    }
    while let Some(slot) = bench.cache.pop() {
        had.push(slot.as_ptr().addr());
    }
    had.sort_unstable();
    let mut slots = bench.slots.map(|slot| slot.as_ptr().addr());
    slots.sort_unstable();
    assert_eq!(had, slots, "a slot was lost, or had twice");
}

#[test]
fn a_thief_and_the_owner_never_have_one_slot_both() {
    explore(thief_and_owner);
}

#[test]
fn a_missing_barrier_is_found() {
    finds("cache: no barrier", thief_and_owner);
}

#[test]
fn a_section_that_ends_unseen_is_found() {
    finds("cache: leave is relaxed", thief_and_owner);
}

/// One thread takes a magazine while another takes two and puts the first back: what is on top is
/// the same again, and what is below it is not.
fn take_and_put_back() {
    let magazines = Arc::new(Magazines::new());
    magazines.add(&Global).unwrap();
    let other = {
        let magazines = Arc::clone(&magazines);
        thread::spawn(move || {
            let first = magazines.take_empty().unwrap();
            let second = magazines.take_empty();
            magazines.put_empty(first);
            second
        })
    };
    let mine = magazines.take_empty();
    let theirs = other.join().unwrap();
    let mut had: Vec<_> = mine.into_iter().chain(theirs).collect();
    while let Some(number) = magazines.take_empty() {
        assert!(had.len() < 4, "a magazine was had twice");
        had.push(number);
    }
    had.sort_unstable();
    assert_eq!(had, [0, 1, 2, 3], "a magazine was lost, or had twice");
    // SAFETY: the model is over.
    unsafe { magazines.end(&Global) };
}

#[test]
fn a_magazine_is_had_by_one_thread() {
    explore(take_and_put_back);
}

#[test]
fn a_stack_without_tags_is_found() {
    finds("tagged: the tag is not bumped", take_and_put_back);
}

/// A slot is free all the time: in the cache, on its way to the depot, or there.
fn spill_and_reclaim() {
    let bench = Bench::new();
    bench.put(bench.slots[0]);
    let owner = {
        let bench = Arc::clone(&bench);
        thread::spawn(move || bench.depot.model_spill(&bench.cache))
    };
    assert!(bench.depot.reclaim(), "a free slot was not found");
    owner.join().unwrap();
}

#[test]
fn a_slot_that_is_free_all_the_time_is_found() {
    explore(spill_and_reclaim);
}

#[test]
fn an_unannounced_move_is_found() {
    finds("depot: moves are not announced", spill_and_reclaim);
}

/// Two slots come back while the pool ends: one to the owner's cache, one of a thread without one.
fn put_and_close() {
    let bench = Bench::new();
    let ends = Arc::new(Mutex::new(0));
    let end = |ended: bool, ends: &Mutex<usize>| *ends.lock().unwrap() += usize::from(ended);
    let owner = {
        let (bench, ends) = (Arc::clone(&bench), Arc::clone(&ends));
        thread::spawn(move || end(bench.put(bench.slots[0]), &ends))
    };
    let other = {
        let (bench, ends) = (Arc::clone(&bench), Arc::clone(&ends));
        thread::spawn(move || {
            // SAFETY: the other slot, which nobody has.
            let ended = unsafe { Depot::put_into(bench.depot(), None, bench.slots[1]) }.is_last;
            end(ended, &ends);
        })
    };
    // SAFETY: nobody takes a slot.
    end(unsafe { Depot::close(bench.depot()) }, &ends);
    owner.join().unwrap();
    other.join().unwrap();
    assert_eq!(*ends.lock().unwrap(), 1, "the pool must end once");
}

#[test]
fn a_pool_ends_once_whoever_is_last() {
    explore(put_and_close);
}

#[test]
fn a_close_without_a_barrier_is_found() {
    finds("depot: closed without a barrier", put_and_close);
}

/// A depot that counts exactly, with two slots out of three.
fn exact() -> (Arc<Depot>, [NonNull<u8>; 2]) {
    let slot = SlotLayout::linked(Layout::new::<u64>(), 1).unwrap();
    let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
    let depot = Depot::exact(SharedShape::new(layout, slot), 3, Some(3));
    assert!(depot.add(&Global, NonNull::dangling(), Some(3)).unwrap());
    let slots = [(); 2].map(|()| depot.take().unwrap());
    (Arc::new(depot), slots)
}

/// Slots that go to a thread of a model.
struct Sent(Arc<Depot>, NonNull<u8>);
// SAFETY: an address, of a slot that is with one thread at a time.
unsafe impl Send for Sent {}

/// Puts a slot back; whether the pool is to be ended.
fn put_exact(Sent(depot, slot): &Sent) -> bool {
    // SAFETY: a slot of the depot's only slab, which nobody else has.
    unsafe { Depot::put(NonNull::from(&**depot), *slot, NonNull::from(&Global)) }.is_last
}

/// Two slots come back while a pool that counts exactly ends.
fn put_and_close_exact() {
    let (depot, slots) = exact();
    let others = slots.map(|slot| {
        let sent = Sent(Arc::clone(&depot), slot);
        thread::spawn(move || usize::from(put_exact(&sent)))
    });
    // SAFETY: nobody takes a slot.
    let mut ends = usize::from(unsafe { Depot::close(NonNull::from(&*depot)) });
    for other in others {
        ends += other.join().unwrap();
    }
    assert_eq!(ends, 1, "the pool must end once");
    // SAFETY: it is over.
    unsafe { depot.end(&Global) };
}

#[test]
fn an_exact_pool_ends_once_whoever_is_last() {
    explore(put_and_close_exact);
}

#[test]
fn a_close_that_misses_a_slot_is_found() {
    finds("tagged: closed by a load and a store", put_and_close_exact);
}

/// One slot comes back while another is taken: there are three, and one stays out.
fn counted_exactly() {
    let (depot, slots) = exact();
    let sent = Sent(Arc::clone(&depot), slots[0]);
    let other = thread::spawn(move || {
        assert!(!put_exact(&sent), "the pool is there");
        let available = sent.0.available();
        assert!([1, 2].contains(&available), "{available} were never free");
    });
    let mine = depot.take();
    assert!(mine.is_some(), "a slot was free all the time");
    let available = depot.available();
    assert!(available <= 1, "{available} were never free");
    other.join().unwrap();
    assert_eq!(depot.available(), 1);
    let last = depot.take();
    assert!(last.is_some() && last != mine && last != Some(slots[1]));
    assert_eq!((depot.take(), depot.available()), (None, 0));
    // SAFETY: the model is over.
    unsafe { depot.end(&Global) };
}

#[test]
fn an_exact_pool_knows_what_is_free() {
    explore(counted_exactly);
}

/// Two threads find the pool full, and it may grow by one slab.
fn grown_by_two() {
    let slot = SlotLayout::linked(Layout::new::<[u64; 60]>(), 1).unwrap();
    let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
    let shape = SharedShape::new(layout, slot);
    assert_eq!(shape.slots(), 1);
    let depot = Arc::new(Depot::exact(shape, 1, Some(2)));
    let add = |depot: &Depot| depot.add(&Global, NonNull::dangling(), Some(2)).unwrap();
    let other = {
        let depot = Arc::clone(&depot);
        thread::spawn(move || usize::from(add(&depot)))
    };
    let added = usize::from(add(&depot)) + other.join().unwrap();
    assert_eq!((added, depot.available()), (2, 2));
    assert!(!add(&depot), "there is room for two");
    // SAFETY: the model is over.
    unsafe { depot.end(&Global) };
}

#[test]
fn an_exact_pool_is_grown_by_several() {
    explore(grown_by_two);
}

/// A thread ends while the pool does.
fn retire_and_close() {
    let bench = Bench::new();
    assert_eq!(bench.slots.map(|slot| bench.put(slot)), [false; 2]);
    let owner = {
        let bench = Arc::clone(&bench);
        thread::spawn(move || super::depot::retire(&bench.cache))
    };
    // SAFETY: nobody takes a slot.
    assert!(unsafe { Depot::close(bench.depot()) }, "all slots are free");
    owner.join().unwrap();
}

#[test]
fn a_thread_may_end_while_the_pool_does() {
    explore(retire_and_close);
}

/// Three threads take and put back for long, with a cache each, and reclaim what the others have at hand; one
/// slot after the other is had by one thread, and all are there at the end.
#[cfg(shuttle)]
fn long_use() {
    const SLOTS: usize = 7;
    let slot = SlotLayout::linked(Layout::new::<u64>(), 1).unwrap();
    let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
    let depot = Arc::new(Depot::new(SharedShape::new(layout, slot), NO_POOL, 1));
    depot
        .add(&Global, NonNull::dangling(), Some(SLOTS))
        .unwrap();
    let held = Arc::new(Mutex::new(std::collections::BTreeSet::new()));
    depot.model_supply(&Global);
    let users = [1, 2, 3].map(|user| {
        let (depot, held) = (Arc::clone(&depot), Arc::clone(&held));
        let cache = depot.model_cache();
        thread::spawn(move || {
            let mut mine = Vec::new();
            for round in 0..20 {
                if let Some(slot) = cache.pop().or_else(|| depot.take_one()) {
                    let is_alone = held.lock().unwrap().insert(slot.as_ptr().addr());
                    assert!(is_alone, "a slot was had twice");
                    mine.push(slot);
                } else if round % 4 == user {
                    depot.reclaim();
                }
                if round % 3 != 0 && !mine.is_empty() {
                    let slot = mine.swap_remove(0);
                    held.lock().unwrap().remove(&slot.as_ptr().addr());
                    let cache = Some(NonNull::from(&*cache));
                    // SAFETY: this thread's slot and cache.
                    let _ = unsafe { Depot::put_into(NonNull::from(&*depot), cache, slot) };
                }
            }
            for slot in mine {
                held.lock().unwrap().remove(&slot.as_ptr().addr());
                let cache = Some(NonNull::from(&*cache));
                // SAFETY: as above.
                let _ = unsafe { Depot::put_into(NonNull::from(&*depot), cache, slot) };
            }
            super::depot::retire(&cache);
        })
    });
    for user in users {
        user.join().unwrap();
    }
    let all = core::iter::from_fn(|| depot.take_one()).take(SLOTS + 1);
    assert_eq!(all.count(), SLOTS, "a slot was lost, or is there twice");
    // SAFETY: the model is over.
    unsafe { depot.end(&Global) };
}

#[cfg(shuttle)]
#[test]
fn a_depot_in_long_use() {
    explore(long_use);
}
