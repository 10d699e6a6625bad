//! Memory goes back to the system: what is resident follows what is live. Each test has a process of its
//! own, because it looks at all of its memory.
//!
//! Not under sanitizers, which have memory of their own for every byte that is touched.
#![cfg(not(any(flagstone_asan, flagstone_tsan)))]

use std::{
    alloc::GlobalAlloc,
    mem,
    ptr::NonNull,
    slice,
    sync::{Barrier, mpsc},
    thread,
    time::Duration,
};

use flagstone::heap::{Heap, HeapOptions};

use super::{
    block::{Block, HEAP, is_zero, layout, mixed, size_up_to, use_first},
    memory::resident,
    process::apart,
};

const MIB: usize = 1 << 20;

/// What may stay when nothing is live.
const SLACK: usize = 4 * MIB;

fn bytes_of(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.layout().size()).sum()
}

/// At most a tenth more than `live` is resident since `before`, and the slack.
#[track_caller]
fn has_gone_back(before: usize, live: usize) {
    let now = resident().saturating_sub(before);
    let most = live + live / 10 + SLACK;
    assert!(now <= most, "{now} bytes are resident of {live} live ones");
}

/// At least so much is: what went back was there.
#[track_caller]
fn is_there(before: usize, bytes: usize) {
    let now = resident() - before;
    assert!(now >= bytes, "{now} bytes are resident of {bytes}");
}

/// Blocks of together `bytes`, up to 64 KiB each.
fn burst(bytes: usize) -> Vec<Block> {
    let mut sum = 0;
    let sizes = (0..).map(|n| size_up_to(15, mixed(n)));
    let until = sizes.take_while(|size| {
        sum += size;
        sum <= bytes
    });
    let numbered = until.enumerate();
    numbered
        .map(|(n, size)| Block::some(size, n as u64))
        .collect()
}

#[test]
fn after_a_burst_purge_gives_everything_back() {
    let name = "heap::given_back::after_a_burst_purge_gives_everything_back";
    apart(name, || {
        let before = resident();
        for _ in 0..3 {
            let blocks = burst(64 * MIB);
            is_there(before, 60 * MIB);
            // The numbers of the blocks are not the heap's.
            drop(blocks);
            HEAP.purge();
            has_gone_back(before, 0);
        }
    });
}

#[test]
fn purge_says_how_much_it_gave_back() {
    let name = "heap::given_back::purge_says_how_much_it_gave_back";
    apart(name, || {
        let blocks = burst(32 * MIB);
        let full = resident();
        drop(blocks);
        let freed = resident();
        let said = HEAP.purge();
        let given = freed.saturating_sub(resident());
        // What was freed may have gone back by itself.
        let at_once = full.saturating_sub(freed);
        assert!(at_once + said >= 24 * MIB, "{said} bytes");
        assert!(said + SLACK >= given, "{said} of {given} bytes");
        assert_eq!(HEAP.purge(), 0, "nothing is left to give back");
    });
}

#[test]
fn what_is_live_is_no_burden() {
    let name = "heap::given_back::what_is_live_is_no_burden";
    apart(name, || {
        let before = resident();
        let kept: Vec<_> = (0..8 << 10).map(|n| Block::some(1000, n)).collect();
        let blocks = burst(64 * MIB);
        drop(blocks);
        HEAP.purge();
        has_gone_back(before, bytes_of(&kept));
        kept.iter().for_each(Block::check);
    });
}

#[test]
fn with_no_delay_a_tick_gives_everything_back() {
    static AT_ONCE: Heap = Heap::with_options(HeapOptions::new().purge_delay(Duration::ZERO));
    let name = "heap::given_back::with_no_delay_a_tick_gives_everything_back";
    apart(name, || {
        use_first(&AT_ONCE);
        let before = resident();
        let blocks = burst(64 * MIB);
        is_there(before, 60 * MIB);
        drop(blocks);
        AT_ONCE.tick();
        has_gone_back(before, 0);
    });
}

#[test]
fn threads_that_wait_hold_little() {
    let name = "heap::given_back::threads_that_wait_hold_little";
    apart(name, || {
        let before = resident();
        let (full, filled) = mpsc::channel();
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let full = full.clone();
                let (end, told) = mpsc::channel::<()>();
                let thread = thread::spawn(move || {
                    let blocks: Vec<_> = (0..4 << 10).map(|n| Block::some(1000, n)).collect();
                    let large: Vec<_> = (0..4).map(|n| Block::some(MIB, n)).collect();
                    drop((blocks, large));
                    full.send(()).expect("the test waits");
                    let _ = told.recv();
                });
                (end, thread)
            })
            .collect();
        drop(full);
        assert_eq!(filled.into_iter().take(8).count(), 8);
        HEAP.purge();
        // The stacks of the threads, and half a mebibyte for each.
        has_gone_back(before, 8 * MIB / 2);
        for (end, thread) in waiting {
            drop(end);
            thread.join().expect("no panic");
        }
    });
}

