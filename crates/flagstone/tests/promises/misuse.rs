//! Indices and raw pointers from outside are checked where that is promised, in release builds too,
//! and a refused one changes nothing.
#![expect(unsafe_code, reason = "misuses the unsafe doors")]

use std::{cell::Cell, ptr::NonNull};

use flagstone::{
    FixedPool, OwnedHandle,
    corruption::{self, Corruption},
    index::{Bitmap, FreeList, Stack},
    pool::{
        Checked, CheckedStrategy, FromCapacity, Indexed, InitializationStrategy, Intrusive,
        NoHooks, PoolConfig,
    },
    provider::Global,
};
use flagstone_testkit::{
    conformance::fill,
    fuse::{blow, blows},
};

thread_local! {
    static FOUND: Cell<Option<Corruption>> = const { Cell::new(None) };
}

/// Remembers what was found, and unwinds instead of aborting.
fn remember(found: &Corruption) {
    FOUND.set(Some(*found));
    blow();
}

/// What the corruption handler is told while `f` runs. The handler is the process's, and the same
/// for all tests.
pub(crate) fn found(f: impl FnOnce()) -> Option<Corruption> {
    corruption::set_handler(Some(remember));
    let blown = blows(f);
    let found = FOUND.take();
    assert_eq!(blown, found.is_some());
    found
}

/// Runs a check for every strategy that keeps a bit per slot.
macro_rules! every_checked_strategy {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                checks::$name::<Checked<Intrusive>>();
                checks::$name::<Indexed<Stack>>();
                checks::$name::<Indexed<FreeList>>();
                checks::$name::<Indexed<Bitmap>>();
                checks::$name::<Checked<Indexed<Stack>>>();
                checks::$name::<Checked<Checked<Intrusive>>>();
            }
        )*
    };
}

every_checked_strategy!(
    an_index_comes_back_once,
    a_foreign_index_is_refused,
    a_foreign_handle_is_refused,
    a_raw_pointer_comes_back_once,
    a_foreign_raw_pointer_is_refused,
    a_second_release_is_reported,
    the_slot_of_a_value_made_ahead_is_not_in_use,
);

mod checks {
    use super::*;

    type Pool<S> = FixedPool<u64, S>;

    fn pool<S: CheckedStrategy + FromCapacity>() -> Pool<S> {
        Pool::with_strategy(70).expect("memory")
    }

