//! Heaps of one's own: on any provider, with a limit, dropped with all that is in them; and what strict ones
//! see.

use std::{alloc::Layout, ptr::NonNull, thread};

use flagstone::{
    corruption::Corruption,
    heap::{HeapOptions, LocalHeap, SharedHeap},
    provider::{Global, OsPages, Provider},
};
use flagstone_testkit::provider::{Counting, FailNth};

use crate::misuse::found;

const MIB: usize = 1 << 20;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Some blocks of every kind, written to from end to end.
fn fill(alloc: impl Fn(Layout) -> NonNull<[u8]>) -> Vec<NonNull<u8>> {
    let sizes = [1, 40, 1000, 5000, 60_000, 70_000, MIB, 3 * MIB];
    let blocks = sizes.into_iter().cycle().take(64).map(|size| {
        let block = alloc(layout(size));
        assert!(block.len() >= size);
        // SAFETY: the block's own bytes.
        unsafe { block.cast::<u8>().write_bytes(0xa5, block.len()) };
        block.cast()
    });
    blocks.collect()
}

#[test]
fn all_that_is_in_a_heap_goes_with_it() {
    let counting = Counting::new(OsPages);
    let heap = LocalHeap::new_in(&counting);
    let mut blocks = fill(|layout| heap.alloc(layout).unwrap());
    for block in blocks.drain(..20) {
        // SAFETY: a block of this heap.
        unsafe { heap.free(block) };
    }
    assert!(heap.stats().blocks() == 44 && counting.live_bytes() > 0);
    drop(heap);
    assert_eq!(counting.live_bytes(), 0);
}

#[test]
fn threads_share_a_heap_and_it_goes_with_all() {
    let counting = Counting::new(OsPages);
    let heap = SharedHeap::new_in(&counting);
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                let blocks = fill(|layout| heap.alloc(layout).unwrap());
                let address = |block: &NonNull<u8>| block.as_ptr().expose_provenance();
                let halves: Vec<_> = blocks.iter().step_by(2).map(address).collect();
                threads.spawn(|| {
                    for block in halves {
                        let block = std::ptr::with_exposed_provenance_mut(block);
                        // SAFETY: a block of this heap, which only this thread has.
                        unsafe { heap.free(NonNull::new(block).unwrap()) };
                    }
                });
            });
        }
    });
    heap.tick();
    assert!(counting.live_bytes() > 0);
    drop(heap);
    assert_eq!(counting.live_bytes(), 0);
}

#[test]
fn memory_that_is_not_zeroed_serves() {
    // The global allocator's chunks are what they were; nothing can be purged or moved.
    let heap = LocalHeap::new_in(Global);
    for _ in 0..3 {
        let blocks = fill(|layout| heap.alloc_zeroed(layout).unwrap());
        for block in &blocks {
            // SAFETY: a block of this heap.
            unsafe { heap.free(*block) };
        }
    }
    let zeros = heap.alloc_zeroed(layout(3 * MIB)).unwrap();
    // SAFETY: so many bytes are zeroed.
    let zeros = unsafe { std::slice::from_raw_parts(zeros.as_ptr().cast::<u8>(), 3 * MIB) };
    assert!(zeros.iter().all(|&byte| byte == 0));
    assert_eq!(heap.stats().blocks(), 1);
}

#[test]
fn a_provider_that_fails_is_an_error_and_nothing_is_lost() {
    for nth in 1..8 {
        let failing = FailNth::of(Counting::new(OsPages));
        failing.refuse(nth);
        let heap = LocalHeap::new_in(&failing);
        let mut blocks = Vec::new();
        for size in [100, 3 * MIB, 70_000, 3 * MIB, MIB, 3 * MIB, 5 * MIB, MIB] {
            match heap.alloc(layout(size)) {
                Ok(block) => blocks.push(block.cast::<u8>()),
                Err(refused) => assert_eq!(refused.layout(), layout(size)),
            }
        }
        assert_eq!(heap.stats().blocks(), blocks.len());
        for block in blocks {
            // SAFETY: a block of this heap.
            unsafe { heap.free(block) };
        }
        assert_eq!(heap.stats().blocks(), 0);
        drop(heap);
        assert_eq!(failing.inner().live(), 0);
    }
}

#[test]
fn a_limit_holds_for_its_heap() {
    let options = HeapOptions::new().limit(Some(16 * MIB));
    let heap = SharedHeap::with_options_in(options, OsPages);
    let blocks: Vec<_> = std::iter::from_fn(|| heap.alloc(layout(MIB)).ok()).collect();
    assert!((9..16).contains(&blocks.len()), "{}", blocks.len());
    assert!(heap.stats().mapped() <= 16 * MIB);
    // SAFETY: a block of this heap.
    unsafe { heap.free(blocks[0].cast()) };
    assert!(heap.alloc(layout(MIB)).is_ok());
}

fn checked() -> LocalHeap {
    LocalHeap::with_options_in(HeapOptions::new().checked(true), OsPages)
}

/// What the handler is told when `block` is freed.
fn freed<P: Provider>(heap: &LocalHeap<P>, block: NonNull<u8>) -> Option<Corruption> {
    // SAFETY: none; the heap is checked.
    found(|| unsafe { heap.free(block) })
}

