//! A pool that is full gives the value back, and counts exactly.

use std::cell::Cell;

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, InPlace, PoolKind, each, fill},
    value::{Census, Tracked},
};

/// The value that finds no room is handed back, the very same one.
pub fn value_comes_back<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::plain::<Tracked>(setting, SLOTS);
        let handles = fill(&pool, || census.tracked());
        assert_eq!(handles.len(), SLOTS, "neither fewer nor more slots");
        let value = census.tracked::<()>();
        let id = value.id();
        let refused = pool.alloc(value).err().expect("the pool is full");
        assert_eq!(refused.kind(), K::REFUSES);
        assert_eq!(refused.into_inner().id(), id);
        assert_eq!(census.live(), SLOTS);
    });
}

/// A closure runs only when there is a slot.
pub fn maker_is_not_called<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<u64>(setting, SLOTS);
        let _handles = fill(&pool, || 1);
        let called = Cell::new(false);
        let refused = pool.alloc_with(|| {
            called.set(true);
            2
        });
        let kind = refused.err().expect("the pool is full").kind();
        assert_eq!(kind, K::REFUSES);
        assert!(!called.get());
        assert!(pool.alloc_uninit().is_err());
    });
}

/// A slot that was given back is handed out again, by every door.
pub fn room_comes_back<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<u64>(setting, SLOTS);
        let mut handles = fill(&pool, || 1);
        for round in 0..3 * SLOTS as u64 {
            drop(handles.swap_remove(round as usize % SLOTS));
            let handle = match round % 3 {
                0 => pool.alloc(round).expect("a slot is free"),
                1 => pool.alloc_with(|| round).expect("a slot is free"),
                _ => {
                    let vacant = pool.alloc_uninit().expect("a slot is free");
                    assert!(pool.is_full(), "a vacant handle holds a slot");
                    K::Pool::<u64, flagstone::pool::NoHooks>::write(vacant, round)
                }
            };
            assert_eq!(*handle, round);
            handles.push(handle);
            assert!(pool.alloc(0).is_err());
        }
        drop(handles);
        drop(pool.alloc_uninit().expect("a slot is free"));
        assert!(pool.is_empty(), "a vacant handle gives its slot back");
    });
}

/// Every count is right after every call.
pub fn counts_are_exact<K: PoolKind>() {
    each::<K>(|setting| {
        let pool = K::plain::<u64>(setting, SLOTS);
        let begins = K::begins_with(setting, SLOTS);
        assert!((begins..=SLOTS).contains(&pool.capacity()));
        assert!(pool.is_empty());
        let mut handles = Vec::new();
        for n in 1..=SLOTS {
            handles.push(pool.alloc(n as u64).expect("a slot is free"));
            assert_eq!(pool.in_use(), n);
            assert_eq!(pool.available(), pool.capacity() - n);
            assert_eq!(pool.is_full(), pool.available() == 0);
            assert!(!pool.is_empty());
        }
        assert_eq!(pool.capacity(), SLOTS);
        assert!(pool.is_full());
        while handles.pop().is_some() {
            assert_eq!(pool.in_use(), handles.len());
            assert_eq!(pool.available(), pool.capacity() - handles.len());
        }
        assert!(pool.is_empty() && !pool.is_full());
    });
}

/// A pool without slots refuses everything, and nothing else happens.
pub fn zero_capacity_refuses<K: PoolKind>() {
    each::<K>(|setting| {
        let mut pool = K::plain::<u64>(setting, 0);
        assert_eq!(
            (pool.capacity(), pool.in_use(), pool.available()),
            (0, 0, 0)
        );
        assert!(pool.is_full() && pool.is_empty());
        let refused = pool.alloc(7).err().expect("there is no slot");
        assert_eq!(refused.into_inner(), 7);
        assert!(pool.alloc_uninit().is_err());
        assert_eq!(crate::conformance::Walk::iter_mut(&mut pool).count(), 0);
        crate::conformance::Walk::clear(&mut pool);
    });
}
