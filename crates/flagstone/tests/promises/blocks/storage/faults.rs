//! No memory is an error, and changes nothing.

use std::{alloc::Layout, ptr::NonNull};

use flagstone::{
    OutOfMemory,
    blocks::{BlockAllocator, Budget},
    provider::{Chunk, Global, Provider},
};

use super::{Watched, bytes, knobs};

#[test]
fn a_provider_may_refuse_any_request() {
    for nth in 1..40 {
        let watched = Watched::new();
        let blocks = watched.build(
            knobs(1 << 20)
                .region_size(64 << 10)
                .max_block_size(64 << 10),
        );
        watched.0.refuse(nth);
        let mut held = Vec::new();
        for size in [100, 30_000, 1000, 64 << 10].into_iter().cycle().take(40) {
            // A refusal is made up for by a smaller region, or is an error; either way the next one works.
            held.extend(blocks.try_alloc(bytes(size)));
            blocks.audit().unwrap();
        }
        drop(held);
        let snapshot = blocks.audit().unwrap();
        assert_eq!(snapshot.charged, snapshot.cached());
        drop(blocks);
        assert_eq!(watched.counting().live(), 0);
    }
}

#[test]
fn without_memory_there_is_an_error_and_no_charge() {
    let watched = Watched::new();
    let blocks = watched.build(knobs(1 << 20).region_size(64 << 10));
    watched.0.refuse_all();
    let refused = blocks.try_alloc(bytes(100)).unwrap_err();
    assert!(refused.out_of_memory().is_some() && refused.budget().is_none());
    assert_eq!(blocks.budget().charged(), 0);
    let mut reserved = blocks.budget().try_reserve(1000).unwrap();
    let refused = blocks.acquire(&mut reserved, bytes(100)).unwrap_err();
    assert!(refused.out_of_memory().is_some());
    assert_eq!(reserved.bytes(), 1000);
    watched.0.relent();
    drop(blocks.acquire(&mut reserved, bytes(100)).unwrap());
}

#[test]
fn memory_of_other_sizes_is_used_before_there_is_an_error() {
    let watched = Watched::new();
    let blocks = watched.build(
        knobs(1 << 20)
            .region_size(512 << 10)
            .max_block_size(256 << 10),
    );
    // All of the only region, in small blocks, which are cached then.
    drop(
        (0..500)
            .map(|_| blocks.try_alloc(bytes(1000)).unwrap())
            .collect::<Vec<_>>(),
    );
    watched.0.refuse_all();
    let large = blocks.try_alloc(bytes(256 << 10)).unwrap();
    assert!(blocks.try_alloc(bytes(256 << 10)).is_ok());
    drop(large);
}

#[test]
fn no_memory_for_the_beginning_is_an_error() {
    let watched = Watched::new();
    watched.0.refuse_all();
    let config = knobs(1 << 20).initial_pool_size(1 << 20).build().unwrap();
    let budget = Budget::new(1 << 20).unwrap();
    let error = BlockAllocator::with_parts(config, budget.clone(), watched).unwrap_err();
    assert!(error.out_of_memory().is_some());
    assert_eq!(budget.charged(), 0);
}

/// Gives chunks that are one byte short, or one byte off.
#[derive(Clone, Copy)]
struct Liar {
    off: usize,
}

impl Liar {
    fn real(layout: Layout) -> Layout {
        Layout::from_size_align(layout.size() + 1, layout.align()).unwrap()
    }
}

// SAFETY: chunks are not what was asked for, which is looked at; what they are is the global allocator's.
unsafe impl Provider for Liar {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let real = Global.alloc(Self::real(layout))?.ptr.cast::<u8>();
        // SAFETY: within the chunk.
        let start = unsafe { real.add(self.off) };
        let len = layout.size() + self.off - 1;
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(start, len),
            zeroed: false,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: from `alloc`.
        let real = unsafe { ptr.sub(self.off) };
        // SAFETY: the caller's promise.
        unsafe { Global.free(real, Self::real(layout)) }
    }
}

#[test]
fn wrong_answers_are_no_memory() {
    for off in [0, 1] {
        let config = knobs(1 << 20).build().unwrap();
        let budget = Budget::new(1 << 20).unwrap();
        let blocks = BlockAllocator::with_parts(config, budget, Liar { off }).unwrap();
        let error = blocks.try_alloc(bytes(100)).unwrap_err();
        assert!(error.out_of_memory().unwrap().is_wrong_answer());
        assert_eq!(blocks.audit().unwrap().mapped, 0);
    }
}
