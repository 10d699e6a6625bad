//! A pool that threads share, behind a lock.
#![expect(
    unsafe_code,
    reason = "`from_raw` is an unsafe door; the work is in `store`"
)]

#[cfg(feature = "alloc")]
use alloc::sync::Arc;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use core::future::Future;
use core::{fmt, ptr::NonNull};

use lock_api::RawMutex;

#[cfg(feature = "alloc")]
use super::store::ArcHandle;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use super::store::ForSlot;
use super::{
    Hooks, LockedHome, NoHooks, PoolConfig, Rooted,
    store::{self, Drain, IterMut, LockedStore, Store, ThreadSafeHandle, ThreadSafeVacant},
};
#[cfg(target_has_atomic = "64")]
use super::{Placed, Shareable};
#[cfg(target_has_atomic = "64")]
use crate::handle::AtomicCount;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use crate::raw::wait::{Timeout, Waiting};
#[cfg(feature = "stats")]
use crate::stats::{Collector, Snapshot};
use crate::{
    error::{AllocError, ConfigError},
    provider::{Global, Provider},
    sync::{DefaultLock, unlocked},
};

/// Slots for values of `T` that threads share: exactly as many as were asked for, behind a lock of
/// your choice, with handles one word wide that any thread may drop.
///
/// `R` is the lock, any [`lock_api::RawMutex`]: `parking_lot`'s with the feature of that name,
/// [`SpinLock`](crate::sync::SpinLock) without. The lock is held for the few instructions that take
/// or put a slot. Destructors, hooks, closures, the growth strategy and the provider run while
/// nothing is locked, so they may use the pool, and a slow one of them keeps nobody waiting.
///
/// Without a growth strategy the pool has `capacity` slots for ever. With one it grows and shrinks
/// by slabs as a [`GrowingPool`](crate::GrowingPool) does, never above `max_capacity`.
///
/// The lock is most of what a call costs when nobody waits: one atomic operation each way with
/// `SpinLock`, two with a lock that can park a thread, such as `parking_lot`'s. Where threads often
/// meet and there are more of them than processors, parking is worth it.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `alloc`, drop of a handle | O(1) under the lock | a slab, when the pool grows |
/// | `capacity`, `is_full` | O(1) under the lock | no |
/// | `in_use`, `available`, `fragmentation` | O(slabs) under the lock | no |
/// | `iter_mut`, `drain`, `clear`, drop with values left | O(slots) | no |
///
/// Counts are exact for one moment: other threads may have gone on when the caller looks at them.
///
/// ```
/// use flagstone::ThreadSafePool;
///
/// let pool = ThreadSafePool::new(100);
/// std::thread::scope(|scope| {
///     for n in 0..4 {
///         let pool = &pool;
///         scope.spawn(move || {
///             let mut handle = pool.alloc(vec![n]).unwrap();
///             handle.push(n);
///         });
///     }
/// });
/// assert_eq!((pool.in_use(), pool.capacity()), (0, 100));
/// ```
///
/// A value that may not leave its thread makes a pool that may not either:
///
/// ```compile_fail,E0277
/// fn shared(_: &(impl Sync + ?Sized)) {}
/// shared(&flagstone::ThreadSafePool::<std::rc::Rc<u8>>::new(1));
/// ```
#[doc(alias("SyncPool", "ConcurrentPool"))]
pub struct ThreadSafePool<
    T,
    R: RawMutex = DefaultLock,
    K: Hooks<T> = NoHooks,
    P: Provider = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> {
    store: LockedStore<T, R, K, P, SLAB_BYTES>,
}

#[cfg(feature = "alloc")]
impl<T> ThreadSafePool<T> {
    /// A pool of exactly `capacity` slots behind the default lock, on the global allocator.
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

