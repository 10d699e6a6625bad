//! Who waits gets a block as soon as there is room, whoever has it cached.

use std::{
    future::{Future, pending, ready},
    pin::{Pin, pin},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use flagstone::blocks::{Block, BlockAllocator, BlockError, Budget, BudgetErrorKind, Order};
use flagstone_testkit::heap_watch::calls_during;

use super::{build, bytes, knobs};

const ALL: usize = 1 << 20;

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn kind(refused: Result<Block, BlockError>) -> Option<BudgetErrorKind> {
    refused.unwrap_err().budget().map(|error| error.kind())
}

#[test]
fn the_first_poll_finds_what_is_there_and_allocates_nothing() {
    let blocks = BlockAllocator::new(ALL);
    drop(blocks.try_alloc(bytes(100)).unwrap());
    let calls = calls_during(|| {
        for _ in 0..10 {
            assert!(matches!(
                poll(pin!(blocks.alloc(bytes(100)))),
                Poll::Ready(Ok(_))
            ));
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn who_waits_is_woken_once_when_there_is_room() {
    let blocks = BlockAllocator::new(ALL);
    let all = blocks.try_alloc(bytes(ALL)).unwrap();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut waits = pin!(blocks.alloc(bytes(1000)));
    let calls = calls_during(|| assert!(waits.as_mut().poll(&mut context).is_pending()));
    assert_eq!(calls, 0, "waiting allocates nothing");
    // Nobody overtakes, and what is freed is not kept in a cache.
    assert!(kind(blocks.try_alloc(bytes(100))).is_some());
    thread::spawn(move || drop(all)).join().unwrap();
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    let Poll::Ready(Ok(block)) = waits.as_mut().poll(&mut context) else {
        panic!("there is room");
    };
    assert_eq!(blocks.audit().unwrap().in_use, block.charged());
    drop(block);
    assert_eq!(blocks.audit().unwrap().in_use, 0);
}

#[test]
fn who_waits_gets_what_threads_have_at_hand() {
    let blocks = BlockAllocator::new(ALL);
    let (full, done) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(
                (0..ALL / 2048)
                    .map(|_| blocks.try_alloc(bytes(2048)).unwrap())
                    .collect::<Vec<_>>(),
            );
            full.wait();
            done.wait();
        });
        full.wait();
        assert!(blocks.snapshot().cached() > 0);
        assert!(matches!(
            poll(pin!(blocks.alloc(bytes(ALL)))),
            Poll::Ready(Ok(_))
        ));
        done.wait();
    });
}

#[test]
fn a_future_that_is_dropped_leaves_nothing() {
    let blocks = BlockAllocator::new(ALL);
    for polls in 0..3 {
        let all = blocks.try_alloc(bytes(ALL)).unwrap();
        {
            let mut waits = pin!(blocks.alloc(bytes(1000)));
            for _ in 0..polls {
                assert!(poll(waits.as_mut()).is_pending());
            }
            drop(all);
        }
        blocks.trim();
        assert_eq!(blocks.budget().charged(), 0);
    }
}

#[test]
fn waiting_ends_with_the_timer_or_the_budget() {
    let blocks = BlockAllocator::new(ALL);
    let all = blocks.try_alloc(bytes(ALL)).unwrap();
    let Poll::Ready(refused) = poll(pin!(blocks.alloc_timeout(bytes(1), ready(())))) else {
        panic!("the time is over");
    };
    assert_eq!(kind(refused), Some(BudgetErrorKind::TimedOut));
    let refused = blocks.alloc_blocking_for(bytes(1), Duration::ZERO);
    assert_eq!(kind(refused), Some(BudgetErrorKind::TimedOut));
    let mut waits = pin!(blocks.alloc_timeout(bytes(1), pending::<()>()));
    assert!(poll(waits.as_mut()).is_pending());
    blocks.close();
    let Poll::Ready(refused) = poll(waits) else {
        panic!("it is closed");
    };
    assert_eq!(kind(refused), Some(BudgetErrorKind::Closed));
    assert_eq!(
        kind(blocks.alloc_blocking(bytes(1))),
        Some(BudgetErrorKind::Closed)
    );
    // What must go on does, and blocks stay.
    drop(blocks.force_alloc(bytes(1)).unwrap());
    drop(all);
}

#[test]
fn what_can_never_be_is_refused_at_once() {
    let budget = Budget::new(1000).unwrap();
    let config = knobs(ALL).build().unwrap();
    let provider = flagstone::provider::OsPages;
    let blocks = BlockAllocator::with_parts(config, budget, provider).unwrap();
    let Poll::Ready(refused) = poll(pin!(blocks.alloc(bytes(5000)))) else {
        panic!("it would wait for ever");
    };
    assert_eq!(kind(refused), Some(BudgetErrorKind::TooLarge));
    let Poll::Ready(refused) = poll(pin!(blocks.alloc(bytes(2 * ALL)))) else {
        panic!("it would wait for ever");
    };
    assert!(refused.unwrap_err().is_too_large());
}

#[test]
fn threads_that_block_all_get_their_turn() {
    let blocks = build(knobs(64 << 10).order(Order::Fifo));
    thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| {
            let blocks = &blocks;
            scope.spawn(move || {
                for turn in 0..300 {
                    let size = [1000, 60_000, 20_000, 64][(thread + turn) % 4];
                    let block = blocks.alloc_blocking_for(bytes(size), Duration::from_secs(60));
                    let mut block = block.expect("it is this thread's turn within a minute");
                    block.write(0, &[thread as u8]).unwrap();
                    thread::yield_now();
                    assert_eq!(*block, [thread as u8]);
                }
            })
        });
        // A scope waits for what threads do, and not for their ends, in which caches are emptied.
        for thread in threads {
            thread.join().unwrap();
        }
    });
    let snapshot = blocks.audit().unwrap();
    assert_eq!((snapshot.in_use, snapshot.charged), (0, snapshot.cached()));
}