#[test]
fn what_threads_leave_goes_back() {
    let name = "heap::given_back::what_threads_leave_goes_back";
    apart(name, || {
        let before = resident();
        let left: Vec<_> = (0..16)
            .flat_map(|_| thread::spawn(|| burst(4 * MIB)).join().expect("no panic"))
            .collect();
        is_there(before, 60 * MIB);
        // By a thread that owns none of it.
        drop(left);
        HEAP.purge();
        has_gone_back(before, 0);
    });
}

#[test]
fn one_block_does_not_hold_its_whole_slab() {
    let name = "heap::given_back::one_block_does_not_hold_its_whole_slab";
    apart(name, || {
        let before = resident();
        // The first page of a free slot says which is the next, so slots have several.
        for size in [16 << 10, 32 << 10, 100 << 10] {
            let every = (512 << 10) / size;
            let blocks: Vec<_> = (0..32 * MIB / size)
                .map(|n| Block::some(size, n as u64))
                .collect();
            is_there(before, 30 * MIB);
            let pinned: Vec<_> = blocks.into_iter().step_by(every).collect();
            HEAP.purge();
            has_gone_back(before, bytes_of(&pinned));
            pinned.iter().for_each(Block::check);
            // What is around them is used again.
            let mapped = HEAP.stats().mapped();
            let again: Vec<_> = (0..24 * MIB / size)
                .map(|n| Block::some(size, n as u64))
                .collect();
            let now = HEAP.stats().mapped();
            assert!(now <= mapped.max(36 * MIB) + SLACK, "{mapped} became {now}");
            drop((pinned, again));
            HEAP.purge();
            has_gone_back(before, 0);
        }
    });
}

/// One block of so many, and no memory for the others.
fn some_of(blocks: Vec<Block>, every: usize) -> Vec<Block> {
    let mut some: Vec<_> = blocks.into_iter().step_by(every).collect();
    some.shrink_to_fit();
    some
}

#[test]
fn small_slots_in_use_hold_their_pages_only() {
    apart(
        "heap::given_back::small_slots_in_use_hold_their_pages_only",
        || {
            let before = resident();
            for size in [200, 700, 3000, 5000] {
                let blocks: Vec<_> = (0..16 * MIB / size)
                    .map(|n| Block::some(size, n as u64))
                    .collect();
                is_there(before, 15 * MIB);
                // One of about 64 KiB: most pages have nothing in them.
                let pinned = some_of(blocks, (64 << 10) / size);
                HEAP.purge();
                let (pages, after) = (2 * 4096 * pinned.len(), resident());
                assert!(after <= before + pages + 5 * MIB, "{before} became {after}");
                // All of it is used again, once.
                let mapped = HEAP.stats().mapped();
                let again: Vec<_> = (0..15 * MIB / size)
                    .map(|n| Block::some(size, n as u64))
                    .collect();
                assert!(HEAP.stats().mapped() <= mapped + 5 * MIB);
                again.iter().chain(&pinned).for_each(Block::check);
                // And given back again, with other slots in use.
                let other = some_of(again, (128 << 10) / size);
                HEAP.purge();
                let (pages, after) = (2 * 4096 * (pinned.len() + other.len()), resident());
                assert!(after <= before + pages + 5 * MIB, "{before} became {after}");
                other.iter().chain(&pinned).for_each(Block::check);
                drop((pinned, other));
                HEAP.purge();
                has_gone_back(before, 0);
            }
        },
    );
}

#[test]
fn a_gibibyte_of_zeros_costs_what_is_touched() {
    let name = "heap::given_back::a_gibibyte_of_zeros_costs_what_is_touched";
    apart(name, || {
        const BYTES: usize = 1 << 30;
        let layout = layout(BYTES, 8);
        let before = resident();
        for _ in 0..3 {
            // SAFETY: the size is not 0.
            let at = unsafe { HEAP.alloc_zeroed(layout) };
            let at = NonNull::new(at).expect("there are addresses");
            // SAFETY: initialised, and ours alone.
            let bytes = unsafe { slice::from_raw_parts_mut(at.as_ptr(), BYTES) };
            for touched in [0, BYTES / 2, BYTES - MIB / 3] {
                let touched = &mut bytes[touched..touched + MIB / 3];
                assert!(is_zero(touched));
                touched.fill(1);
            }
            has_gone_back(before, MIB);
            // SAFETY: nobody's any more.
            unsafe { HEAP.dealloc(at.as_ptr(), layout) };
        }
        HEAP.purge();
        has_gone_back(before, 0);
    });
}

#[test]
fn zeros_are_zeros_in_memory_that_was_used() {
    let name = "heap::given_back::zeros_are_zeros_in_memory_that_was_used";
    apart(name, || {
        for round in 0..4 {
            // Dirty when they are dropped; purged or not.
            let dirty: Vec<_> = (0..6)
                .map(|n| Block::some((n + 1) * MIB, n as u64))
                .chain((0..100).map(|n| Block::some(30_000, n)))
                .collect();
            drop(dirty);
            if round % 2 == 1 {
                HEAP.purge();
            }
            // They look at what they get.
            let zeroed: Vec<_> = (0..6)
                .map(|n| Block::zeroed((n + 1) * MIB - 5000, 8, 1).expect("there is memory"))
                .chain((0..100).map(|n| Block::zeroed(30_000, 8, n).expect("there is memory")))
                .collect();
            drop(zeroed);
        }
    });
}

