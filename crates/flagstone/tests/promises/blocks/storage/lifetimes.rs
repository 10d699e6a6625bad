//! Blocks outlive their allocator and their thread; memory and charge go back once.

use std::{cell::RefCell, sync::Arc, thread};

use flagstone::blocks::{Block, BlockAllocator, BlockView, Budget};

use super::{Watched, bytes, knobs};

#[test]
fn blocks_outlive_their_allocator() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(1 << 20));
    let budget = blocks.budget().clone();
    let mut block = blocks.try_alloc(bytes(100)).unwrap();
    let view = blocks.try_alloc(bytes(5000)).unwrap().freeze();
    // In the thread's cache, and in the shared one.
    drop(
        (0..200)
            .map(|_| blocks.try_alloc(bytes(1000)).unwrap())
            .collect::<Vec<_>>(),
    );
    drop(blocks);
    assert_eq!(budget.charged(), block.charged() + view.charged());
    block.write(0, b"still").unwrap();
    assert_eq!(*block, *b"still");
    assert_eq!(watched.counting().live(), 1);
    drop(view);
    drop(block);
    assert_eq!((budget.charged(), watched.counting().live()), (0, 0));
}

#[test]
fn the_last_view_on_another_thread_takes_everything_back() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(1 << 20));
    let budget = blocks.budget().clone();
    let mut block = blocks.try_alloc(bytes(1000)).unwrap();
    block.write(0, &[9; 1000]).unwrap();
    let view = block.freeze();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let slice = view.slice(n * 10..n * 10 + 10);
            thread::spawn(move || assert_eq!(*slice, [9; 10]))
        })
        .collect();
    drop((view, blocks));
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!((budget.charged(), watched.counting().live()), (0, 0));
}

#[test]
fn an_allocator_goes_while_threads_free_its_blocks() {
    for _ in 0..200 {
        let watched = Watched::new();
        let blocks = watched.build(knobs(1 << 20));
        let budget = blocks.budget().clone();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let blocks = blocks.clone();
                let held: Vec<_> = (0..40)
                    .map(|_| blocks.try_alloc(bytes(1000)).unwrap())
                    .collect();
                thread::spawn(move || {
                    drop(blocks.try_alloc(bytes(500)).unwrap());
                    drop(blocks);
                    drop(held);
                })
            })
            .collect();
        drop(blocks);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(budget.charged(), 0);
        assert_eq!(watched.counting().live(), 0);
    }
}

#[test]
fn many_allocators_come_and_go_in_one_thread() {
    let mut held = Vec::new();
    for n in 0..100 {
        let blocks = BlockAllocator::new(1 << 20);
        let mut block = blocks.try_alloc(bytes(100)).unwrap();
        block.write(0, &[n]).unwrap();
        drop(blocks.try_alloc(bytes(100)).unwrap());
        held.push(block);
    }
    assert!(
        held.iter()
            .enumerate()
            .all(|(n, block)| **block == [n as u8])
    );
}

#[test]
fn more_allocators_than_have_numbers_work() {
    let all: Vec<_> = (0..1100).map(|_| BlockAllocator::new(1 << 20)).collect();
    let held: Vec<_> = all
        .iter()
        .map(|blocks| blocks.try_alloc(bytes(10)).unwrap())
        .collect();
    drop(held);
    assert!(all.iter().all(|blocks| blocks.audit().unwrap().in_use == 0));
}

/// Frees blocks, and allocates, when its thread's locals go.
struct Late(BlockAllocator, Option<Block>);

impl Drop for Late {
    fn drop(&mut self) {
        drop(self.1.take());
        drop(self.0.try_alloc(bytes(300)).unwrap());
    }
}

thread_local! {
    static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
}

#[test]
fn destructors_of_a_thread_use_blocks() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(1 << 20));
    let budget = blocks.budget().clone();
    let late = || Late(blocks.clone(), blocks.try_alloc(bytes(200)).ok());
    thread::scope(|scope| {
        scope
            .spawn(|| {
                BEFORE.with(|_| ());
                AFTER.replace(Some(late()));
                BEFORE.replace(Some(late()));
            })
            .join()
            .unwrap();
    });
    // The destructors run before a join returns.
    assert_eq!(blocks.audit().unwrap().in_use, 0);
    drop(blocks);
    assert_eq!((budget.charged(), watched.counting().live()), (0, 0));
}

#[test]
fn allocators_share_a_budget() {
    let budget = Budget::new(1 << 20).unwrap();
    let make = || {
        let config = knobs(1 << 20).build().unwrap();
        BlockAllocator::with_parts(config, budget.clone(), Watched::new()).unwrap()
    };
    let (first, second) = (make(), make());
    // What the one has cached is at the other's disposal.
    drop(
        (0..256)
            .map(|_| first.try_alloc(bytes(4096)).unwrap())
            .collect::<Vec<_>>(),
    );
    let all: Vec<_> = (0..256)
        .map(|_| second.try_alloc(bytes(4096)).unwrap())
        .collect();
    assert!(first.try_alloc(bytes(1)).is_err());
    assert_eq!(first.snapshot().cached(), 0);
    drop(all);
    drop(second);
    assert_eq!(budget.charged(), 0);
    assert!(first.try_alloc(bytes(1)).is_ok());
}

#[test]
fn a_panic_with_blocks_in_hand_loses_none() {
    let blocks = BlockAllocator::new(1 << 20);
    let unwound = std::panic::catch_unwind(|| {
        let view = blocks.try_alloc(bytes(1000)).unwrap().freeze();
        let _other = (view.clone(), blocks.try_alloc(bytes(10)).unwrap());
        panic!("in user code");
    });
    assert!(unwound.is_err());
    assert_eq!(blocks.audit().unwrap().in_use, 0);
}

#[test]
fn everything_can_be_sent_and_shared() {
    fn both<T: Send + Sync>() {}
    both::<BlockAllocator>();
    both::<Block>();
    both::<BlockView>();
    both::<flagstone::blocks::BlockId>();
    let blocks = Arc::new(BlockAllocator::new(1 << 20));
    let block = blocks.try_alloc(bytes(4)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(block.len(), 0));
    });
}
