//! An id reaches the block it was given for, or nothing.

use std::sync::atomic::{AtomicUsize, Ordering};

use flagstone::blocks::{BlockAllocator, StaleBlock};
use flagstone_testkit::threads::scope;

use super::bytes;

#[test]
fn an_id_of_a_block_that_is_gone_reaches_nothing() {
    let blocks = BlockAllocator::new(1 << 20);
    let id = blocks
        .detach(blocks.try_alloc(bytes(100)).unwrap())
        .unwrap();
    blocks.write(id, 0, b"secret").unwrap();
    blocks.free(id).unwrap();
    // The index and the memory are another block's now.
    let mut other = blocks.try_alloc(bytes(100)).unwrap();
    other.write(0, b"other").unwrap();
    assert_eq!(
        (other.id().index(), other.id().generation()),
        (id.index(), 1)
    );
    let stale = Some(StaleBlock {
        expected: 0,
        found: 1,
    });
    let mut bytes = [0; 5];
    assert_eq!(blocks.read(id, 0, &mut bytes).unwrap_err().stale(), stale);
    assert_eq!(blocks.write(id, 0, b"x").unwrap_err().stale(), stale);
    assert_eq!(blocks.free(id).unwrap_err().stale(), stale);
    assert_eq!(blocks.attach(id).unwrap_err().stale(), stale);
    assert_eq!(blocks.verify(id).unwrap_err().stale(), stale);
    assert_eq!(*other, *b"other");
}

#[test]
fn an_id_is_no_right_to_a_block_that_somebody_has() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(bytes(100)).unwrap();
    assert_eq!(block.known_id(), None);
    let id = block.id();
    assert_eq!((block.id(), block.known_id()), (id, Some(id)));
    blocks.verify(id).unwrap();
    blocks.verify_generation(&block).unwrap();
    assert!(blocks.free(id).unwrap_err().is_attached());
    assert!(blocks.read(id, 0, &mut []).unwrap_err().is_attached());
    assert!(blocks.write(id, 0, &[]).unwrap_err().is_attached());
    assert!(blocks.attach(id).unwrap_err().is_attached());
    // Left and taken again it has the same name.
    assert_eq!(blocks.detach(block).unwrap(), id);
    let block = blocks.attach(id).unwrap();
    assert_eq!(block.known_id(), Some(id));
    // Frozen it is no block any more.
    let view = block.freeze();
    assert!(blocks.verify(id).unwrap_err().stale().is_some());
    assert_eq!(view.try_into_mut().unwrap().known_id(), None);
}

#[test]
fn an_allocator_knows_its_own() {
    let (ours, theirs) = (BlockAllocator::new(1 << 20), BlockAllocator::new(1 << 20));
    let mut block = theirs.try_alloc(bytes(10)).unwrap();
    assert!(ours.verify_generation(&block).unwrap_err().is_foreign());
    assert!(ours.verify(block.id()).unwrap_err().is_foreign());
    let block = ours.detach(block).unwrap_err();
    theirs.verify_generation(&block).unwrap();
}

#[test]
fn bytes_by_id_have_bounds() {
    let blocks = BlockAllocator::new(1 << 20);
    let id = blocks.detach(blocks.try_alloc(bytes(10)).unwrap()).unwrap();
    blocks.write(id, 4, b"abc").unwrap();
    let mut seven = [1; 7];
    blocks.read(id, 0, &mut seven).unwrap();
    assert_eq!(seven, *b"\0\0\0\0abc");
    for refused in [blocks.write(id, 9, b"xy"), blocks.read(id, 1, &mut seven)] {
        let refused = refused.unwrap_err();
        assert!(refused.stale().is_none() && !refused.is_attached() && !refused.is_foreign());
    }
}

#[test]
fn blocks_that_were_left_end_with_their_allocator() {
    let blocks = BlockAllocator::new(1 << 20);
    let budget = blocks.budget().clone();
    for n in 0..200 {
        blocks.detach(blocks.try_alloc(bytes(n)).unwrap()).unwrap();
    }
    assert!(budget.charged() > 0);
    drop(blocks);
    assert_eq!(budget.charged(), 0);
}

#[test]
fn one_of_several_threads_frees_a_block() {
    let blocks = BlockAllocator::new(1 << 20);
    for _ in 0..500 {
        let id = blocks
            .detach(blocks.try_alloc(bytes(100)).unwrap())
            .unwrap();
        let freed = AtomicUsize::new(0);
        let free = || {
            let how = blocks
                .free(id)
                .map(|()| freed.fetch_add(1, Ordering::Relaxed));
            assert!(how.is_ok() || how.unwrap_err().stale().is_some());
        };
        scope(|scope| {
            scope.spawn(free);
            free();
        });
        assert_eq!(freed.into_inner(), 1);
    }
    assert_eq!(blocks.audit().unwrap().in_use, 0);
}
