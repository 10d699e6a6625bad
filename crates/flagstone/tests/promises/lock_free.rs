//! A `LockFreePool` under threads: nothing is lost, whoever frees what and whenever a thread ends.
#![expect(unsafe_code, reason = "handles from raw pointers")]

use std::{
    cell::RefCell,
    collections::HashSet,
    fmt::Debug,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use flagstone::{
    LockFreePool, OwnedHandle, SharedHandle, SharedPool,
    pool::{
        GrowthStrategy, HandOver, Hooks, InitializationStrategy, LockFreeHandle, NoHooks,
        PoolConfig,
    },
    provider::Global,
};
use flagstone_testkit::{
    fuse::{blow, blows},
    leaked::forever,
    provider::{Counting, FailNth, Lie, Lying},
    threads::scope,
};
use proptest::prelude::*;

#[test]
fn every_slot_is_had_once_and_comes_back() {
    let pool = LockFreePool::new(1000);
    let handles: Vec<_> = (0..1000_usize).map(|n| pool.alloc(n).unwrap()).collect();
    assert_eq!(
        (pool.available(), pool.in_use(), pool.is_full()),
        (0, 1000, true)
    );
    assert_eq!(pool.alloc(7).unwrap_err().into_inner(), 7);
    let places: HashSet<_> = handles.iter().map(OwnedHandle::as_ptr).collect();
    assert_eq!(places.len(), 1000);
    assert!(handles.iter().enumerate().all(|(n, handle)| **handle == n));
    drop(handles);
    assert_eq!((pool.available(), pool.is_empty()), (1000, true));
}

#[test]
fn a_handle_is_one_word() {
    assert_eq!(size_of::<LockFreeHandle<String>>(), size_of::<usize>());
    assert_eq!(
        size_of::<Option<LockFreeHandle<[u8; 3]>>>(),
        size_of::<usize>()
    );
}

#[test]
fn another_thread_gets_what_this_one_has_at_hand() {
    for capacity in [1, 2, 63, 64, 100, 1000, 5000] {
        let pool = LockFreePool::new(capacity);
        let handles: Vec<_> = (0..capacity).map(|n| pool.alloc(n).unwrap()).collect();
        // All free slots are now this thread's, or in the depot.
        drop(handles);
        scope(|scope| {
            scope.spawn(|| {
                let mut handles = Vec::new();
                pool.alloc_many(0..capacity, &mut handles).unwrap();
                assert_eq!(handles.len(), capacity);
                pool.alloc(0).unwrap_err();
            });
        });
        assert_eq!(pool.available(), capacity);
    }
}

#[test]
fn a_batch_is_freed_whatever_its_destructors_do() {
    struct Bomb(bool, Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::Relaxed);
            if self.0 {
                blow();
            }
        }
    }
    let gone = Arc::new(AtomicUsize::new(0));
    for pool in [LockFreePool::new(300), LockFreePool::exact(300)] {
        let mut handles = Vec::new();
        let values = (0..300).map(|n| Bomb(n == 100, Arc::clone(&gone)));
        let placed = pool.alloc_many(values, &mut handles);
        assert_eq!(placed.map_err(|_| "there is room"), Ok(300));
        assert_eq!(LockFreePool::free_many(handles.drain(..50)), 50);
        assert!(blows(|| {
            LockFreePool::free_many(handles);
        }));
        assert_eq!(pool.available(), 300);
    }
    assert_eq!(gone.load(Ordering::Relaxed), 600);
}

#[test]
fn a_pool_used_to_the_last_slot_refuses_nobody() {
    const THREADS: usize = 4;
    const EACH: usize = 8;
    let pool = LockFreePool::new(THREADS * EACH);
    scope(|scope| {
        for thread in 0..THREADS {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..500 {
                    let mut held = Vec::new();
                    for n in 0..EACH {
                        held.push(pool.alloc((thread, round, n)).expect("eight for each"));
                    }
                    assert!(
                        held.iter()
                            .enumerate()
                            .all(|(n, value)| **value == (thread, round, n))
                    );
                }
            });
        }
    });
    assert_eq!(pool.available(), THREADS * EACH);
}

