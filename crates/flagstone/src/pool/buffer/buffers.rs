//! A pool of buffers.
#![expect(
    unsafe_code,
    reason = "`from_raw_parts` is an unsafe door; the work is in `store`"
)]

use core::{fmt, ptr::NonNull};

#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{AllocError, ConfigError},
    pool::{
        PoolConfig,
        store::{Buffer, BufferStore},
    },
    provider::{Global, Provider},
};

/// Buffers of one length: N runs of M elements each, M chosen when the pool is built.
///
/// A [`Buffer`] begins empty and tracks what was written to it, so what it derefs to is always
/// initialised, and exactly that is dropped with it. There are as many buffers as the pool was built
/// with, one after the other in one chunk, or, when a
/// [`GrowthStrategy`](super::super::GrowthStrategy) is configured, slabs of them that are added and
/// returned as in a [`GrowingPool`](crate::GrowingPool).
///
/// | call | time | allocates |
/// |---|---|---|
/// | `new` | O(1) | one chunk |
/// | `alloc`, `push`, `pop` | O(1), no atomics | a slab, when the pool grows |
/// | drop of a buffer | O(elements) where they have destructors, else O(1) | no |
/// | `capacity` | O(1) | no |
/// | `in_use`, `available` | O(1), O(slabs) for a pool that grows | no |
/// | `clear`, drop with forgotten buffers | O(buffers) | no |
///
/// ```
/// use flagstone::BufferPool;
///
/// let pool = BufferPool::<u32>::new(4, 3); // three buffers of four elements
/// let mut buffer = pool.alloc()?;
/// buffer.extend([1, 2, 3]);
/// buffer[0] += 41;
/// assert_eq!(buffer[..], [42, 2, 3]);
/// assert_eq!((buffer.len(), buffer.capacity(), pool.available()), (3, 4, 2));
/// drop(buffer);
/// assert_eq!(pool.available(), 3);
/// # Ok::<(), flagstone::AllocError>(())
/// ```
///
/// A buffer takes at least 16 bytes, and a word more where elements have destructors: the number of
/// elements is noted behind them, so that those of a forgotten buffer are dropped with the pool.
#[doc(alias = "BufferPoolManager")]
pub struct BufferPool<T, P: Provider = Global> {
    store: BufferStore<T, P>,
}

#[cfg(feature = "alloc")]
impl<T> BufferPool<T> {
    /// A pool of `buffers` buffers with room for `elements` elements each, on the global allocator.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new`](Self::try_new) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new(elements: usize, buffers: usize) -> Self {
        Self::new_in(elements, buffers, Global)
    }

    /// As [`new`](Self::new), without panics.
    ///
    /// # Errors
    ///
    /// When so many buffers do not fit the address space, or the memory cannot be had.
    pub fn try_new(elements: usize, buffers: usize) -> Result<Self, ConfigError> {
        Self::try_new_in(elements, buffers, Global)
    }

    /// A pool of buffers of `elements` elements as `config` says, on the global allocator. Its
    /// capacities are numbers of buffers, its alignment is that of a buffer's first element, and it
    /// grows only if a growth strategy is set.
    ///
    /// ```
    /// use flagstone::{BufferPool, PoolConfig, pool::GrowthStrategy};
    ///
    /// let config = PoolConfig::builder()
    ///     .capacity(0)
    ///     .max_capacity(Some(1000))
    ///     .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
    ///     .alignment(4096)
    ///     .build()?;
    /// let pages = BufferPool::<u8>::with_config(4096, config)?;
    /// let page = pages.alloc()?;
    /// assert_eq!(page.as_non_null().addr().get() % 4096, 0);
    /// assert!(pages.capacity() > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_config(elements: usize, config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::with_parts(elements, config, Global)
    }
}

