//! A `LockFreePool` that counts exactly: what is free is known, and at everybody's hand, at any time.

use std::{
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use flagstone::{
    LockFreePool, OwnedHandle, SharedHandle, SharedPool,
    pool::{GrowthStrategy, HandOver, NoHooks, PoolConfig},
    provider::{Global, Provider},
};
use flagstone_testkit::{
    leaked::forever,
    provider::{Counting, FailNth, Lie, Lying},
};
use proptest::prelude::*;

use super::lock_free::{agrees, comes_back_raw, holds, steps};

/// A pool of `capacity` slots.
fn exact<T, P: Provider>(capacity: usize, provider: P) -> LockFreePool<T, NoHooks, P> {
    LockFreePool::exact_with_parts(PoolConfig::with_capacity(capacity), NoHooks, provider).unwrap()
}

fn growing(capacity: usize, max: Option<usize>) -> PoolConfig<[u64; 8]> {
    PoolConfig::builder()
        .capacity(capacity)
        .max_capacity(max)
        .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
        .build()
        .unwrap()
}

#[test]
fn every_slot_is_had_once_and_comes_back() {
    // One slab and several, the last of them cut.
    for capacity in [1, 2, 1000, 20_000] {
        let pool = LockFreePool::exact(capacity);
        let handles: Vec<_> = (0..capacity).map(|n| pool.alloc(n).unwrap()).collect();
        assert_eq!((pool.available(), pool.in_use()), (0, capacity));
        assert_eq!(pool.alloc(7).unwrap_err().into_inner(), 7);
        let places: HashSet<_> = handles.iter().map(OwnedHandle::as_ptr).collect();
        assert_eq!(places.len(), capacity);
        assert!(handles.iter().enumerate().all(|(n, handle)| **handle == n));
        drop(handles);
        assert_eq!((pool.available(), pool.is_empty()), (capacity, true));
        assert_eq!(pool.most_cached(), 0);
    }
}

#[test]
fn what_one_thread_frees_every_thread_has_at_once() {
    let pool = LockFreePool::exact(1);
    let turn = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..50 {
                drop(pool.alloc(n).expect("it was freed"));
                turn.wait();
                turn.wait();
            }
        });
        for n in 0..50 {
            turn.wait();
            assert_eq!(pool.available(), 1);
            drop(pool.alloc(n).expect("it was freed"));
            turn.wait();
        }
    });
}

/// Each thread has one slot or two, so never fewer and never more are free than that leaves.
#[test]
fn what_is_available_is_exact_at_any_time() {
    const THREADS: usize = 3;
    let pool = LockFreePool::exact(100);
    let done = AtomicBool::new(false);
    let (start, end) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (pool, start, end, done) = (&pool, &start, &end, &done);
            scope.spawn(move || {
                let kept = pool.alloc(n).unwrap();
                start.wait();
                for _ in 0..if cfg!(miri) { 20 } else { 3000 } {
                    drop(pool.alloc(n).unwrap());
                }
                done.store(true, Ordering::Relaxed);
                end.wait();
                drop(kept);
            });
        }
        start.wait();
        while !done.load(Ordering::Relaxed) {
            let available = pool.available();
            assert!((100 - 2 * THREADS..=100 - THREADS).contains(&available));
        }
        end.wait();
    });
    assert_eq!(pool.available(), 100);
}

#[test]
fn a_pool_used_to_the_last_slot_refuses_nobody() {
    const THREADS: usize = 4;
    const EACH: usize = 8;
    let pool = LockFreePool::exact(THREADS * EACH);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..if cfg!(miri) { 5 } else { 500 } {
                    let held: Vec<_> = (0..EACH)
                        .map(|n| pool.alloc((thread, round, n)).expect("eight for each"))
                        .collect();
                    let mut held = held.iter().enumerate();
                    assert!(held.all(|(n, value)| **value == (thread, round, n)));
                }
            });
        }
    });
    assert_eq!(pool.available(), THREADS * EACH);
}

#[test]
fn handles_outlive_their_pool_on_any_thread() {
    for held in [0, 1, 200, 300] {
        let counting = forever(Counting::new(Global));
        let pool = exact(300, counting);
        let mut handles: Vec<_> = (0..300).map(|n| pool.alloc(vec![n]).unwrap()).collect();
        handles.truncate(held);
        let some = handles.split_off(held / 2);
        let all = Arc::new(Barrier::new(2));
        let other = thread::spawn({
            let all = Arc::clone(&all);
            move || {
                all.wait();
                drop(some);
            }
        });
        assert_ne!(counting.live(), 0);
        all.wait();
        drop(pool);
        assert!(handles.iter().enumerate().all(|(n, value)| **value == [n]));
        drop(handles);
        other.join().unwrap();
        assert_eq!(counting.live(), 0, "with {held}");
    }
}

#[test]
fn growth_stops_at_the_limit_and_reports_memory() {
    let pool = LockFreePool::exact_with_config(growing(1, Some(3000))).unwrap();
    let handles: Vec<_> = (0..3000).map(|n| pool.alloc([n; 8]).unwrap()).collect();
    assert_eq!((pool.capacity(), pool.available()), (3000, 0));
    pool.alloc([0; 8]).unwrap_err();
    drop(handles);
    assert_eq!(pool.available(), 3000);

    let failing = forever(FailNth::after(3));
    let pool =
        LockFreePool::<_, _, _>::exact_with_parts(growing(1, None), NoHooks, failing).unwrap();
    let handles: Vec<_> = std::iter::from_fn(|| pool.alloc([1; 8]).ok()).collect();
    assert_eq!(handles.len(), pool.capacity());
    let refused = pool.alloc([2; 8]).unwrap_err();
    assert_eq!(refused.kind(), flagstone::AllocErrorKind::OutOfMemory);
    assert_eq!(refused.into_inner(), [2; 8]);

    let absurd = PoolConfig::<u8>::with_capacity(1_usize << 33);
    let refused = LockFreePool::exact_with_config(absurd).unwrap_err();
    assert_eq!(refused.knob(), Some("capacity"));
}