#[test]
fn values_made_here_are_dropped_there() {
    let live = Arc::new(AtomicUsize::new(0));
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let counting = forever(Counting::new(Global));
    let pool = LockFreePool::new_in(2048, counting);
    let (sender, receiver) = mpsc::sync_channel(256);
    scope(|scope| {
        scope.spawn(|| drop(receiver.into_iter().collect::<Vec<_>>()));
        for _ in 0..2000 {
            live.fetch_add(1, Ordering::Relaxed);
            sender
                .send(pool.alloc(Counted(Arc::clone(&live))).ok().unwrap())
                .unwrap();
        }
        drop(sender);
    });
    assert_eq!((live.load(Ordering::Relaxed), pool.available()), (0, 2048));
    drop(pool);
    assert_eq!(counting.live(), 0);
}

#[test]
fn hand_offs_need_no_further_memory() {
    let counting = forever(Counting::new(Global));
    let pool = LockFreePool::new_in(4096, counting);
    let (sender, receiver) = mpsc::sync_channel(64);
    thread::scope(|scope| {
        scope.spawn(|| receiver.into_iter().for_each(drop));
        let mut before = 0;
        for n in 0..100_000 {
            if n == 20_000 {
                before = counting.calls();
            }
            sender.send(pool.alloc(n).unwrap()).unwrap();
        }
        assert_eq!(counting.calls(), before);
        drop(sender);
    });
}

#[test]
fn handles_outlive_their_pool_on_any_thread() {
    let counting = forever(Counting::new(Global));
    let pool = LockFreePool::new_in(300, counting);
    let mut handles: Vec<_> = (0..300).map(|n| pool.alloc(vec![n]).unwrap()).collect();
    // Free slots are at hand here and in a thread that goes on.
    handles.truncate(200);
    let (done, wait) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let other = {
        let (done, wait) = (Arc::clone(&done), Arc::clone(&wait));
        let some = handles.split_off(100);
        thread::spawn(move || {
            let kept = some.into_iter().skip(50).collect::<Vec<_>>();
            done.wait();
            wait.wait();
            assert!(
                kept.iter()
                    .enumerate()
                    .all(|(n, value)| **value == [n + 150])
            );
            drop(kept);
        })
    };
    done.wait();
    drop(pool);
    assert_ne!(counting.live(), 0);
    wait.wait();
    other.join().unwrap();
    assert!(handles.iter().enumerate().all(|(n, value)| **value == [n]));
    drop(handles);
    assert_eq!(counting.live(), 0);
}

#[test]
fn a_thread_local_that_outlives_the_cache_gives_its_slots_back() {
    thread_local! {
        static KEPT: RefCell<Vec<LockFreeHandle<usize, NoHooks, &'static Counting<Global>>>> =
            const { RefCell::new(Vec::new()) };
    }
    let counting = forever(Counting::new(Global));
    let pool = LockFreePool::new_in(500, counting);
    for _ in 0..2 {
        scope(|scope| {
            scope.spawn(|| {
                KEPT.with_borrow_mut(|kept| pool.alloc_many(0..300, kept))
                    .unwrap();
            });
        });
        assert_eq!(pool.available(), 500);
    }
    let keeper = thread::spawn({
        let handles: Vec<_> = (0..300).map(|n| pool.alloc(n).unwrap()).collect();
        move || KEPT.set(handles)
    });
    drop(pool);
    keeper.join().unwrap();
    assert_eq!(counting.live(), 0);
}

#[test]
fn threads_that_come_and_go_lose_nothing() {
    let rounds = if cfg!(miri) { 5 } else { 2500 };
    let pool = LockFreePool::new(256);
    let handles = Mutex::new(Vec::new());
    for n in 0..rounds {
        let turn = || {
            let mine = pool.alloc(n).unwrap();
            drop(pool.alloc(n).unwrap());
            let mut handles = handles.lock().unwrap();
            handles.push(mine);
            if handles.len() > 100 {
                handles.clear();
            }
        };
        // One ends while another begins.
        scope(|scope| (0..4).for_each(|_| scope.spawn(turn)));
    }
    handles.lock().unwrap().clear();
    assert_eq!(pool.available(), 256);
}

