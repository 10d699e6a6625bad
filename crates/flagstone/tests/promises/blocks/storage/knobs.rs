//! Each knob does what it says, or is refused by name.

use std::time::Duration;

use flagstone::blocks::{BlockAllocator, BlockAllocatorConfigBuilder};
use flagstone_testkit::threads::scope;

use super::{Watched, build, bytes, knobs};

#[test]
fn wrong_knobs_are_refused_by_name() {
    type Turn = fn(BlockAllocatorConfigBuilder) -> BlockAllocatorConfigBuilder;
    let cases: [(&str, &str, Turn); 14] = [
        ("max_memory", "4095", |knobs| knobs.max_memory(4095)),
        ("max_memory", "18446744073709551615", |knobs| {
            knobs.max_memory(usize::MAX)
        }),
        ("min_block_size", "0", |knobs| knobs.min_block_size(0)),
        ("min_block_size", "100", |knobs| knobs.min_block_size(100)),
        ("min_block_size", "8192", |knobs| knobs.min_block_size(8192)),
        ("max_block_size", "63", |knobs| knobs.max_block_size(63)),
        ("max_block_size", "1048577", |knobs| {
            knobs.max_block_size((1 << 20) + 1)
        }),
        ("alignment", "0", |knobs| knobs.alignment(0)),
        ("alignment", "128", |knobs| knobs.alignment(128)),
        ("steps_per_doubling", "3", |knobs| {
            knobs.steps_per_doubling(3)
        }),
        ("steps_per_doubling", "128", |knobs| {
            knobs.steps_per_doubling(128)
        }),
        ("region_size", "1", |knobs| knobs.region_size(1)),
        ("region_size", "2147483648", |knobs| {
            knobs.region_size(2 << 30)
        }),
        ("initial_pool_size", "1048577", |knobs| {
            knobs.initial_pool_size((1 << 20) + 1)
        }),
    ];
    for (knob, given, turn) in cases {
        let error = turn(knobs(1 << 20)).build().unwrap_err();
        assert_eq!(error.knob(), Some(knob));
        let sentence = error.to_string();
        assert!(
            sentence.contains(given) && sentence.contains("allowed"),
            "{sentence}"
        );
    }
    let unset = BlockAllocatorConfigBuilder::default().build().unwrap_err();
    assert_eq!(unset.knob(), Some("max_memory"));
}

#[test]
fn sizes_are_spaced_as_told() {
    for (steps, charged) in [(1, 2048), (2, 1536), (4, 1280), (8, 1152), (64, 1088)] {
        let blocks = build(knobs(1 << 20).steps_per_doubling(steps));
        assert_eq!(blocks.charged_for(bytes(1025)).unwrap(), charged, "{steps}");
    }
    let blocks = build(knobs(1 << 20).min_block_size(4096).max_block_size(8192));
    assert_eq!(blocks.charged_for(bytes(1)).unwrap(), 4096);
    assert!(blocks.charged_for(bytes(8193)).is_err());
    let blocks = build(knobs(1 << 20).min_block_size(256).alignment(256));
    let held: Vec<_> = (0..100)
        .map(|n| blocks.try_alloc(bytes(n)).unwrap())
        .collect();
    assert!(
        held.iter()
            .all(|block| block.as_ptr().addr().is_multiple_of(256))
    );
}

#[test]
fn the_first_memory_is_asked_for_as_told() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(8 << 20));
    assert_eq!(watched.counting().requests(), 0);
    drop(blocks);
    let blocks = watched.build(
        knobs(8 << 20)
            .initial_pool_size(3 << 20)
            .region_size(1 << 20),
    );
    assert_eq!(watched.counting().live_bytes(), 3 << 20);
    assert_eq!(blocks.regions().iter().count(), 3);
    drop(blocks);
    assert_eq!(watched.counting().live(), 0);
}

#[test]
fn no_block_lies_in_two_regions() {
    let blocks = build(
        knobs(4 << 20)
            .region_size(256 << 10)
            .max_block_size(64 << 10),
    );
    let mut held: Vec<_> = (0..64)
        .map(|_| blocks.try_alloc(bytes(60_000)).unwrap())
        .collect();
    let regions = blocks.regions();
    let regions: Vec<_> = regions.iter().collect();
    assert!(regions.len() >= 16 && regions.iter().all(|region| region.len == 256 << 10));
    for block in &mut held {
        block.resize(60_000).unwrap();
        let (index, offset) = block.place();
        let region = regions.iter().find(|region| region.index == index).unwrap();
        assert_eq!(region.start.as_ptr().addr() + offset, block.as_ptr().addr());
        assert!(offset + block.charged() <= region.len);
    }
}

