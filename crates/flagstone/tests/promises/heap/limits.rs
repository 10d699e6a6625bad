//! When there is no more memory the answer is null; everything goes on, and what is freed is there again.

use std::sync::Barrier;

use flagstone::heap::{Heap, HeapOptions};
use flagstone_testkit::threads::scope;

use super::{
    block::{Block, mixed, size_up_to, use_first},
    process::apart,
};

const MIB: usize = 1 << 20;

/// As many blocks of `size` as there are.
fn exhaust(size: usize) -> Vec<Block> {
    (0..).map_while(|n| Block::new(size, 1, n)).collect()
}

/// Allocates until nothing is left, frees, and allocates again: of each size about the same.
fn comes_to_an_end_again_and_again(bytes: usize) {
    // The largest first, as long as nothing lies in between.
    for size in [16 * MIB, 3 * MIB, 300 << 10, 20_000, 2000, 100_000, 5 * MIB] {
        let mut blocks = exhaust(size);
        let sum = blocks.len() * size;
        assert!(sum <= bytes, "{} blocks of {size} bytes", blocks.len());
        assert!(sum >= bytes / 2, "{} blocks of {size} bytes", blocks.len());
        // Nothing becomes larger, and all of it stays. (What fits its block does.)
        for block in blocks.iter_mut().step_by(7) {
            assert!(!block.realloc(bytes + MIB));
            assert!(!block.resize(bytes + MIB, 4096));
        }
        // A few that go make room for as many.
        let half = blocks.len() / 2;
        let count = blocks.len() - half;
        blocks.truncate(half);
        blocks.extend((0..count as u64 / 2).map(|n| Block::some(size, n)));
        blocks.iter().for_each(Block::check);
    }
}

/// In several threads: each gets something or null, and all goes on.
fn comes_to_an_end_for_all() {
    let barrier = Barrier::new(4);
    scope(|scope| {
        for thread in 0..4 {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                let mut refused = 0;
                let mut blocks = Vec::new();
                for n in 0..1500 {
                    let random = mixed((thread << 32) + n);
                    match Block::new(size_up_to(20, random), 1, random) {
                        Some(block) => blocks.push(block),
                        None => {
                            refused += 1;
                            blocks.truncate(blocks.len() / 2);
                        }
                    }
                }
                assert!(refused > 0, "there was memory for everything");
                blocks.iter().for_each(Block::check);
            });
        }
    });
    // All of it is there again, in this thread.
    Block::some(MIB, 1).check();
}

#[cfg(not(any(flagstone_asan, flagstone_tsan)))]
#[test]
fn a_process_without_more_addresses_is_told_null() {
    let name = "heap::limits::a_process_without_more_addresses_is_told_null";
    lives_within(name, libc::RLIMIT_AS, super::memory::addresses);
}

/// As where the system promises no more memory than it has: what could be written counts, whether it was or not.
#[cfg(not(any(flagstone_asan, flagstone_tsan)))]
#[test]
fn a_process_without_more_memory_to_write_is_told_null() {
    let name = "heap::limits::a_process_without_more_memory_to_write_is_told_null";
    lives_within(name, libc::RLIMIT_DATA, super::memory::writable);
}

/// Runs the test `name` again in another process, where the heap has 256 MiB beyond what the process has of the
/// `resource` when it begins: it takes them in large pieces.
#[cfg(not(any(flagstone_asan, flagstone_tsan)))]
fn lives_within(name: &str, resource: libc::__rlimit_resource_t, has: fn() -> usize) {
    apart(name, || {
        // What the test itself takes is there before: its threads, and the C library's memory.
        drop(Block::some(1, 1));
        let sizes = [48 * MIB, 3 * MIB, 100_000, 10_000];
        let mut all = Vec::<Block>::with_capacity(256 * MIB / sizes[3]);
        let most = (has() + 256 * MIB) as libc::rlim_t;
        let limit = libc::rlimit {
            rlim_cur: most,
            rlim_max: most,
        };
        // SAFETY: numbers only.
        let failed = unsafe { libc::setrlimit(resource, &raw const limit) };
        assert_eq!(failed, 0);
        for size in sizes {
            let blocks = (0..).map_while(|n| Block::new(size, 1, n));
            for block in blocks {
                // The list of blocks needs memory, too, and has it.
                assert!(all.len() < all.capacity());
                all.push(block);
            }
            let sum = all.len() * size;
            assert!(sum >= 128 * MIB, "{} blocks of {size} bytes", all.len());
            for block in all.iter_mut().step_by(17) {
                assert!(!block.realloc(300 * MIB));
                assert!(!block.resize(300 * MIB, 1 << 16));
            }
            // An alignment that needs more addresses than the block.
            assert!(Block::new(8, 1 << 30, 1).is_none());
            let count = all.len() / 2;
            all.truncate(count);
            for n in 0..count / 2 {
                all.push(Block::some(size, n as u64));
            }
            all.clear();
        }
        for n in 0..100 {
            drop(Block::zeroed(MIB, 1, n).expect("all is there again"));
        }
    });
}