#[test]
fn a_panic_with_slots_at_hand_loses_nothing() {
    let pool = LockFreePool::new(100);
    let panicked = thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let _held = pool.alloc(1).unwrap();
            drop((0..50).map(|n| pool.alloc(n).unwrap()).collect::<Vec<_>>());
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        panics.join().is_err()
    });
    assert!(panicked);
    assert_eq!(pool.available(), 100);
}

#[test]
fn a_value_may_own_handles_into_its_own_pool() {
    struct Node(#[expect(dead_code, reason = "owned")] Option<LockFreeHandle<Node>>);
    let pool = LockFreePool::new(1000);
    let mut list = None;
    for _ in 0..1000 {
        list = Some(pool.alloc(Node(list)).ok().unwrap());
    }
    assert!(pool.is_full());
    drop(pool);
    drop(list);
}

#[test]
fn a_destructor_may_use_the_pool_and_panic() {
    struct Bomb(Arc<LockFreePool<Bomb>>, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.1 {
                let second = self.0.alloc(Bomb(Arc::clone(&self.0), false)).ok();
                assert!(second.is_some());
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let pool = Arc::new(LockFreePool::new(2));
    let bomb = pool.alloc(Bomb(Arc::clone(&pool), true)).ok().unwrap();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(bomb))).unwrap_err();
    assert_eq!(pool.available(), 2);
}

#[test]
fn growth_stops_at_the_limit_and_reports_memory() {
    let config = |max| {
        PoolConfig::builder()
            .capacity(1)
            .max_capacity(max)
            .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
            .build()
            .unwrap()
    };
    let pool = LockFreePool::<[u64; 8]>::with_config(config(Some(3000))).unwrap();
    let handles: Vec<_> = (0..3000).map(|n| pool.alloc([n; 8]).unwrap()).collect();
    assert_eq!(pool.capacity(), 3000);
    pool.alloc([0; 8]).unwrap_err();
    drop(handles);

    // The pool, its first slab and its caches are there; the second slab is refused.
    let failing = forever(FailNth::after(2));
    let pool = LockFreePool::<[u64; 8], _, _>::with_parts(config(None), NoHooks, failing).unwrap();
    let handles: Vec<_> = std::iter::from_fn(|| pool.alloc([1; 8]).ok()).collect();
    assert_eq!(handles.len(), pool.capacity());
    let refused = pool.alloc([2; 8]).unwrap_err();
    assert_eq!(refused.kind(), flagstone::AllocErrorKind::OutOfMemory);
    assert_eq!(refused.into_inner(), [2; 8]);
}

#[test]
fn values_are_not_made_ahead() {
    let eager = PoolConfig::builder()
        .capacity(2)
        .initialization(InitializationStrategy::eager(|| 7))
        .build()
        .unwrap();
    let refused = LockFreePool::with_config(eager).unwrap_err().to_string();
    assert!(refused.contains("Eager"), "{refused}");
    let custom = PoolConfig::builder()
        .capacity(2)
        .initialization(InitializationStrategy::custom(|| 7))
        .build()
        .unwrap();
    let pool = LockFreePool::with_config(custom).unwrap();
    assert_eq!(*pool.alloc_init().unwrap(), 7);
    let vacant = pool.alloc_uninit().unwrap();
    assert_eq!(*vacant.write(8), 8);
    drop(pool.alloc_uninit().unwrap());
    assert_eq!(pool.available(), 2);
}

#[test]
fn values_can_be_shared() {
    let pool = SharedPool::new(LockFreePool::new(2));
    let shared = pool.alloc(String::from("shared")).unwrap();
    let weak = SharedHandle::downgrade(&shared);
    thread::scope(|scope| {
        let clone = SharedHandle::clone(&shared);
        scope.spawn(move || assert_eq!(*clone, "shared"));
    });
    drop(shared);
    assert!(weak.upgrade().is_none());
}

/// A handle of a pool of one slot goes through a raw pointer.
pub(super) fn comes_back_raw(pool: &LockFreePool<String>) {
    let raw = OwnedHandle::into_raw(pool.alloc(String::from("raw")).unwrap());
    pool.alloc(String::new()).unwrap_err();
    // SAFETY: from `into_raw` of a handle of this pool, once.
    let handle = unsafe { pool.from_raw(raw) };
    assert_eq!(OwnedHandle::into_inner(handle), "raw");
    assert_eq!(pool.available(), 1);
}

#[test]
fn raw_pointers_come_back() {
    comes_back_raw(&LockFreePool::new(1));
}

#[test]
fn drop_policies_see_every_value() {
    let seen = Arc::new(AtomicUsize::new(0));
    let policy = HandOver::to({
        let seen = Arc::clone(&seen);
        move |value: usize| {
            seen.fetch_add(value, Ordering::Relaxed);
        }
    });
    let pool = LockFreePool::with_hooks(10, policy).unwrap();
    let handles: Vec<_> = (1..=4).map(|n| pool.alloc(n).unwrap()).collect();
    drop(pool);
    thread::spawn(move || drop(handles)).join().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 10);
}

