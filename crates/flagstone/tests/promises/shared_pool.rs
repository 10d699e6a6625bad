//! A pool that threads share hands every slot out once, counts exactly, and locks nobody out while
//! user code runs.
#![expect(
    unsafe_code,
    reason = "implements a provider and borrows a pool for ever"
)]

use std::{
    alloc::Layout,
    collections::BTreeSet,
    ptr::NonNull,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use flagstone::{
    AllocErrorKind, OutOfMemory, OwnedHandle, ThreadSafePool,
    pool::{FnHooks, GrowthStrategy, NoHooks, PoolConfig, ThreadSafeHandle},
    provider::{Chunk, Global, Provider},
    sync::{DefaultLock, SpinLock},
};
use flagstone_testkit::{
    fuse::{Fuse, blows},
    leaked::Leaked,
};
use lock_api::RawMutex;

const THREADS: usize = 4;
/// Rounds of a thread; the interpreter is slow.
const ROUNDS: usize = if cfg!(miri) { 50 } else { 5000 };

/// Counts the values alive, and the most there ever were.
#[derive(Default)]
struct Ledger {
    live: AtomicUsize,
    most: AtomicUsize,
}

struct Entry<'a> {
    ledger: &'a Ledger,
    // Its owner's number, twice: a value that two threads own would show.
    halves: [usize; 2],
}

impl<'a> Entry<'a> {
    fn new(ledger: &'a Ledger, number: usize) -> Self {
        let live = ledger.live.fetch_add(1, Ordering::Relaxed) + 1;
        ledger.most.fetch_max(live, Ordering::Relaxed);
        Self {
            ledger,
            halves: [number; 2],
        }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        assert_eq!(self.halves[0], self.halves[1]);
        self.ledger.live.fetch_sub(1, Ordering::Relaxed);
    }
}

fn every_thread_owns_its_slots<R: RawMutex + Sync + 'static>() {
    let ledger = Ledger::default();
    let pool = ThreadSafePool::<Entry<'_>, R>::with_lock(2 * THREADS).expect("memory");
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (pool, ledger) = (&pool, &ledger);
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..ROUNDS {
                    // The value of `alloc_with` is made once there is a slot for it.
                    match pool.alloc_with(|| Entry::new(ledger, thread)) {
                        Ok(handle) => held.push(handle),
                        Err(refused) => assert_eq!(refused.kind(), AllocErrorKind::Exhausted),
                    }
                    for handle in &mut held {
                        assert_eq!(handle.halves, [thread; 2]);
                    }
                    if held.len() > round % 4 {
                        held.swap_remove(0);
                    }
                }
            });
        }
    });
    assert!(ledger.most.load(Ordering::Relaxed) <= 2 * THREADS);
    assert_eq!(ledger.live.load(Ordering::Relaxed), 0);
    assert!(pool.is_empty());
    assert_eq!(pool.available(), 2 * THREADS);
}

#[test]
fn every_thread_owns_its_slots_under_the_default_lock() {
    every_thread_owns_its_slots::<DefaultLock>();
}

#[test]
fn every_thread_owns_its_slots_under_the_spin_lock() {
    every_thread_owns_its_slots::<SpinLock>();
}

#[test]
fn a_handle_may_be_dropped_by_another_thread() {
    let pool = ThreadSafePool::new(8);
    let (send, receive) = mpsc::channel::<OwnedHandle<'_, String, _>>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut seen = BTreeSet::new();
            for handle in receive {
                assert!(seen.insert(handle.clone()), "{} came twice", *handle);
            }
            assert_eq!(seen.len(), ROUNDS);
        });
        for n in 0..ROUNDS {
            let mut value = n.to_string();
            loop {
                match pool.alloc(value) {
                    Ok(handle) => break send.send(handle).expect("the other thread receives"),
                    Err(refused) => value = refused.into_inner(),
                }
                thread::yield_now();
            }
        }
        drop(send);
    });
    assert!(pool.is_empty());
}

#[test]
fn threads_that_grow_together_stop_at_the_limit() {
    const MOST: usize = 1000;
    for growth in [
        GrowthStrategy::Exponential { factor: 1.5 },
        GrowthStrategy::Linear { amount: 1 },
        GrowthStrategy::Custom {
            compute: Box::new(|_| 0),
        },
    ] {
        let config = PoolConfig::builder()
            .capacity(3)
            .max_capacity(Some(MOST))
            .growth_strategy(growth)
            .build()
            .expect("in range");
        let pool: ThreadSafePool<[usize; 9], _, _, _, 4096> =
            ThreadSafePool::with_parts(config, DefaultLock::INIT, NoHooks, Global).expect("memory");
        let start = Barrier::new(THREADS);
        let (placed, capacity) = thread::scope(|scope| {
            let fill = || {
                start.wait();
                let mut held = Vec::new();
                while let Ok(handle) = pool.alloc([held.len(); 9]) {
                    held.push(handle);
                }
                held
            };
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(fill)).collect();
            // Handles stay until all threads were refused.
            let held: Vec<_> = threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect();
            let placed: usize = held.iter().map(Vec::len).sum();
            (placed, pool.capacity())
        });
        assert_eq!((placed, capacity), (MOST, MOST));
        assert!(pool.is_empty());
        pool.shrink_to_fit();
        assert_eq!((pool.capacity(), pool.slabs()), (0, 0));
        assert!(pool.alloc([0; 9]).is_ok());
    }
}