    /// A pool as `config` says, behind the default lock, on the global allocator.
    ///
    /// ```
    /// use flagstone::pool::{GrowthStrategy, PoolConfig, ThreadSafePool};
    ///
    /// let config = PoolConfig::builder()
    ///     .capacity(10)
    ///     .max_capacity(Some(5000))
    ///     .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
    ///     .build()?;
    /// let pool = ThreadSafePool::with_config(config)?;
    /// let handles: Vec<_> = (0..5000).map(|n| pool.alloc(n).unwrap()).collect();
    /// assert_eq!(pool.capacity(), 5000);
    /// assert_eq!(pool.alloc(5000).unwrap_err().into_inner(), 5000);
    /// # drop(handles);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_config(config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::with_parts(config, unlocked(), NoHooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, R: RawMutex> ThreadSafePool<T, R> {
    /// A pool of exactly `capacity` slots behind a lock of your choice, on the global allocator.
    ///
    /// ```
    /// use flagstone::{ThreadSafePool, sync::SpinLock};
    ///
    /// let pool = ThreadSafePool::<u64, SpinLock>::with_lock(100)?;
    /// assert_eq!(*pool.alloc(7).unwrap(), 7);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the memory cannot be had, or a value is too large for a slab.
    pub fn with_lock(capacity: usize) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, unlocked(), NoHooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, K: Hooks<T>> ThreadSafePool<T, DefaultLock, K> {
    /// A pool of exactly `capacity` slots with `hooks`, behind the default lock, on the global
    /// allocator.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_hooks(capacity: usize, hooks: K) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, unlocked(), hooks, Global)
    }
}

impl<T, P: Provider> ThreadSafePool<T, DefaultLock, NoHooks, P> {
    /// A pool of exactly `capacity` slots behind the default lock, in memory of `provider`.
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
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, unlocked(), NoHooks, provider)
    }
}

/// The future of [`ThreadSafePool::alloc_async`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type AllocAsync<
    'p,
    T,
    R = DefaultLock,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = Waiting<ForSlot<'p, LockedStore<T, R, K, P, SLAB_BYTES>>>;

/// The future of [`ThreadSafePool::alloc_timeout`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type AllocTimeout<
    'p,
    U,
    T,
    R = DefaultLock,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = Timeout<ForSlot<'p, LockedStore<T, R, K, P, SLAB_BYTES>>, U>;

