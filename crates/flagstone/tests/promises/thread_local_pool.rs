//! One pool for all threads, an instance for each: it ends exactly once, on its thread, whatever is
//! destroyed first.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
};

use flagstone::{
    AllocErrorKind, OwnedHandle, ThreadLocalPool,
    pool::{FnHooks, GrowingPool, PoolConfig, ThreadLocalHandle},
    thread::on_exit,
};
use flagstone_testkit::{
    fuse::{blow, blows},
    heap_watch,
    value::{Census, Tracked},
};

/// Counts its deaths, and sees that it dies on the thread it was made on.
struct Native {
    home: ThreadId,
    deaths: Arc<AtomicUsize>,
}

impl Native {
    fn new(deaths: &Arc<AtomicUsize>) -> Self {
        Self {
            home: thread::current().id(),
            deaths: Arc::clone(deaths),
        }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // A thread that is past its locals has no handle of itself; it is the same one all the same.
        if let Ok(here) = catch_unwind(|| thread::current().id()) {
            assert_eq!(here, self.home);
        }
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }
}

fn deaths() -> (Arc<AtomicUsize>, impl Fn() -> usize) {
    let deaths = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&deaths);
    (deaths, move || count.load(Ordering::Relaxed))
}

/// Runs `body` on a thread of its own, to the end of its locals.
fn on_a_thread(body: impl FnOnce() + Send + 'static) {
    thread::spawn(body).join().expect("no panic");
}

#[test]
fn every_thread_has_slots_of_its_own() {
    static POOL: LazyLock<ThreadLocalPool<u64>> = LazyLock::new(|| ThreadLocalPool::new(10));
    let here: Vec<_> = (0..5).map(|n| POOL.alloc(n).expect("it grows")).collect();
    on_a_thread(|| {
        assert_eq!((POOL.in_use(), POOL.capacity()), (0, 0));
        let there: Vec<_> = (0..3).map(|n| POOL.alloc(n).expect("it grows")).collect();
        assert_eq!(POOL.in_use(), 3);
        drop(there);
    });
    assert_eq!(POOL.in_use(), 5);
    drop(here);
    assert_eq!(POOL.in_use(), 0);
}

#[test]
fn a_limit_is_each_threads_own() {
    let pool = ThreadLocalPool::with(|| {
        let config = PoolConfig::builder().capacity(2).max_capacity(Some(2));
        GrowingPool::with_config(config.build()?)
    });
    let pool = Arc::new(pool.expect("in range"));
    let fill = |pool: &ThreadLocalPool<u8>| {
        let held = (pool.alloc(1), pool.alloc(2));
        let refused = pool.alloc(3).expect_err("full");
        assert_eq!(
            (refused.kind(), refused.into_inner()),
            (AllocErrorKind::Exhausted, 3)
        );
        assert!(pool.alloc_with(|| unreachable!("full")).is_err());
        assert!(held.0.is_ok() && held.1.is_ok());
    };
    fill(&pool);
    let theirs = Arc::clone(&pool);
    on_a_thread(move || fill(&theirs));
    fill(&pool);
}

#[test]
fn a_maker_that_fails_is_an_error_at_once() {
    let refused = ThreadLocalPool::<u8>::with(|| {
        let config = PoolConfig::builder().capacity(2).alignment(3);
        GrowingPool::with_config(config.build()?)
    });
    assert_eq!(
        refused.expect_err("no power of two").knob(),
        Some("alignment")
    );
}

#[test]
fn values_left_behind_die_with_their_thread() {
    let (deaths, count) = deaths();
    let pool = Arc::new(ThreadLocalPool::new(1));
    let theirs = Arc::clone(&pool);
    on_a_thread(move || {
        // Given up, not forgotten: a forgotten handle keeps its instance for ever.
        let _ = OwnedHandle::into_raw(theirs.alloc(Native::new(&deaths)).expect("a slot"));
        drop(theirs.alloc(Native::new(&deaths)));
        assert_eq!(deaths.load(Ordering::Relaxed), 1);
    });
    assert_eq!(count(), 2);
}

/// Handles in a thread-local that is destroyed before, and one that is destroyed after the exit
/// hooks: whichever is registered first is destroyed last, or the other way round.
#[test]
fn handles_live_as_long_as_the_locals_they_are_in() {
    thread_local! {
        static EARLY: RefCell<Vec<ThreadLocalHandle<Native>>> = RefCell::default();
        static LATE: RefCell<Vec<ThreadLocalHandle<Native>>> = RefCell::default();
    }
    let (deaths, count) = deaths();
    on_a_thread(move || {
        // Registers its destructor before the pool registers its hook; the other one after.
        EARLY.with(|_| ());
        let pool = ThreadLocalPool::new(4);
        let alloc = || pool.alloc(Native::new(&deaths)).expect("a slot");
        let (early, late) = (alloc(), alloc());
        EARLY.with(|handles| handles.borrow_mut().push(early));
        LATE.with(|handles| handles.borrow_mut().push(late));
        // The pool is dropped here, before all of them.
        drop(pool);
        assert_eq!(deaths.load(Ordering::Relaxed), 0);
    });
    assert_eq!(count(), 2);
}