/// A provider that waits inside a call until it is let go.
struct Slow<'a> {
    inside: &'a Barrier,
    go_on: &'a Barrier,
    calls: AtomicUsize,
    slow_call: usize,
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Slow<'_> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.slow_call {
            self.inside.wait();
            self.go_on.wait();
        }
        Global.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on as it is.
        unsafe { Global.free(ptr, layout) }
    }
}

#[test]
fn nobody_waits_for_a_thread_that_grows_the_pool() {
    let (inside, go_on) = (Barrier::new(2), Barrier::new(2));
    let config = PoolConfig::builder()
        .capacity(2)
        .growth_strategy(GrowthStrategy::Linear { amount: 1 })
        .build()
        .expect("in range");
    let provider = Slow {
        inside: &inside,
        go_on: &go_on,
        calls: AtomicUsize::new(0),
        // The slabs' owner, the first slab, then the one that growth asks for.
        slow_call: 2,
    };
    let pool: ThreadSafePool<[u8; 1000], _, _, _, 4096> =
        ThreadSafePool::with_parts(config, DefaultLock::INIT, NoHooks, provider).expect("memory");
    let mut held: Vec<_> = Vec::new();
    while !pool.is_full() {
        held.push(pool.alloc([0; 1000]).expect("a slot is free"));
    }
    thread::scope(|scope| {
        scope.spawn(|| drop(pool.alloc([1; 1000]).expect("the pool grows")));
        inside.wait();
        // The other thread is in the provider: this one frees, counts and allocates.
        held.pop();
        assert_eq!(pool.in_use(), held.len());
        held.push(pool.alloc([2; 1000]).expect("a slot is free"));
        go_on.wait();
    });
    assert_eq!(pool.slabs(), 2);
}

#[test]
fn a_panic_on_one_thread_harms_no_other() {
    let fuse = Fuse::never();
    let hooks = {
        let (acquire, release) = (fuse.clone(), fuse.clone());
        FnHooks::new(
            move |_: &mut usize| acquire.tick(),
            move |_: &mut usize| release.tick(),
        )
    };
    let pool = ThreadSafePool::with_hooks(1, hooks).expect("memory");
    let pool = &pool;
    thread::scope(|scope| {
        for nth in 1..=2 {
            let fuse = fuse.clone();
            let blown = scope.spawn(move || {
                fuse.set(nth);
                blows(|| drop(pool.alloc(0)))
            });
            assert!(blown.join().expect("the panic is caught"));
            // Nothing is poisoned, and the one slot is back.
            assert_eq!(*pool.alloc(nth).expect("a slot is free"), nth);
        }
    });
    assert!(pool.is_empty());
}

#[test]
fn a_pool_without_growth_is_exact_and_says_so() {
    let pool = ThreadSafePool::<u8>::new(3);
    assert_eq!((pool.capacity(), pool.max_capacity()), (3, Some(3)));
    assert_eq!(pool.shrink_to_fit(), 0, "it could not get them again");
    let held: Vec<_> = (0..3).map(|n| pool.alloc(n)).collect();
    assert!(held.iter().all(Result::is_ok) && pool.is_full());
    let refused = pool.alloc(9).expect_err("full");
    assert_eq!(
        (refused.kind(), refused.into_inner()),
        (AllocErrorKind::Exhausted, 9)
    );
    let config = PoolConfig::<u8>::builder()
        .capacity(3)
        .max_capacity(Some(4))
        .growth_strategy(GrowthStrategy::None)
        .build()
        .expect("in range");
    let refused = ThreadSafePool::with_config(config).expect_err("it cannot get there");
    assert_eq!(refused.knob(), Some("max_capacity"));
}

/// Destructors of one thread run while others allocate and free: none of them waits for a lock that
/// a destructor's thread holds.
#[test]
fn a_slow_destructor_keeps_nobody_waiting() {
    struct Slow(Option<[Arc<Barrier>; 2]>);

    impl Drop for Slow {
        fn drop(&mut self) {
            for barrier in self.0.iter().flatten() {
                barrier.wait();
            }
        }
    }

    let barriers = [(); 2].map(|()| Arc::new(Barrier::new(2)));
    let pool = ThreadSafePool::new(2);
    let slow = pool
        .alloc(Slow(Some(barriers.clone())))
        .expect("a slot is free");
    thread::scope(|scope| {
        scope.spawn(move || drop(slow));
        barriers[0].wait();
        // Its destructor runs and its slot is still in use.
        assert_eq!(pool.in_use(), 1);
        drop(pool.alloc(Slow(None)));
        barriers[1].wait();
    });
    assert!(pool.is_empty());
}

/// Values that own handles of their own pool, on several threads at once.
#[test]
fn lists_in_one_pool_are_dropped_by_many_threads() {
    struct Link {
        _next: Option<ThreadSafeHandle<'static, Self>>,
        deaths: Arc<AtomicUsize>,
    }

    impl Drop for Link {
        fn drop(&mut self) {
            self.deaths.fetch_add(1, Ordering::Relaxed);
        }
    }

    let deaths = Arc::new(AtomicUsize::new(0));
    // SAFETY: every handle is dropped by the threads, which end before `leaked`.
    let leaked = unsafe { Leaked::new(ThreadSafePool::<Link>::new(THREADS * 10)) };
    let pool = leaked.get();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS / 50 {
                    let mut head = None;
                    for _ in 0..10 {
                        let link = Link {
                            _next: head,
                            deaths: Arc::clone(&deaths),
                        };
                        head = Some(pool.alloc(link).expect("room for all"));
                    }
                    drop(head);
                }
            });
        }
    });
    assert!(pool.is_empty());
    let links = THREADS * (ROUNDS / 50) * 10;
    assert_eq!(deaths.load(Ordering::Relaxed), links);
}