    pub(super) fn an_index_comes_back_once<S: CheckedStrategy + FromCapacity>() {
        let pool = pool::<S>();
        let indices: Vec<_> = fill(&pool, || 5)
            .into_iter()
            .map(|handle| pool.into_index(handle).expect("it is ours"))
            .collect();
        let mut sorted = indices.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..70).collect::<Vec<_>>());
        for (freed, &index) in indices.iter().enumerate() {
            // SAFETY: the slot holds a value that no handle owns.
            let handle = unsafe { pool.from_index(index) }.expect("it is in use");
            assert_eq!((pool.index_of(&handle), *handle), (Some(index), 5));
            drop(handle);
            // SAFETY: the slot is free.
            let error = unsafe { pool.from_index(index) }.expect_err("it was freed");
            assert!(error.is_not_in_use() && !error.is_out_of_range());
            assert_eq!((error.index(), pool.in_use()), (index, 69 - freed));
        }
    }

    pub(super) fn a_foreign_index_is_refused<S: CheckedStrategy + FromCapacity>() {
        let pool = pool::<S>();
        let _full = fill(&pool, || 5);
        for index in [
            70,
            71,
            127,
            128,
            4096,
            usize::MAX / 8,
            usize::MAX - 1,
            usize::MAX,
        ] {
            // SAFETY: there is no such slot.
            let error = unsafe { pool.from_index(index) }.expect_err("out of range");
            assert!(error.is_out_of_range());
            assert!(error.to_string().contains(&index.to_string()));
        }
        assert!(pool.is_full());
    }

    pub(super) fn a_foreign_handle_is_refused<S: CheckedStrategy + FromCapacity>() {
        let (ours, theirs) = (pool::<S>(), pool::<S>());
        let handle = theirs.alloc(7).expect("a slot is free");
        assert_eq!(ours.index_of(&handle), None);
        let handle = ours.into_index(handle).expect_err("it is not ours");
        assert_eq!((*handle, theirs.in_use(), ours.in_use()), (7, 1, 0));
    }

    pub(super) fn a_raw_pointer_comes_back_once<S: CheckedStrategy + FromCapacity>() {
        let pool = pool::<S>();
        let raw = OwnedHandle::into_raw(pool.alloc(7).expect("a slot is free"));
        // SAFETY: the slot holds a value that no handle owns.
        assert_eq!(*unsafe { pool.try_from_raw(raw) }.expect("it is in use"), 7);
        // SAFETY: the slot is free.
        let error = unsafe { pool.try_from_raw(raw) }.expect_err("it was freed");
        assert!(error.is_not_in_use());
        assert!(pool.is_empty());
    }

    pub(super) fn a_foreign_raw_pointer_is_refused<S: CheckedStrategy + FromCapacity>() {
        let (ours, theirs) = (pool::<S>(), pool::<S>());
        let handles = fill(&ours, || 1);
        let first = OwnedHandle::as_ptr(&handles[ours.index_of(&handles[0]).unwrap_or(0)]);
        let foreign = OwnedHandle::into_raw(theirs.alloc(2).expect("a slot is free"));
        let lowest = handles
            .iter()
            .map(OwnedHandle::as_ptr)
            .min()
            .unwrap_or(first);
        let offset = |bytes: isize| {
            let address = lowest.as_ptr().addr().wrapping_add_signed(bytes);
            NonNull::new(lowest.as_ptr().with_addr(address)).unwrap_or(first)
        };
        // Another pool's; before the first; one past the last; within a slot; far away.
        let wrong = [
            foreign,
            offset(-8),
            offset(70 * 8),
            offset(4),
            offset(isize::MAX),
        ];
        for pointer in wrong {
            // SAFETY: it is no address of a slot of this pool.
            let error = unsafe { ours.try_from_raw(pointer) }.expect_err("it is no slot of ours");
            assert!(error.is_out_of_range());
        }
        assert!(ours.is_full());
        assert_eq!(theirs.in_use(), 1);
    }

    pub(super) fn a_second_release_is_reported<S: CheckedStrategy + FromCapacity>() {
        let pool = pool::<S>();
        let keep = pool.alloc(6).expect("a slot is free");
        let raw = OwnedHandle::into_raw(pool.alloc(7).expect("a slot is free"));
        // SAFETY: it came from `into_raw` just now.
        drop(unsafe { pool.from_raw(raw) });
        // SAFETY: it is not: the misuse that is to be found. The value needs no drop, and its
        // memory is the pool's.
        let again = || drop(unsafe { pool.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
        assert_eq!((pool.in_use(), *keep), (1, 6), "nothing was changed");
        assert_eq!(fill(&pool, || 8).len(), 69);
    }

    /// The pool owns such a value: an index names what users have in use.
    pub(super) fn the_slot_of_a_value_made_ahead_is_not_in_use<
        S: CheckedStrategy + FromCapacity,
    >() {
        let config = PoolConfig::builder()
            .capacity(4)
            .initialization(InitializationStrategy::eager(|| 9_u64))
            .build()
            .expect("in range");
        let strategy = S::from_capacity(4).expect("it is small");
        let pool = FixedPool::with_parts(config, strategy, NoHooks, Global).expect("memory");
        assert_eq!(pool.in_use(), 0);
        for index in 0..4 {
            // SAFETY: no handle for the slot exists, and if it counts as in use it holds a value.
            let refused = unsafe { pool.from_index(index) };
            // Kept, if there is one: dropping it would free what the pool still has.
            let refused = refused.map(OwnedHandle::into_raw);
            assert!(refused.expect_err("nobody was given it").is_not_in_use());
        }
    }
}

/// What a debug build finds without a bit per slot.
#[cfg(debug_assertions)]
mod debug_builds {
    use flagstone::{
        BufferPool, GrowingPool, LockFreePool, RecyclePool,
        pool::{FnRecycle, GrowthStrategy},
    };

    use super::*;

    #[test]
    fn a_second_release_to_an_intrusive_pool_is_reported() {
        let pool = FixedPool::<u64>::new(4);
        let raw = OwnedHandle::into_raw(pool.alloc(7).expect("a slot is free"));
        // SAFETY: it came from `into_raw` just now.
        drop(unsafe { pool.from_raw(raw) });
        // SAFETY: it is not: the misuse that is to be found.
        let again = || drop(unsafe { pool.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
        assert_eq!(fill(&pool, || 8).len(), 4);
    }

    #[test]
    fn raw_pointers_to_a_lock_free_pool_are_looked_at() {
        raw_pointers_are_looked_at([(); 2].map(|()| LockFreePool::new(4)));
        raw_pointers_are_looked_at([(); 2].map(|()| LockFreePool::exact(4)));
    }

    fn raw_pointers_are_looked_at([pool, other]: [LockFreePool<u64>; 2]) {
        let raw = OwnedHandle::into_raw(pool.alloc(7).expect("a slot is free"));
        let misuses = [
            (&other, raw),
            // SAFETY: within the slab.
            (&pool, unsafe { raw.byte_add(4) }),
        ];
        for (pool, raw) in misuses {
            // SAFETY: it is not: the misuse that is to be found.
            let foreign = || drop(unsafe { pool.from_raw(raw) });
            let address = raw.as_ptr().addr();
            assert_eq!(found(foreign), Some(Corruption::ForeignPointer { address }));
        }
        // SAFETY: it came from `into_raw`, and no handle was made of it.
        drop(unsafe { pool.from_raw(raw) });
        // SAFETY: it is not: the misuse that is to be found.
        let again = || drop(unsafe { pool.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
        assert_eq!((fill(&pool, || 8).len(), fill(&other, || 8).len()), (4, 4));
    }

    #[test]
    fn a_second_release_to_a_growing_pool_is_reported() {
        let pool = GrowingPool::<u64>::new(4);
        let raw = OwnedHandle::into_raw(pool.alloc(7).expect("a slot is free"));
        // SAFETY: it came from `into_raw` just now.
        drop(unsafe { pool.from_raw(raw) });
        // SAFETY: it is not: the misuse that is to be found.
        let again = || drop(unsafe { pool.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
        assert_eq!(pool.in_use(), 0);
    }

    #[test]
    fn a_pointer_of_another_growing_pool_is_reported() {
        let (ours, theirs) = (GrowingPool::<u64>::new(4), GrowingPool::<u64>::new(4));
        let raw = OwnedHandle::into_raw(theirs.alloc(7).expect("a slot is free"));
        // SAFETY: it is not ours: the misuse that is to be found.
        let foreign = || drop(unsafe { ours.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(foreign), Some(Corruption::ForeignPointer { address }));
        assert_eq!((ours.in_use(), theirs.in_use()), (0, 1));
    }

    #[test]
    fn a_pointer_of_another_fixed_pool_is_reported() {
        let (ours, theirs) = (FixedPool::<u64>::new(4), FixedPool::<u64>::new(4));
        let raw = OwnedHandle::into_raw(theirs.alloc(7).expect("a slot is free"));
        // SAFETY: it is not ours: the misuse that is to be found.
        let foreign = || drop(unsafe { ours.from_raw(raw) });
        let address = raw.as_ptr().addr();
        assert_eq!(found(foreign), Some(Corruption::ForeignPointer { address }));
        assert_eq!((ours.in_use(), theirs.in_use()), (0, 1));
    }

    #[test]
    fn a_second_release_of_an_object_is_reported() {
        let recycle = FnRecycle::new(|| 7, |_: &mut u64| ());
        let (ours, theirs) = (RecyclePool::new(4, recycle), RecyclePool::new(4, recycle));
        let raw = OwnedHandle::into_raw(ours.acquire().expect("one is made"));
        let address = raw.as_ptr().addr();
        // SAFETY: it is not theirs: the misuse that is to be found.
        let foreign = || drop(unsafe { theirs.from_raw(raw) });
        assert_eq!(found(foreign), Some(Corruption::ForeignPointer { address }));
        // SAFETY: it came from `into_raw` of this pool.
        drop(unsafe { ours.from_raw(raw) });
        // SAFETY: it is released: the misuse that is to be found.
        let again = || drop(unsafe { ours.from_raw(raw) });
        assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
        assert_eq!((ours.in_use(), ours.idle(), theirs.in_use()), (0, 1, 0));
    }

    #[test]
    fn a_second_release_of_a_buffer_is_reported() {
        let pool = |growth| {
            let config = PoolConfig::builder().capacity(4).growth_strategy(growth);
            BufferPool::<u64>::with_config(4, config.build().expect("in range")).expect("memory")
        };
        for amount in [None, Some(1)] {
            let growth = || match amount {
                None => GrowthStrategy::None,
                Some(amount) => GrowthStrategy::Linear { amount },
            };
            let (ours, theirs) = (pool(growth()), pool(growth()));
            let (first, len) = ours.alloc().expect("free").into_raw_parts();
            let address = first.as_ptr().addr();
            // SAFETY: it is not theirs: the misuse that is to be found.
            let foreign = || drop(unsafe { theirs.from_raw_parts(first, len) });
            assert_eq!(found(foreign), Some(Corruption::ForeignPointer { address }));
            // SAFETY: the parts are this pool's.
            drop(unsafe { ours.from_raw_parts(first, len) });
            // SAFETY: they came back: the misuse that is to be found.
            let again = || drop(unsafe { ours.from_raw_parts(first, len) });
            assert_eq!(found(again), Some(Corruption::DoubleFree { address }));
            assert_eq!((ours.in_use(), theirs.in_use()), (0, 0));
        }
    }
}
