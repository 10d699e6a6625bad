//! Whatever panics, the structure is exact afterwards: the slot is back, every value is dropped
//! once, and the panic goes on.

use flagstone::pool::{InitializationStrategy, NoHooks};

use super::SLOTS;
use crate::{
    conformance::{
        Counted, Door, InPlace, Initializes, PoolKind, Setting, Spec, Unwrap, Walk, each, fill,
    },
    fuse::{Fuse, blow, blows},
    hooks::LoggingHooks,
    value::{Census, Tracked},
};

type Plain<K> = <K as PoolKind>::Pool<Tracked, NoHooks>;
type Hooked<K> = <K as PoolKind>::Pool<Tracked, LoggingHooks>;

/// The whole capacity can still be handed out, and nothing lives that should not.
fn whole<P: Door<Value = Tracked> + Counted>(pool: &P, census: &Census) {
    assert!(pool.is_empty(), "a slot was lost");
    assert_eq!(census.live(), 0, "a value was lost");
    let handles = fill(pool, || census.tracked());
    assert_eq!(handles.len(), SLOTS, "a slot was lost");
    drop(handles);
    assert_eq!(census.live(), 0);
}

/// A destructor that panics loses no slot.
pub fn in_drop<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::plain::<Tracked>(setting, SLOTS);
        for _ in 0..2 * SLOTS {
            let handle = pool.alloc(census.tracked()).expect("a slot is free");
            census.drops().set(1);
            assert!(blows(|| drop(handle)));
        }
        whole(&pool, &census);
    });
}

/// A destructor that panics after the value was moved out, or assigned over, loses no slot.
pub fn in_drop_of_a_value_moved_in<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::plain::<Tracked>(setting, SLOTS);
        let mut handle = pool.alloc(census.tracked()).expect("a slot is free");
        census.drops().set(1);
        assert!(blows(|| *handle = census.tracked()));
        census.drops().set(1);
        assert!(blows(|| drop(Plain::<K>::into_inner(handle))));
        whole(&pool, &census);
    });
}

/// A closure that panics loses no slot.
pub fn in_a_closure<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = K::plain::<Tracked>(setting, SLOTS);
        for _ in 0..2 * SLOTS {
            assert!(blows(|| {
                let _ = pool.alloc_with(|| blow());
            }));
        }
        whole(&pool, &census);
    });
}

/// An acquire hook that panics loses neither slot nor value, whichever door called it.
pub fn in_the_acquire_hook<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let hooks = LoggingHooks::new(&census);
        let fuse = hooks.acquire.clone();
        let spec = Spec {
            initialization: InitializationStrategy::eager({
                let census = census.clone();
                move || census.tracked()
            }),
            ..Spec::slots(SLOTS)
        };
        let pool = K::build(setting, spec, hooks).expect("the pool can be built");
        for _ in 0..SLOTS {
            fuse.set(1);
            assert!(blows(|| drop(pool.alloc(census.tracked()))));
            fuse.set(1);
            assert!(blows(|| drop(pool.alloc_with(|| census.tracked()))));
            fuse.set(1);
            assert!(blows(|| drop(pool.alloc_init())));
            let vacant = pool.alloc_uninit().expect("a slot is free");
            fuse.set(1);
            assert!(blows(|| drop(Hooked::<K>::write(vacant, census.tracked()))));
        }
        whole(&pool, &census);
    });
}

/// A release hook that panics loses neither slot nor value.
pub fn in_the_release_hook<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let hooks = LoggingHooks::new(&census);
        let fuse = hooks.release.clone();
        let mut pool = K::hooked::<Tracked, _>(setting, SLOTS, hooks);
        for _ in 0..SLOTS {
            let handle = pool.alloc(census.tracked()).expect("a slot is free");
            fuse.set(1);
            assert!(blows(|| drop(handle)));
            let handle = pool.alloc(census.tracked()).expect("a slot is free");
            fuse.set(1);
            assert!(blows(|| drop(Hooked::<K>::into_inner(handle))));
        }
        whole(&pool, &census);
        for nth in 1..=SLOTS {
            fill(&pool, || census.tracked())
                .into_iter()
                .for_each(std::mem::forget);
            fuse.set(nth);
            assert!(blows(|| pool.drain().for_each(drop)));
            whole(&pool, &census);
        }
    });
}

