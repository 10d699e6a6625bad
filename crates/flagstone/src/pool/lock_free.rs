//! The pool that threads share without a lock.
#![expect(
    unsafe_code,
    reason = "`from_raw` passes its promise on; `Rooted` and `Shareable` are promises"
)]

#[cfg(all(feature = "async", target_has_atomic = "64"))]
use core::future::Future;
use core::{fmt, ptr::NonNull};

#[cfg(all(feature = "async", target_has_atomic = "64"))]
use super::store::ForSlot;
use super::{
    Hooks, NoHooks, PoolConfig,
    store::{
        self, Counting, LockFreeHandle, LockFreeHome, LockFreeStore, LockFreeVacant, Placed,
        Rooted, Shareable, Store,
    },
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use crate::raw::wait::{Timeout, Waiting};
#[cfg(feature = "stats")]
use crate::stats::Snapshot;
use crate::{
    error::{AllocError, ConfigError},
    provider::{Global, Provider},
    raw::AtomicCount,
    sync::DefaultLock,
};

/// Slots for any number of threads, which each keep a few at hand (or none, in
/// [another mode](Self#two-modes)): in the usual case `alloc` and the
/// drop of a handle take no lock and no atomic read-modify-write.
///
/// Handles are one word, `'static`, and `Send` if the value is: a value made here may be dropped on
/// any thread, and after the pool.
///
/// ```
/// use flagstone::LockFreePool;
///
/// let pool = LockFreePool::new(1000);
/// std::thread::scope(|scope| {
///     for n in 0..4 {
///         let pool = &pool;
///         scope.spawn(move || {
///             let mut handle = pool.alloc(vec![n]).unwrap();
///             handle.push(n);
///         });
///     }
/// });
/// let kept = pool.alloc(vec![7]).unwrap();
/// drop(pool);
/// assert_eq!(*kept, [7]);
/// ```
///
/// # Where slots wait
///
/// ```text
///  thread A   cache ──── full magazine ───▶ ╭ depot ╮ ─── full magazine ──▶ cache   thread B
/// ```
///
/// Every thread that uses the pool has a *cache* of free slots. When it is empty, a *magazine* of them
/// comes from the depot that all threads share, and when it is full a magazine goes there, with one
/// atomic exchange for up to 64 slots (J. Bonwick and J. Adams, "Magazines and vmem", USENIX 2001). So
/// threads that hand values to others, who drop them, do not wait for each other.
///
/// Free slots in a thread's cache are not at hand elsewhere: at most [`most_cached`](Self::most_cached)
/// for each thread, which is an eighth of the largest capacity, and from 2 to 128. Before a pool says that it is
/// exhausted it grows, if it may, and then takes them out of other threads' caches: a system call and
/// O(threads), for each such cache. So no value is refused while a slot stays free; but a pool that is
/// used to its last slot is a slow one. A thread that ends leaves its free slots to the others; one
/// that is past its [exit hooks](crate::thread::on_exit) has no cache, and takes and returns single
/// slots.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `alloc`, drop of a handle | O(1), no atomic read-modify-write but each 64th time | a slab, when the pool grows; a cache, at a thread's first call; magazines, until there are enough |
/// | `alloc` of a pool without a free slot in sight | O(threads), a lock, a system call | no |
/// | `alloc_async` that has to wait, and the drop of a handle while somebody waits | a lock; O(threads) and a system call for the first who waits, O(threads) for the last | no |
/// | `capacity`, `available`, `in_use` | a lock, O(threads + magazines + slabs) | no |
///
/// # Two modes
///
/// What is described here is the *relaxed* mode. In the *exact* mode ([`exact`](Self::exact),
/// [`exact_with_config`](Self::exact_with_config), [`exact_with_parts`](Self::exact_with_parts)) threads
/// have nothing at hand: all free slots are on one stack.
///
/// | | relaxed | exact |
/// |---|---|---|
/// | `available` | estimate while others work; a lock, O(threads + magazines + slabs) | exact at any time: so many slots any thread could take at a moment during the call; O(1), no lock |
/// | `alloc`, drop of a handle | no atomic read-modify-write but each 64th time | one exchange each, of a word that all threads write |
/// | the last slots of a pool | a lock, a system call, O(threads) | as any other |
/// | memory beside the slots | caches, magazines | 16 bytes a slot |
/// | more threads | are faster | are not |
///
/// Take it when the pool is a limit (connections, permits) that is often reached, or when its numbers are
/// shown; not for speed. A pool is in one mode for ever. The mode is no parameter of the type, so both
/// have the same handles, and the relaxed mode pays nothing for the other: a pool that counts
/// exactly is one whose threads never have a cache.
///
/// ```
/// use flagstone::LockFreePool;
///
/// let connections = LockFreePool::exact(3);
/// let first = connections.alloc("first");
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(connections.alloc("second")));
/// });
/// assert_eq!(connections.available(), 2);
/// # drop(first);
/// ```
///
/// # Waiting
///
/// With the feature `async`, values can wait for a slot: `alloc_async`, `alloc_timeout`, `alloc_blocking`, `close`. A
/// slot that is free anywhere is not waited for, whichever thread has it at hand. While somebody waits,
/// no thread keeps a slot that comes back: it is handed over, in order, under a lock. When the last one
/// was given one, threads keep slots again. Who does not wait pays nothing for it: a call looks whether its cache
/// was taken away in any case. A call that finds slots on their way may hand one over, `available` too: then it wakes
/// who waited, and passes the waker's panic on.
///
/// # Memory
///
/// Caches lie in the global allocator's memory, everything else in the provider's, which must be
/// `'static`: threads look for free slots after a pool was forgotten. Memory stays until the pool and
/// the last handle are gone, and goes back to the provider then. Not to be used in signal handlers. In a
/// forked process, slots that other threads had at hand may be lost, and a lock that one of them held at
/// that moment stays locked.
///
/// On Linux with the feature `heap`, a thread's cache is guarded by a barrier that costs it nothing
/// (`membarrier`); elsewhere by a full memory barrier for each call, about 5 ns. A process that forbids
/// itself that system call after it has used a pool no longer finds what other threads have at hand, nor
/// do those who wait, and pools that it drops then keep their memory.
///
/// Values of forgotten handles are not found: there is no `clear`, and `clear` of a
/// [`SharedPool`](crate::SharedPool) over such a pool leaves them where they are.
///
/// A value that may not leave its thread makes a pool that may not either:
///
/// ```compile_fail,E0277
/// fn shared(_: &(impl Sync + ?Sized)) {}
/// shared(&flagstone::LockFreePool::<std::rc::Rc<u8>>::new(1));
/// ```
#[doc(alias("ConcurrentPool", "ObjectPool", "MagazinePool"))]
pub struct LockFreePool<
    T,
    K: Hooks<T> = NoHooks,
    P: Provider + 'static = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> {
    store: LockFreeStore<T, K, P, SLAB_BYTES>,
}

