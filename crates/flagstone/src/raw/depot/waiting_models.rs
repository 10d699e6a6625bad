//! What threads do to a depot while somebody waits for a slot of it, in every interleaving within the stated
//! bounds; and the same with a bug planted, which the models must find. They are made as those in
//! `models` are.

extern crate std;

use alloc::{boxed::Box, sync::Arc};
use core::{
    alloc::Layout,
    future::Future,
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, Waker},
};
use std::{sync::Mutex, task::Wake};

use super::{
    cache::Cache,
    depot::{Depot, NO_POOL},
    fresh::{SharedShape, SharedSlab},
};
use crate::{
    layout::{SlabLayout, SlotLayout},
    provider::Global,
    raw::wait::{Asker, Given, Plan, Queued, WaitQueue, Waiter, Waiting},
    sync::{
        DefaultLock,
        atomic::{AtomicUsize, Ordering},
        model::{explore_within, finds, thread},
    },
};

/// Every execution with at most so many switches of a thread that could have gone on.
const PREEMPTIONS: usize = 2;

/// A pool of one slot a slab, at the end of which its memory is given back.
struct Pool(Depot);

impl Pool {
    fn shape() -> SharedShape {
        let slot = SlotLayout::linked(Layout::new::<[u64; 60]>(), 1).unwrap();
        let layout = SlabLayout::new(1024, Layout::new::<SharedSlab>(), slot).unwrap();
        SharedShape::new(layout, slot)
    }

    /// One whose threads may have caches, with `slots`, all of which are fresh.
    fn relaxed(slots: usize) -> Arc<Self> {
        Self::filled(Depot::new(Self::shape(), NO_POOL, 1), slots)
    }

    fn exact(slots: usize) -> Arc<Self> {
        Self::filled(Depot::exact(Self::shape(), slots, Some(slots)), slots)
    }

    fn filled(depot: Depot, slots: usize) -> Arc<Self> {
        for _ in 0..slots {
            assert!(
                depot
                    .add(&Global, NonNull::dangling(), Some(slots))
                    .unwrap()
            );
        }
        Arc::new(Self(depot))
    }

    fn take(&self) -> Option<Slot> {
        match self.0.take_exact() {
            Some(slot) => Some(Slot(slot)),
            None => self.0.take_one().map(Slot),
        }
    }

    /// Puts a slot back; whether the pool is to be ended.
    fn put(&self, slot: Slot) -> bool {
        // SAFETY: the slot is the caller's.
        unsafe { Depot::put(NonNull::from(&self.0), slot.0, NonNull::from(&Global)) }.is_last
    }

    /// As `put`, by the owner of a cache.
    fn put_into(&self, cache: &Cache, slot: Slot) {
        if !cache.push(slot.0) {
            let cache = Some(NonNull::from(cache));
            // SAFETY: as above; only the cache's owner calls this.
            let _ = unsafe { Depot::put_into(NonNull::from(&self.0), cache, slot.0) };
        }
    }

    /// All slots are free, and nothing is shut.
    fn is_whole(&self, slots: usize) {
        assert_eq!(self.0.available(), slots, "a slot was lost, or had twice");
        for _ in 0..2 {
            let slot = self.take().unwrap();
            self.put(slot);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: the model is over.
        unsafe { self.0.end(&Global) };
    }
}

/// A slot that is with one thread at a time.
#[derive(Debug, PartialEq)]
struct Slot(NonNull<u8>);
// SAFETY: an address.
unsafe impl Send for Slot {}

impl Queued for Pool {
    type State = bool;
    type Demand = ();
    type Grant = Given;
    type Lock = DefaultLock;

    fn queue(&self) -> &WaitQueue<bool, (), Given> {
        self.0.queue()
    }

    fn left(&self, (): (), answer: Option<Given>) {
        match answer {
            Some(Given(Some(slot))) => assert!(!self.put(Slot(slot)), "the pool is there"),
            Some(Given(None)) => {}
            None => self.0.left(),
        }
    }
}

/// Waits for a slot; `None` if the pool is closed.
#[derive(Default)]
struct ForSlot {
    joined: bool,
}

impl Plan for ForSlot {
    type Host = Arc<Pool>;
    type Output = Option<Slot>;

    fn poll(
        &mut self,
        mut waiter: Pin<&mut Waiter<Arc<Pool>>>,
        asker: Asker<'_>,
    ) -> Poll<Option<Slot>> {
        let pool = Arc::clone(waiter.host().unwrap());
        if !self.joined {
            let mut held = pool.0.queue().lock();
            if *held {
                return Poll::Ready(None);
            }
            if let Some(slot) = pool.0.want(&mut held) {
                return Poll::Ready(Some(Slot(slot)));
            }
            waiter.as_mut().join(&mut held, 0, (), |()| false);
            self.joined = true;
        }
        match waiter.answer(Some(asker)) {
            Some(Given(slot)) => Poll::Ready(slot.map(Slot)),
            None => Poll::Pending,
        }
    }

