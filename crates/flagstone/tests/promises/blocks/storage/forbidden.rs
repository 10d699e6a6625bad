//! Blocks are not lost in caches when the system refuses to let others empty them.

use std::{sync::Barrier, thread};

use flagstone::blocks::{BlockAllocator, Budget};

use super::{bytes, knobs};
use crate::{
    blocks::tasks::Task,
    lock_free_process::{apart_from, forbid_membarrier},
};

const ALL: usize = 1 << 20;

#[test]
fn a_thread_that_nobody_may_wait_for_empties_its_own_cache() {
    let path =
        "blocks::storage::forbidden::a_thread_that_nobody_may_wait_for_empties_its_own_cache";
    apart_from(path, || {
        let budget = Budget::new(ALL).unwrap();
        let config = knobs(ALL).shared_cache_bytes(0).build().unwrap();
        let provider = flagstone::provider::OsPages;
        let blocks = BlockAllocator::with_parts(config, budget.clone(), provider).unwrap();
        let fill = |kept: usize| {
            let mut held: Vec<_> = (0..40)
                .map(|_| blocks.try_alloc(bytes(1024)).unwrap())
                .collect();
            held.truncate(kept);
            held
        };
        let [full, go, gone, end] = [(); 4].map(|()| Barrier::new(3));
        thread::scope(|threads| {
            let other = threads.spawn(|| {
                let held = fill(1);
                full.wait();
                go.wait();
                drop(held);
                gone.wait();
                end.wait();
            });
            // Never comes again, but for its end.
            let idle = threads.spawn(|| {
                fill(0);
                for barrier in [&full, &go, &gone, &end] {
                    barrier.wait();
                }
            });
            full.wait();
            forbid_membarrier();
            let cached = blocks.snapshot().charged;
            let waiting = Task::waiting(budget.reserve(ALL - cached + 20 * 1024));
            go.wait();
            gone.wait();
            drop(waiting.ready().unwrap());
            end.wait();
            other.join().unwrap();
            idle.join().unwrap();
        });
        drop(blocks);
        assert_eq!(budget.charged(), 0);
    });
}

#[test]
fn what_is_left_in_a_cache_is_released_with_its_thread() {
    let path = "blocks::storage::forbidden::what_is_left_in_a_cache_is_released_with_its_thread";
    apart_from(path, || {
        let budget = Budget::new(ALL).unwrap();
        let config = knobs(ALL).build().unwrap();
        let provider = flagstone::provider::OsPages;
        let blocks = BlockAllocator::with_parts(config, budget.clone(), provider).unwrap();
        let (full, end) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|threads| {
            let inside = blocks.clone();
            let (full, end) = (&full, &end);
            let other = threads.spawn(move || {
                drop(inside.try_alloc(bytes(1024)).unwrap());
                drop(inside);
                full.wait();
                end.wait();
            });
            full.wait();
            forbid_membarrier();
            drop(blocks);
            assert_eq!(budget.charged(), 1024, "nobody else may look");
            end.wait();
            other.join().unwrap();
        });
        assert_eq!(budget.charged(), 0);
    });
}