impl<T> LockFreePool<T> {
    /// A pool of exactly `capacity` slots on the global allocator.
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
    /// ```
    /// use flagstone::pool::{GrowthStrategy, LockFreePool, PoolConfig};
    ///
    /// let config = PoolConfig::builder()
    ///     .capacity(10)
    ///     .max_capacity(Some(5000))
    ///     .growth_strategy(GrowthStrategy::Exponential { factor: 2.0 })
    ///     .build()?;
    /// let pool = LockFreePool::with_config(config)?;
    /// let handles: Vec<_> = (0..5000).map(|n| pool.alloc(n).unwrap()).collect();
    /// assert_eq!(pool.capacity(), 5000);
    /// assert_eq!(pool.alloc(5000).unwrap_err().into_inner(), 5000);
    /// # drop(handles);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for (it makes no values ahead), or the
    /// memory cannot be had.
    pub fn with_config(config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::with_parts(config, NoHooks, Global)
    }

    /// A pool of exactly `capacity` slots in the [exact mode](Self#two-modes), on the global allocator.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had.
    #[must_use]
    #[track_caller]
    pub fn exact(capacity: usize) -> Self {
        match Self::exact_with_config(PoolConfig::with_capacity(capacity)) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// A pool as `config` says, in the [exact mode](Self#two-modes), on the global allocator. When it
    /// grows, the slots of a new slab become available one by one. It starts with 2^32 - 2 slots at most,
    /// and may stop to grow when it has 2^28.
    ///
    /// # Errors
    ///
    /// As for [`with_config`](Self::with_config).
    pub fn exact_with_config(config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::exact_with_parts(config, NoHooks, Global)
    }
}

impl<T, K: Hooks<T>> LockFreePool<T, K> {
    /// A pool of exactly `capacity` slots with `hooks`, on the global allocator.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_hooks(capacity: usize, hooks: K) -> Result<Self, ConfigError> {
        Self::with_parts(PoolConfig::with_capacity(capacity), hooks, Global)
    }
}

impl<T, P: Provider + 'static> LockFreePool<T, NoHooks, P> {
    /// A pool of exactly `capacity` slots in memory of `provider`.
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

/// The future of [`LockFreePool::alloc_async`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type LockFreeAllocAsync<
    'p,
    T,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = Waiting<ForSlot<'p, LockFreeStore<T, K, P, SLAB_BYTES>>>;

/// The future of [`LockFreePool::alloc_timeout`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type LockFreeAllocTimeout<
    'p,
    U,
    T,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = Timeout<ForSlot<'p, LockFreeStore<T, K, P, SLAB_BYTES>>, U>;