    fn give_up(&mut self, _: Pin<&mut Waiter<Arc<Pool>>>) -> Option<Slot> {
        unreachable!("nobody does")
    }
}

/// A future of a model, and how often it was woken.
struct Task {
    future: Pin<Box<Waiting<ForSlot>>>,
    woken: Arc<Woken>,
    polled: Poll<Option<Slot>>,
}

struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    /// One that was polled once.
    fn new(pool: &Arc<Pool>) -> Self {
        let mut task = Self {
            future: Box::pin(Waiting::new(Arc::clone(pool), ForSlot::default())),
            woken: Arc::new(Woken(AtomicUsize::new(0))),
            polled: Poll::Pending,
        };
        task.polled = task.poll();
        task
    }

    fn poll(&mut self) -> Poll<Option<Slot>> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// What comes of it, when all others are done.
    fn end(mut self) -> Option<Slot> {
        if let Poll::Ready(slot) = self.polled {
            return slot;
        }
        assert_eq!(self.woken.0.load(Ordering::Relaxed), 1, "woken once");
        match self.poll() {
            Poll::Ready(slot) => slot,
            Poll::Pending => panic!("woken for nothing"),
        }
    }
}

/// Runs `f` on another thread, which has the pool.
fn other<R: Send + 'static>(
    pool: &Arc<Pool>,
    f: impl FnOnce(&Arc<Pool>) -> R + Send + 'static,
) -> thread::JoinHandle<R> {
    let pool = Arc::clone(pool);
    thread::spawn(move || f(&pool))
}

/// A slot comes back by the hurried way while one begins to wait, and stays in no cache.
fn put_into_a_cache() {
    let pool = Pool::relaxed(1);
    pool.0.model_supply(&Global);
    let (cache, slot) = (pool.0.model_cache(), pool.take().unwrap());
    let owner = other(&pool, move |pool| pool.put_into(&cache, slot));
    let task = Task::new(&pool);
    owner.join().unwrap();
    let slot = task.end();
    pool.put(slot.unwrap());
    pool.is_whole(1);
}

/// As above, of a thread without a cache.
fn put_without_a_cache(pool: &Arc<Pool>) {
    let slot = pool.take().unwrap();
    let owner = other(pool, move |pool| pool.put(slot));
    let task = Task::new(pool);
    assert!(!owner.join().unwrap(), "the pool is there");
    let slot = task.end();
    pool.put(slot.unwrap());
    pool.is_whole(1);
}

/// Of two who wait the first leaves while a slot comes back.
fn left_while_given(pool: &Arc<Pool>) {
    let slot = pool.take().unwrap();
    let (first, second) = (Task::new(pool), Task::new(pool));
    let owner = other(pool, move |pool| pool.put(slot));
    drop(first);
    owner.join().unwrap();
    let slot = second.end();
    pool.put(slot.unwrap());
    pool.is_whole(1);
}

/// The only one who waits leaves while a slot comes back by the hurried way.
fn left_by_the_last() {
    let pool = Pool::relaxed(1);
    pool.0.model_supply(&Global);
    let (cache, slot) = (pool.0.model_cache(), pool.take().unwrap());
    let task = Task::new(&pool);
    let owner = other(&pool, move |pool| pool.put_into(&cache, slot));
    drop(task);
    owner.join().unwrap();
    assert_eq!(pool.0.available(), 1, "a slot was lost, or is there twice");
    let task = Task::new(&pool);
    pool.put(task.end().unwrap());
}

/// The line is closed while one begins to wait and a slot comes back.
fn closed_meanwhile(pool: &Arc<Pool>) {
    let slot = pool.take().unwrap();
    let closer = other(pool, |pool| pool.0.close_line());
    let task = Task::new(pool);
    pool.put(slot);
    closer.join().unwrap();
    if let Some(slot) = task.end() {
        pool.put(slot);
    }
    pool.is_whole(1);
    assert_eq!(Task::new(pool).end(), None);
}

/// A thread without a cache has two slots for a moment, while one begins to wait for what it leaves.
fn looked_for_meanwhile() {
    let pool = Pool::relaxed(2);
    let slots = [(); 2].map(|()| pool.take().unwrap());
    for slot in slots {
        pool.put(slot);
    }
    let mover = other(&pool, |pool| pool.take());
    let task = Task::new(&pool);
    let theirs = mover.join().unwrap();
    // One was free all the time. The other thread may have looked while both were on their way here.
    for slot in [Some(task.end().unwrap()), theirs].into_iter().flatten() {
        pool.put(slot);
    }
    pool.is_whole(2);
}

/// One thread has all slots for a moment while another begins to wait, and leaves one, which a third takes: who waits
/// is given the next one that comes back. Step by step, because the others would have to come just between two; so there
/// is nothing to draw.
#[cfg(loom)]
fn left_and_taken_meanwhile() {
    let pool = Pool::relaxed(3);
    let [late, first, second] = [(); 3].map(|()| pool.take().unwrap());
    pool.put(first);
    let moving = pool.0.moving();
    let moved = pool.0.loose.take();
    pool.put(second);
    let theirs = pool.take().unwrap();
    let task = Task::new(&pool);
    pool.0.restore_loose(moved);
    let taken = pool.take().unwrap();
    drop(moving);
    pool.put(late);
    for slot in [task.end().unwrap(), theirs, taken] {
        pool.put(slot);
    }
    pool.is_whole(3);
}

