//! A walk shows what is in a heap: each block once, and none that is free, whatever its visitor does meanwhile.

use std::{
    alloc::Layout,
    collections::BTreeMap,
    ptr::{self, NonNull},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use flagstone::{
    heap::{AreaOwner, Heap, HeapArea, HeapOptions, LocalHeap, SharedHeap},
    provider::{OsPages, Provider},
};

use super::{
    block::{mixed, size_up_to},
    process::apart,
};

const MIB: usize = 1 << 20;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

/// Addresses of blocks and how many bytes they have.
type Blocks = BTreeMap<usize, usize>;

/// All blocks that a walk shows, which knows all of them, and sees each once.
fn seen(walk: impl FnOnce(&mut dyn FnMut(&HeapArea))) -> Blocks {
    let mut blocks = Blocks::new();
    walk(&mut |area| add(&mut blocks, area));
    blocks
}

/// Looks whether an area is in order, and adds its blocks.
fn add(blocks: &mut Blocks, area: &HeapArea) {
    let within = area.start().addr()..area.start().addr() + area.bytes();
    let mut count = 0;
    for block in area.blocks().expect("it is known") {
        let address = block.as_ptr().addr();
        assert_eq!(block.len(), area.slot_size());
        assert!(within.contains(&address) && address + block.len() <= within.end);
        assert_eq!(blocks.insert(address, block.len()), None, "{area:?}");
        count += 1;
    }
    assert_eq!(count, area.in_use());
    assert!(count <= area.slots() && area.slots() * area.slot_size() <= area.bytes());
}

/// Blocks of a heap that go nowhere by themselves.
struct Shadow<'h, P: Provider> {
    heap: &'h LocalHeap<P>,
    blocks: Vec<NonNull<u8>>,
}

impl<P: Provider> Shadow<'_, P> {
    fn step(&mut self, random: u64) {
        let size = size_up_to(22, random >> 16);
        let at = (random >> 8) as usize % self.blocks.len().max(1);
        match random % 16 {
            0..8 => {
                let block = self.heap.alloc(layout(size)).expect("there is memory");
                self.blocks.push(block.cast());
            }
            8..13 if !self.blocks.is_empty() => {
                let block = self.blocks.swap_remove(at);
                // SAFETY: a block of this heap.
                unsafe { self.heap.free(block) };
            }
            13 if !self.blocks.is_empty() => {
                // SAFETY: a block of this heap.
                let block = unsafe { self.heap.resize(self.blocks[at], layout(size)) };
                self.blocks[at] = block.expect("there is memory").cast();
            }
            14 => drop(self.heap.purge()),
            _ => self.heap.tick(),
        }
    }

    fn check(&self) {
        // SAFETY: blocks of this heap.
        let size = |block: &NonNull<u8>| unsafe { self.heap.usable_size(*block) };
        let blocks = self.blocks.iter();
        let expected: Blocks = blocks.map(|at| (at.as_ptr().addr(), size(at))).collect();
        assert_eq!(seen(|visit| self.heap.walk(visit)), expected);
    }
}

#[test]
fn a_walk_agrees_with_a_map() {
    let strict = [
        HeapOptions::new(),
        HeapOptions::new().checked(true),
        HeapOptions::new().quarantine(300_000),
    ];
    for (n, options) in strict.into_iter().enumerate() {
        let heap = LocalHeap::with_options_in(options, OsPages);
        let mut shadow = Shadow {
            heap: &heap,
            blocks: Vec::new(),
        };
        shadow.check();
        for step in 0..1500 {
            shadow.step(mixed(step + ((n as u64) << 32)));
            if step % 25 == 0 {
                shadow.check();
            }
        }
        shadow.check();
    }
}

