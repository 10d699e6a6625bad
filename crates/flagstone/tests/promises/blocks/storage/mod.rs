//! What blocks promise, a file each.
//!
//! | file | promise |
//! |---|---|
//! | `model` | in whatever order they are used, blocks are apart, keep their bytes, and what is charged is their sizes |
//! | `awaited` | who waits gets a block as soon as there is room, whoever has it cached |
//! | `cancelled` | whatever waits may be dropped at any poll, whatever happens meanwhile, and leaves nothing |
//! | `bytes_of` | a block shows what was written, zeros between, and nothing else |
//! | `layouts` | sizes and alignments of every kind have an answer |
//! | `knobs` | each knob does what it says, or is refused by name |
//! | `tiers` | no byte is stranded in a cache; what is old or too much leaves; freed sizes are joined |
//! | `lifetimes` | blocks outlive their allocator and their thread; memory and charge go back once |
//! | `faults` | no memory is an error, and changes nothing |
//! | `forbidden` | blocks are not lost in caches when the system refuses to let others empty them |
//! | `purging` | memory on its way back to the provider is missed by nobody |
//! | `ids` | an id reaches the block it was given for, or nothing |
//! | `resident` | what has memory behind it is in use, cached, or slack, of which there is no more than stated |
//! | `review` | exported memory stays, and what panics or is refused leaves everything as it was |
//! | `zeroing` | bytes become 0 when the policy says |
#![expect(unsafe_code, reason = "a provider that is watched")]

mod awaited;
mod bytes_of;
mod cancelled;
mod faults;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod forbidden;
mod ids;
mod knobs;
mod layouts;
mod lifetimes;
mod model;
mod purging;
mod resident;
mod review;
mod tiers;
mod zeroing;

use std::{alloc::Layout, ptr::NonNull, sync::Arc};

use flagstone::{
    OutOfMemory,
    blocks::{BlockAllocator, BlockAllocatorConfig, BlockAllocatorConfigBuilder, Budget},
    provider::{Chunk, OsPages, Provider, Purged},
};
use flagstone_testkit::provider::{Counting, FailNth};

/// `len` bytes, aligned to nothing.
fn bytes(len: usize) -> Layout {
    Layout::array::<u8>(len).unwrap()
}

fn knobs(memory: usize) -> BlockAllocatorConfigBuilder {
    BlockAllocatorConfig::builder().max_memory(memory)
}

fn build(knobs: BlockAllocatorConfigBuilder) -> BlockAllocator {
    BlockAllocator::with_config(knobs.build().unwrap()).unwrap()
}

/// Pages that are counted, and refused on demand, while an allocator has them.
#[derive(Clone)]
struct Watched(Arc<FailNth<Counting<OsPages>>>);

impl Watched {
    fn new() -> Self {
        Self(Arc::new(FailNth::of(Counting::new(OsPages))))
    }

    fn counting(&self) -> &Counting<OsPages> {
        self.0.inner()
    }

    fn build(&self, knobs: BlockAllocatorConfigBuilder) -> BlockAllocator {
        let config = knobs.build().unwrap();
        let budget = Budget::new(config.max_memory()).unwrap();
        BlockAllocator::with_parts(config, budget, self.clone()).unwrap()
    }
}

// SAFETY: every call is passed on to a provider, which stays where it is.
unsafe impl Provider for Watched {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.0.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.free(ptr, layout) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise.
        unsafe { self.0.purge(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.0.page_size()
    }
}