/// Values of every size keep apart and keep their bytes.
pub(super) fn holds<T: PartialEq + Debug>(pool: &LockFreePool<T>, make: impl Fn(usize) -> T) {
    let capacity = pool.capacity();
    for _ in 0..2 {
        let handles: Vec<_> = (0..capacity)
            .map(|n| pool.alloc(make(n)).unwrap())
            .collect();
        pool.alloc(make(0)).unwrap_err();
        let (even, odd): (Vec<_>, Vec<_>) = handles
            .into_iter()
            .enumerate()
            .partition(|(n, _)| n % 2 == 0);
        drop(even);
        assert!(odd.iter().all(|(n, handle)| **handle == make(*n)));
    }
    assert_eq!(pool.available(), capacity);
}

#[test]
fn values_of_every_size_fit() {
    holds(&LockFreePool::new(100), |_| ());
    holds(&LockFreePool::new(300), |n| n as u8);
    holds(&LockFreePool::new(300), |n| [n as u8; 9]);
    holds(&LockFreePool::new(300), |n| Some(Box::new(n)));
    holds(&LockFreePool::new(70), |n| [n; 600]);
    holds(&LockFreePool::new(9), |n| [n; 4000]);
}

#[test]
fn hooks_balance_and_may_panic() {
    struct Panicking(AtomicUsize, AtomicUsize);
    impl Hooks<u32> for Panicking {
        fn on_acquire(&self, value: &mut u32) {
            self.0.fetch_add(1, Ordering::Relaxed);
            if *value == 1 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
        fn on_release(&self, value: &mut u32) {
            self.1.fetch_add(1, Ordering::Relaxed);
            if *value == 2 {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
    }
    let hooks = Panicking(AtomicUsize::new(0), AtomicUsize::new(0));
    let pool = LockFreePool::with_hooks(1, hooks).unwrap();
    let panics = |f: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        assert_eq!(pool.available(), 1);
    };
    panics(&|| drop(pool.alloc(1)));
    panics(&|| drop(pool.alloc(2)));
    panics(&|| assert_eq!(pool.alloc(2).map(OwnedHandle::into_inner).ok(), None));
    assert_eq!(OwnedHandle::into_inner(pool.alloc(3).unwrap()), 3);
    let Panicking(acquired, released) = pool.hooks();
    assert_eq!(acquired.load(Ordering::Relaxed), 4);
    assert_eq!(released.load(Ordering::Relaxed), 3);
}

#[test]
fn a_provider_may_fail_at_any_call() {
    for granted in 0..8 {
        let failing = forever(FailNth::after(granted));
        let counting = forever(Counting::new(failing));
        let Ok(pool) = LockFreePool::try_new_in(1000, counting) else {
            assert_eq!(counting.live(), 0, "after {granted}");
            continue;
        };
        // Without a magazine, slots go and come one by one; none is lost.
        for _ in 0..3 {
            let handles: Vec<_> = (0..1000).map(|n| pool.alloc(n).unwrap()).collect();
            scope(|scope| {
                scope.spawn(|| drop(handles));
            });
            assert_eq!(pool.available(), 1000, "after {granted}");
        }
        drop(pool);
        assert_eq!(counting.live(), 0, "after {granted}");
    }
}

#[test]
fn a_provider_is_not_believed() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..4 {
            let lying = Lying::at(nth, lie);
            // The pool itself, its slab, the magazines.
            match LockFreePool::try_new_in(500, lying) {
                Err(refused) => assert!(nth < 3, "{refused}"),
                Ok(pool) => {
                    let handles: Vec<_> = (0..500).map(|n| pool.alloc(n).unwrap()).collect();
                    drop(handles);
                    assert_eq!(pool.available(), 500);
                }
            }
        }
    }
}