#[test]
fn many_small_blocks_are_told_apart() {
    let heap = LocalHeap::new();
    for size in [1, 16, 100, 5000, 40_000] {
        let mut blocks: Vec<_> = (0..70_000 / size.max(8) + 20)
            .map(|_| heap.alloc(layout(size)).expect("there is memory"))
            .collect();
        let mut n = 0;
        blocks.retain(|block| {
            n += 1;
            let stays = !mixed(n).is_multiple_of(3);
            if !stays {
                // SAFETY: a block of this heap.
                unsafe { heap.free(block.cast()) };
            }
            stays
        });
        let expected = blocks.iter().map(|block| block.as_ptr().addr());
        let seen = seen(|visit| heap.walk(visit));
        let mut expected: Vec<_> = expected.collect();
        expected.sort_unstable();
        assert!(seen.into_keys().eq(expected), "{size}");
        for block in blocks {
            // SAFETY: a block of this heap.
            unsafe { heap.free(block.cast()) };
        }
    }
}

/// What was given back by others is free, before its owner has noticed and after.
#[test]
fn blocks_that_others_freed_are_not_shown() {
    let heap = SharedHeap::new();
    let alloc = |size| heap.alloc(layout(size)).expect("there is memory").cast();
    let blocks: Vec<NonNull<u8>> = (0..300).map(|n| alloc(20 + n % 3 * 2000)).collect();
    let address = |block: &NonNull<u8>| block.as_ptr().expose_provenance();
    let (mut kept, mut given) = (Blocks::new(), Vec::new());
    for (n, block) in blocks.iter().enumerate() {
        if n % 4 == 1 {
            given.push(address(block));
        } else {
            // SAFETY: a block of this heap.
            kept.insert(address(block), unsafe { heap.usable_size(*block) });
        }
    }
    let before = heap.stats().blocks();
    thread::scope(|threads| {
        threads.spawn(|| {
            for address in given {
                let block = NonNull::new(ptr::with_exposed_provenance_mut(address));
                // SAFETY: a block of this heap, which only this thread has.
                unsafe { heap.free(block.expect("no block is at 0")) };
            }
        });
    });
    assert_eq!(heap.stats().blocks(), before - 75);
    for _ in 0..2 {
        assert_eq!(seen(|visit| heap.walk(visit)), kept);
        // Notices.
        heap.tick();
    }
}

#[test]
fn areas_say_whose_they_are() {
    let name = "heap::walk::areas_say_whose_they_are";
    apart(name, || {
        let heap = Heap::new();
        let place = Layout::new::<[u64; 100]>();
        // SAFETY: the layout has a size.
        let alloc = || unsafe { std::alloc::GlobalAlloc::alloc(&heap, place) }.expose_provenance();
        let owner_of = |address: usize| {
            let mut owner = None;
            heap.walk(|area| {
                let start = area.start().addr();
                if (start..start + area.bytes()).contains(&address) {
                    assert!(owner.is_none() && area.in_use() == 1, "{area:?}");
                    let is_mine = area.owner() == AreaOwner::ThisThread;
                    assert_eq!(area.blocks().is_some(), is_mine);
                    owner = Some(area.owner());
                }
            });
            owner
        };
        let mine = alloc();
        assert_eq!(owner_of(mine), Some(AreaOwner::ThisThread));
        let (give, take) = std::sync::mpsc::channel();
        let (done, end) = std::sync::mpsc::channel::<()>();
        thread::scope(|threads| {
            let theirs = threads.spawn(move || {
                give.send(alloc()).expect("it is awaited");
                let _ = end.recv();
            });
            let other = take.recv().expect("it is sent");
            assert_eq!(owner_of(other), Some(AreaOwner::AnotherThread));
            drop(done);
            theirs.join().expect("no panic");
            assert_eq!(owner_of(other), Some(AreaOwner::Nobody));
        });
        // SAFETY: the size is not 0.
        let run = unsafe { std::alloc::GlobalAlloc::alloc(&heap, layout(MIB)) };
        let mut runs = 0;
        heap.walk(|area| {
            if area.start() == run.cast_const() {
                assert_eq!((area.owner(), area.slots()), (AreaOwner::Nobody, 1));
                runs += 1;
            }
        });
        assert_eq!(runs, 1);
    });
}

