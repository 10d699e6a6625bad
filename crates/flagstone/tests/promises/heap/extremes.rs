//! Sizes and alignments that no memory holds are answered with null, and change nothing.

use std::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use super::block::{Block, HEAP, layout};

const MOST: usize = isize::MAX as usize;

/// No process has so many addresses.
const TOO_MANY: usize = 1 << 57;

/// Sizes that layouts of this alignment may have and no process does: around everything that is added
/// to a size or rounded.
fn absurd_sizes(align: usize) -> impl Iterator<Item = usize> {
    let largest = MOST - (align - 1);
    let less = [
        0,
        1,
        7,
        8,
        63,
        64,
        4095,
        4096,
        4097,
        (64 << 10) - 1,
        64 << 10,
        (64 << 10) + 1,
        1 << 20,
        (2 << 20) - 1,
        2 << 20,
        (4 << 20) - 1,
        4 << 20,
        (4 << 20) + 1,
        1 << 30,
        1 << 40,
        MOST / 8,
        MOST / 2,
    ];
    let round = [
        TOO_MANY,
        TOO_MANY + 1,
        (1 << 62) - 1,
        1 << 62,
        (1 << 62) + 1,
    ];
    less.into_iter()
        .map(move |less| largest - less)
        .chain(round)
        .filter(move |size| *size <= largest)
}

fn alignments() -> impl Iterator<Item = usize> {
    (0..=30).map(|log| 1 << log)
}

#[test]
fn sizes_near_the_largest_are_refused() {
    for align in alignments() {
        for size in absurd_sizes(align) {
            let layout = layout(size, align);
            // SAFETY: the size is not 0.
            let (plain, zeroed) = unsafe { (HEAP.alloc(layout), HEAP.alloc_zeroed(layout)) };
            assert!(plain.is_null() && zeroed.is_null(), "{layout:?}");
        }
    }
    Block::some(100, 1).check();
}

#[test]
fn a_block_that_cannot_grow_so_far_stays_as_it_is() {
    for align in alignments().filter(|align| *align <= 64 << 10) {
        for own in [1, 40, 5000, 100_000, 3 << 20] {
            let mut block = Block::new(own, align, own as u64).expect("there is memory");
            let at = block.addresses();
            for size in absurd_sizes(align) {
                assert!(!block.realloc(size), "{size:#x} bytes");
                assert!(!block.resize(size, align), "{size:#x} bytes");
            }
            assert_eq!(block.addresses(), at);
        }
    }
}

#[test]
fn alignments_that_no_address_has_are_refused_or_kept() {
    let mut block = Block::some(100, 1);
    for log in 31..63 {
        let align = 1 << log;
        for size in [1, 4096, MOST - (align - 1)] {
            let Ok(layout) = Layout::from_size_align(size, align) else {
                continue;
            };
            // SAFETY: the size is not 0.
            let plain = unsafe { HEAP.alloc(layout) };
            assert!(plain.addr().is_multiple_of(align), "{layout:?}");
            if let Some(plain) = NonNull::new(plain) {
                // SAFETY: a block of the heap.
                assert!(unsafe { HEAP.usable_size(plain) } >= size);
                // SAFETY: nobody's any more.
                unsafe { HEAP.dealloc(plain.as_ptr(), layout) };
            }
        }
        if log > 48 {
            assert!(!block.resize(100, align), "an alignment of {align:#x}");
        }
    }
    block.check();
}

#[test]
fn a_block_is_aligned_to_a_gibibyte() {
    let align = 1 << 30;
    let mut blocks: Vec<_> = [1, 4096, 1 << 20]
        .into_iter()
        .map(|size| Block::zeroed(size, align, size as u64).expect("there are addresses"))
        .collect();
    for block in &mut blocks {
        for size in [3 << 20, 100, 5000] {
            assert!(block.realloc(size), "there is memory");
        }
        assert!(block.resize(70_000, align), "there is memory");
        assert!(block.resize(60_000, 8), "there is memory");
    }
    blocks.pop().expect("a block").free();
}

#[test]
fn every_alignment_holds_for_every_size() {
    for align in alignments().filter(|align| *align <= 8 << 20) {
        for size in [
            1,
            8,
            align / 2 + 1,
            align,
            align + 1,
            3 * align / 2 + 1,
            100_000,
        ] {
            // Several, because the first of a slab is easily aligned.
            let mut blocks: Vec<_> = (0..4)
                .map(|n| Block::new(size, align, n).expect("there is memory"))
                .collect();
            blocks.swap(0, 2);
            blocks.truncate(2);
            let more = Block::zeroed(size, align, 5).expect("there is memory");
            blocks.iter().chain([&more]).for_each(Block::check);
        }
    }
}
