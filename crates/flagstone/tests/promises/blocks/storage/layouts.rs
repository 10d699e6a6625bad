//! Sizes and alignments of every kind have an answer.

use std::alloc::Layout;

use flagstone::blocks::{BlockAllocator, Oversize};

use super::{build, bytes, knobs};

#[test]
fn every_size_has_room_and_wastes_at_most_a_fifth() {
    let blocks = BlockAllocator::new(8 << 20);
    let edges = (4..=20).flat_map(|shift| [(1 << shift) - 1, 1 << shift, (1 << shift) + 1]);
    for size in edges.filter(|&size| size <= 1 << 20) {
        let mut block = blocks.try_alloc(bytes(size)).unwrap();
        assert_eq!(block.capacity(), size);
        block.resize(size).unwrap();
        let charged = block.charged();
        assert!(
            charged >= size && (size <= 256 || charged * 4 <= size * 5),
            "{size}: {charged}"
        );
        assert_eq!(blocks.charged_for(bytes(size)).unwrap(), charged);
    }
}

#[test]
fn nothing_is_a_block_too() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut block = blocks.try_alloc(Layout::new::<()>()).unwrap();
    assert_eq!((block.capacity(), block.len(), block.charged()), (0, 0, 64));
    block.extend_from_slice(b"x").unwrap_err();
    assert!(block.freeze().is_empty());
}

#[test]
fn blocks_are_aligned_as_asked() {
    let blocks = BlockAllocator::new(8 << 20);
    let mut held = Vec::new();
    for shift in 0..=12 {
        for size in [0, 1, 63, 65, 1000, 5000, 100_000] {
            let layout = Layout::from_size_align(size, 1 << shift).unwrap();
            let mut block = blocks.try_alloc(layout).unwrap();
            block.resize(size).unwrap();
            assert!(
                block.as_ptr().addr().is_multiple_of(layout.align()),
                "{layout:?}"
            );
            held.push(block);
        }
    }
    let refused = blocks.try_alloc(Layout::from_size_align(64, 8192).unwrap());
    assert!(refused.unwrap_err().is_too_large());
}

#[test]
fn what_is_too_large_is_refused_at_once() {
    let blocks = BlockAllocator::new(8 << 20);
    for size in [(1 << 20) + 1, 1 << 30, isize::MAX as usize] {
        let refused = blocks.try_alloc(bytes(size)).unwrap_err();
        assert!(refused.is_too_large() && refused.budget().is_none());
        assert!(refused.to_string().contains(&size.to_string()));
    }
    assert_eq!(blocks.budget().charged(), 0);
}

#[test]
fn what_is_too_large_may_have_a_region_of_its_own() {
    let blocks = build(knobs(8 << 20).oversize(Oversize::Dedicated));
    let mut block = blocks.try_alloc(bytes((2 << 20) + 1)).unwrap();
    block.resize((2 << 20) + 1).unwrap();
    let charged = (2 << 20) + 4096;
    assert_eq!(
        (block.charged(), blocks.budget().charged()),
        (charged, charged)
    );
    assert_eq!(blocks.audit().unwrap().in_use, charged);
    // The budget counts it, and what could never be is refused at once.
    let refused = blocks.try_alloc(bytes(7 << 20)).unwrap_err();
    assert!(refused.budget().is_some());
    for size in [1 << 31, isize::MAX as usize] {
        assert!(blocks.try_alloc(bytes(size)).unwrap_err().is_too_large());
    }
    let view = block.freeze();
    drop(blocks);
    assert_eq!(view.len(), (2 << 20) + 1);
}

#[test]
fn all_of_the_budget_can_be_had() {
    for size in [64, 1024, 4096, 64 << 10, 1 << 20] {
        let blocks = BlockAllocator::new(4 << 20);
        let all: Vec<_> = (0..(4 << 20) / size)
            .map(|_| blocks.try_alloc(bytes(size)).unwrap())
            .collect();
        assert_eq!(blocks.budget().charged(), 4 << 20);
        let refused = blocks.try_alloc(bytes(1)).unwrap_err();
        assert!(refused.budget().is_some());
        drop(all);
    }
}