static LIMITED: Heap = Heap::with_options(HeapOptions::new().limit(Some(64 * MIB)));

#[test]
fn a_limit_is_one() {
    let name = "heap::limits::a_limit_is_one";
    apart(name, || {
        use_first(&LIMITED);
        comes_to_an_end_again_and_again(64 * MIB);
        assert!(LIMITED.stats().mapped() <= 64 * MIB);
        assert!(Block::new(65 * MIB, 1, 1).is_none());
        assert!(Block::zeroed(64 * MIB + 1, 1, 1).is_none());
    });
}

#[test]
fn a_block_grows_up_to_the_limit() {
    let name = "heap::limits::a_block_grows_up_to_the_limit";
    apart(name, || {
        use_first(&LIMITED);
        let mut block = Block::some(30 * MIB, 1);
        // The chunk that came first, and the ends of the mapping, are the heap's.
        assert!(block.realloc(50 * MIB), "there is room for it");
        assert!(block.realloc(58 * MIB), "there is room for it");
        assert!(!block.realloc(65 * MIB));
    });
}

/// Holes of different sizes: each that is large enough is found before null is said.
#[test]
fn a_hole_that_is_large_enough_is_found() {
    let name = "heap::limits::a_hole_that_is_large_enough_is_found";
    apart(name, || {
        use_first(&LIMITED);
        const SLICE: usize = 64 << 10;
        let large = 24 * SLICE;
        // All that there is, in blocks of 24 slices and what is left in between.
        let mut all = exhaust(large);
        let rest = [exhaust(3 * SLICE), exhaust(SLICE)];
        // Two holes far from each other, of which one is made smaller, and then the other.
        let distance = |one: &Block, other: &Block| one.address().abs_diff(other.address());
        for (smaller, n) in [(false, 0), (true, 1), (false, 2), (true, 3)] {
            let one = all.swap_remove(n);
            let other = all.iter().position(|block| distance(&one, block) > 8 * MIB);
            let other = all.swap_remove(other.expect("there are several chunks"));
            let (first, last) = if smaller { (one, other) } else { (other, one) };
            drop(first);
            drop(last);
            let within = Block::some(8 * SLICE, 1);
            let whole = Block::new(large, 1, 1);
            assert!(whole.is_some(), "one of two holes is as large as it was");
            drop(within);
            all.extend(whole);
            all.push(Block::some(large, 1));
        }
        drop((all, rest));
    });
}

#[test]
fn a_limit_is_one_for_all_threads() {
    let name = "heap::limits::a_limit_is_one_for_all_threads";
    apart(name, || {
        use_first(&LIMITED);
        for _ in 0..2 {
            comes_to_an_end_for_all();
            assert!(LIMITED.stats().mapped() <= 64 * MIB);
        }
    });
}

#[test]
fn nothing_can_be_had_of_no_memory() {
    static NOTHING: Heap = Heap::with_options(HeapOptions::new().limit(Some(0)));
    let name = "heap::limits::nothing_can_be_had_of_no_memory";
    apart(name, || {
        use_first(&NOTHING);
        for size in [1, 100, 5000, 100_000, MIB] {
            assert!(Block::new(size, 1, 1).is_none());
            assert!(Block::zeroed(size, 4096, 1).is_none());
        }
        assert_eq!((NOTHING.purge(), NOTHING.stats().live()), (0, 0));
    });
}
