//! The promises.

use std::{
    alloc::Layout,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use flagstone::blocks::{Block, BlockAllocator, BlockError, BudgetErrorKind};

use super::executor::{Executor, Job, yield_now};

/// Bytes of all blocks together.
const ALL: usize = 64 << 10;

fn bytes(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap()
}

fn kind(refused: Result<Block, BlockError>) -> Option<BudgetErrorKind> {
    refused.unwrap_err().budget().map(|error| error.kind())
}

/// Goes on when so many wait.
async fn until_waiting(blocks: &BlockAllocator, count: usize) {
    while blocks.budget().snapshot().waiting != count {
        yield_now().await;
    }
}

/// Nobody has anything, and nobody waits.
fn assert_idle(blocks: &BlockAllocator) {
    let seen = blocks.audit().unwrap();
    assert_eq!((seen.in_use, seen.charged), (0, seen.cached()));
    let budget = blocks.budget().snapshot();
    assert_eq!((budget.waiting, budget.unclaimed, budget.debt), (0, 0, 0));
    blocks.trim();
    assert_eq!(blocks.budget().charged(), 0);
}

/// More is wanted than there is: everybody gets it, alone, and none stays behind.
pub fn any_number_may_wait(executor: &dyn Executor) {
    let blocks = BlockAllocator::new(ALL);
    let jobs = (0..12_usize).map(|number| {
        let blocks = blocks.clone();
        let job: Job = Box::pin(async move {
            for round in 0..30 {
                let size = [ALL, 1000, ALL / 2, 64, ALL / 3][(number + round) % 5];
                let mut block = blocks.alloc(bytes(size)).await.unwrap();
                block.write(0, &[number as u8; 64]).unwrap();
                yield_now().await;
                assert_eq!(*block, [number as u8; 64]);
                // Half of them free what was frozen.
                if round % 2 == 0 {
                    drop(block.freeze());
                }
            }
        });
        job
    });
    executor.run(jobs.collect());
    assert_idle(&blocks);
}

/// Futures that are dropped after any number of polls, granted or not, while others use the same budget:
/// nothing is lost, and the others go on.
pub fn cancelled_at_any_poll(executor: &dyn Executor) {
    for polls in 0..6 {
        let blocks = BlockAllocator::new(ALL);
        let jobs = (0..9_usize).map(|number| {
            let blocks = blocks.clone();
            let job: Job = Box::pin(async move {
                for _ in 0..8 {
                    if number % 3 == 0 {
                        drop(blocks.alloc(bytes(ALL)).await.unwrap());
                        continue;
                    }
                    let mut waits = pin!(blocks.alloc(bytes(ALL / 2)));
                    let mut left = polls;
                    let granted = poll_fn(|context| {
                        if left == 0 {
                            return Poll::Ready(None);
                        }
                        left -= 1;
                        // It is woken by itself, so that it is polled when it was granted nothing, too.
                        context.waker().wake_by_ref();
                        waits.as_mut().poll(context).map(Some)
                    });
                    if let Some(granted) = granted.await {
                        let _block = granted.unwrap();
                        yield_now().await;
                    }
                }
            });
            job
        });
        executor.run(jobs.collect());
        assert_idle(&blocks);
    }
}

/// Everybody who waits is told, and blocks that are out stay.
pub fn closing_ends_the_wait(executor: &dyn Executor) {
    let blocks = BlockAllocator::new(ALL);
    let mut held = blocks.try_alloc(bytes(ALL)).unwrap();
    let mut jobs: Vec<Job> = Vec::new();
    for size in [64, 1000, ALL] {
        let blocks = blocks.clone();
        jobs.push(Box::pin(async move {
            let refused = blocks.alloc(bytes(size)).await;
            assert_eq!(kind(refused), Some(BudgetErrorKind::Closed));
        }));
    }
    let closer = blocks.clone();
    jobs.push(Box::pin(async move {
        until_waiting(&closer, 3).await;
        closer.close();
        held.write(0, b"stays").unwrap();
        assert_eq!(*held, *b"stays");
    }));
    executor.run(jobs);
    assert_idle(&blocks);
}

/// What is freed is his who waits, before anybody else can ask for it.
pub fn freed_is_handed_over(executor: &dyn Executor) {
    let blocks = BlockAllocator::new(ALL);
    let held = blocks.try_alloc(bytes(ALL)).unwrap().freeze();
    let done = Arc::new(AtomicBool::new(false));
    let (waiter, waits_for) = (blocks.clone(), Arc::clone(&done));
    let waits: Job = Box::pin(async move {
        let _block = waiter.alloc(bytes(ALL)).await.unwrap();
        while !waits_for.load(Ordering::Acquire) {
            yield_now().await;
        }
    });
    let owner = blocks.clone();
    let frees: Job = Box::pin(async move {
        until_waiting(&owner, 1).await;
        drop(held);
        // It may not have been polled yet.
        assert_eq!(owner.budget().snapshot().waiting, 0);
        let refused = owner.try_alloc(bytes(64));
        assert_eq!(kind(refused), Some(BudgetErrorKind::Exhausted));
        done.store(true, Ordering::Release);
    });
    executor.run(vec![waits, frees]);
    assert_idle(&blocks);
}

/// The executor's timer ends a wait, and only a wait.
pub fn the_timer_ends_the_wait(executor: &dyn Executor) {
    let blocks = BlockAllocator::new(ALL);
    let held = blocks.try_alloc(bytes(ALL)).unwrap();
    let soon = executor.timer(Duration::from_millis(1));
    let refused = blocks.clone();
    executor.run(vec![Box::pin(async move {
        let refused = refused.alloc_timeout(bytes(64), soon).await;
        assert_eq!(kind(refused), Some(BudgetErrorKind::TimedOut));
    })]);
    assert_eq!(blocks.budget().snapshot().waiting, 0);

    let [late, later] = [(); 2].map(|()| executor.timer(Duration::from_secs(3600)));
    let (waiter, owner) = (blocks.clone(), blocks.clone());
    let waits: Job = Box::pin(async move {
        drop(waiter.alloc_timeout(bytes(ALL), late).await.unwrap());
        drop(waiter.alloc_timeout(bytes(ALL), later).await.unwrap());
    });
    let frees: Job = Box::pin(async move {
        until_waiting(&owner, 1).await;
        drop(held);
    });
    executor.run(vec![waits, frees]);
    assert_idle(&blocks);
}