/// Waiting for a slot, in both [modes](Self#two-modes). Slots that come back while somebody waits are handed
/// over in order, and nobody else can take them; who was given one is woken once. While nobody waits
/// this costs a freed slot nothing.
#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>
    LockFreePool<T, K, P, SLAB_BYTES>
{
    /// As [`alloc`](Self::alloc), and waits while every slot is in use and the pool may not grow. The value
    /// stays in the future, which allocates nothing and may be dropped at any time. The first who waits takes
    /// from all threads what they have at hand: O(threads), and a system call.
    ///
    /// The answer is an error when the pool is [closed](Self::close) while it waits, or the provider has no
    /// memory; the value is inside. The slot that a future was given which is forgotten then is lost,
    /// and keeps the memory of the pool.
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
    /// use flagstone::LockFreePool;
    ///
    /// let pool = LockFreePool::new(1);
    /// let handle = block_on(pool.alloc_async("first")).unwrap();
    /// std::thread::scope(|scope| {
    ///     let second = scope.spawn(|| pool.alloc_blocking("second").map(|handle| *handle));
    ///     drop(handle);
    ///     assert_eq!(second.join().unwrap().unwrap(), "second");
    /// });
    /// ```
    pub fn alloc_async(&self, value: T) -> LockFreeAllocAsync<'_, T, K, P, SLAB_BYTES> {
        Waiting::new(&self.store, ForSlot::new(value))
    }

    /// As [`alloc_async`](Self::alloc_async), until `timer` is ready: any future.
    pub fn alloc_timeout<U: Future>(
        &self,
        value: T,
        timer: U,
    ) -> LockFreeAllocTimeout<'_, U, T, K, P, SLAB_BYTES> {
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
    ) -> Result<LockFreeHandle<T, K, P, SLAB_BYTES>, AllocError<T>> {
        self.alloc_async(value).block()
    }

    /// Nobody waits any more: those who do are told so, and have their values back; later ones are told so
    /// instead of waiting. Slots that are free are there as before.
    pub fn close(&self) {
        self.store.close();
    }
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>
    LockFreePool<T, K, P, SLAB_BYTES>
{
    /// A pool with every part chosen. `SLAB_BYTES`, a power of two, is the least size of a slab.
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_parts(config: PoolConfig<T>, hooks: K, provider: P) -> Result<Self, ConfigError> {
        Ok(Self {
            store: LockFreeStore::new(config, hooks, provider, Counting::Relaxed)?,
        })
    }

    /// As [`with_parts`](Self::with_parts), in the [exact mode](Self#two-modes).
    ///
    /// # Errors
    ///
    /// As for `with_parts`.
    pub fn exact_with_parts(
        config: PoolConfig<T>,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            store: LockFreeStore::new(config, hooks, provider, Counting::Exact)?,
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
    pub fn alloc(&self, value: T) -> Result<LockFreeHandle<T, K, P, SLAB_BYTES>, AllocError<T>> {
        store::alloc(&self.store, value).map(store::unbind)
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
    ) -> Result<LockFreeHandle<T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_with(&self.store, make).map(store::unbind)
    }

    /// Places a value of the configured initializer, which may run in several threads at once.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc), or when the pool has no initializer.
    pub fn alloc_init(&self) -> Result<LockFreeHandle<T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_init(&self.store).map(store::unbind)
    }

    /// Hands out an empty slot, to be filled later or in place.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_uninit(&self) -> Result<LockFreeVacant<T, K, P, SLAB_BYTES>, AllocError> {
        store::alloc_uninit(&self.store).map(store::unbind_vacant)
    }

    /// Places values until `values` has no more, and passes their handles to `handles`; how many.
    /// As fast as a loop of [`alloc`](Self::alloc).
    ///
    /// ```
    /// use flagstone::LockFreePool;
    ///
    /// let pool = LockFreePool::new(3);
    /// let mut handles = Vec::new();
    /// let refused = pool.alloc_many(1..=5, &mut handles).unwrap_err();
    /// assert_eq!((handles.len(), refused.into_inner()), (3, 4));
    /// ```
    ///
    /// # Errors
    ///
    /// Gives the first value back that finds no slot. Those before it are with `handles`, and those
    /// after it still with `values`, if that was passed by reference.
    #[doc(alias = "allocate_batch")]
    pub fn alloc_many(
        &self,
        values: impl IntoIterator<Item = T>,
        handles: &mut impl Extend<LockFreeHandle<T, K, P, SLAB_BYTES>>,
    ) -> Result<usize, AllocError<T>> {
        let mut count = 0;
        for value in values {
            let handle = self.alloc(value)?;
            handles.extend([handle]); // USER CODE
            count += 1;
        }
        Ok(count)
    }

    /// Drops the handles of a batch; how many. Of any pool of these parameters: a handle knows its own.
    /// As fast as dropping them in a loop, which is what moves slots by the magazine.
    ///
    /// ```
    /// use flagstone::LockFreePool;
    ///
    /// let pool = LockFreePool::new(100);
    /// let mut handles = Vec::new();
    /// pool.alloc_many(0..100, &mut handles)?;
    /// assert_eq!(LockFreePool::free_many(handles.drain(10..)), 90);
    /// assert_eq!((handles.len(), pool.available()), (10, 90));
    /// # Ok::<(), flagstone::AllocError<i32>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When a destructor does. Its slot is free, and the handles after it are still with `handles`, whose
    /// drop frees them unless it was passed by reference.
    #[doc(alias = "deallocate_batch")]
    pub fn free_many(
        handles: impl IntoIterator<Item = LockFreeHandle<T, K, P, SLAB_BYTES>>,
    ) -> usize {
        let mut count = 0;
        for handle in handles {
            drop(handle); // USER CODE
            count += 1;
        }
        count
    }

    /// Makes a handle from what [`OwnedHandle::into_raw`](crate::OwnedHandle::into_raw) returned.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a handle of this pool, and no handle was made from it since; a
    /// value that was pinned stays pinned; it is `Send` or still on its thread. Debug builds check that
    /// the pointer is to a slot of this pool that the calling thread did not free a short while ago;
    /// release builds do not.
    #[must_use]
    pub unsafe fn from_raw(&self, value: NonNull<T>) -> LockFreeHandle<T, K, P, SLAB_BYTES> {
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

    /// Free slots, without growing: an estimate while other threads use the pool, exact when none
    /// does. O(threads + magazines + slabs). In the [exact mode](Self#two-modes) always exact, and O(1).
    #[must_use]
    pub fn available(&self) -> usize {
        self.store.available()
    }

    /// Slots in use, estimated as by [`available`](Self::available). In the exact mode, what is not
    /// available of the capacity: with slots that are just being added, until they are.
    #[must_use]
    #[doc(alias = "allocated")]
    pub fn in_use(&self) -> usize {
        self.capacity().saturating_sub(self.store.available())
    }

    /// Whether no slot is in use, estimated as by [`available`](Self::available).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0
    }

    /// Whether no slot is free, estimated as by [`available`](Self::available).
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.available() == 0
    }

    /// How many free slots a thread has at hand at most; none in the [exact mode](Self#two-modes).
    #[must_use]
    pub fn most_cached(&self) -> usize {
        self.store.most_cached()
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

    /// What the threads have done so far: each counts for itself, and this adds up. The numbers are
    /// exact when no other thread uses the pool. O(threads), and a system call for each. The peak is
    /// the most that any call of this saw: nobody sees all threads all the time.
    ///
    /// ```
    /// use flagstone::{LockFreePool, stats::Metric};
    ///
    /// let pool = LockFreePool::<_>::new(4);
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

    /// Counts anew from here: counters are 0, and the peak begins at what is in use. No thread is held up; what
    /// one does meanwhile is counted before or after. Costs what [`stats`](Self::stats) costs.
    #[cfg(feature = "stats")]
    #[doc(alias = "reset_statistics")]
    pub fn restart_stats(&self) {
        self.store.restart_stats();
    }

    /// What is called around a value's stay: a drop policy that is to be flushed, for example.
    #[must_use]
    pub fn hooks(&self) -> &K {
        Store::hooks(&self.store)
    }
}

