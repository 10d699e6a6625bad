//! No byte is stranded in a cache; what is old or too much leaves; freed sizes are joined.

use std::{alloc::Layout, sync::Barrier, thread};

use flagstone::blocks::BlockAllocator;
use flagstone_testkit::{heap_watch::calls_during, threads::scope};

use super::{Watched, build, bytes, knobs};

#[test]
fn nothing_is_asked_of_anybody_in_the_steady_state() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(8 << 20));
    let turn = || {
        let mut held: Vec<_> = Vec::with_capacity(400);
        for size in [1, 100, 1000, 10_000] {
            held.extend((0..100).map(|_| blocks.try_alloc(bytes(size)).unwrap().freeze()));
        }
    };
    for _ in 0..3 {
        turn();
    }
    let calls = watched.counting().calls();
    // The vector is one allocation, and its free another.
    assert_eq!(calls_during(turn), 2);
    assert_eq!(watched.counting().calls(), calls);
    let snapshot = blocks.audit().unwrap();
    assert!(snapshot.hot_hits > 0 && snapshot.cold_hits > 0);
}

#[test]
fn what_threads_have_at_hand_can_be_had_by_others() {
    let blocks = BlockAllocator::new(4 << 20);
    let (full, done) = (Barrier::new(3), Barrier::new(3));
    thread::scope(|scope| {
        for size in [1000, 3000] {
            let (blocks, full, done) = (&blocks, &full, &done);
            scope.spawn(move || {
                // 2 MiB each, which come back to their caches and to the shared one.
                let count = (2 << 20) / blocks.charged_for(bytes(size)).unwrap();
                drop(
                    (0..count)
                        .map(|_| blocks.try_alloc(bytes(size)).unwrap())
                        .collect::<Vec<_>>(),
                );
                full.wait();
                done.wait();
                // Its cache works on.
                drop(blocks.try_alloc(bytes(size)).unwrap());
            });
        }
        full.wait();
        assert!(blocks.snapshot().hot > 0);
        let all: Vec<_> = (0..4)
            .map(|_| blocks.try_alloc(bytes(1 << 20)).unwrap())
            .collect();
        let snapshot = blocks.audit().unwrap();
        assert_eq!((snapshot.cached(), snapshot.in_use), (0, 4 << 20));
        drop(all);
        done.wait();
    });
}

#[test]
fn a_thread_that_ends_leaves_nothing_behind() {
    let blocks = BlockAllocator::new(4 << 20);
    thread::scope(|scope| {
        let thread = scope.spawn(|| drop(blocks.try_alloc(bytes(1000)).unwrap()));
        // Who joins a thread waits for its locals, too; the scope does not.
        thread.join().unwrap();
    });
    assert_eq!(blocks.snapshot().caches, 0);
    let snapshot = blocks.audit().unwrap();
    assert_eq!((snapshot.hot, snapshot.in_use), (0, 0));
    assert_eq!(snapshot.charged, snapshot.cold);
}

#[test]
fn blocks_that_others_free_come_back() {
    let blocks = BlockAllocator::new(4 << 20);
    let (sender, receiver) = std::sync::mpsc::sync_channel(16);
    scope(|scope| {
        let blocks = &blocks;
        scope.spawn(move || {
            for n in 0..10_000_u32 {
                let mut block = blocks.try_alloc(bytes(1000)).unwrap();
                block.write(0, &n.to_le_bytes()).unwrap();
                sender.send(block).unwrap();
            }
        });
        for (n, block) in receiver.iter().enumerate() {
            assert_eq!(*block, (n as u32).to_le_bytes());
        }
    });
    let snapshot = blocks.audit().unwrap();
    assert_eq!(snapshot.in_use, 0);
    // They went round: not each was carved anew.
    assert!(snapshot.misses < 1000, "{snapshot:?}");
}

