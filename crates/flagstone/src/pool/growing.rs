//! A pool that grows by slabs and gives empty ones back.
#![expect(
    unsafe_code,
    reason = "`from_raw` is an unsafe door; the work is in `store`"
)]

#[cfg(feature = "alloc")]
use alloc::rc::Rc;
use core::{fmt, ptr::NonNull};

#[cfg(feature = "alloc")]
use super::store::RcHandle;
use super::{
    GrowingHome, Hooks, NoHooks, Placed, PoolConfig, Rooted, Shareable,
    store::{self, Drain, GrowingHandle, GrowingStore, GrowingVacant, IterMut, Store},
};
#[cfg(feature = "stats")]
use crate::stats::{Collector, Snapshot};
use crate::{
    error::{AllocError, ConfigError},
    handle::LocalCount,
    provider::{Global, Provider},
    sync::NoLock,
};

/// Slots for values of `T` in slabs: grows when it is full, returns slabs that stay empty, and its
/// handles are one word wide.
///
/// ```text
///  pool ─▶ current slab      ┌ descriptor │ slot │ slot │ … ┐  64 KiB, aligned to 64 KiB
///       ╰▶ shelves by fill   ┌ descriptor │ slot │ slot │ … ┐
///  handle: address of a slot ──clear the low bits──▶ its slab's descriptor
/// ```
///
/// A slab is `SLAB_BYTES` (64 KiB) large, or as large as eight slots if that is more; a value may
/// have up to 256 MiB. Growth is counted in slots and rounded up to slabs, at most 1 GiB at a time;
/// the last slab is cut so that `max_capacity` is met exactly.
///
/// New values go to the fullest slab (by eighths), nearly full ones last, so sparse slabs drain. An
/// empty slab is returned while at least one slab's worth and an eighth of the slots of the slabs in
/// use stay empty, and the capacity the pool was built with is kept.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `alloc`, drop of a handle | O(1), no atomics | a slab, when the pool grows |
/// | `capacity`, `is_full` | O(1) | no |
/// | `in_use`, `available`, `fragmentation` | O(slabs) | no |
/// | `iter_mut`, `drain`, `clear`, drop with values left | O(slots) | no |
///
/// ```
/// use flagstone::GrowingPool;
///
/// let pool = GrowingPool::new(100);
/// let handles: Vec<_> = (0..10_000).map(|n| pool.alloc(n).unwrap()).collect();
/// assert_eq!(*handles[9_999], 9_999);
/// drop(handles);
/// pool.shrink_to_fit();
/// assert_eq!(pool.capacity(), 0);
/// ```
#[doc(alias = "ChunkedPool")]
pub struct GrowingPool<
    T,
    K: Hooks<T> = NoHooks,
    P: Provider = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> {
    store: GrowingStore<T, K, P, SLAB_BYTES>,
}

