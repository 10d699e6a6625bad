//! Values whose handles were forgotten still belong to the pool.
#![expect(unsafe_code, reason = "makes handles of raw pointers")]

use std::{collections::BTreeSet, mem::forget};

use flagstone::pool::NoHooks;

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, InPlace, PoolKind, Setting, Unwrap, Walk, each, fill},
    value::{Census, Tracked},
};

type Plain<K> = <K as PoolKind>::Pool<Tracked, NoHooks>;

/// A full pool of which every other value was forgotten and the others dropped; their ids.
fn half_forgotten<K: PoolKind>(setting: Setting, census: &Census) -> (Plain<K>, BTreeSet<u64>) {
    let pool = K::plain::<Tracked>(setting, SLOTS);
    let mut ids = BTreeSet::new();
    for (n, handle) in fill(&pool, || census.tracked()).into_iter().enumerate() {
        if n % 2 == 0 {
            ids.insert(handle.id());
            forget(handle);
        }
    }
    assert_eq!(census.live(), ids.len());
    (pool, ids)
}

/// A pool that is dropped drops them.
pub fn dropped_with_the_pool<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (pool, _) = half_forgotten::<K>(setting, &census);
        drop(pool);
        assert_eq!(census.live(), 0);
    });
}

/// `iter_mut` visits each of them once, and what it changes stays changed.
pub fn visited_by_iter_mut<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, ids) = half_forgotten::<K>(setting, &census);
        let mut seen = Vec::new();
        for value in pool.iter_mut() {
            seen.push(value.id());
            *value = census.tracked();
        }
        assert_eq!(seen.len(), ids.len());
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids);
        let again: BTreeSet<_> = pool.iter_mut().map(|value| value.id()).collect();
        assert_eq!(again.len(), ids.len());
        assert!(again.is_disjoint(&ids));
        assert_eq!(census.live(), pool.in_use());
        // A second visit is possible at once, and the pool serves as before.
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS - ids.len());
    });
}

/// `drain` moves each of them out, and their slots are free.
pub fn moved_by_drain<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, ids) = half_forgotten::<K>(setting, &census);
        let values: Vec<_> = pool.drain().collect();
        assert!(pool.is_empty());
        let seen: BTreeSet<_> = values.iter().map(Tracked::id).collect();
        assert_eq!((seen, values.len()), (ids.clone(), ids.len()));
        assert_eq!(census.live(), ids.len(), "they belong to the caller now");
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
    });
}

/// A drain that is dropped half way drops the rest.
pub fn drain_dropped_half_way<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        for taken in 0..=SLOTS / 2 {
            let (mut pool, ids) = half_forgotten::<K>(setting, &census);
            let kept: Vec<_> = pool.drain().take(taken).collect();
            assert_eq!(kept.len(), taken.min(ids.len()));
            assert_eq!(census.live(), kept.len());
            assert!(pool.is_empty());
            assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
        }
    });
}

/// A drain that is forgotten leaves the rest in the pool, which is exact all the same.
pub fn drain_forgotten<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, ids) = half_forgotten::<K>(setting, &census);
        let mut drain = pool.drain();
        drop((drain.next(), drain.next()));
        forget(drain);
        assert_eq!(pool.in_use(), ids.len() - 2);
        assert_eq!(census.live(), ids.len() - 2);
        drop(fill(&pool, || census.tracked()));
        let left: BTreeSet<_> = pool.drain().map(|value| value.id()).collect();
        assert_eq!(left.len(), ids.len() - 2);
        assert!(left.is_subset(&ids));
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
    });
}

/// `clear` drops them, and their slots are free.
pub fn dropped_by_clear<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, _) = half_forgotten::<K>(setting, &census);
        pool.clear();
        assert_eq!(census.live(), 0);
        assert!(pool.is_empty());
        assert_eq!(fill(&pool, || census.tracked()).len(), SLOTS);
    });
}

/// A raw pointer keeps its value in place until it is a handle again.
pub fn raw_pointers_come_back<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::plain::<Tracked>(setting, SLOTS);
        let raw: Vec<_> = fill(&pool, || census.tracked())
            .into_iter()
            .map(|handle| (handle.id(), Plain::<K>::into_raw(handle)))
            .collect();
        assert!(pool.is_full());
        for &(id, value) in raw.iter().step_by(2) {
            // SAFETY: it came from `into_raw` of this pool, and comes back once.
            let handle = unsafe { pool.adopt(value) };
            assert_eq!(handle.id(), id);
        }
        assert_eq!(pool.in_use(), SLOTS / 2);
        assert_eq!(pool.drain().count(), SLOTS / 2);
        assert_eq!(census.live(), 0);
    });
}

/// Values that were taken out of a drain are the caller's: clearing and dropping the pool leaves
/// them alone, and the pool's new values are its own.
pub fn owned_values_stay_apart<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let (mut pool, ids) = half_forgotten::<K>(setting, &census);
        let values: Vec<_> = pool.drain().collect();
        fill(&pool, || census.tracked())
            .into_iter()
            .for_each(forget);
        pool.clear();
        drop(pool);
        assert_eq!(values.iter().map(Tracked::id).collect::<BTreeSet<_>>(), ids);
    });
}

/// While the slot of a forgotten vacant handle is in the pool, nothing in it is touched: a slot
/// that never held a value cannot be told from one that does.
pub fn vacant_leaks<K: PoolKind>() {
    // A leak: where a tool looks for those, the promise is not tried.
    if cfg!(any(miri, flagstone_asan)) {
        return;
    }
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::plain::<Tracked>(setting, SLOTS);
        forget(pool.alloc(census.tracked()));
        forget(pool.alloc_uninit());
        assert_eq!(pool.in_use(), 2);
        assert_eq!(pool.iter_mut().count(), 0);
        assert_eq!(pool.drain().count(), 0);
        pool.clear();
        assert_eq!((pool.in_use(), census.live()), (2, 1));
        drop(pool);
        assert_eq!(census.live(), 1);
    });
}
