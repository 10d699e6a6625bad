//! The order of things in the life of a value.
#![expect(unsafe_code, reason = "borrows a pool for ever")]

use flagstone::pool::NoHooks;

use super::SLOTS;
use crate::{
    conformance::{Counted, Door, PoolKind, Unwrap, Walk, each, fill},
    hooks::LoggingHooks,
    leaked::Leaked,
    value::{Census, Event, Tracked},
};

type Hooked<K> = <K as PoolKind>::Pool<Tracked, LoggingHooks>;

/// Written, acquired; released, dropped.
pub fn of_a_life<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::hooked::<Tracked, _>(setting, SLOTS, LoggingHooks::new(&census));
        drop(pool.alloc(census.tracked()));
        drop(pool.alloc_with(|| census.tracked()));
        let log = census.take_log();
        let life = |id| {
            [
                Event::Born(id),
                Event::Acquired(id),
                Event::Released(id),
                Event::Dropped(id),
            ]
        };
        assert_eq!(log, [life(1), life(2)].concat());
    });
}

/// Written, acquired; released, and dropped by whoever took it.
pub fn of_a_value_taken_out<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::hooked::<Tracked, _>(setting, SLOTS, LoggingHooks::new(&census));
        let handle = pool.alloc(census.tracked()).expect("a slot is free");
        let value = Hooked::<K>::into_inner(handle);
        let first = [Event::Born(1), Event::Acquired(1), Event::Released(1)];
        assert_eq!(census.take_log(), first);
        assert!(pool.is_empty());
        std::mem::forget(pool.alloc(value));
        let drained: Vec<_> = pool.drain().collect();
        assert_eq!(census.take_log(), [Event::Acquired(1), Event::Released(1)]);
        drop(drained);
        assert_eq!(census.take_log(), [Event::Dropped(1)]);
    });
}

/// Looks at its pool while it is dropped.
struct Witness<K: PoolKind>(&'static K::Pool<Self, NoHooks>);

impl<K: PoolKind> Drop for Witness<K> {
    fn drop(&mut self) {
        assert_eq!(
            self.0.in_use(),
            1,
            "the slot is free before its value is gone"
        );
    }
}

/// The slot is free once its value is gone, and not before.
pub fn slot_is_free_after_drop<K: PoolKind>() {
    each::<K>(|setting| {
        // SAFETY: every handle below is dropped before `leaked`.
        let leaked = unsafe { Leaked::new(K::plain::<Witness<K>>(setting, SLOTS)) };
        let pool = leaked.get();
        drop(pool.alloc(Witness(pool)));
        assert_eq!(pool.in_use(), 0);
    });
}

/// Every value that was acquired is released once, however it leaves.
pub fn hooks_balance<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::hooked::<Tracked, _>(setting, SLOTS, LoggingHooks::new(&census));
        for (n, handle) in fill(&pool, || census.tracked()).into_iter().enumerate() {
            match n % 4 {
                0 => drop(handle),
                1 => drop(Hooked::<K>::into_inner(handle)),
                _ => std::mem::forget(handle),
            }
        }
        drop(pool.drain().next());
        fill(&pool, || census.tracked())
            .into_iter()
            .for_each(std::mem::forget);
        pool.clear();
        let log = census.take_log();
        let ids = |wanted: fn(&Event) -> Option<u64>| {
            let mut ids: Vec<_> = log.iter().filter_map(wanted).collect();
            ids.sort_unstable();
            ids
        };
        let acquired = ids(|event| match *event {
            Event::Acquired(id) => Some(id),
            _ => None,
        });
        let released = ids(|event| match *event {
            Event::Released(id) => Some(id),
            _ => None,
        });
        assert_eq!(acquired.len(), 2 * SLOTS);
        assert_eq!(acquired, released);
        assert_eq!(census.live(), 0);
    });
}