#[test]
fn a_checked_heap_sees_what_is_freed_twice() {
    let heap = checked();
    for size in [8, 100, 60_000, 100_000, 3 * MIB] {
        let block = heap.alloc(layout(size)).unwrap().cast();
        let other = heap.alloc(layout(size)).unwrap().cast();
        assert_eq!(freed(&heap, block), None);
        assert_eq!(freed(&heap, other), None);
        let address = block.as_ptr().addr();
        assert_eq!(
            freed(&heap, block),
            Some(Corruption::DoubleFree { address }),
            "{size}"
        );
    }
    // All is in order.
    assert_eq!(heap.stats().blocks(), 0);
    assert!(heap.alloc(layout(100)).is_ok());
}

#[test]
fn a_checked_heap_sees_what_is_no_block_of_it() {
    let heap = checked();
    let other = LocalHeap::new();
    let block = heap.alloc(layout(100)).unwrap().cast::<u8>();
    let large = heap.alloc(layout(3 * MIB)).unwrap().cast::<u8>();
    let strange = [
        // SAFETY: within the blocks.
        unsafe { block.add(8) },
        // SAFETY: as above.
        unsafe { large.add(4096) },
        other.alloc(layout(100)).unwrap().cast(),
        other.alloc(layout(3 * MIB)).unwrap().cast(),
        NonNull::from(&mut 7_u64).cast(),
        NonNull::from(Box::leak(Box::new(7_u64))).cast(),
        NonNull::dangling(),
    ];
    for strange in strange {
        let address = strange.as_ptr().addr();
        assert_eq!(
            freed(&heap, strange),
            Some(Corruption::ForeignPointer { address })
        );
    }
    assert_eq!((freed(&heap, block), freed(&heap, large)), (None, None));
    // SAFETY: leaked above.
    drop(unsafe { Box::from_raw(strange[5].as_ptr().cast::<u64>()) });
}

#[test]
fn a_checked_heap_sees_what_was_written_when_free() {
    let heap = checked();
    let block = heap.alloc(layout(100)).unwrap().cast::<u8>();
    assert_eq!(freed(&heap, block), None);
    // SAFETY: none: the block is free. The page is there, as the heap's first.
    unsafe { block.write_bytes(0x5a, 8) };
    let address = block.as_ptr().addr();
    let seen = found(|| {
        let _ = heap.alloc(layout(100));
    });
    assert_eq!(seen, Some(Corruption::WrittenWhenFree { address }));
}

#[test]
fn a_zeroing_heap_leaves_nothing() {
    let options = HeapOptions::new().zero_on_free(true);
    let heap = LocalHeap::with_options_in(options, OsPages);
    for size in [100, 60_000, 100_000] {
        let secret = heap.alloc(layout(size)).unwrap();
        // SAFETY: the block's own bytes.
        unsafe { secret.cast::<u8>().write_bytes(0xa5, secret.len()) };
        // SAFETY: a block of this heap.
        unsafe { heap.free(secret.cast()) };
        let block = heap.alloc(layout(size)).unwrap();
        assert_eq!(block, secret, "the newest is used first");
        // Behind the link, which the heap needs.
        // SAFETY: within the block; the heap has written all of it.
        let rest =
            unsafe { std::slice::from_raw_parts(block.as_ptr().cast::<u8>().add(8), size - 8) };
        assert!(rest.iter().all(|&byte| byte == 0), "{size}");
    }
}

#[test]
fn a_quarantine_keeps_blocks_for_a_while() {
    let options = HeapOptions::new().checked(true).quarantine(10_000);
    let heap = LocalHeap::with_options_in(options, OsPages);
    let first = heap.alloc(layout(100)).unwrap().cast::<u8>();
    assert_eq!(freed(&heap, first), None);
    let mut since = 0;
    loop {
        let block = heap.alloc(layout(100)).unwrap().cast::<u8>();
        since += 1;
        if block == first {
            break;
        }
        assert!(since < 10_000, "it comes back some time");
        assert_eq!(freed(&heap, block), None);
    }
    // So many blocks fit the quarantine; the first of them could be let go by chance, but no sooner.
    assert!(since > 10_000 / 104, "{since}");
    let address = first.as_ptr().addr();
    assert_eq!(freed(&heap, first), None);
    assert_eq!(
        freed(&heap, first),
        Some(Corruption::DoubleFree { address })
    );
}

#[test]
fn a_strict_heap_serves_threads() {
    let options = HeapOptions::new()
        .checked(true)
        .zero_on_free(true)
        .quarantine(100_000);
    let heap = SharedHeap::with_options_in(options, OsPages);
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for _ in 0..5 {
                    for block in fill(|layout| heap.alloc(layout).unwrap()) {
                        // SAFETY: a block of this heap.
                        unsafe { heap.free(block) };
                    }
                }
            });
        }
    });
    assert!(heap.stats().live() < MIB, "what is in quarantine");
}

#[test]
fn a_tick_puts_no_slot_out_of_reach() {
    let options = HeapOptions::new().limit(Some(4 << 20));
    let heap = LocalHeap::with_options_in(options, OsPages);
    let small = Layout::from_size_align(1024, 8).expect("a layout");
    let large = Layout::from_size_align(64 << 10, 8).expect("a layout");
    // All but 7 slots of a span, and all other slices.
    let slots = (0..57).filter(|_| heap.alloc(small).is_ok());
    assert_eq!(slots.count(), 57);
    let run = Layout::from_size_align((64 << 10) + 1, 8).expect("a layout");
    while heap.alloc(run).is_ok() {}
    while heap.alloc(large).is_ok() {}
    heap.tick();
    heap.purge();
    let more = (0..7).filter(|_| heap.alloc(small).is_ok());
    assert_eq!(more.count(), 7);
}