#[cfg(feature = "alloc")]
impl<T> GrowingPool<T> {
    /// A pool of at least `capacity` slots that doubles when it is full, on the global allocator.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new`](Self::try_new) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize) -> Self {
        Self::new_in(capacity, Global)
    }

    /// As [`new`](Self::new), without panics.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had, or a value is too large for a slab.
    pub fn try_new(capacity: usize) -> Result<Self, ConfigError> {
        Self::try_new_in(capacity, Global)
    }

    /// A pool as `config` says, on the global allocator.
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_config(config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::with_parts(config, NoHooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, K: Hooks<T>> GrowingPool<T, K> {
    /// A pool of at least `capacity` slots with `hooks`, on the global allocator.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_hooks(capacity: usize, hooks: K) -> Result<Self, ConfigError> {
        Self::with_parts(PoolConfig::with_capacity(capacity), hooks, Global)
    }
}

impl<T, P: Provider> GrowingPool<T, NoHooks, P> {
    /// A pool of at least `capacity` slots in memory of `provider`.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new_in`](Self::try_new_in) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new_in(capacity: usize, provider: P) -> Self {
        match Self::try_new_in(capacity, provider) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`new_in`](Self::new_in), without panics.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn try_new_in(capacity: usize, provider: P) -> Result<Self, ConfigError> {
        Self::with_parts(PoolConfig::with_capacity(capacity), NoHooks, provider)
    }
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingPool<T, K, P, SLAB_BYTES> {
    /// A pool with every part chosen. `SLAB_BYTES`, a power of two, is the least size of a slab:
    /// small ones fit small regions.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use flagstone::pool::{GrowingPool, NoHooks, PoolConfig};
    /// use flagstone::provider::ByteRegion;
    ///
    /// let mut memory = [MaybeUninit::uninit(); 32 * 1024];
    /// let region = ByteRegion::new(&mut memory);
    /// let config = PoolConfig::with_capacity(10);
    /// let pool: GrowingPool<u64, _, _, 4096> = GrowingPool::with_parts(config, NoHooks, &region)?;
    /// assert_eq!(pool.slab_bytes(), 4096);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_parts(config: PoolConfig<T>, hooks: K, provider: P) -> Result<Self, ConfigError> {
        Ok(Self {
            store: GrowingStore::new(config, hooks, provider)?,
        })
    }

    /// Places `value` in a slot, growing if the pool is full and may.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the pool may not grow further, or the provider has no memory.
    #[inline]
    #[doc(alias("allocate", "insert", "pop_free"))]
    pub fn alloc(&self, value: T) -> Result<GrowingHandle<'_, T, K, P, SLAB_BYTES>, AllocError<T>> {
        store::alloc(&self.store, value)
    }

    /// Places what `make` returns. `make` runs when the slot is there and may use the pool; if it
    /// panics, the slot goes back.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<GrowingHandle<'_, T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_with(&self.store, make)
    }

    /// Places a value of the configured initializer: one made ahead if there is one left.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc), or when the pool has no initializer.
    pub fn alloc_init(&self) -> Result<GrowingHandle<'_, T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_init(&self.store)
    }

    /// Hands out an empty slot, to be filled later or in place.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_uninit(&self) -> Result<GrowingVacant<'_, T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_uninit(&self.store)
    }

    /// Makes a handle from what [`OwnedHandle::into_raw`](crate::OwnedHandle::into_raw) returned.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a handle of this pool, no handle was made from it since, and
    /// the pool was not cleared or drained since. Debug builds check that the pointer belongs to
    /// this pool and was not freed a short while ago; release builds do not.
    #[must_use]
    pub unsafe fn from_raw(&self, value: NonNull<T>) -> GrowingHandle<'_, T, K, P, SLAB_BYTES> {
        // SAFETY: the caller's promise.
        unsafe { self.store.adopt(value) }
    }

    /// Slots, in use or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Slots that are never exceeded, if there is a limit.
    #[must_use]
    pub fn max_capacity(&self) -> Option<usize> {
        self.store.max_capacity()
    }

    /// Slots in use. O(slabs).
    #[must_use]
    #[doc(alias = "allocated")]
    pub fn in_use(&self) -> usize {
        self.store.in_use()
    }

    /// Free slots, without growing. O(slabs).
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity() - self.in_use()
    }

    /// Whether the next value makes the pool grow, or is refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.store.has_free()
    }

    /// Whether no slot is in use. O(slabs).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0
    }

    /// The share of free slots in the slabs that hold values, from 0 (packed) to below 1: memory
    /// that cannot be returned now. O(slabs).
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        self.store.fragmentation()
    }

    /// How many slabs there are.
    #[must_use]
    pub fn slabs(&self) -> usize {
        self.store.slab_count()
    }

    /// Slots of a whole slab.
    #[must_use]
    pub fn slots_per_slab(&self) -> usize {
        self.store.slots_per_slab()
    }

    /// Bytes of a slab.
    #[must_use]
    pub fn slab_bytes(&self) -> usize {
        self.store.slab_bytes()
    }

    /// Where the memory comes from.
    #[must_use]
    pub fn provider(&self) -> &P {
        self.store.provider()
    }

    /// What is called around a value's stay: a drop policy that is to be flushed, for example.
    #[must_use]
    pub fn hooks(&self) -> &K {
        Store::hooks(&self.store)
    }

    /// Returns every empty slab to the provider, those of the initial capacity too; the number of
    /// slots that went. O(slabs returned).
    pub fn shrink_to_fit(&self) -> usize {
        self.store.shrink_to_fit()
    }

    /// What the pool has done so far, exactly. O(1).
    ///
    /// ```
    /// use flagstone::{GrowingPool, stats::Metric};
    ///
    /// let pool = GrowingPool::new(4);
    /// drop(pool.alloc("x"));
    /// let stats = pool.stats();
    /// assert_eq!(stats.get(Metric::Allocations), 1);
    /// assert_eq!((stats.get(Metric::InUse), stats.get(Metric::PeakInUse)), (0, 1));
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    #[doc(alias = "statistics")]
    pub fn stats(&self) -> Snapshot {
        store::snapshot(&self.store, self.capacity())
    }

    /// Counts anew from here: see [`Collector::restart`].
    #[cfg(feature = "stats")]
    #[doc(alias = "reset_statistics")]
    pub fn restart_stats(&self) {
        store::Store::count(&self.store, Collector::restart);
    }

    /// The values that were left in the pool (forgotten handles, raw pointers), slab by slab in
    /// order of address. No memory is needed; O(slots).
    ///
    /// Nothing is visited while the slot of a forgotten [`VacantHandle`](crate::VacantHandle) is in
    /// the pool: it could not be told from a value. Only for types that are `Unpin`, because a
    /// forgotten value may be pinned.
    pub fn iter_mut(&mut self) -> IterMut<'_, GrowingStore<T, K, P, SLAB_BYTES>>
    where
        T: Unpin,
    {
        IterMut::new(&mut self.store)
    }

    /// Moves the values that were left in the pool out, as [`iter_mut`](Self::iter_mut) finds them.
    pub fn drain(&mut self) -> Drain<'_, GrowingStore<T, K, P, SLAB_BYTES>>
    where
        T: Unpin,
    {
        Drain::new(&mut self.store)
    }

    /// Drops the values that were left in the pool, and those made ahead. If a destructor panics,
    /// the others still run, and the panic continues.
    pub fn clear(&mut self) {
        store::clear(&mut self.store);
    }
}

