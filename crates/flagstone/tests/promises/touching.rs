//! `pre_initialize` without an initializer touches every page of the first slots, so that their first
//! use takes no page fault; nothing else touches memory ahead.
//!
//! Not under an address sanitizer that is told about free slots: it forbids the look at them.
#![cfg(not(flagstone_asan))]
#![expect(
    unsafe_code,
    reason = "implements Provider, and looks at its own memory"
)]

use std::{alloc::Layout, cell::RefCell, ptr::NonNull};

use flagstone::{
    FixedPool, GrowingPool, OutOfMemory, PoolConfig,
    pool::{Intrusive, NoHooks},
    provider::{Chunk, Global, Provider},
    slab::{SlabCache, SpinLock},
};

const PAINT: u8 = 0xEE;
const PAGE: usize = 4096;

/// Paints every chunk, so that it can tell which pages were written to since.
#[derive(Default)]
struct Painting {
    chunks: RefCell<Vec<(NonNull<u8>, usize)>>,
}

// SAFETY: every answer is the global allocator's.
unsafe impl Provider for Painting {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let chunk = Global.alloc(layout)?;
        let first = chunk.ptr.cast::<u8>();
        // SAFETY: a fresh chunk of that size.
        unsafe { first.write_bytes(PAINT, layout.size()) };
        self.chunks.borrow_mut().push((first, layout.size()));
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        self.chunks.borrow_mut().retain(|(first, _)| *first != ptr);
        // SAFETY: the caller's promise.
        unsafe { Global.free(ptr, layout) }
    }
}

impl Painting {
    /// Pages of the system that chunks of at least `least` bytes lie in, and how many of them were
    /// never written to.
    fn pages(&self, least: usize) -> (usize, usize) {
        let (mut all, mut untouched) = (0, 0);
        for &(first, len) in self.chunks.borrow().iter().filter(|(_, len)| *len >= least) {
            let mut at = 0;
            while at < len {
                let address = first.as_ptr().addr() + at;
                let in_page = (PAGE - address % PAGE).min(len - at);
                all += 1;
                // SAFETY: bytes of a chunk that is out, all painted; nobody writes meanwhile.
                let painted = |n| unsafe { first.add(at + n).read_volatile() } == PAINT;
                untouched += usize::from((0..in_page).all(painted));
                at += in_page;
            }
        }
        (all, untouched)
    }
}

fn config(slots: usize, pre_initialize: bool) -> PoolConfig<[u8; 64]> {
    PoolConfig::builder()
        .capacity(slots)
        .pre_initialize(pre_initialize)
        .build()
        .expect("in range")
}

#[test]
fn a_fixed_pool_touches_all_pages_or_none() {
    // Whatever part of its last page it has.
    for slots in (1..200).step_by(7) {
        for ahead in [true, false] {
            let provider = Painting::default();
            let strategy = Intrusive::default();
            let pool = FixedPool::with_parts(config(slots, ahead), strategy, NoHooks, &provider);
            let pool = pool.expect("memory");
            let (all, untouched) = provider.pages(1);
            assert!(all >= (slots * 64).div_ceil(PAGE));
            assert_eq!(untouched, if ahead { 0 } else { all }, "{slots} slots");
            drop(pool);
        }
    }
}

#[test]
fn a_growing_pool_touches_the_pages_of_its_first_slots() {
    for ahead in [true, false] {
        let provider = Painting::default();
        let slots = 3 * 64 * 1024 / 64;
        let pool = GrowingPool::<_, _, _, { 64 * 1024 }>::with_parts(
            config(slots, ahead),
            NoHooks,
            &provider,
        );
        let pool = pool.expect("memory");
        let (all, untouched) = provider.pages(64 * 1024);
        assert_eq!(all, 16 * pool.slabs());
        if ahead {
            assert_eq!(untouched, 0);
        } else {
            // A slab's first page or so holds its descriptor.
            assert!(untouched >= 14 * pool.slabs(), "{untouched} of {all}");
        }
        drop(pool);
    }
}

#[test]
fn a_slab_cache_touches_what_it_hands_out_and_little_more() {
    let provider = Painting::default();
    let cache =
        SlabCache::<[u8; 64], SpinLock, { 64 * 1024 }, _>::new_in(&provider).expect("memory");
    let mut boxes = Vec::new();
    while boxes.len() < SlabCache::<[u8; 64], SpinLock, { 64 * 1024 }>::SLOTS_PER_SLAB {
        boxes.push(cache.alloc([1; 64]).expect("memory"));
        let (all, untouched) = provider.pages(64 * 1024);
        // The descriptor's page or two, those of the values, and at most one ahead.
        let needed = 2 + (boxes.len() * 64).div_ceil(PAGE) + 1;
        assert!(
            all - untouched <= needed,
            "{} pages for {} values",
            all - untouched,
            boxes.len()
        );
    }
    assert_eq!(cache.slabs(), 1);
}