/// A destructor of a thread-local allocates: before the exit hooks have run, or after.
#[test]
fn a_pool_serves_while_a_thread_ends() {
    static POOL: LazyLock<ThreadLocalPool<Native>> = LazyLock::new(|| ThreadLocalPool::new(1));

    struct AtEnd {
        deaths: Option<Arc<AtomicUsize>>,
        kept: Option<ThreadLocalHandle<Native>>,
    }

    impl Drop for AtEnd {
        fn drop(&mut self) {
            let Some(deaths) = self.deaths.take() else {
                return;
            };
            for _ in 0..10 {
                let handle = POOL.alloc(Native::new(&deaths)).expect("memory");
                drop(self.kept.replace(handle));
            }
            let other = POOL.alloc_with(|| Native::new(&deaths)).expect("memory");
            drop((other, self.kept.take()));
        }
    }

    thread_local! {
        static EARLY: RefCell<AtEnd> = const { RefCell::new(AtEnd { deaths: None, kept: None }) };
        static LATE: RefCell<AtEnd> = const { RefCell::new(AtEnd { deaths: None, kept: None }) };
    }

    let (deaths, count) = deaths();
    on_a_thread(move || {
        EARLY.with(|at_end| at_end.borrow_mut().deaths = Some(Arc::clone(&deaths)));
        drop(POOL.alloc(Native::new(&deaths)));
        LATE.with(|at_end| at_end.borrow_mut().deaths = Some(Arc::clone(&deaths)));
        let hooks = Arc::clone(&deaths);
        on_exit(move || {
            for _ in 0..10 {
                drop(POOL.alloc(Native::new(&hooks)));
            }
        })
        .expect("the thread runs");
    });
    assert_eq!(count(), 1 + 2 * 11 + 10);
}

/// A value that is dropped with its instance uses the pool, which makes another instance.
#[test]
fn a_destructor_may_use_the_pool_that_ends() {
    static POOL: LazyLock<ThreadLocalPool<Last>> = LazyLock::new(|| ThreadLocalPool::new(1));

    struct Last {
        lives: usize,
        deaths: Arc<AtomicUsize>,
    }

    impl Drop for Last {
        fn drop(&mut self) {
            self.deaths.fetch_add(1, Ordering::Relaxed);
            if self.lives > 0 {
                let last = Last {
                    lives: self.lives - 1,
                    deaths: Arc::clone(&self.deaths),
                };
                let handle = POOL.alloc(last).expect("memory");
                let _ = OwnedHandle::into_raw(handle);
            }
        }
    }

    let (deaths, count) = deaths();
    on_a_thread(move || {
        let last = Last { lives: 5, deaths };
        let _ = OwnedHandle::into_raw(POOL.alloc(last).expect("memory"));
    });
    assert_eq!(count(), 6);
}

#[test]
fn a_pool_may_be_dropped_before_its_handles_and_by_another_thread() {
    let census = Census::default();
    let pool = ThreadLocalPool::new(1);
    let here = pool.alloc(census.tracked::<()>()).expect("memory");
    let (to_them, for_them) = mpsc::channel::<ThreadLocalPool<Tracked>>();
    let theirs = census.clone();
    let thread = thread::spawn(move || {
        let pool = for_them.recv().expect("it is sent");
        let there = pool.alloc(theirs.tracked()).expect("memory");
        drop(pool);
        assert_eq!(theirs.live(), 2);
        drop(there);
        assert_eq!(theirs.live(), 1);
    });
    to_them.send(pool).expect("the thread receives");
    thread.join().expect("no panic");
    drop(here);
    assert_eq!(census.live(), 0);
}

/// Instances of pools that are gone do not pile up in the tables of threads that go on.
#[test]
fn a_thread_lets_go_of_pools_that_others_dropped() {
    let census = Census::default();
    for _ in 0..20 {
        let pool = ThreadLocalPool::new(1);
        let _ = OwnedHandle::into_raw(pool.alloc(census.tracked::<()>()).expect("memory"));
        thread::spawn(move || drop(pool)).join().expect("no panic");
        // The instance of the round before went when this round's was made.
        assert!(census.live() <= 2, "{} live", census.live());
    }
    let pool = ThreadLocalPool::<u8>::new(1);
    drop(pool.alloc(1));
    assert_eq!(census.live(), 0);
}