impl<T, P: Provider> BufferPool<T, P> {
    /// A pool of `buffers` buffers of `elements` elements in memory of `provider`.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new_in`](Self::try_new_in) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new_in(elements: usize, buffers: usize, provider: P) -> Self {
        match Self::try_new_in(elements, buffers, provider) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`new_in`](Self::new_in), without panics.
    ///
    /// # Errors
    ///
    /// When so many buffers do not fit the address space, or the memory cannot be had.
    pub fn try_new_in(elements: usize, buffers: usize, provider: P) -> Result<Self, ConfigError> {
        Self::with_parts(elements, PoolConfig::with_capacity(buffers), provider)
    }

    /// A pool with every part chosen; see [`with_config`](BufferPool::with_config).
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_parts(
        elements: usize,
        config: PoolConfig<T>,
        provider: P,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            store: BufferStore::new(elements, config, provider)?,
        })
    }

    /// Hands out an empty buffer, growing if the pool is full and may.
    ///
    /// # Errors
    ///
    /// When every buffer is in use and the pool may not grow, or the provider has no memory.
    #[inline]
    #[doc(alias("allocate", "pop_free"))]
    pub fn alloc(&self) -> Result<Buffer<'_, T, P>, AllocError> {
        let slot = self.store.take()?;
        // SAFETY: a slot just taken, of which nothing is initialised.
        Ok(unsafe { Buffer::new(slot, 0, &self.store) })
    }

    /// Makes a buffer from what [`Buffer::into_raw_parts`] returned. `len` may differ.
    ///
    /// # Safety
    ///
    /// `first` came from `into_raw_parts` of a buffer of this pool, no buffer was made from it since,
    /// and the pool was not cleared since; the first `len` elements are initialised, and `len` is at
    /// most [`elements`](Self::elements). Debug builds report a pointer that is no buffer of this
    /// pool, or was freed a short while ago, to the [corruption handler](crate::corruption).
    #[must_use]
    pub unsafe fn from_raw_parts(&self, first: NonNull<T>, len: usize) -> Buffer<'_, T, P> {
        if cfg!(debug_assertions) {
            // SAFETY: a buffer of some pool, by the caller's promise.
            unsafe { self.store.check(first) };
        }
        // SAFETY: the caller's promise.
        let mut buffer = unsafe { Buffer::new(first, 0, &self.store) };
        // SAFETY: the caller's promise.
        unsafe { buffer.set_len(len) };
        buffer
    }

    /// The number of a buffer, from 0 to below the capacity; `None` when it is of another pool, or
    /// the pool grows.
    #[must_use]
    #[doc(alias = "id")]
    pub fn index_of(&self, buffer: &Buffer<'_, T, P>) -> Option<usize> {
        self.store.index_of(buffer.as_non_null())
    }

    /// Elements there is room for in each buffer.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.store.elements()
    }

    /// Buffers, in use or not.
    #[must_use]
    #[doc(alias = "n_blocks")]
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Buffers in use.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.store.in_use()
    }

    /// Free buffers, without growing.
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity() - self.in_use()
    }

    /// Whether the next `alloc` makes the pool grow, or is refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.store.has_free()
    }

    /// Whether no buffer is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0
    }

    /// Where the memory comes from.
    #[must_use]
    pub fn provider(&self) -> &P {
        self.store.provider()
    }

    /// Returns every empty slab of a pool that grows to the provider; the number of buffers that
    /// went. A pool that does not grow gives nothing back.
    pub fn shrink_to_fit(&self) -> usize {
        self.store.shrink_to_fit()
    }

    /// What the pool has done so far, exactly. O(1). Handing a buffer out is an allocation.
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        let counted = self.store.stats().snapshot();
        counted.with(Metric::Capacity, self.capacity() as u64)
    }

    /// Counts anew from here: see [`Collector::restart`](crate::stats::Collector::restart).
    #[cfg(feature = "stats")]
    pub fn restart_stats(&self) {
        self.store.stats().restart();
    }

    /// Drops the elements of buffers that were left in the pool (forgotten, or given up for their
    /// raw parts) and frees those. If a destructor panics, the others still run, and the panic
    /// continues.
    pub fn clear(&mut self) {
        self.store.clear();
    }
}

impl<T, P: Provider> fmt::Debug for BufferPool<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferPool")
            .field("elements", &self.elements())
            .field("in_use", &self.in_use())
            .field("capacity", &self.capacity())
            .finish()
    }
}