#[test]
fn a_block_that_shrank_gives_back_what_it_does_not_need() {
    let name = "heap::given_back::a_block_that_shrank_gives_back_what_it_does_not_need";
    apart(name, || {
        let before = resident();
        let mut blocks: Vec<_> = (0..4).map(|n| Block::some(16 * MIB, n)).collect();
        is_there(before, 60 * MIB);
        for block in &mut blocks {
            assert!(block.realloc(64 << 10));
        }
        HEAP.purge();
        has_gone_back(before, bytes_of(&blocks));
    });
}

#[test]
fn pages_that_nobody_touched_are_not_copied() {
    let name = "heap::given_back::pages_that_nobody_touched_are_not_copied";
    apart(name, || {
        let before = resident();
        let mut old = layout(256 * MIB, 8);
        // SAFETY: the size is not 0.
        let mut at = unsafe { HEAP.alloc(old) };
        for size in [300, 512, 1024, 700, 200].map(|size| size * MIB) {
            assert!(!at.is_null());
            // SAFETY: one byte of the block.
            unsafe { at.write(7) };
            // SAFETY: the block and its layout; the new size fits one.
            at = unsafe { HEAP.realloc(at, old, size) };
            old = layout(size, 8);
            has_gone_back(before, 0);
        }
        // SAFETY: a byte that was written.
        assert_eq!(unsafe { at.read() }, 7);
        // SAFETY: the block and its layout.
        unsafe { HEAP.dealloc(at, old) };
    });
}

#[test]
fn a_thread_with_few_blocks_costs_few_pages() {
    let name = "heap::given_back::a_thread_with_few_blocks_costs_few_pages";
    apart(name, || {
        const THREADS: usize = 200;
        let (begun, used, end) = (
            Barrier::new(THREADS + 1),
            Barrier::new(THREADS + 1),
            Barrier::new(THREADS + 1),
        );
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    begun.wait();
                    begun.wait();
                    let blocks = [20, 100, 1000].map(|size| Block::some(size, 1));
                    used.wait();
                    end.wait();
                    drop(blocks);
                });
            }
            begun.wait();
            let before = resident();
            begun.wait();
            used.wait();
            let each = (resident() - before) / THREADS;
            end.wait();
            // Its part of the heap, a page for each size, descriptors; and what its stack grew by.
            assert!(each <= 64 << 10, "{each} bytes for a thread");
        });
    });
}

#[test]
fn small_blocks_cost_little_more_than_their_bytes() {
    let name = "heap::given_back::small_blocks_cost_little_more_than_their_bytes";
    apart(name, || {
        for size in [16, 48, 100, 500, 3000] {
            let count = 2 * MIB / size;
            let mut blocks = Vec::with_capacity(count);
            // The vector's own pages are there before.
            blocks.resize_with(count, || None);
            let before = resident();
            for (n, block) in blocks.iter_mut().enumerate() {
                *block = Some(Block::some(size, n as u64));
            }
            let now = resident() - before;
            // An eighth for classes, the rest for what is not full.
            assert!(now <= 3 * MIB, "{now} bytes for {size} each");
            drop(blocks);
            HEAP.purge();
        }
    });
}

/// Memory that comes and goes is kept for a while: it is not mapped, or faulted in, each time.
#[test]
fn large_blocks_that_come_and_go_stay_at_hand() {
    let name = "heap::given_back::large_blocks_that_come_and_go_stay_at_hand";
    apart(name, || {
        let faults = || {
            let mut usage = mem::MaybeUninit::<libc::rusage>::zeroed();
            // SAFETY: room for the answer.
            let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
            assert_eq!(failed, 0);
            // SAFETY: numbers, which are all initialised.
            unsafe { usage.assume_init() }.ru_minflt
        };
        for size in [100 << 10, MIB, 5 * MIB] {
            drop(Block::some(size, 1));
            let before = faults();
            let rounds = 100;
            (0..rounds).for_each(|n| drop(Block::some(size, n)));
            let more = faults() - before;
            let all = rounds as usize * size / 4096;
            assert!((more as usize) < all / 4, "{more} faults of {all}");
        }
    });
}

#[test]
fn a_ticker_gives_back_what_nobody_uses() {
    use std::time::Instant;

    use flagstone::heap::Ticker;

    static SOON: Heap =
        Heap::with_options(HeapOptions::new().purge_delay(Duration::from_millis(1)));
    let name = "heap::given_back::a_ticker_gives_back_what_nobody_uses";
    apart(name, || {
        super::block::use_first(&SOON);
        drop(burst(32 * MIB));
        let ticker = Ticker::start(&SOON, Duration::from_millis(1)).expect("a thread");
        let begun = Instant::now();
        while SOON.stats().idle() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(200), "it goes back");
            std::thread::yield_now();
        }
        drop(ticker);
    });
}
