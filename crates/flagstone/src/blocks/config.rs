//! What a block allocator can be told.
#![forbid(unsafe_code)]

use core::time::Duration;

use super::budget::Order;
use crate::{
    error::{Allowed, ConfigError, Given},
    layout::{MAX_ALIGNMENT, SizeClasses},
    raw::region::{MOST, PAGE},
};

/// When the bytes of a block become 0, besides those that a caller asks for.
///
/// Whatever the policy, safe code never sees bytes of an earlier block: a [`Block`](super::Block) shows
/// what was written to it. The policy is about what lies in memory, for kernels, devices and core dumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZeroPolicy {
    /// Never: old bytes stay until they are written over.
    #[default]
    Never,
    /// When a block is freed, before anybody else can have it: what may have been written to. Writes that
    /// the compiler cannot leave out.
    OnFree,
    /// When a block is handed out: all of it.
    OnAlloc,
    /// When a block is handed out: what may have been written to since it was 0.
    WhenDirty,
}

/// What becomes of a request for more than the largest block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oversize {
    /// It is refused at once.
    #[default]
    Reject,
    /// It gets a region of its own, charged in whole pages and given back when it is freed: up to 1 GiB,
    /// and at the cost of two calls of the provider.
    Dedicated,
}

/// How a [`BlockAllocator`](super::BlockAllocator) is built: made by its [`builder`](Self::builder).
///
/// ```
/// use core::time::Duration;
/// use flagstone::blocks::{BlockAllocator, BlockAllocatorConfig, ZeroPolicy};
///
/// let config = BlockAllocatorConfig::builder()
///     .max_memory(64 << 20)
///     .max_block_size(64 << 10)
///     .min_block_size(64)
///     .alignment(16)
///     .cache_age(Duration::from_secs(300))
///     .max_caches(1000)
///     .initial_pool_size(1 << 20)
///     .zero(ZeroPolicy::OnFree)
///     .build()?;
/// let allocator = BlockAllocator::with_config(config)?;
/// assert_eq!(allocator.config().max_block_size(), 64 << 10);
///
/// let error = BlockAllocatorConfig::builder().max_memory(1 << 20).min_block_size(100).build().unwrap_err();
/// assert_eq!(error.knob(), Some("min_block_size"));
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias = "AtomAllocConfig")]
pub struct BlockAllocatorConfig {
    max_memory: usize,
    min_block_size: usize,
    max_block_size: usize,
    alignment: usize,
    steps_per_doubling: usize,
    cache_age: Duration,
    max_caches: usize,
    thread_cache_bytes: usize,
    shared_cache_bytes: usize,
    idle_bytes: usize,
    initial_pool_size: usize,
    region_size: usize,
    zero: ZeroPolicy,
    oversize: Oversize,
    order: Order,
    overdraft: usize,
}