/// Without a limit what is known of slots grows in chunks; and threads that find the pool full at once
/// lose nothing.
#[test]
fn threads_grow_a_pool_together() {
    const EACH: usize = if cfg!(miri) { 300 } else { 10_000 };
    let counting = forever(Counting::new(Global));
    let config = growing(0, None);
    let pool = LockFreePool::<_, _, _>::exact_with_parts(config, NoHooks, counting).unwrap();
    let start = Barrier::new(4);
    let handles: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let handles = (0..EACH).map(|n| pool.alloc([n as u64; 8]).unwrap());
                    handles.collect::<Vec<_>>()
                })
            })
            .collect();
        let threads = threads.into_iter();
        threads.map(|thread| thread.join().unwrap()).collect()
    });
    let places: HashSet<_> = handles.iter().flatten().map(OwnedHandle::as_ptr).collect();
    assert_eq!(places.len(), 4 * EACH);
    assert_eq!(pool.in_use(), 4 * EACH);
    for handles in &handles {
        let mut handles = handles.iter().enumerate();
        assert!(handles.all(|(n, value)| **value == [n as u64; 8]));
    }
    drop(handles);
    assert_eq!(pool.available(), pool.capacity());
    drop(pool);
    assert_eq!(counting.live(), 0);
}

#[test]
fn a_provider_may_fail_at_any_call() {
    for granted in 0..8 {
        let counting = forever(Counting::new(forever(FailNth::after(granted))));
        let config = growing(10, Some(100_000));
        let made = LockFreePool::<_, _, _>::exact_with_parts(config, NoHooks, counting);
        if let Ok(pool) = made {
            for _ in 0..2 {
                let handles: Vec<_> = std::iter::from_fn(|| pool.alloc([1; 8]).ok()).collect();
                assert_eq!((pool.available(), pool.in_use()), (0, pool.capacity()));
                drop(handles);
                assert_eq!(pool.available(), pool.capacity(), "after {granted}");
            }
        }
        assert_eq!(counting.live(), 0, "after {granted}");
    }
}

#[test]
fn a_provider_is_not_believed() {
    for lie in [Lie::Short, Lie::Misaligned] {
        for nth in 1..5 {
            let config = PoolConfig::with_capacity(500);
            // The pool itself, what is known of its slots, its slab.
            let made =
                LockFreePool::<usize, _, _>::exact_with_parts(config, NoHooks, Lying::at(nth, lie));
            match made {
                Err(refused) => assert!(nth < 4, "{refused}"),
                Ok(pool) => assert_eq!((pool.available(), nth), (500, 4)),
            }
        }
    }
}

#[test]
fn values_of_every_size_fit() {
    holds(&LockFreePool::exact(100), |_| ());
    holds(&LockFreePool::exact(20_000), |n| n as u8);
    holds(&LockFreePool::exact(300), |n| [n as u8; 9]);
    holds(&LockFreePool::exact(300), |n| [n as u32; 3]);
    holds(&LockFreePool::exact(300), |n| Some(Box::new(n)));
    holds(&LockFreePool::exact(70), |n| [n; 600]);
    holds(&LockFreePool::exact(9), |n| [n; 4000]);
    holds(&LockFreePool::exact(3), |n| [n; 9000]);
}

#[test]
fn raw_pointers_come_back() {
    comes_back_raw(&LockFreePool::exact(1));
}

#[test]
fn values_can_be_shared() {
    let shared = SharedPool::new(LockFreePool::exact(10));
    let first = shared.alloc(String::from("shared")).unwrap();
    let weak = SharedHandle::downgrade(&first);
    let second = first.clone();
    thread::scope(|scope| {
        scope.spawn(move || drop(second));
    });
    assert_eq!(*weak.upgrade().unwrap(), "shared");
    drop(first);
    assert!(weak.upgrade().is_none());
    assert_eq!(shared.pool().available(), 10);
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
    let config = PoolConfig::with_capacity(10);
    let pool = LockFreePool::<_, _>::exact_with_parts(config, policy, Global).unwrap();
    let handles: Vec<_> = (1..=4).map(|n| pool.alloc(n).unwrap()).collect();
    drop(pool);
    thread::spawn(move || drop(handles)).join().unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 10);
}

#[cfg(feature = "stats")]
#[test]
fn what_all_threads_did_is_summed() {
    use flagstone::stats::Metric;

    let pool = LockFreePool::exact(4);
    thread::scope(|scope| {
        scope.spawn(|| drop(pool.alloc(1)));
        scope.spawn(|| drop(pool.alloc(2)));
    });
    let kept = pool.alloc(3).unwrap();
    let stats = pool.stats();
    let counts = [
        Metric::Allocations,
        Metric::Frees,
        Metric::InUse,
        Metric::Capacity,
    ];
    assert_eq!(counts.map(|metric| stats.get(metric)), [3, 2, 1, 4]);
    drop(kept);
}

proptest! {
    #[test]
    fn agrees_with_a_counter(capacity in 0_usize..300, steps in steps(300)) {
        agrees(&LockFreePool::exact(capacity), steps)?;
    }
}