#[test]
fn many_pools_are_told_apart() {
    let pools: Vec<_> = (0..200_u32)
        .map(|_| ThreadLocalPool::<u32>::new(1))
        .collect();
    let handles: Vec<_> = pools
        .iter()
        .zip(0..)
        .map(|(pool, n)| pool.alloc(n).expect("memory"))
        .collect();
    for (n, pool) in pools.iter().enumerate().rev() {
        assert_eq!(pool.in_use(), 1);
        if n % 3 == 0 {
            drop(pool.alloc(7));
        }
    }
    let others: Vec<_> = pools.into_iter().step_by(2).collect();
    assert!(others.iter().all(|pool| pool.in_use() == 1));
    drop(others);
    assert!(handles.iter().zip(0..).all(|(handle, n)| **handle == n));
}

/// Ten thousand threads, each with an instance of its own, a few at a time.
#[test]
fn ten_thousand_threads_leave_nothing() {
    let threads = if cfg!(miri) { 20 } else { 10_000 };
    let (deaths, count) = deaths();
    let pool = Arc::new(ThreadLocalPool::new(1));
    for _ in 0..threads / 20 {
        let batch: Vec<_> = (0..20)
            .map(|_| {
                let (pool, deaths) = (Arc::clone(&pool), Arc::clone(&deaths));
                thread::spawn(move || {
                    let first = pool.alloc(Native::new(&deaths)).expect("memory");
                    assert_eq!(pool.in_use(), 1);
                    drop(pool.alloc(Native::new(&deaths)));
                    let _ = OwnedHandle::into_raw(first);
                })
            })
            .collect();
        for thread in batch {
            thread.join().expect("no panic");
        }
    }
    assert_eq!(count(), 2 * threads);
    assert_eq!(pool.capacity(), 0);
}

#[test]
fn a_panic_loses_nothing() {
    let census = Census::default();
    let pool = ThreadLocalPool::new(1);
    for _ in 0..3 {
        assert!(blows(|| {
            let _ = pool.alloc_with(|| blow());
        }));
        let handle = pool.alloc(census.tracked::<()>()).expect("memory");
        census.drops().set(1);
        assert!(blows(|| drop(handle)));
        assert_eq!((pool.in_use(), census.live()), (0, 0));
    }
    // In the maker of an instance: the next call tries again.
    let fail = Arc::new(AtomicUsize::new(0));
    let pool = ThreadLocalPool::with({
        let fail = Arc::clone(&fail);
        move || {
            if fail.swap(0, Ordering::Relaxed) > 0 {
                blow();
            }
            GrowingPool::try_new(1)
        }
    })
    .expect("memory");
    fail.store(1, Ordering::Relaxed);
    assert!(blows(|| drop(pool.alloc(1))));
    assert_eq!(*pool.alloc(2).expect("memory"), 2);
}

/// The maker of an instance uses the pool that it makes one for.
#[test]
fn a_maker_may_use_its_pool() {
    thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
    static POOL: LazyLock<ThreadLocalPool<u32>> = LazyLock::new(|| {
        ThreadLocalPool::with(|| {
            // Once when the pool is made, while nobody can use it.
            if DEPTH.replace(DEPTH.get() + 1) == 1 {
                assert_eq!(*POOL.alloc(1).expect("memory"), 1);
            }
            GrowingPool::try_new(1)
        })
        .expect("memory")
    });
    LazyLock::force(&POOL);
    let handle = POOL.alloc(2).expect("memory");
    assert_eq!((*handle, POOL.in_use(), DEPTH.get()), (2, 1, 3));
}

#[test]
fn hooks_run_on_the_thread_that_allocates() {
    let calls = Arc::new(AtomicUsize::new(0));
    let pool = Arc::new(
        ThreadLocalPool::with({
            let calls = Arc::clone(&calls);
            move || {
                let calls = Arc::clone(&calls);
                let hooks = FnHooks::new(
                    move |_: &mut u8| {
                        calls.fetch_add(1, Ordering::Relaxed);
                    },
                    |_: &mut u8| (),
                );
                GrowingPool::with_hooks(1, hooks)
            }
        })
        .expect("memory"),
    );
    drop(pool.alloc(1));
    let theirs = Arc::clone(&pool);
    thread::spawn(move || drop(theirs.alloc(2)))
        .join()
        .expect("no panic");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn a_steady_state_allocates_nothing() {
    assert!(heap_watch::is_installed());
    let pool = ThreadLocalPool::new(4);
    drop(pool.alloc(0));
    let calls = heap_watch::calls_during(|| {
        for n in 0..100 {
            drop((pool.alloc(n), pool.alloc(n)));
        }
    });
    assert_eq!(calls, 0);
    let unwound = catch_unwind(AssertUnwindSafe(|| pool.in_use()));
    assert_eq!(unwound.ok(), Some(0));
}