#[test]
fn blocks_are_forced_as_far_as_told() {
    let blocks = build(knobs(ALL).overdraft(10_000));
    let all = blocks.try_alloc(bytes(ALL)).unwrap();
    let forced = blocks.force_alloc(bytes(8192)).unwrap();
    assert!(kind(blocks.force_alloc(bytes(4096))).is_some());
    assert_eq!(blocks.budget().charged(), ALL + 8192);
    drop(all);
    drop(forced);
    blocks.trim();
    assert_eq!(blocks.budget().charged(), 0);
}

#[test]
fn threads_together_force_no_more_than_told() {
    const MOST: usize = 2 * 8192;
    let blocks = build(knobs(ALL).overdraft(MOST).max_caches(0));
    let all = blocks.try_alloc(bytes(ALL)).unwrap();
    thread::scope(|scope| {
        let threads = [(); 4].map(|()| {
            scope.spawn(|| {
                for _ in 0..200 {
                    let forced = blocks.force_alloc(bytes(8192));
                    assert!(blocks.budget().snapshot().debt <= MOST);
                    thread::yield_now();
                    drop(forced);
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
    drop(all);
}

#[test]
fn a_scope_pays_for_its_blocks() {
    let blocks = BlockAllocator::new(ALL);
    let tenant = blocks
        .budget()
        .scope("tenant")
        .limit(10_000)
        .build()
        .unwrap();
    let block = blocks.try_alloc_in(&tenant, bytes(8000)).unwrap();
    assert_eq!(tenant.charged(), 8192);
    assert_eq!(
        kind(blocks.try_alloc_in(&tenant, bytes(4096))),
        Some(BudgetErrorKind::ScopeLimit)
    );
    let mut waits = pin!(blocks.alloc_in(&tenant, bytes(4096)));
    assert!(poll(waits.as_mut()).is_pending());
    drop(block.freeze());
    let Poll::Ready(Ok(block)) = poll(waits) else {
        panic!("the tenant has room");
    };
    drop(block);
    // It is cached, and not the tenant's any more, who may have it again.
    let seen = blocks.audit().unwrap();
    assert_eq!((tenant.charged(), seen.charged, seen.hot), (0, 4096, 4096));
    let again = blocks.try_alloc_in(&tenant, bytes(4096)).unwrap();
    let seen = blocks.audit().unwrap();
    assert_eq!((tenant.charged(), seen.charged, seen.hot), (4096, 4096, 0));
    assert_eq!(seen.hot_hits, 1);
    drop(again);
    blocks.trim();
    assert_eq!(blocks.budget().charged(), 0);
    let stranger = Budget::new(ALL).unwrap();
    let mut reserved = stranger.try_reserve(1000).unwrap();
    assert!(blocks.acquire(&mut reserved, bytes(10)).is_err());
    assert_eq!((reserved.bytes(), blocks.budget().charged()), (1000, 0));
}

#[test]
fn futures_can_be_sent() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    let blocks = BlockAllocator::new(ALL);
    drop(sent(blocks.alloc(bytes(1))));
    drop(sent(blocks.alloc_timeout(bytes(1), pending::<()>())));
}