#[test]
fn numbers_can_be_asked_for_while_a_pool_grows() {
    let config = PoolConfig::builder()
        .capacity(0)
        .growth_strategy(GrowthStrategy::Linear { amount: 1 })
        .build()
        .unwrap();
    let pool = LockFreePool::<[u64; 8], _, _, 1024>::with_parts(config, NoHooks, Global).unwrap();
    thread::scope(|scope| {
        let grower = scope.spawn(|| {
            let handles: Vec<_> = (0..20_000).map(|n| pool.alloc([n; 8]).unwrap()).collect();
            handles.len()
        });
        while !grower.is_finished() {
            assert!(pool.available() <= pool.capacity());
        }
        assert_eq!(grower.join().unwrap(), 20_000);
    });
}

#[cfg(feature = "stats")]
#[test]
fn what_all_threads_did_is_summed() {
    use flagstone::stats::Metric;

    let pool = LockFreePool::<u64>::new(100);
    let handles: Vec<_> = (0..40).map(|n| pool.alloc(n).unwrap()).collect();
    assert_eq!(pool.stats().get(Metric::PeakInUse), 40);
    scope(|scope| {
        scope.spawn(|| drop(handles));
    });
    let stats = pool.stats();
    let numbers = [
        (Metric::Capacity, 100),
        (Metric::Allocations, 40),
        (Metric::Frees, 40),
        (Metric::InUse, 0),
        (Metric::PeakInUse, 40),
        (Metric::ChunksAdded, pool.slabs() as u64),
        (
            Metric::BytesReserved,
            (pool.slabs() * pool.slab_bytes()) as u64,
        ),
    ];
    for (metric, number) in numbers {
        assert_eq!(stats.get(metric), number, "{metric:?}");
    }
}

#[test]
fn a_hook_may_panic_when_the_last_handle_ends_the_pool() {
    struct Ends(Arc<AtomicUsize>);
    impl<T> Hooks<T> for Ends {}
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::panic::resume_unwind(Box::new("on purpose"));
        }
    }
    let ended = Arc::new(AtomicUsize::new(0));
    let counting = forever(Counting::new(Global));
    let config = PoolConfig::with_capacity(4);
    let pool =
        LockFreePool::<u8, _, _>::with_parts(config, Ends(Arc::clone(&ended)), counting).unwrap();
    let last = pool.alloc(1).unwrap();
    drop(pool);
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(last))).unwrap_err();
    assert_eq!((ended.load(Ordering::Relaxed), counting.live()), (1, 0));
}

/// What a model test does: places a value, or drops one of those that live.
pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<(bool, prop::sample::Index)>> {
    prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..most)
}

/// Against a model that knows only how many slots are out.
pub(super) fn agrees(
    pool: &LockFreePool<usize>,
    steps: Vec<(bool, prop::sample::Index)>,
) -> Result<(), TestCaseError> {
    let capacity = pool.capacity();
    let mut held = Vec::new();
    for (number, (alloc, which)) in steps.into_iter().enumerate() {
        if alloc {
            match pool.alloc(number) {
                Ok(handle) => held.push((number, handle)),
                Err(refused) => {
                    prop_assert_eq!(refused.into_inner(), number);
                    prop_assert_eq!(held.len(), capacity);
                }
            }
        } else if !held.is_empty() {
            let (number, handle) = held.swap_remove(which.index(held.len()));
            prop_assert_eq!(*handle, number);
        }
        prop_assert_eq!(pool.in_use(), held.len());
        prop_assert_eq!(pool.available(), capacity - held.len());
    }
    prop_assert!(held.iter().all(|(number, handle)| **handle == *number));
    Ok(())
}

proptest! {
    #[test]
    fn agrees_with_a_counter(capacity in 0_usize..300, steps in steps(600)) {
        agrees(&LockFreePool::new(capacity), steps)?;
    }
}
