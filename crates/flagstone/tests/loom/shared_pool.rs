//! A slot of a pool behind a lock goes from thread to thread in order, and to one at a time.
#![expect(unsafe_code, reason = "touches a cell that loom watches")]

use std::sync::Arc;

use flagstone::{
    ThreadSafePool,
    pool::{GrowthStrategy, NoHooks, PoolConfig},
    provider::Global,
    sync::SpinLock,
};
use loom::{cell::UnsafeCell, thread};

use super::explore;

/// Of the one slot: its owner writes to it, and loom fails the test if two owners are not ordered.
#[derive(Default)]
struct Turn(UnsafeCell<usize>);

// SAFETY: touched by who has the pool's one slot, which loom checks.
unsafe impl Sync for Turn {}

// SAFETY: as above.
unsafe impl Send for Turn {}

impl Turn {
    fn take(&self) {
        // SAFETY: the caller has the pool's one slot, which loom checks.
        self.0.with_mut(|turns| unsafe { *turns += 1 });
    }
}

type Pool = ThreadSafePool<u64, SpinLock, NoHooks, Global, 1024>;

fn pool(config: PoolConfig<u64>) -> Arc<Pool> {
    let pool = ThreadSafePool::with_parts(config, SpinLock::new(), NoHooks, Global);
    Arc::new(pool.expect("memory"))
}

#[test]
fn one_slot_has_one_owner_at_a_time() {
    explore(3, || {
        let pool = pool(PoolConfig::with_capacity(1));
        let turn = Arc::new(Turn::default());
        let other = {
            let (pool, turn) = (Arc::clone(&pool), Arc::clone(&turn));
            thread::spawn(move || {
                let handle = pool.alloc(1);
                let placed = handle.is_ok();
                if let Ok(handle) = handle {
                    turn.take();
                    assert_eq!(*handle, 1);
                }
                placed
            })
        };
        let here = pool.alloc(2);
        let placed = here.is_ok();
        if let Ok(handle) = here {
            turn.take();
            assert_eq!(*handle, 2);
            drop(handle);
        }
        let there = other.join().unwrap();
        assert!(placed || there, "both were refused a slot that was free");
        assert_eq!(pool.in_use(), 0);
    });
}

#[test]
fn a_handle_may_be_dropped_by_another_thread() {
    explore(3, || {
        let pool = pool(PoolConfig::with_capacity(1));
        let turn = Arc::new(Turn::default());
        let handle = pool.alloc_static(1).expect("a slot is free");
        turn.take();
        let other = {
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                turn.take();
                drop(handle);
            })
        };
        let taken = pool.alloc(2);
        if taken.is_ok() {
            turn.take();
        }
        drop(taken);
        other.join().unwrap();
        assert_eq!(pool.in_use(), 0);
    });
}

#[test]
fn threads_that_grow_a_pool_together_keep_to_its_limit() {
    explore(2, || {
        let config = PoolConfig::builder()
            .capacity(0)
            .max_capacity(Some(1))
            .growth_strategy(GrowthStrategy::Linear { amount: 1 })
            .build()
            .expect("in range");
        let pool = pool(config);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.alloc(1).map(std::mem::forget).is_ok())
        };
        let here = pool.alloc(2).map(std::mem::forget).is_ok();
        let there = other.join().unwrap();
        assert!(here != there, "one slot for two, or none for any");
        assert_eq!((pool.capacity(), pool.in_use()), (1, 1));
    });
}