/// An initializer that panics, at whichever call, loses nothing: a pool that is being built gives
/// everything back, a pool that stands keeps its slot.
pub fn in_the_initializer<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let begins = K::begins_with(setting, SLOTS);
        let fuse = Fuse::never();
        let strategy = |eager: bool| {
            let (census, fuse) = (census.clone(), fuse.clone());
            let make = move || {
                fuse.tick();
                census.tracked()
            };
            if eager {
                InitializationStrategy::eager(make)
            } else {
                InitializationStrategy::custom(make)
            }
        };
        let spec = |eager| Spec {
            initialization: strategy(eager),
            ..Spec::slots(SLOTS)
        };
        for nth in 1..=begins {
            fuse.set(nth);
            // The pool's provider has a ledger: it fails the test if a chunk is not given back.
            assert!(blows(|| drop(K::build(setting, spec(true), NoHooks))));
            assert_eq!(census.live(), 0);
        }
        let pool = K::build(setting, spec(false), NoHooks).expect("the pool can be built");
        for _ in 0..2 * SLOTS {
            fuse.set(1);
            assert!(blows(|| drop(pool.alloc_init())));
        }
        whole(&pool, &census);
    });
}

/// A pool whose values are made ahead; some were asked for and forgotten.
fn eager<K: PoolKind>(setting: Setting, census: &Census) -> Plain<K> {
    let spec = Spec {
        initialization: InitializationStrategy::eager({
            let census = census.clone();
            move || census.tracked()
        }),
        ..Spec::slots(SLOTS)
    };
    K::build(setting, spec, NoHooks).expect("the pool can be built")
}

/// A value made ahead that has to make room and panics doing so gives its slot up all the same.
pub fn in_drop_of_a_value_made_ahead<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let pool = eager::<K>(setting, &census);
        let ahead = census.live();
        // The others first, so that only those are left; pools that begin without any have none.
        let mut handles: Vec<_> = (ahead..SLOTS)
            .map(|_| pool.alloc(census.tracked()))
            .collect();
        for _ in 0..ahead {
            census.drops().set(1);
            assert!(blows(|| drop(pool.alloc(census.tracked()))));
            handles.push(pool.alloc(census.tracked()));
        }
        assert!(pool.is_full() && handles.iter().all(Result::is_ok));
        drop(handles);
        whole(&pool, &census);
    });
}

/// `clear`, and the end of a pool, drop the forgotten values and those made ahead although the
/// destructor of one, whichever it is, panics.
pub fn at_every_drop_of_an_eager_pool<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        for nth in 1..=SLOTS {
            for clear in [true, false] {
                let mut pool = eager::<K>(setting, &census);
                for _ in 0..SLOTS / 2 {
                    std::mem::forget(pool.alloc_init());
                }
                census.drops().set(nth);
                let all = census.live();
                if clear {
                    assert_eq!(blows(|| pool.clear()), nth <= all);
                    census.drops().set(0);
                    whole(&pool, &census);
                } else {
                    assert_eq!(blows(|| drop(pool)), nth <= all);
                    census.drops().set(0);
                    assert_eq!(census.live(), 0, "a value was lost");
                }
            }
        }
    });
}

/// `clear` drops every forgotten value although the destructor of one panics.
pub fn at_every_drop_of_clear<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        let mut pool = K::plain::<Tracked>(setting, SLOTS);
        for nth in 1..=SLOTS {
            fill(&pool, || census.tracked())
                .into_iter()
                .for_each(std::mem::forget);
            census.drops().set(nth);
            assert!(blows(|| pool.clear()));
            whole(&pool, &census);
        }
        assert!(!blows(|| pool.clear()));
    });
}

/// A pool that is dropped drops every forgotten value, and gives its memory back, although the
/// destructor of one panics.
pub fn at_every_drop_of_a_pool<K: PoolKind>() {
    each::<K>(|setting| {
        let census = Census::default();
        for nth in 1..=SLOTS {
            let pool = K::plain::<Tracked>(setting, SLOTS);
            fill(&pool, || census.tracked())
                .into_iter()
                .for_each(std::mem::forget);
            census.drops().set(nth);
            assert!(blows(|| drop(pool)));
            assert_eq!(census.live(), 0);
        }
    });
}