#[test]
fn a_checked_heap_shows_the_blocks_of_all_threads() {
    let options = HeapOptions::new().checked(true).quarantine(10_000);
    let heap = SharedHeap::with_options_in(options, OsPages);
    let some = |seed: u64| -> Blocks {
        let mut blocks = Blocks::new();
        for n in 0..200 {
            let size = size_up_to(17, mixed(seed + n));
            let block = heap.alloc(layout(size)).expect("there is memory");
            if n % 3 == 0 {
                // SAFETY: a block of this heap.
                unsafe { heap.free(block.cast()) };
            } else {
                blocks.insert(block.as_ptr().addr(), block.len());
            }
        }
        blocks
    };
    let mut expected = some(1);
    let others = thread::scope(|threads| threads.spawn(|| some(1000)).join());
    expected.append(&mut others.expect("no panic"));
    assert_eq!(seen(|visit| heap.walk(visit)), expected);
}

#[test]
fn with_a_quarantine_only_one_thread_knows_its_blocks() {
    let options = HeapOptions::new().quarantine(10_000);
    let heap = SharedHeap::with_options_in(options, OsPages);
    let block = heap.alloc(layout(100)).expect("there is memory");
    let freed = heap.alloc(layout(100)).expect("there is memory");
    // SAFETY: a block of this heap.
    unsafe { heap.free(freed.cast()) };
    let blocks = seen(|visit| heap.walk(visit));
    assert!(blocks.into_keys().eq([block.as_ptr().addr()]));
    thread::scope(|threads| {
        threads.spawn(|| heap.alloc(layout(8)).map(|block| block.len()));
    });
    let mut areas = 0;
    heap.walk(|area| {
        assert!(area.blocks().is_none());
        areas += 1;
    });
    assert_eq!(areas, 2);
}

#[test]
fn a_visitor_may_free_what_it_sees() {
    let heap = LocalHeap::new();
    let mut count = 0;
    let sizes = [8, 30, 1000, 60_000, 70_000, MIB, 3 * MIB];
    for size in sizes.into_iter().cycle().take(280) {
        heap.alloc(layout(size)).expect("there is memory");
        count += 1;
    }
    let (mut freed, mut others) = (0, Vec::new());
    heap.walk(|area| {
        for block in area.blocks().expect("it is known") {
            if others.contains(&block) {
                continue;
            }
            // SAFETY: a block of this heap, and nobody else has it.
            unsafe { heap.free(block.cast()) };
            freed += 1;
        }
        // Chunks and mappings go, and others come.
        heap.purge();
        others.push(heap.alloc(layout(2 * MIB)).expect("there is memory"));
        heap.walk(|_| ());
    });
    assert_eq!(freed, count);
    assert_eq!(heap.stats().blocks(), others.len());
}

#[test]
fn a_walk_goes_on_while_others_allocate() {
    let options = HeapOptions::new().checked(true);
    let heap = SharedHeap::with_options_in(options, OsPages);
    let ends = AtomicBool::new(false);
    let stays: Blocks = (0..100)
        .map(|n| {
            let size = size_up_to(18, mixed(n));
            let block = heap.alloc(layout(size)).expect("there is memory");
            (block.as_ptr().addr(), block.len())
        })
        .collect();
    thread::scope(|threads| {
        threads.spawn(|| {
            let mut n = 0;
            // Relaxed: it says when to end, no more.
            while !ends.load(Ordering::Relaxed) {
                let sizes = (0..50).map(|more| size_up_to(21, mixed(1000 + n + more)));
                let blocks: Vec<_> = sizes.map(|size| heap.alloc(layout(size))).collect();
                for block in blocks {
                    // SAFETY: a block of this heap.
                    unsafe { heap.free(block.expect("there is memory").cast()) };
                }
                if n.is_multiple_of(20) {
                    heap.purge();
                }
                n += 1;
            }
        });
        for _ in 0..100 {
            let mut blocks = seen(|visit| heap.walk(visit));
            blocks.retain(|at, _| stays.contains_key(at));
            assert_eq!(blocks, stays);
        }
        ends.store(true, Ordering::Relaxed);
    });
}