// SAFETY: the store's home, which finds slots by their address; `owns` compares stores.
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Rooted
    for LockFreePool<T, K, P, SLAB_BYTES>
{
    type Value = T;
    type Home<'p>
        = LockFreeHome<T, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn home(&self) -> LockFreeHome<T, K, P, SLAB_BYTES> {
        Store::home(&self.store)
    }

    fn owns(&self, handle: &crate::OwnedHandle<'_, T, LockFreeHome<T, K, P, SLAB_BYTES>>) -> bool {
        self.store.owns(handle)
    }
}

// SAFETY: the pool's own doors and provider.
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Shareable
    for LockFreePool<T, K, P, SLAB_BYTES>
{
    type Count = AtomicCount;
    type Lock = DefaultLock;
    type Provider = P;

    #[inline(always)]
    fn place(&self, value: T) -> Result<Placed<'_, Self>, AllocError<T>> {
        store::alloc(&self.store, value)
    }

    #[inline(always)]
    fn place_with(&self, make: impl FnOnce() -> T) -> Result<Placed<'_, Self>, AllocError> {
        store::alloc_with(&self.store, make)
    }

    fn clear(&mut self) {
        // A forgotten handle may be anywhere: what it points to stays.
    }

    fn provider(&self) -> &P {
        self.store.provider()
    }
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> fmt::Debug
    for LockFreePool<T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockFreePool")
            .field("capacity", &self.capacity())
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