#[test]
fn freed_sizes_are_joined_and_serve_others() {
    let blocks = build(knobs(4 << 20).thread_cache_bytes(0).shared_cache_bytes(0));
    let mut small: Vec<_> = (0..4096)
        .map(|_| blocks.try_alloc(bytes(1000)).unwrap())
        .collect();
    // One block of each slab stays.
    let mut kept = Vec::new();
    for (n, block) in small.drain(..).enumerate() {
        if n % 64 == 0 {
            kept.push(block);
        }
    }
    let crumbs = blocks.audit().unwrap();
    kept.truncate(kept.len() / 2);
    let half = blocks.audit().unwrap();
    drop(kept);
    let joined = blocks.audit().unwrap();
    assert!(crumbs.slabs > half.slabs && half.slabs > joined.slabs);
    assert!(crumbs.slack > half.slack);
    // One empty slab is kept for its size.
    assert!(joined.slabs <= 1 && joined.unused_pieces <= 2, "{joined:?}");
    blocks.trim();
    let all: Vec<_> = (0..4)
        .map(|_| blocks.try_alloc(bytes(1 << 20)).unwrap())
        .collect();
    assert_eq!(blocks.regions().iter().count(), 1, "{all:?}");
}

#[test]
fn fragmentation_is_seen_and_ends() {
    let blocks = build(knobs(4 << 20).thread_cache_bytes(0).shared_cache_bytes(0));
    assert_eq!(blocks.fragmentation(), 0.0);
    let mut held: Vec<_> = (0..16)
        .map(|_| blocks.try_alloc(bytes(256 << 10)).unwrap())
        .collect();
    let mut n = 0;
    held.retain(|_| {
        n += 1;
        n % 2 == 0
    });
    blocks.trim();
    assert!(blocks.fragmentation() > 0.8);
    drop(held);
    blocks.trim();
    assert_eq!(blocks.fragmentation(), 0.0);
}

#[test]
fn fullest_slabs_are_used_first() {
    let blocks = build(knobs(16 << 20).thread_cache_bytes(0).shared_cache_bytes(0));
    let mut held: Vec<_> = (0..640)
        .map(|_| blocks.try_alloc(bytes(1000)).unwrap())
        .collect();
    // Ten slabs, each less full than the one before.
    let mut n = 0;
    held.retain(|_| {
        n += 1;
        (n % 64) * 10 >= (n / 64) * 64 || n % 64 == 0
    });
    let slabs = blocks.snapshot().slabs;
    // What was freed is had again, and no slab is added.
    while held.len() < 640 {
        held.push(blocks.try_alloc(bytes(1000)).unwrap());
    }
    assert!(blocks.audit().unwrap().slabs <= slabs.max(10));
    // A half of all, taken and freed again and again, does not spread over more slabs.
    held.truncate(320);
    blocks.trim();
    let slabs = blocks.snapshot().slabs;
    for _ in 0..1000 {
        let at = held.len() / 2;
        held.swap_remove(at);
        held.push(blocks.try_alloc(bytes(1000)).unwrap());
    }
    assert!(blocks.audit().unwrap().slabs <= slabs);
}

#[test]
fn trim_gives_everything_back() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(8 << 20).region_size(1 << 20));
    let held: Vec<_> = (0..1000)
        .map(|_| blocks.try_alloc(bytes(5000)).unwrap())
        .collect();
    assert!(watched.counting().live() >= 5);
    drop(held);
    assert!(blocks.trim() > 0);
    let snapshot = blocks.audit().unwrap();
    assert_eq!(
        (snapshot.charged, snapshot.resident, snapshot.slabs),
        (0, 0, 0)
    );
    assert!(watched.counting().live() <= 1);
}

#[test]
fn what_is_reserved_is_acquired_without_waiting() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut reserved = blocks.budget().try_reserve(10_000).unwrap();
    let first = blocks.acquire(&mut reserved, bytes(8192)).unwrap();
    assert_eq!(reserved.bytes(), 1808);
    let refused = blocks.acquire(&mut reserved, bytes(2000)).unwrap_err();
    assert!(refused.is_beyond_reservation());
    assert!(
        blocks
            .acquire(&mut reserved, bytes(2 << 20))
            .unwrap_err()
            .is_too_large()
    );
    assert_eq!(reserved.bytes(), 1808);
    drop(reserved);
    assert_eq!(blocks.budget().charged(), 8192);
    drop(first);
    blocks.trim();
    assert_eq!(blocks.budget().charged(), 0);
    // All of the budget as one reservation, then as blocks.
    let mut all = blocks.budget().try_reserve(1 << 20).unwrap();
    let layout = Layout::new::<[u8; 4096]>();
    let held: Vec<_> = (0..256)
        .map(|_| blocks.acquire(&mut all, layout).unwrap())
        .collect();
    assert_eq!((all.bytes(), held.len()), (0, 256));
}
