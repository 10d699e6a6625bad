//! The last of several handles is one, comes after all others, and a weak handle never gets in
//! between.

use std::sync::Arc;

use flagstone::{
    SharedHandle, SharedPool, ThreadSafePool,
    pool::{ArcShared, NoHooks, PoolConfig},
    provider::Global,
    sync::SpinLock,
};
use loom::thread;

use super::{
    explore,
    witness::{Witness, count},
};

type Below = ThreadSafePool<Witness, SpinLock, NoHooks, Global, 1024>;

fn pool(slots: usize) -> Arc<SharedPool<Below>> {
    let config = PoolConfig::with_capacity(slots);
    let below = ThreadSafePool::with_parts(config, SpinLock::new(), NoHooks, Global);
    let locks = [SpinLock::new(), SpinLock::new()];
    Arc::new(SharedPool::with_locks(below.expect("memory"), locks))
}

fn place(
    pool: &Arc<SharedPool<Below>>,
    number: usize,
    deaths: &Arc<std::sync::atomic::AtomicUsize>,
) -> ArcShared<Below> {
    let placed = pool.alloc_static(Witness::new(number, deaths));
    placed.ok().expect("a slot is free")
}

#[test]
fn the_last_handle_comes_after_all_others() {
    explore(3, || {
        let deaths = Arc::default();
        let pool = pool(1);
        let handle = place(&pool, 7, &deaths);
        let other = {
            let handle = handle.clone();
            thread::spawn(move || {
                let again = handle.clone();
                drop(handle);
                assert_eq!(again.number(), 7);
            })
        };
        assert_eq!(handle.number(), 7);
        drop(handle);
        other.join().unwrap();
        assert_eq!((count(&deaths), pool.pool().in_use()), (1, 0));
    });
}

#[test]
fn a_weak_handle_upgrades_before_the_last_drop_or_not_at_all() {
    explore(3, || {
        let deaths = Arc::default();
        let pool = pool(1);
        let handle = place(&pool, 7, &deaths);
        let other = {
            let weak = SharedHandle::downgrade(&handle);
            thread::spawn(move || {
                if let Some(handle) = weak.upgrade() {
                    assert_eq!(handle.number(), 7);
                }
            })
        };
        drop(handle);
        other.join().unwrap();
        assert_eq!((count(&deaths), pool.pool().in_use()), (1, 0));
    });
}

/// The ticket is used again while a stale handle of it is being upgraded.
#[test]
fn a_stale_handle_finds_no_later_value() {
    explore(2, || {
        let deaths = Arc::default();
        let pool = pool(2);
        let first = place(&pool, 1, &deaths);
        let weak = SharedHandle::downgrade(&first);
        let other = thread::spawn(move || {
            if let Some(handle) = weak.upgrade() {
                assert_eq!(handle.number(), 1);
            }
        });
        drop(first);
        // The other thread may hold the first value, or for an instant count as a handle of this.
        let second = place(&pool, 2, &deaths);
        assert_eq!(second.number(), 2);
        drop(second);
        other.join().unwrap();
        assert_eq!((count(&deaths), pool.pool().in_use()), (2, 0));
    });
}

#[test]
fn either_the_value_is_taken_out_or_a_weak_handle_upgrades() {
    explore(3, || {
        let deaths = Arc::default();
        let pool = pool(1);
        let handle = place(&pool, 7, &deaths);
        let other = {
            let weak = SharedHandle::downgrade(&handle);
            thread::spawn(move || weak.upgrade().map(|handle| handle.number()))
        };
        match SharedHandle::try_unwrap(handle) {
            Ok(value) => {
                assert_eq!((value.number(), count(&deaths)), (7, 0));
            }
            Err(handle) => drop(handle),
        }
        let seen = other.join().unwrap();
        assert!(seen.is_none_or(|number| number == 7));
        assert_eq!((count(&deaths), pool.pool().in_use()), (1, 0));
    });
}

/// Both threads drop a handle, and one value is retired once.
#[test]
fn two_threads_agree_who_was_the_last() {
    explore(3, || {
        let deaths = Arc::default();
        let pool = pool(1);
        let handle = place(&pool, 7, &deaths);
        let others = [handle.clone(), handle].map(|handle| {
            thread::spawn(move || {
                assert_eq!(handle.number(), 7);
                drop(handle);
            })
        });
        for other in others {
            other.join().unwrap();
        }
        assert_eq!((count(&deaths), pool.pool().in_use()), (1, 0));
    });
}
