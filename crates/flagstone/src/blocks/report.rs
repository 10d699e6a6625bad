//! Where the bytes are.
#![forbid(unsafe_code)]

use core::{error::Error, fmt};

use super::core::{Core, Tiers};
use crate::sync::atomic::Ordering;

/// Where an allocator's bytes are, at one moment: from [`BlockAllocator::snapshot`].
///
/// ```text
/// charged ─┬─ in use
///          ├─ cached: hot (threads) and cold (between threads)
///          └─ reserved: by others of the same budget, and not yet blocks
/// resident ─┬─ in use and cached
///           └─ slack: free blocks of slabs, and pieces of regions that were used before
/// ```
///
/// [`BlockAllocator::snapshot`]: super::BlockAllocator::snapshot
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockSnapshot {
    /// Bytes that the budget allows.
    pub capacity: usize,
    /// Bytes that the budget has given out: to this allocator, to reservations, and to other allocators
    /// of the same budget.
    pub charged: usize,
    /// Bytes of the blocks that somebody has, counted in whole sizes.
    pub in_use: usize,
    /// Bytes of free blocks that threads have at hand. They are charged.
    pub hot: usize,
    /// Bytes of free blocks between threads. They are charged.
    pub cold: usize,
    /// Bytes that may have memory behind them, as far as the allocator knows.
    pub resident: usize,
    /// Bytes of `resident` that nobody is charged for: `resident` is `in_use + hot + cold + slack`, exactly.
    /// It is the sum of the next two.
    pub slack: usize,
    /// Free blocks of slabs in which others are in use or cached: less than a slab for each of those. This is
    /// fragmentation; [`BlockAllocator::try_alloc`](super::BlockAllocator::try_alloc) fills the fullest slabs
    /// first.
    pub slack_in_slabs: usize,
    /// Empty slabs, and pieces of regions that were used before. What is more than
    /// [`idle_bytes`](super::BlockAllocatorConfig::idle_bytes) has gone back to the provider when a call
    /// returns that put blocks into the store; unless the provider keeps what it is offered, or regions
    /// are exported.
    pub slack_idle: usize,
    /// Bytes of all regions; most of them addresses only, where the provider has pages.
    pub mapped: usize,
    /// Regions.
    pub regions: usize,
    /// Slabs: pieces of regions that are cut into blocks of one size.
    pub slabs: usize,
    /// Bytes of the pieces that no slab uses.
    pub unused: usize,
    /// The largest of these pieces.
    pub largest_unused: usize,
    /// How many pieces there are.
    pub unused_pieces: usize,
    /// Threads that have caches.
    pub caches: usize,
    /// Blocks that threads found at hand.
    pub hot_hits: u64,
    /// Blocks that came from the cache between threads.
    pub cold_hits: u64,
    /// Blocks that came from slabs.
    pub misses: u64,
    /// Free blocks that left a cache because they were too old or too much.
    pub evicted: u64,
}

impl BlockSnapshot {
    pub(super) fn of(core: &Core) -> Self {
        let Tiers {
            hot_bytes,
            hot_hits,
            caches,
            cold_bytes,
            store,
        } = core.tiers();
        // Relaxed: numbers that publish nothing.
        let alone = core.counts.alone.load(Ordering::Relaxed);
        let cached = hot_bytes + cold_bytes;
        let resident = store.resident + alone;
        Self {
            capacity: core.budget.capacity(),
            charged: core.budget.charged(),
            in_use: store.out.saturating_sub(cached) + alone,
            hot: hot_bytes,
            cold: cold_bytes,
            resident,
            slack: store.free + store.idle,
            slack_in_slabs: store.free,
            slack_idle: store.idle,
            mapped: store.mapped + alone,
            regions: store.regions,
            slabs: store.slabs,
            unused: store.unused,
            largest_unused: store.largest,
            unused_pieces: store.pieces,
            caches,
            hot_hits,
            cold_hits: core.counts.from_cold.load(Ordering::Relaxed),
            misses: core.counts.from_store.load(Ordering::Relaxed),
            evicted: core.counts.evicted.load(Ordering::Relaxed),
        }
    }

    /// Bytes of free blocks in caches.
    #[must_use]
    pub const fn cached(&self) -> usize {
        self.hot + self.cold
    }

    /// How much of what no slab uses is not in its largest piece: 0 when it is one piece, nearly 1 when it is
    /// in crumbs.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        if self.unused == 0 {
            return 0.0;
        }
        1.0 - self.largest_unused as f64 / self.unused as f64
    }
}

/// Something that was counted twice did not come out the same: a defect of this library, or other threads
/// were at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAuditError {
    what: &'static str,
}

impl fmt::Display for BlockAuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counted twice with different results: {}", self.what)
    }
}

impl Error for BlockAuditError {}

/// Counts again what is counted all the time.
pub(super) fn audit(core: &Core) -> Result<BlockSnapshot, BlockAuditError> {
    core.validate().map_err(|what| BlockAuditError { what })?;
    let snapshot = BlockSnapshot::of(core);
    let BlockSnapshot {
        charged,
        in_use,
        resident,
        slack,
        ..
    } = snapshot;
    let ours = in_use + snapshot.cached();
    let what = if charged < ours {
        "what is charged"
    } else if resident != ours + slack {
        "what is resident"
    } else {
        return Ok(snapshot);
    };
    Err(BlockAuditError { what })
}
