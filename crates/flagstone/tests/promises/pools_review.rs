//! Pools stay exact where their parts meet: locks that own something or let others in between, and
//! threads that overtake each other.
#![expect(unsafe_code, reason = "implements locks")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use flagstone::{FixedPool, SharedHandle, SharedPool, pool::Deferred, sync::SpinLock};
use flagstone_testkit::provider::Counting;
use lock_api::RawMutex;

/// What another thread does, and before which of the next locks.
type Meddling = (usize, Box<dyn FnOnce()>);

thread_local! {
    /// What runs before the present thread takes a [`Meddled`] lock.
    static BEFORE: RefCell<Option<Meddling>> = const { RefCell::new(None) };
}

/// Runs `meddle` just before the present thread takes its `nth` next lock, as another thread might
/// that was faster.
fn before_lock(nth: usize, meddle: impl FnOnce() + 'static) {
    BEFORE.set(Some((nth, Box::new(meddle))));
}

/// A lock that lets others in first.
struct Meddled(SpinLock);

// SAFETY: the lock inside excludes.
unsafe impl RawMutex for Meddled {
    const INIT: Self = Self(SpinLock::INIT);

    type GuardMarker = lock_api::GuardSend;

    fn lock(&self) {
        match BEFORE.take() {
            Some((1, meddle)) => meddle(),
            Some((nth, meddle)) => BEFORE.set(Some((nth - 1, meddle))),
            None => {}
        }
        self.0.lock();
    }

    fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    unsafe fn unlock(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.0.unlock() }
    }
}

/// Says that it is being dropped, and waits until it may be gone.
struct Slow(Sender<()>, Receiver<()>);

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = self.0.send(());
        let _ = self.1.recv();
    }
}

/// Drops a handle to `value` in a pool with that policy.
fn put_aside<T, L: RawMutex>(policy: &Deferred<T, L>, value: T) {
    let pool = FixedPool::with_hooks(1, policy).expect("memory");
    assert!(pool.alloc(value).is_ok());
}

#[test]
fn a_flush_of_nothing_takes_no_room() {
    let later = Arc::new(Deferred::<Option<Slow>, Meddled>::new(1).expect("memory"));
    // Two threads drop a batch each: all room is with them.
    let flushing = [(); 2].map(|()| {
        let (reached, at) = channel();
        let (go, may_go) = channel();
        put_aside(&later, Some(Slow(reached, may_go)));
        let later = Arc::clone(&later);
        let thread = thread::spawn(move || later.flush());
        at.recv().expect("the value is dropped");
        (go, thread)
    });
    // A third finds nothing, and is overtaken by both.
    before_lock(2, move || {
        for (go, thread) in flushing {
            drop(go);
            assert_eq!(thread.join().expect("no panic"), 1);
        }
    });
    assert_eq!(later.flush(), 0);
    // If it took no second lock, they end now.
    if let Some((_, meddle)) = BEFORE.take() {
        meddle();
    }

    // The room is still there: a value that comes while another one is dropped waits.
    let (reached, at) = channel();
    let (go, may_go) = channel();
    put_aside(&later, Some(Slow(reached, may_go)));
    let thread = thread::spawn({
        let later = Arc::clone(&later);
        move || later.flush()
    });
    at.recv().expect("the value is dropped");
    put_aside(&later, None);
    let waiting = later.waiting();
    drop(go);
    thread.join().expect("no panic");
    assert_eq!(waiting, 1);
}

#[test]
fn values_without_bytes_all_wait() {
    thread_local!(static GONE: Cell<u32> = const { Cell::new(0) });

    struct Empty;

    impl Drop for Empty {
        fn drop(&mut self) {
            GONE.set(GONE.get() + 1);
        }
    }

    let later = Deferred::<Empty>::new(1).expect("no memory is needed");
    for _ in 0..3 {
        put_aside(&later, Empty);
    }
    assert_eq!((later.waiting(), GONE.get()), (3, 0));
    assert_eq!((later.flush(), GONE.get()), (3, 3));
}

/// A lock that owns something, as one with a place in a registry does.
struct Owning(
    #[expect(dead_code, reason = "owned, no more")] Option<Rc<()>>,
    Cell<bool>,
);

// SAFETY: it is `!Sync`, and locking it twice panics.
unsafe impl RawMutex for Owning {
    const INIT: Self = Self(None, Cell::new(false));

    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {
        assert!(self.try_lock(), "locked already");
    }

    fn try_lock(&self) -> bool {
        !self.1.replace(true)
    }

    unsafe fn unlock(&self) {
        self.1.set(false);
    }
}

#[test]
fn locks_of_tickets_end_with_the_shared_pool() {
    use flagstone::{
        pool::{NoHooks, PoolConfig, ThreadSafePool},
        provider::Global,
    };

    let watched = Rc::new(());
    let lock = || Owning(Some(Rc::clone(&watched)), Cell::new(false));
    let below = ThreadSafePool::<u8, Owning, NoHooks, Global>::with_parts(
        PoolConfig::with_capacity(2),
        lock(),
        NoHooks,
        Global,
    )
    .expect("memory");
    let pool = SharedPool::with_locks(below, [lock(), lock()]);
    drop(pool.alloc(1));
    let below = pool.into_pool();
    assert_eq!(Rc::strong_count(&watched), 2);
    drop(below);
    assert_eq!(Rc::strong_count(&watched), 1);
}

#[test]
fn tickets_of_forgotten_handles_come_back_when_the_pool_is_cleared() {
    let counting = <Counting>::default();
    let mut pool = SharedPool::new(FixedPool::new_in(2, &counting));
    let mut calls = None;
    for round in 0..100 {
        let first = pool.alloc(Rc::new(round)).expect("a slot is free");
        std::mem::forget((first.clone(), SharedHandle::downgrade(&first), first));
        std::mem::forget(pool.alloc(Rc::new(round)));
        pool.clear();
        // Nothing more than in the first round.
        let now = counting.calls();
        assert_eq!(*calls.get_or_insert(now), now, "in round {round}");
    }
    let value = pool.alloc(Rc::new(7)).expect("a slot is free");
    let weak = SharedHandle::downgrade(&value);
    assert_eq!(SharedHandle::strong_count(&value), 1);
    drop(value);
    assert!(weak.upgrade().is_none());
}

#[cfg(feature = "stats")]
#[test]
fn numbers_of_a_shared_pool_are_those_of_one_moment() {
    use flagstone::{
        pool::{GrowthStrategy, NoHooks, PoolConfig, ThreadSafePool},
        provider::Global,
        stats::Metric,
    };

    let config = PoolConfig::builder()
        .capacity(1)
        .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
        .build()
        .expect("a good configuration");
    let pool: &'static ThreadSafePool<u64, Meddled> = Box::leak(Box::new(
        ThreadSafePool::with_parts(config, Meddled::INIT, NoHooks, Global).expect("memory"),
    ));
    let before = pool.capacity();
    // However many locks it takes: before each of them another thread fills the pool and more.
    for nth in 1..4 {
        before_lock(nth, move || {
            let held: Vec<_> = (0..=pool.capacity())
                .map(|n| pool.alloc(n as u64))
                .collect();
            std::mem::forget(held);
        });
        let stats = pool.stats();
        BEFORE.set(None);
        assert!(
            stats.get(Metric::InUse) <= stats.get(Metric::Capacity),
            "before lock {nth}: {stats:?}"
        );
    }
    assert!(pool.capacity() > before);
}