macro_rules! questions {
    ($($(#[$doc:meta])* $knob:ident: $type:ty),* $(,)?) => {
        impl BlockAllocatorConfig {
            $($(#[$doc])* #[must_use] pub const fn $knob(&self) -> $type { self.$knob })*
        }
    };
}

questions! {
    /// Bytes that blocks may have at once.
    max_memory: usize,
    /// Bytes of the smallest block.
    min_block_size: usize,
    /// Bytes of the largest block that comes from a slab.
    max_block_size: usize,
    /// Every block is aligned to it, in bytes.
    alignment: usize,
    /// Sizes of blocks for every doubling.
    steps_per_doubling: usize,
    /// How long free blocks stay cached.
    cache_age: Duration,
    /// Threads that may have caches.
    max_caches: usize,
    /// Bytes that one thread's cache holds at most.
    thread_cache_bytes: usize,
    /// Bytes that the cache between threads holds at most.
    shared_cache_bytes: usize,
    /// Bytes that may be unused and still have memory behind them.
    idle_bytes: usize,
    /// Bytes that are asked of the provider when the allocator is built.
    initial_pool_size: usize,
    /// Bytes of a region.
    region_size: usize,
    /// When bytes become 0.
    zero: ZeroPolicy,
    /// What becomes of requests that are too large.
    oversize: Oversize,
    /// The order of those who wait.
    order: Order,
    /// Bytes beyond all memory that blocks may be forced to have.
    overdraft: usize,
}

impl BlockAllocatorConfig {
    /// Starts with no knob set; [`max_memory`](BlockAllocatorConfigBuilder::max_memory) must be.
    pub fn builder() -> BlockAllocatorConfigBuilder {
        BlockAllocatorConfigBuilder::default()
    }
}

/// Collects the knobs of a [`BlockAllocatorConfig`]; [`build`](Self::build) checks them.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct BlockAllocatorConfigBuilder {
    max_memory: Option<usize>,
    min_block_size: usize,
    max_block_size: Option<usize>,
    alignment: usize,
    steps_per_doubling: usize,
    cache_age: Duration,
    max_caches: usize,
    thread_cache_bytes: Option<usize>,
    shared_cache_bytes: Option<usize>,
    idle_bytes: Option<usize>,
    initial_pool_size: usize,
    region_size: Option<usize>,
    zero: ZeroPolicy,
    oversize: Oversize,
    order: Order,
    overdraft: usize,
}

impl Default for BlockAllocatorConfigBuilder {
    fn default() -> Self {
        Self {
            max_memory: None,
            min_block_size: 64,
            max_block_size: None,
            alignment: 16,
            steps_per_doubling: 4,
            cache_age: Duration::from_secs(60),
            max_caches: 1000,
            thread_cache_bytes: None,
            shared_cache_bytes: None,
            idle_bytes: None,
            initial_pool_size: 0,
            region_size: None,
            zero: ZeroPolicy::Never,
            oversize: Oversize::Reject,
            order: Order::DEFAULT,
            overdraft: usize::MAX,
        }
    }
}

impl BlockAllocatorConfigBuilder {
    /// Bytes that blocks may have at once, counted in whole blocks of their sizes; must be set.
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Bytes of the smallest block, a power of two; 64 unless set. All sizes are multiples of it.
    pub fn min_block_size(mut self, bytes: usize) -> Self {
        self.min_block_size = bytes;
        self
    }

    /// Bytes of the largest block, rounded up to a size that there is; 1 MiB unless set, or all memory if
    /// that is less.
    pub fn max_block_size(mut self, bytes: usize) -> Self {
        self.max_block_size = Some(bytes);
        self
    }

    /// Alignment of every block, a power of two up to the smallest block; 16 unless set. A request may
    /// ask for more, up to 4096.
    pub fn alignment(mut self, bytes: usize) -> Self {
        self.alignment = bytes;
        self
    }

    /// Sizes for every doubling, a power of two from 1 to 64; 4 unless set. With 1 up to half of a block
    /// is beyond what was asked for, with 4 up to a fifth, with 8 up to a ninth.
    pub fn steps_per_doubling(mut self, steps: usize) -> Self {
        self.steps_per_doubling = steps;
        self
    }

    /// How long free blocks stay cached; a minute unless set. Nothing happens by itself: calls that go past
    /// a thread's cache look at the clock.
    #[doc(alias = "cache_ttl")]
    pub fn cache_age(mut self, age: Duration) -> Self {
        self.cache_age = age;
        self
    }

    /// Threads that may have caches; 1000 unless set. With 0 every call takes a lock.
    pub fn max_caches(mut self, threads: usize) -> Self {
        self.max_caches = threads;
        self
    }

    /// Bytes that one thread's cache holds at most; an eighth of all memory unless set, up to 4 MiB.
    pub fn thread_cache_bytes(mut self, bytes: usize) -> Self {
        self.thread_cache_bytes = Some(bytes);
        self
    }

    /// Bytes that the cache between threads holds at most; a quarter of all memory unless set.
    pub fn shared_cache_bytes(mut self, bytes: usize) -> Self {
        self.shared_cache_bytes = Some(bytes);
        self
    }

    /// Bytes that may be unused and still have memory behind them before it is offered back to the
    /// provider; a sixteenth of all memory unless set, at least 1 MiB.
    #[doc(alias = "slack")]
    pub fn idle_bytes(mut self, bytes: usize) -> Self {
        self.idle_bytes = Some(bytes);
        self
    }

    /// Bytes that are asked of the provider when the allocator is built; 0 unless set.
    pub fn initial_pool_size(mut self, bytes: usize) -> Self {
        self.initial_pool_size = bytes;
        self
    }

    /// Bytes of a region, up to 1 GiB; no block lies in two. All memory in one region unless set, or in
    /// regions of 1 GiB. A provider that refuses is asked for less.
    pub fn region_size(mut self, bytes: usize) -> Self {
        self.region_size = Some(bytes);
        self
    }

    /// When bytes become 0; never unless set.
    pub fn zero(mut self, policy: ZeroPolicy) -> Self {
        self.zero = policy;
        self
    }

    /// [`ZeroPolicy::OnFree`], or [`ZeroPolicy::Never`].
    #[doc(alias = "zero_on_dealloc")]
    pub fn zero_on_free(self, yes: bool) -> Self {
        self.zero(if yes {
            ZeroPolicy::OnFree
        } else {
            ZeroPolicy::Never
        })
    }

    /// What becomes of requests for more than the largest block; they are refused unless set.
    pub fn oversize(mut self, policy: Oversize) -> Self {
        self.oversize = policy;
        self
    }

    /// The order of those who wait; see [`Order`] for what it is unless set. For an allocator that makes its
    /// own budget.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The most debt of the budget that [`force_alloc`](super::BlockAllocator::force_alloc) may make, in
    /// bytes; no limit unless set.
    pub fn overdraft(mut self, bytes: usize) -> Self {
        self.overdraft = bytes;
        self
    }

    /// Checks every knob.
    ///
    /// # Errors
    ///
    /// Names the knob, its value and what is allowed.
    pub fn build(self) -> Result<BlockAllocatorConfig, ConfigError> {
        let most = isize::MAX as usize / 2;
        let max_memory = self.max_memory.ok_or(ConfigError::knob_out_of_range(
            "max_memory",
            Given::Unset,
            bytes(PAGE, most),
        ))?;
        within("max_memory", max_memory, PAGE, most)?;
        let most_block = max_memory.min(MOST);
        power("min_block_size", self.min_block_size, 16, PAGE)?;
        let least = self.min_block_size;
        power("alignment", self.alignment, 1, least.min(MAX_ALIGNMENT))?;
        let given = self
            .max_block_size
            .unwrap_or(most_block.min(1 << 20).max(least));
        within("max_block_size", given, least, most_block)?;
        power_of("steps_per_doubling", self.steps_per_doubling, 1, 64)?;
        let max_block_size = largest(least, self.steps_per_doubling, given, most_block);
        let region_size = self.region_size.unwrap_or(most_block);
        within("region_size", region_size, PAGE, MOST)?;
        within("initial_pool_size", self.initial_pool_size, 0, max_memory)?;
        Ok(BlockAllocatorConfig {
            max_memory,
            min_block_size: least,
            max_block_size,
            alignment: self.alignment,
            steps_per_doubling: self.steps_per_doubling,
            cache_age: self.cache_age,
            max_caches: self.max_caches,
            thread_cache_bytes: self
                .thread_cache_bytes
                .unwrap_or((max_memory / 8).min(4 << 20)),
            shared_cache_bytes: self.shared_cache_bytes.unwrap_or(max_memory / 4),
            idle_bytes: self.idle_bytes.unwrap_or((max_memory / 16).max(1 << 20)),
            initial_pool_size: self.initial_pool_size,
            region_size: region_size.next_multiple_of(PAGE),
            zero: self.zero,
            oversize: self.oversize,
            order: self.order,
            overdraft: self.overdraft,
        })
    }
}

/// The size that there is for `given` bytes, or the one before if that is beyond all memory.
fn largest(least: usize, steps: usize, given: usize, most: usize) -> usize {
    let size = |classes: SizeClasses| {
        let class = classes.class_of(given);
        let size = classes.size_of(class).filter(|&size| size <= most);
        size.or_else(|| classes.size_of(class.checked_sub(1)?))
    };
    SizeClasses::new(least, steps)
        .and_then(size)
        .unwrap_or(given)
}

const fn bytes(least: usize, most: usize) -> Allowed {
    Allowed::Range {
        least,
        most,
        unit: "bytes",
    }
}

fn within(knob: &'static str, given: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    let given = Given::Number(given);
    Err(ConfigError::knob_out_of_range(
        knob,
        given,
        bytes(least, most),
    ))
}

fn power(knob: &'static str, given: usize, least: usize, most: usize) -> Result<(), ConfigError> {
    if given.is_power_of_two() && (least..=most).contains(&given) {
        return Ok(());
    }
    let allowed = Allowed::PowerOfTwo { least, most };
    Err(ConfigError::knob_out_of_range(
        knob,
        Given::Number(given),
        allowed,
    ))
}

fn power_of(
    knob: &'static str,
    given: usize,
    least: usize,
    most: usize,
) -> Result<(), ConfigError> {
    if given.is_power_of_two() && (least..=most).contains(&given) {
        return Ok(());
    }
    let allowed = Allowed::Only("1, 2, 4, 8, 16, 32 or 64");
    Err(ConfigError::knob_out_of_range(
        knob,
        Given::Number(given),
        allowed,
    ))
}