/// Handles that keep the pool instead of borrowing it.
#[cfg(feature = "alloc")]
impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingPool<T, K, P, SLAB_BYTES> {
    /// As [`alloc`](Self::alloc), but the handle keeps the pool, which ends with the last of them:
    /// for structures that hold a pool and its handles, and for values that own handles into their
    /// own pool. One count more than a borrowed handle, without atomics.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use flagstone::GrowingPool;
    ///
    /// let pool = Rc::new(GrowingPool::new(8));
    /// let kept = pool.alloc_static(String::from("kept"))?;
    /// drop(pool);
    /// assert_eq!(*kept, "kept");
    /// # Ok::<(), flagstone::AllocError<String>>(())
    /// ```
    ///
    /// While such a handle is out, `Rc::get_mut` gives nobody `&mut` to the pool, so it is
    /// neither cleared nor drained. A handle that is forgotten keeps the pool for ever, as a
    /// forgotten `Rc` does.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    #[inline]
    pub fn alloc_static(self: &Rc<Self>, value: T) -> Result<RcHandle<Self>, AllocError<T>> {
        self.alloc(value).map(|handle| store::keep_rc(self, handle))
    }

    /// Makes any handle of this pool keep it: for values placed by the other doors.
    ///
    /// # Errors
    ///
    /// Gives the handle back when it is of another pool.
    pub fn make_static<'p>(
        self: &Rc<Self>,
        handle: GrowingHandle<'p, T, K, P, SLAB_BYTES>,
    ) -> Result<RcHandle<Self>, GrowingHandle<'p, T, K, P, SLAB_BYTES>> {
        if self.store.owns(&handle) {
            Ok(store::keep_rc(self, handle))
        } else {
            Err(handle)
        }
    }
}

// SAFETY: the store's home, which finds slots by their address or by that of the store, which does
// not change while a handle keeps or borrows the pool; `owns` compares stores.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Rooted
    for GrowingPool<T, K, P, SLAB_BYTES>
{
    type Value = T;
    type Home<'p>
        = GrowingHome<'p, T, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn home(&self) -> GrowingHome<'_, T, K, P, SLAB_BYTES> {
        Store::home(&self.store)
    }

    fn owns(&self, handle: &GrowingHandle<'_, T, K, P, SLAB_BYTES>) -> bool {
        self.store.owns(handle)
    }
}

// SAFETY: the pool's own doors and provider.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Shareable
    for GrowingPool<T, K, P, SLAB_BYTES>
{
    type Count = LocalCount;
    type Lock = NoLock;
    type Provider = P;

    #[inline(always)]
    fn place(&self, value: T) -> Result<Placed<'_, Self>, AllocError<T>> {
        self.alloc(value)
    }

    #[inline(always)]
    fn place_with(&self, make: impl FnOnce() -> T) -> Result<Placed<'_, Self>, AllocError> {
        self.alloc_with(make)
    }

    fn clear(&mut self) {
        self.clear();
    }

    fn provider(&self) -> &P {
        self.store.provider()
    }
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for GrowingPool<T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrowingPool")
            .field("in_use", &self.in_use())
            .field("capacity", &self.capacity())
            .field("slabs", &self.slabs())
            .finish()
    }
}