/// Waiting for a slot. Slots that come back while somebody waits are handed over in order, and nobody
/// else can take them; who was given one is woken once. While nobody waits this costs a freed slot one
/// load under the lock that it takes anyway.
#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    /// As [`alloc`](Self::alloc), and waits while every slot is in use and the pool may not grow. The value
    /// stays in the future, which allocates nothing and may be dropped at any time.
    ///
    /// The answer is an error when the pool is [closed](Self::close) while it waits, or the provider has no
    /// memory; the value is inside.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
    /// #             return output;
    /// #         }
    /// #     }
    /// # }
    /// use flagstone::ThreadSafePool;
    ///
    /// let pool = ThreadSafePool::new(1);
    /// let handle = block_on(pool.alloc_async("first")).unwrap();
    /// std::thread::scope(|scope| {
    ///     let second = scope.spawn(|| pool.alloc_blocking("second").map(|handle| *handle));
    ///     drop(handle);
    ///     assert_eq!(second.join().unwrap().unwrap(), "second");
    /// });
    /// ```
    pub fn alloc_async(&self, value: T) -> AllocAsync<'_, T, R, K, P, SLAB_BYTES> {
        Waiting::new(&self.store, ForSlot::new(value))
    }

    /// As [`alloc_async`](Self::alloc_async), until `timer` is ready: any future.
    pub fn alloc_timeout<U: Future>(
        &self,
        value: T,
        timer: U,
    ) -> AllocTimeout<'_, U, T, R, K, P, SLAB_BYTES> {
        Timeout::new(self.alloc_async(value), timer)
    }

    /// As [`alloc_async`](Self::alloc_async), and blocks the thread while it waits. Not for tasks.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the pool is closed meanwhile, or the provider has no memory.
    pub fn alloc_blocking(
        &self,
        value: T,
    ) -> Result<ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES>, AllocError<T>> {
        self.alloc_async(value).block()
    }

    /// Nobody waits any more: those who do are told so, and have their values back; later ones are told so
    /// instead of waiting. Slots that are free are there as before.
    pub fn close(&self) {
        self.store.close();
    }
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    /// A pool with every part chosen. `SLAB_BYTES`, a power of two, is the least size of a slab.
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_parts(
        config: PoolConfig<T>,
        lock: R,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            store: LockedStore::new(config, lock, hooks, provider)?,
        })
    }

    /// Places `value` in a slot, growing if the pool is full and may.
    ///
    /// # Errors
    ///
    /// Gives `value` back when every slot is in use and the pool may not grow, or the provider has
    /// no memory.
    #[inline]
    #[doc(alias("allocate", "insert", "pop_free"))]
    pub fn alloc(
        &self,
        value: T,
    ) -> Result<ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES>, AllocError<T>> {
        store::alloc(&self.store, value)
    }

    /// Places what `make` returns. `make` runs when the slot is there, with nothing locked, and may
    /// use the pool; if it panics, the slot goes back.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc); `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_with(&self.store, make)
    }

    /// Places a value of the configured initializer: one made ahead if there is one left.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc), or when the pool has no initializer.
    pub fn alloc_init(&self) -> Result<ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_init(&self.store)
    }

    /// Hands out an empty slot, to be filled later or in place.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_uninit(&self) -> Result<ThreadSafeVacant<'_, T, R, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_uninit(&self.store)
    }

    /// Makes a handle from what [`OwnedHandle::into_raw`](crate::OwnedHandle::into_raw) returned.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a handle of this pool, no handle was made from it since, and
    /// the pool was not cleared or drained since; a value that was pinned stays pinned; it is `Send`
    /// or still on its thread. Debug builds check that the pointer belongs to this pool and was not
    /// freed a short while ago; release builds do not.
    #[must_use]
    pub unsafe fn from_raw(
        &self,
        value: NonNull<T>,
    ) -> ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES> {
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

    /// Slots in use at one moment. O(slabs).
    #[must_use]
    #[doc(alias = "allocated")]
    pub fn in_use(&self) -> usize {
        self.store.usage().0
    }

    /// Free slots at one moment, without growing. O(slabs).
    #[must_use]
    pub fn available(&self) -> usize {
        let (in_use, capacity) = self.store.usage();
        capacity - in_use
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

    /// The share of free slots in the slabs that hold values, from 0 (packed) to below 1. O(slabs).
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

    /// What the pool has done so far, exactly and at one moment: it is counted under the lock. O(1).
    ///
    /// ```
    /// use flagstone::{ThreadSafePool, stats::Metric};
    ///
    /// let pool = ThreadSafePool::<_>::new(4);
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| drop(pool.alloc("x")));
    ///     scope.spawn(|| drop(pool.alloc("y")));
    /// });
    /// assert_eq!(pool.stats().get(Metric::Allocations), 2);
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    #[doc(alias = "statistics")]
    pub fn stats(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Counts anew from here: see [`Collector::restart`].
    #[cfg(feature = "stats")]
    #[doc(alias = "reset_statistics")]
    pub fn restart_stats(&self) {
        Store::count(&self.store, Collector::restart);
    }

    /// What is called around a value's stay: a drop policy that is to be flushed, for example.
    #[must_use]
    pub fn hooks(&self) -> &K {
        Store::hooks(&self.store)
    }

    /// Returns every empty slab to the provider; the number of slots that went. O(slabs returned).
    ///
    /// A pool without a growth strategy could not get them again, and keeps them.
    pub fn shrink_to_fit(&self) -> usize {
        self.store.shrink_to_fit()
    }

    /// The values that were left in the pool (forgotten handles, raw pointers), slab by slab in
    /// order of address. No memory is needed; O(slots).
    ///
    /// Nothing is visited while the slot of a forgotten [`VacantHandle`](crate::VacantHandle) is in
    /// the pool: it could not be told from a value. Only for types that are `Unpin`, because a
    /// forgotten value may be pinned.
    pub fn iter_mut(&mut self) -> IterMut<'_, LockedStore<T, R, K, P, SLAB_BYTES>>
    where
        T: Unpin,
    {
        IterMut::new(&mut self.store)
    }

    /// Moves the values that were left in the pool out, as [`iter_mut`](Self::iter_mut) finds them.
    pub fn drain(&mut self) -> Drain<'_, LockedStore<T, R, K, P, SLAB_BYTES>>
    where
        T: Unpin,
    {
        self.store.forget_waiting(); // USER CODE
        Drain::new(&mut self.store)
    }

    /// Drops the values that were left in the pool, and those made ahead. If a destructor panics,
    /// the others still run, and the panic continues.
    pub fn clear(&mut self) {
        self.store.forget_waiting(); // USER CODE
        store::clear(&mut self.store);
    }
}

/// Handles that keep the pool instead of borrowing it.
#[cfg(feature = "alloc")]
impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    /// As [`alloc`](Self::alloc), but the handle keeps the pool, which ends with the last of them:
    /// for structures that hold a pool and its handles, and for values that own handles into their
    /// own pool. Two atomic operations more than a borrowed handle.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use flagstone::ThreadSafePool;
    ///
    /// let pool = Arc::new(ThreadSafePool::new(8));
    /// let kept = pool.alloc_static(String::from("kept"))?;
    /// drop(pool);
    /// assert_eq!(*kept, "kept");
    /// # Ok::<(), flagstone::AllocError<String>>(())
    /// ```
    ///
    /// While such a handle is out, `Arc::get_mut` gives nobody `&mut` to the pool, so it is
    /// neither cleared nor drained. A handle that is forgotten keeps the pool for ever, as a
    /// forgotten `Arc` does.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    #[inline]
    pub fn alloc_static(self: &Arc<Self>, value: T) -> Result<ArcHandle<Self>, AllocError<T>> {
        self.alloc(value)
            .map(|handle| store::keep_arc(self, handle))
    }

    /// Makes any handle of this pool keep it: for values placed by the other doors.
    ///
    /// # Errors
    ///
    /// Gives the handle back when it is of another pool.
    pub fn make_static<'p>(
        self: &Arc<Self>,
        handle: ThreadSafeHandle<'p, T, R, K, P, SLAB_BYTES>,
    ) -> Result<ArcHandle<Self>, ThreadSafeHandle<'p, T, R, K, P, SLAB_BYTES>> {
        if self.store.owns(&handle) {
            Ok(store::keep_arc(self, handle))
        } else {
            Err(handle)
        }
    }
}

// SAFETY: the store's home, which finds slots by their address or by that of the store, which does
// not change while a handle keeps or borrows the pool; `owns` compares stores.
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Rooted
    for ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    type Value = T;
    type Home<'p>
        = LockedHome<'p, T, R, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn home(&self) -> LockedHome<'_, T, R, K, P, SLAB_BYTES> {
        Store::home(&self.store)
    }

    fn owns(&self, handle: &ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES>) -> bool {
        self.store.owns(handle)
    }
}

// SAFETY: the pool's own doors and provider.
#[cfg(target_has_atomic = "64")]
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Shareable
    for ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    type Count = AtomicCount;
    type Lock = R;
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

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for ThreadSafePool<T, R, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (in_use, capacity) = self.store.usage();
        f.debug_struct("ThreadSafePool")
            .field("in_use", &in_use)
            .field("capacity", &capacity)
            .finish_non_exhaustive()
    }
}
