//! What is usable of a block: not much more than was asked for, all of it the owner's, and the same for
//! as long as the block lives.

use std::{alloc::GlobalAlloc, ptr::NonNull, thread};

use super::block::{Block, HEAP, layout, mixed, size_up_to};

/// Up to here sizes are rounded by classes.
const LARGEST_SMALL: usize = 32 << 10;

/// What is usable of a block that was asked for like this.
fn usable(size: usize, align: usize) -> usize {
    let layout = layout(size, align);
    // SAFETY: the size is not 0.
    let at = NonNull::new(unsafe { HEAP.alloc(layout) }).expect("there is memory");
    // SAFETY: a block of the heap.
    let usable = unsafe { HEAP.usable_size(at) };
    assert!(usable >= size, "{layout:?} has {usable} bytes");
    assert!(at.as_ptr().addr().is_multiple_of(align), "{layout:?}");
    // SAFETY: nobody's any more.
    unsafe { HEAP.dealloc(at.as_ptr(), layout) };
    usable
}

#[test]
fn at_most_an_eighth_of_a_block_is_wasted() {
    for size in 1..=LARGEST_SMALL {
        let usable = usable(size, 1);
        let most = if size <= 64 { 15 } else { usable / 8 };
        assert!(usable - size <= most, "{usable} bytes for {size}");
    }
}

#[test]
fn so_it_is_with_alignment() {
    for align in (0..=16).map(|log| 1_usize << log) {
        for size in (1..=LARGEST_SMALL).step_by(97) {
            let usable = usable(size, align);
            // Blocks lie side by side, so each is a multiple of its alignment.
            let asked = size.next_multiple_of(align).max(64);
            assert!(
                usable - usable / 8 <= asked,
                "{usable} bytes for {size} aligned to {align}"
            );
        }
    }
}

#[test]
fn large_blocks_are_rounded_by_less_than_half() {
    for log in 15..24 {
        for size in [(1 << log) + 1, (1 << log) + (1 << (log - 1)), 2 << log] {
            let usable = usable(size, 1);
            assert!(
                usable - size <= size / 2 + (64 << 10),
                "{usable} bytes for {size}"
            );
        }
    }
}

#[test]
fn more_bytes_are_never_less_usable() {
    let sizes = (1..2000).chain((2000..300_000).step_by(1009));
    let mut before = 0;
    for size in sizes {
        let now = usable(size, 1);
        assert!(now >= before, "{now} bytes for {size}, {before} for less");
        before = now;
    }
}

#[test]
fn what_is_usable_stays() {
    let blocks: Vec<_> = (0..500)
        .map(|n| Block::some(size_up_to(17, mixed(n)), n))
        .collect();
    let seen: Vec<_> = blocks.iter().map(Block::addresses).collect();
    // While others come and go; seen from another thread, and after this one is gone.
    let blocks = thread::spawn(move || {
        let others: Vec<_> = (0..500).map(|n| Block::some(n + 1, n as u64)).collect();
        let same = blocks.iter().map(Block::addresses).eq(seen.iter().cloned());
        assert!(same);
        drop(others);
        (blocks, seen)
    });
    let (blocks, seen) = blocks.join().expect("no panic");
    HEAP.purge();
    assert!(blocks.iter().map(Block::addresses).eq(seen));
}

#[test]
fn any_size_up_to_the_usable_one_gives_a_block_back() {
    for size in [1, 9, 17, 65, 100, 1000, 5000, 33_000, 70_000, 3 << 20] {
        let usable = usable(size, 8);
        for said in [size, size.midpoint(usable), usable] {
            for _ in 0..10 {
                // SAFETY: the size is not 0.
                let at = unsafe { HEAP.alloc(layout(size, 8)) };
                assert!(!at.is_null());
                // SAFETY: a layout that fits the block, as the allocator API has it.
                unsafe { HEAP.dealloc(at, layout(said, 8)) };
            }
        }
    }
    Block::some(100, 1).check();
}