#[test]
fn threads_have_caches_as_told() {
    for most in [0, 1, 2] {
        let blocks = build(knobs(1 << 20).max_caches(most));
        let turn = || drop(blocks.try_alloc(bytes(100)).unwrap());
        let (enter, leave) = (std::sync::Barrier::new(4), std::sync::Barrier::new(4));
        scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    turn();
                    enter.wait();
                    leave.wait();
                });
            }
            enter.wait();
            assert_eq!(blocks.snapshot().caches, most.min(3));
            leave.wait();
        });
        assert_eq!(blocks.snapshot().in_use, 0);
    }
}

#[test]
fn caches_hold_as_many_bytes_as_told() {
    let blocks = build(
        knobs(16 << 20)
            .thread_cache_bytes(100_000)
            .shared_cache_bytes(200_000),
    );
    for size in [64, 1000, 20_000, 64, 1 << 20] {
        let held: Vec<_> = (0..15)
            .map(|_| blocks.try_alloc(bytes(size)).unwrap())
            .collect();
        drop(held);
        let snapshot = blocks.audit().unwrap();
        assert!(
            snapshot.hot <= 100_000 && snapshot.cold <= 200_000,
            "{snapshot:?}"
        );
        assert!(snapshot.hot > 0);
    }
    assert!(blocks.snapshot().misses > 0);
}

#[test]
fn free_blocks_age_as_told() {
    // Everything is too old as soon as it comes.
    let blocks = build(knobs(16 << 20).cache_age(Duration::ZERO));
    let held: Vec<_> = (0..1000)
        .map(|_| blocks.try_alloc(bytes(4000)).unwrap())
        .collect();
    drop(held);
    let snapshot = blocks.audit().unwrap();
    assert_eq!(snapshot.cold, 0);
    assert!(snapshot.evicted > 900, "{snapshot:?}");
    // Nothing is.
    let blocks = build(knobs(16 << 20).shared_cache_bytes(16 << 20));
    let held: Vec<_> = (0..1000)
        .map(|_| blocks.try_alloc(bytes(4000)).unwrap())
        .collect();
    drop(held);
    assert_eq!(blocks.audit().unwrap().cached(), 1000 * 4096);
}

#[test]
fn what_a_thread_that_waits_has_at_hand_ages_too() {
    let blocks = build(knobs(16 << 20).cache_age(Duration::ZERO));
    let (kept, done) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    scope(|scope| {
        scope.spawn(|| {
            drop(blocks.try_alloc(bytes(1 << 20)).unwrap());
            kept.wait();
            done.wait();
        });
        kept.wait();
        // Somebody has to go past its cache now and then.
        while blocks.snapshot().hot >= 1 << 20 {
            let turn = || blocks.try_alloc(bytes(4000)).unwrap();
            drop((0..100).map(|_| turn()).collect::<Vec<_>>());
        }
        done.wait();
    });
    blocks.audit().unwrap();
}

#[test]
fn unused_memory_goes_back_as_told() {
    let idle = |knobs: BlockAllocatorConfigBuilder| {
        let knobs = knobs.thread_cache_bytes(0).shared_cache_bytes(0);
        let blocks = build(knobs);
        let held: Vec<_> = (0..64)
            .map(|_| blocks.try_alloc(bytes(64 << 10)).unwrap())
            .collect();
        drop(held);
        let snapshot = blocks.audit().unwrap();
        assert_eq!(snapshot.in_use + snapshot.cached(), 0);
        snapshot.slack
    };
    assert_eq!(idle(knobs(16 << 20).idle_bytes(0)), 0);
    assert!(idle(knobs(16 << 20).idle_bytes(1 << 20)) <= 1 << 20);
    assert_eq!(idle(knobs(16 << 20).idle_bytes(16 << 20)), 4 << 20);
}

#[test]
#[should_panic = "max_memory is 100"]
fn new_panics_with_the_same_sentence() {
    drop(BlockAllocator::new(100));
}
