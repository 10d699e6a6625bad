//! Who makes values, how often and when.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use flagstone::{
    AllocErrorKind,
    pool::{InitializationStrategy, NoHooks},
};

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, Initializes, PoolKind, Setting, Spec, Walk, each, fill},
    value::{Census, Tracked},
};

type Plain<K> = <K as PoolKind>::Pool<Tracked, NoHooks>;

/// How values are to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Eager,
    Custom,
    CustomAhead,
}

/// A pool with an initializer, and how often that was called.
fn made<K: PoolKind>(
    setting: Setting,
    census: &Census,
    when: When,
) -> (Plain<K>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let make = {
        let (census, calls) = (census.clone(), Arc::clone(&calls));
        move || {
            // Relaxed: one thread counts and reads.
            calls.fetch_add(1, Ordering::Relaxed);
            census.tracked()
        }
    };
    let spec = Spec {
        initialization: match when {
            When::Eager => InitializationStrategy::eager(make),
            _ => InitializationStrategy::custom(make),
        },
        pre_initialize: when == When::CustomAhead,
        ..Spec::slots(SLOTS)
    };
    let pool = K::build(setting, spec, NoHooks).expect("the pool can be built");
    (pool, calls)
}

/// `alloc_init` until one is refused.
fn fill_init<P: Initializes>(pool: &P) -> Vec<P::Handle<'_>> {
    std::iter::from_fn(|| pool.alloc_init().ok()).collect()
}

/// An eager initializer runs once for each of the first slots, and then once for each value that is
/// asked for.
pub fn eager_count_is_exact<K: PoolKind>() {
    each::<K>(|setting| ahead_is_exact::<K>(setting, When::Eager));
}

/// So does a custom one with `pre_initialize`.
pub fn custom_ahead<K: PoolKind>() {
    each::<K>(|setting| ahead_is_exact::<K>(setting, When::CustomAhead));
}

fn ahead_is_exact<K: PoolKind>(setting: Setting, when: When) {
    let census = Census::default();
    let (pool, calls) = made::<K>(setting, &census, when);
    let begins = K::begins_with(setting, SLOTS);
    assert_eq!(calls.load(Ordering::Relaxed), begins);
    assert_eq!(census.live(), begins);
    assert!(pool.is_empty(), "values made ahead are not in use");
    assert_eq!(pool.available(), pool.capacity());
    let handles = fill_init(&pool);
    assert_eq!(handles.len(), SLOTS);
    assert!(pool.is_full());
    assert_eq!(
        calls.load(Ordering::Relaxed),
        SLOTS,
        "those made ahead come first"
    );
    drop(handles);
    assert_eq!(
        census.live(),
        0,
        "a value that comes back is dropped, not kept"
    );
    drop(pool.alloc_init());
    assert_eq!(calls.load(Ordering::Relaxed), SLOTS + 1);
}

/// A custom initializer runs when it is asked for, and not before.
pub fn custom_waits<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (pool, calls) = made::<K>(setting, &census, When::Custom);
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        drop(pool.alloc(census.tracked()));
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        let handles = fill_init(&pool);
        assert_eq!(handles.len(), SLOTS);
        assert_eq!(
            calls.load(Ordering::Relaxed),
            SLOTS,
            "not called without a slot"
        );
    });
}

/// Without an initializer `alloc_init` is an error of its own kind, full pool or not.
pub fn lazy_refuses<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<u64>(setting, SLOTS);
        let refused = pool.alloc_init().err().expect("there is no initializer");
        assert_eq!(refused.kind(), AllocErrorKind::NoInitializer);
        assert!(pool.is_empty());
        let _handles = fill(&pool, || 1);
        let refused = pool.alloc_init().err().expect("there is no initializer");
        assert_eq!(refused.kind(), AllocErrorKind::NoInitializer);
    });
}

/// A value that was made ahead gives way to one that is passed: the whole capacity can be used
/// either way.
pub fn made_ahead_makes_room<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (pool, _) = made::<K>(setting, &census, When::Eager);
        let handles = fill(&pool, || census.tracked());
        assert_eq!(handles.len(), SLOTS);
        assert_eq!(census.live(), SLOTS);
        drop(handles);
        assert_eq!(census.live(), 0);
        assert_eq!(fill_init(&pool).len(), SLOTS);
    });
}

/// Values made ahead are dropped with their pool, and by `clear`.
pub fn made_ahead_is_dropped_with_the_pool<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (pool, _) = made::<K>(setting, &census, When::Eager);
        drop(pool.alloc_init());
        drop(pool);
        assert_eq!(census.live(), 0);
        let (mut pool, _) = made::<K>(setting, &census, When::Eager);
        std::mem::forget(pool.alloc_init());
        pool.clear();
        assert_eq!((census.live(), pool.in_use()), (0, 0));
        assert_eq!(fill_init(&pool).len(), SLOTS);
    });
}

/// Values made ahead are not among those that `iter_mut` visits and `drain` moves.
pub fn made_ahead_is_not_forgotten<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, _) = made::<K>(setting, &census, When::Eager);
        assert_eq!(pool.iter_mut().count(), 0);
        std::mem::forget(pool.alloc_init());
        std::mem::forget(pool.alloc(census.tracked()));
        assert_eq!(pool.iter_mut().count(), 2);
        let made_ahead = census.live() - 2;
        assert_eq!(pool.drain().count(), 2);
        assert_eq!(census.live(), made_ahead);
        assert_eq!(fill_init(&pool).len(), SLOTS);
    });
}

/// `pre_initialize` without an initializer touches the memory, and changes nothing else.
pub fn touched_memory_serves<K: PoolKind>() {
    each::<K>(|setting| {
        let spec = Spec {
            pre_initialize: true,
            ..Spec::slots(SLOTS)
        };
        let census = Census::default();
        let pool = K::build::<Tracked, _>(setting, spec, NoHooks).expect("the pool can be built");
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
        assert_eq!(census.live(), 0);
    });
}
