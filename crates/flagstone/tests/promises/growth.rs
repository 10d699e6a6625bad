//! A pool grows as it is told, and never past its limit; what its closure does is its own affair.
#![expect(unsafe_code, reason = "borrows pools for ever")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flagstone::{
    AllocErrorKind, GrowingPool, PoolConfig,
    pool::{GrowthStrategy, NoHooks},
    provider::Global,
};
use flagstone_testkit::{
    conformance::fill,
    fuse::{Fuse, blows},
    leaked::Leaked,
    provider::Counting,
};

/// Slabs of the least size, so that many come and go.
type Small<T> = GrowingPool<T, NoHooks, Global, 1024>;

fn growing<T>(capacity: usize, max: Option<usize>, growth: GrowthStrategy) -> Small<T> {
    let config = PoolConfig::builder()
        .capacity(capacity)
        .max_capacity(max)
        .growth_strategy(growth);
    Small::with_parts(config.build().expect("in range"), NoHooks, Global).expect("memory")
}

fn custom(compute: impl Fn(usize) -> usize + Send + Sync + 'static) -> GrowthStrategy {
    GrowthStrategy::Custom {
        compute: Box::new(compute),
    }
}

#[test]
fn a_limit_is_met_exactly_whatever_a_slab_holds() {
    let per_slab = growing::<[u8; 64]>(1, None, GrowthStrategy::None).slots_per_slab();
    for max in [
        1,
        per_slab - 1,
        per_slab,
        per_slab + 1,
        3 * per_slab - 1,
        100,
        150,
    ] {
        for capacity in [0, 1, max / 2, max] {
            for growth in [
                GrowthStrategy::Linear { amount: 1 },
                GrowthStrategy::Linear { amount: usize::MAX },
                GrowthStrategy::Exponential { factor: 1.01 },
                GrowthStrategy::Exponential { factor: 2.0 },
                custom(|current| 10 * current),
            ] {
                let pool = growing::<[u8; 64]>(capacity, Some(max), growth);
                assert!((capacity..=max).contains(&pool.capacity()));
                let handles = fill(&pool, || [1; 64]);
                assert_eq!((handles.len(), pool.capacity()), (max, max));
                let refused = pool.alloc([2; 64]).expect_err("the limit is met");
                assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
                assert!(pool.is_full());
            }
        }
    }
}

#[test]
fn a_pool_that_may_not_grow_keeps_its_capacity() {
    let pool = growing::<u64>(10, None, GrowthStrategy::None);
    let handles = fill(&pool, || 1);
    assert!(handles.len() >= 10, "rounded up to a slab");
    assert_eq!((handles.len(), pool.slabs()), (pool.capacity(), 1));
}

#[test]
fn a_pool_that_begins_empty_asks_for_nothing_and_grows_at_once() {
    let pool = growing::<u64>(0, None, GrowthStrategy::Exponential { factor: 2.0 });
    assert_eq!((pool.capacity(), pool.slabs()), (0, 0));
    assert!(pool.is_full() && pool.is_empty());
    assert_eq!(*pool.alloc(5).expect("it grows"), 5);
}

#[test]
fn a_closure_is_told_the_capacity_and_answers_zero_with_one_slab() {
    let told = Arc::new(AtomicUsize::new(usize::MAX));
    let growth = custom({
        let told = Arc::clone(&told);
        move |current| {
            // Relaxed: one thread writes and reads.
            told.store(current, Ordering::Relaxed);
            0
        }
    });
    let pool = growing::<u64>(0, None, growth);
    let mut handles = Vec::new();
    for slabs in 0..4 {
        let before = pool.capacity();
        handles.push(pool.alloc(1).expect("at least one slot is added"));
        assert_eq!(told.load(Ordering::Relaxed), before);
        assert_eq!(pool.slabs(), slabs + 1);
        while !pool.is_full() {
            handles.push(pool.alloc(1).expect("a slot is free"));
        }
    }
}

