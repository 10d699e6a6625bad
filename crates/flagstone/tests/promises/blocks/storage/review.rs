//! Exported memory stays, and what panics or is refused leaves everything as it was.

use std::{
    alloc::Layout,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use flagstone::{
    OutOfMemory,
    blocks::{BlockAllocator, Budget, Oversize, Pass},
    provider::{Chunk, OsPages, Provider},
};

use super::{Watched, build, bytes, knobs};

#[test]
fn no_bytes_of_a_large_alignment_are_a_page() {
    let blocks = build(
        knobs(1 << 20)
            .max_block_size(1024)
            .oversize(Oversize::Dedicated),
    );
    let layout = Layout::from_size_align(0, 2048).unwrap();
    let block = blocks.try_alloc(layout).unwrap();
    assert_eq!((block.capacity(), blocks.budget().charged()), (0, 4096));
}

#[test]
fn memory_that_is_exported_stays() {
    let watched = Watched::new();
    let blocks = watched.build(
        knobs(1 << 20)
            .region_size(64 << 10)
            .max_block_size(32 << 10),
    );
    let held: Vec<_> = (0..8)
        .map(|_| blocks.try_alloc(bytes(32 << 10)).unwrap())
        .collect();
    let regions = blocks.regions();
    let before = blocks.snapshot();
    drop(held);
    blocks.trim();
    let after = blocks.audit().unwrap();
    assert_eq!(
        (after.mapped, after.resident),
        (before.mapped, before.resident)
    );
    drop(regions);
    blocks.trim();
    let after = blocks.audit().unwrap();
    assert!(after.mapped < before.mapped && after.resident == 0);
}

#[test]
fn a_block_that_is_not_joined_keeps_its_name() {
    let blocks = BlockAllocator::new(1 << 20);
    let mut one = blocks.try_alloc(bytes(100)).unwrap();
    let mut other = blocks.try_alloc(bytes(100)).unwrap();
    let id = other.id();
    let mut other = one.unsplit(other).unwrap_err();
    assert!(blocks.verify(id).is_ok() && other.id() == id);
    let mut rest = one.split_off(50);
    let id = rest.id();
    one.unsplit(rest).unwrap();
    assert!(blocks.verify(id).is_err());
}

/// Panics when it is asked, or when memory comes back.
#[derive(Clone, Default)]
struct Fragile(Arc<[AtomicBool; 2]>);

// SAFETY: every call is passed on to a provider, or panics.
unsafe impl Provider for Fragile {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        assert!(!self.0[0].load(Ordering::Relaxed), "a planned panic");
        OsPages.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { OsPages.free(ptr, layout) };
        assert!(!self.0[1].load(Ordering::Relaxed), "a planned panic");
    }
}

#[test]
#[cfg_attr(
    flagstone_asan,
    ignore = "of two panics one is left behind, whose drop might panic"
)]
fn a_provider_that_panics_takes_no_charge_along() {
    let provider = Fragile::default();
    let budget = Budget::new(1 << 20).unwrap();
    let config = knobs(1 << 20)
        .max_block_size(1024)
        .oversize(Oversize::Dedicated);
    let config = config.build().unwrap();
    let blocks = BlockAllocator::with_parts(config, budget.clone(), provider.clone()).unwrap();
    for size in [100, 5000] {
        provider.0[0].store(true, Ordering::Relaxed);
        let asked = catch_unwind(AssertUnwindSafe(|| blocks.try_alloc(bytes(size)).is_ok()));
        assert!(asked.is_err() && budget.charged() == 0);
        provider.0[0].store(false, Ordering::Relaxed);
    }
    provider.0[1].store(true, Ordering::Relaxed);
    let alone = blocks.try_alloc(bytes(5000)).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(alone))).is_err());
    assert_eq!(budget.charged(), 0);
    // And at the end: two that were left, and one in a cache.
    for _ in 0..2 {
        blocks
            .detach(blocks.try_alloc(bytes(5000)).unwrap())
            .unwrap();
    }
    drop(blocks.try_alloc(bytes(100)).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(blocks))).is_err());
    assert_eq!(budget.charged(), 0);
}

/// Panics when it is asked the second time.
#[derive(Clone, Default)]
struct Second(Arc<AtomicBool>);

// SAFETY: every call is passed on to a provider, or panics.
unsafe impl Provider for Second {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        assert!(!self.0.swap(true, Ordering::Relaxed), "a planned panic");
        OsPages.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { OsPages.free(ptr, layout) };
    }
}

#[test]
fn a_provider_that_panics_at_the_beginning_is_let_go() {
    let provider = Second::default();
    let config = knobs(1 << 20)
        .region_size(64 << 10)
        .max_block_size(1024)
        .initial_pool_size(1 << 20);
    let config = config.build().unwrap();
    let budget = Budget::new(1 << 20).unwrap();
    let build = || BlockAllocator::with_parts(config, budget, provider.clone());
    assert!(catch_unwind(AssertUnwindSafe(build)).is_err());
    assert_eq!(Arc::strong_count(&provider.0), 1, "with its first region");
}

#[test]
fn a_hook_may_use_what_is_cached() {
    const ALL: usize = 1 << 20;
    let config = knobs(ALL).build().unwrap();
    let budget = Budget::new(ALL + 1).unwrap();
    let blocks = BlockAllocator::with_parts(config, budget.clone(), OsPages).unwrap();
    let other = Budget::new(100).unwrap();
    let _held = (
        budget.try_reserve(1).unwrap(),
        other.try_reserve(1).unwrap(),
    );
    // A hook of the same budget, and of another.
    for asked in [&budget, &other] {
        let (inside, got) = (blocks.clone(), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&got);
        let _hook = asked.on_relief(Pass::Benign, move |_| {
            let small = (0..ALL / 1024).map(|_| inside.try_alloc(bytes(1024)).unwrap());
            drop(small.collect::<Vec<_>>());
            assert!(inside.snapshot().cached() > 0);
            seen.store(inside.try_alloc(bytes(ALL)).is_ok(), Ordering::Relaxed);
            0
        });
        assert!(asked.try_reserve(asked.capacity()).is_err());
        assert!(got.load(Ordering::Relaxed));
        blocks.trim();
    }
}
