//! Each option does what it says, and what the heap says of itself is so.

use std::{fs, thread, time::Duration};

use flagstone::heap::{Heap, HeapOptions};

use super::{
    block::{Block, HEAP, mixed, size_up_to, use_first},
    process::apart,
};

const MIB: usize = 1 << 20;

fn some_blocks(count: u64) -> Vec<Block> {
    (0..count)
        .map(|n| Block::some(size_up_to(19, mixed(n)), n))
        .collect()
}

#[test]
fn the_door_that_is_used_first_decides() {
    static SMALL: Heap = Heap::with_options(HeapOptions::new().limit(Some(16 * MIB)));
    static LARGE: Heap = Heap::with_options(HeapOptions::new().limit(Some(64 * MIB)));
    let name = "heap::options::the_door_that_is_used_first_decides";
    apart(name, || {
        use_first(&SMALL);
        use_first(&LARGE);
        // Through a third.
        assert!(Block::new(8 * MIB, 1, 1).is_some());
        assert!(Block::new(20 * MIB, 1, 1).is_none());
    });
}

#[test]
fn with_an_endless_delay_nothing_goes_back_by_itself() {
    static ENDLESS: Heap = Heap::with_options(HeapOptions::new().purge_delay(Duration::MAX));
    let name = "heap::options::with_an_endless_delay_nothing_goes_back_by_itself";
    apart(name, || {
        use_first(&ENDLESS);
        drop(some_blocks(500));
        HEAP.tick();
        let idle = HEAP.stats().idle();
        assert!(idle >= 4 * MIB, "{idle} bytes wait");
        // When it is told to, it does.
        let given = HEAP.purge();
        assert!(given >= idle / 2, "{given} bytes of {idle}");
        assert_eq!(HEAP.stats().idle(), 0);
    });
}

#[test]
fn with_no_delay_nothing_waits() {
    static AT_ONCE: Heap = Heap::with_options(HeapOptions::new().purge_delay(Duration::ZERO));
    let name = "heap::options::with_no_delay_nothing_waits";
    apart(name, || {
        use_first(&AT_ONCE);
        for n in 0..10 {
            drop(some_blocks(200));
            HEAP.tick();
            assert_eq!(HEAP.stats().idle(), 0);
            // It is zeroed because it went back, or because somebody did it.
            for size in [1, 5000, 100_000, MIB, 3 * MIB] {
                drop(Block::zeroed(size, 8, n));
            }
        }
    });
}

/// What the system knows of the pages at `address`.
fn flags_of_pages(address: usize) -> String {
    let map = fs::read_to_string("/proc/self/smaps").expect("Linux says it");
    let mut is_there = false;
    for line in map.lines() {
        let range = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'));
        if let Some((from, to)) = range
            && let Ok(from) = usize::from_str_radix(from, 16)
            && let Ok(to) = usize::from_str_radix(to, 16)
        {
            is_there = (from..to).contains(&address);
        }
        if let Some(flags) = line.strip_prefix("VmFlags:").filter(|_| is_there) {
            return flags.to_owned();
        }
    }
    panic!("no page at {address:#x}");
}

#[test]
fn huge_pages_are_asked_for() {
    static HUGE: Heap = Heap::with_options(HeapOptions::new().huge_pages(true));
    let name = "heap::options::huge_pages_are_asked_for";
    apart(name, || {
        use_first(&HUGE);
        if !fs::exists("/sys/kernel/mm/transparent_hugepage").expect("it can be asked") {
            return;
        }
        for size in [100, 100_000, MIB] {
            let block = Block::some(size, 1);
            let flags = flags_of_pages(block.address());
            assert!(flags.split(' ').any(|flag| flag == "hg"), "{size}: {flags}");
        }
        drop(some_blocks(500));
        HEAP.purge();
        some_blocks(500).iter().for_each(Block::check);
    });
}

#[test]
fn huge_pages_are_not_asked_for_by_default() {
    let block = Block::some(100, 1);
    let flags = flags_of_pages(block.address());
    assert!(!flags.split(' ').any(|flag| flag == "hg"), "{flags}");
}

#[test]
fn what_is_live_is_counted() {
    let name = "heap::options::what_is_live_is_counted";
    apart(name, || {
        use_first(&HEAP);
        let before = HEAP.stats();
        let blocks = some_blocks(300);
        let large = Block::some(5 * MIB, 1);
        let now = HEAP.stats();
        let bytes: usize = blocks.iter().chain([&large]).map(Block::usable).sum();
        assert_eq!(now.live() - before.live(), bytes);
        assert_eq!(now.blocks() - before.blocks(), 301);
        assert!(now.mapped() >= now.live() + now.free());
        drop((blocks, large));
        let after = HEAP.stats();
        assert_eq!(after.live(), before.live());
        assert_eq!(after.blocks(), before.blocks());
        HEAP.purge();
        assert!(HEAP.stats().mapped() <= 8 * MIB);
        assert!(!HEAP.stats().to_string().is_empty());
    });
}

#[test]
fn what_ended_threads_left_is_counted() {
    let name = "heap::options::what_ended_threads_left_is_counted";
    apart(name, || {
        use_first(&HEAP);
        let before = HEAP.stats();
        let threads = (0..4).map(|_| thread::spawn(|| some_blocks(100)).join());
        let left: Vec<_> = threads.flat_map(|left| left.expect("no panic")).collect();
        let bytes: usize = left.iter().map(Block::usable).sum();
        let now = HEAP.stats();
        assert_eq!(now.live() - before.live(), bytes);
        assert_eq!(now.blocks() - before.blocks(), 400);
        // One after the other: two at once, with this one.
        assert_eq!(now.threads(), 2);
        drop(left);
        HEAP.purge();
        let after = HEAP.stats();
        assert_eq!(
            (after.live(), after.blocks()),
            (before.live(), before.blocks())
        );
    });
}