#[test]
fn a_closure_that_panics_changes_nothing() {
    let fuse = Fuse::never();
    let growth = custom({
        let fuse = fuse.clone();
        move |_| {
            fuse.tick();
            1
        }
    });
    let pool = growing::<u64>(1, None, growth);
    let mut handles = Vec::new();
    while !pool.is_full() {
        handles.push(pool.alloc(1).expect("a slot is free"));
    }
    let (capacity, in_use) = (pool.capacity(), pool.in_use());
    for _ in 0..3 {
        fuse.set(1);
        assert!(blows(|| drop(pool.alloc(2))));
        assert_eq!((pool.capacity(), pool.in_use()), (capacity, in_use));
    }
    handles.pop();
    assert!(pool.alloc(3).is_ok(), "the free slot is still found");
    handles.push(pool.alloc(4).expect("a slot is free"));
    handles.push(pool.alloc(5).expect("it grows"));
    assert_eq!(pool.in_use(), handles.len());
}

/// The pool that the closure of [`a_closure_may_use_the_pool`] uses.
struct Place(std::cell::Cell<Option<&'static Small<u64>>>);

// SAFETY: only the thread of the one test below touches it; `Sync` is asked for by the type of the
// closure, not by what is done.
unsafe impl Sync for Place {}
// SAFETY: as above.
unsafe impl Send for Place {}

impl Place {
    fn pool(&self) -> Option<&'static Small<u64>> {
        self.0.take()
    }
}

/// The closure fills the pool to beyond what it then asks for; both calls get their slots.
#[test]
fn a_closure_may_use_the_pool() {
    let place = Arc::new(Place(std::cell::Cell::new(None)));
    let inner = Arc::new(AtomicUsize::new(0));
    let growth = custom({
        let (place, inner) = (Arc::clone(&place), Arc::clone(&inner));
        move |_| {
            if let Some(pool) = place.pool() {
                for n in 0..500 {
                    std::mem::forget(pool.alloc(n).expect("the inner call grows"));
                }
                inner.store(pool.in_use(), Ordering::Relaxed);
            }
            1
        }
    });
    // SAFETY: every handle below is dropped before `leaked`.
    let leaked = unsafe { Leaked::new(growing::<u64>(1, None, growth)) };
    let pool = leaked.get();
    let mut handles = Vec::new();
    while !pool.is_full() {
        handles.push(pool.alloc(1).expect("a slot is free"));
    }
    place.0.set(Some(pool));
    let last = pool.alloc(7).expect("it grows");
    assert_eq!(inner.load(Ordering::Relaxed), handles.len() + 500);
    assert_eq!((*last, pool.in_use()), (7, handles.len() + 501));
}

/// A value that was made ahead counts as free room for `alloc_init` and is not given up while the
/// pool can grow.
#[test]
fn values_made_ahead_are_kept_while_the_pool_can_grow() {
    let config = PoolConfig::builder()
        .capacity(3)
        .initialization(flagstone::pool::InitializationStrategy::eager(|| 9_u64))
        .build()
        .expect("in range");
    let pool: Small<u64> = Small::with_parts(config, NoHooks, Global).expect("memory");
    let handles: Vec<_> = (0..2 * pool.capacity()).map(|_| pool.alloc(1)).collect();
    assert!(handles.iter().all(Result::is_ok));
    assert_eq!(pool.available(), pool.capacity() - handles.len());
    let ahead: Vec<_> = (0..3)
        .map(|_| pool.alloc_init().expect("made ahead"))
        .collect();
    assert!(ahead.iter().all(|handle| **handle == 9));
}

/// What a growth step has added stays until it is used: filling a pool gives nothing back.
#[test]
fn a_pool_that_only_fills_gives_nothing_back() {
    let counting = Counting::new(Global);
    let config = PoolConfig::builder()
        .capacity(0)
        .growth_strategy(GrowthStrategy::Linear { amount: 5000 })
        .build()
        .expect("good knobs");
    let pool: GrowingPool<[u64; 8], NoHooks, _, 4096> =
        GrowingPool::with_parts(config, NoHooks, &counting).expect("memory for it");
    let handles: Vec<_> = (0..12_000)
        .map(|_| pool.alloc([7; 8]).expect("it grows"))
        .collect();
    assert_eq!(
        counting.frees(),
        0,
        "slabs went back while the pool was filling"
    );
    assert!(pool.capacity() >= 15_000, "three steps of 5000 slots");
    drop(handles);
}