/// As `looked_for_meanwhile`, of a thread that counts what is free.
fn counted_meanwhile() {
    let pool = Pool::relaxed(1);
    let slot = pool.take().unwrap();
    pool.put(slot);
    let mover = other(&pool, |pool| pool.0.available());
    let task = Task::new(&pool);
    mover.join().unwrap();
    let slot = task.end();
    pool.put(slot.unwrap());
    pool.is_whole(1);
}

/// A pool that counts exactly grows by its last slab while one begins to wait, who sees that it may not.
fn grown_meanwhile() {
    let depot = Depot::exact(Pool::shape(), 1, Some(1));
    let pool = Arc::new(Pool(depot));
    let add = |depot: &Depot| depot.add(&Global, NonNull::dangling(), Some(1)).unwrap();
    let grower = other(&pool, move |pool| add(&pool.0));
    if pool.0.fresh().capacity() == 1 {
        let slot = Task::new(&pool);
        grower.join().unwrap();
        let slot = slot.end();
        pool.put(slot.unwrap());
    } else {
        grower.join().unwrap();
    }
    pool.is_whole(1);
}

/// Who is given a slot brings it back and ends the pool, while the giver is still at it: there is one end,
/// and it comes when both are done.
fn ended_by_who_was_given(pool: &Arc<Pool>) {
    let slot = pool.take().unwrap();
    let mut task = Task::new(pool);
    let ends = Arc::new(Mutex::new(0));
    let giver = {
        let ends = Arc::clone(&ends);
        other(pool, move |pool| {
            *ends.lock().unwrap() += usize::from(pool.put(slot));
        })
    };
    if let Poll::Ready(slot) = task.poll() {
        drop(task);
        let last = pool.put(slot.unwrap());
        // SAFETY: nobody takes a slot any more.
        let ended = unsafe { Depot::close(NonNull::from(&pool.0)) };
        *ends.lock().unwrap() += usize::from(last) + usize::from(ended);
        giver.join().unwrap();
        assert_eq!(*ends.lock().unwrap(), 1, "the pool must end once");
    } else {
        giver.join().unwrap();
        assert_eq!(*ends.lock().unwrap(), 0, "the pool is there");
    }
}

#[test]
fn a_slot_stays_in_no_cache() {
    explore_within(PREEMPTIONS, put_into_a_cache);
    explore_within(PREEMPTIONS, left_by_the_last);
}

#[test]
fn a_slot_comes_from_a_thread_without_a_cache() {
    explore_within(PREEMPTIONS, || put_without_a_cache(&Pool::relaxed(1)));
    explore_within(PREEMPTIONS, || put_without_a_cache(&Pool::exact(1)));
}

#[test]
fn a_slot_goes_on_when_its_owner_leaves() {
    explore_within(PREEMPTIONS, || left_while_given(&Pool::relaxed(1)));
    explore_within(PREEMPTIONS, || left_while_given(&Pool::exact(1)));
}

#[test]
fn a_closed_line_is_left_by_all() {
    explore_within(PREEMPTIONS, || closed_meanwhile(&Pool::relaxed(1)));
    explore_within(PREEMPTIONS, || closed_meanwhile(&Pool::exact(1)));
}

#[test]
fn a_slot_on_the_move_is_not_missed() {
    explore_within(PREEMPTIONS, looked_for_meanwhile);
    explore_within(PREEMPTIONS, counted_meanwhile);
}

#[test]
fn a_slab_that_comes_last_is_not_missed() {
    explore_within(PREEMPTIONS, grown_meanwhile);
}

#[test]
fn a_pool_ends_when_the_giver_is_done() {
    explore_within(PREEMPTIONS, || ended_by_who_was_given(&Pool::relaxed(1)));
    explore_within(PREEMPTIONS, || ended_by_who_was_given(&Pool::exact(1)));
}

#[cfg(loom)]
#[test]
fn a_slot_that_is_left_and_taken_is_not_missed() {
    explore_within(PREEMPTIONS, left_and_taken_meanwhile);
    let name = "depot: who leaves nothing looks for nobody";
    finds(name, left_and_taken_meanwhile);
}

#[test]
fn bugs_are_found() {
    finds("cache: no barrier", put_into_a_cache);
    finds("depot: no barrier before the look", put_into_a_cache);
    finds("depot: caches stay open", put_into_a_cache);
    finds("depot: moves are not announced", looked_for_meanwhile);
    finds("depot: moves are not announced", counted_meanwhile);
    for pool in [Pool::relaxed, Pool::exact] {
        finds("depot: the list stays open", move || {
            put_without_a_cache(&pool(1));
        });
        finds("depot: nobody keeps it while he gives", move || {
            ended_by_who_was_given(&pool(1));
        });
    }
}
