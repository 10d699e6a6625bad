//! A pool whose objects stay constructed.
#![expect(
    unsafe_code,
    reason = "`from_raw` is an unsafe door; the work is in `store`"
)]

#[cfg(all(feature = "async", target_has_atomic = "64"))]
use core::future::Future;
use core::{fmt, ptr::NonNull};

#[cfg(feature = "alloc")]
use super::configured::ConfiguredRecycle;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use super::store::ForObject;
use super::{
    PoolConfig,
    store::{self, RecycleStore, Recycled, RecycledVacant},
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use crate::raw::wait::{Timeout, Waiting};
#[cfg(feature = "stats")]
use crate::stats::{Collector, Snapshot};
use crate::{
    error::{AllocError, ConfigError},
    provider::{Global, Provider},
    raw::Recycle,
};

/// Objects that are made once and used again and again: [`acquire`](Self::acquire) hands one out that
/// is as good as new, and dropping its handle brings it back, still constructed.
///
/// For what is dear to make or worth keeping: connections, parsers, vectors with their memory. The
/// object never moves: it is made, used and reset in its slot, so its size does not matter.
///
/// ```text
///  free slots ── create ─▶ in use ◀── acquire ── idle objects
///       ▲                    ╰── drop: reset ───────▲ │
///       ╰──────────── invalid, cleared: discard ──────╯
/// ```
///
/// `K` is the [`Recycle`] that makes, resets, checks and discards objects, `P` the [`Provider`] of
/// the memory. Objects are made when they are first needed, or all at once
/// ([`eager`](Self::eager), `pre_initialize`). The object released last is handed out first.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `new` | O(1) | two chunks: slots, and a pointer for each |
/// | `acquire`, drop of a handle | O(1) and your hooks; O(n) when n idle objects are not valid | no |
/// | `attach`, `detach`, `capacity`, `in_use`, `available`, `idle` | O(1) | no |
/// | `clear`, `discard_idle`, drop | O(objects) | no |
///
/// ```
/// use flagstone::{RecyclePool, pool::FnRecycle};
///
/// let pool = RecyclePool::new(
///     100,
///     FnRecycle::new(|| String::with_capacity(1024), |text: &mut String| text.clear()),
/// );
/// let mut line = pool.acquire()?;
/// line.push_str("GET /");
/// let place = line.as_ptr();
/// drop(line);
/// let next = pool.acquire()?;
/// assert!(next.is_empty() && next.capacity() >= 1024);
/// assert_eq!(next.as_ptr(), place); // the very same string
/// # Ok::<(), flagstone::AllocError>(())
/// ```
///
/// A handle that is forgotten keeps its object in use; it is dropped by [`clear`](Self::clear) or
/// with the pool.
#[doc(alias("ObjectPool", "LinearObjectPool"))]
pub struct RecyclePool<T, K: Recycle<T>, P: Provider = Global> {
    store: RecycleStore<T, K, P>,
}

#[cfg(feature = "alloc")]
impl<T, K: Recycle<T>> RecyclePool<T, K> {
    /// A pool of at most `capacity` objects, none of which is made yet, on the global allocator.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new`](Self::try_new) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new(capacity: usize, recycle: K) -> Self {
        Self::new_in(capacity, recycle, Global)
    }

    /// As [`new`](Self::new), without panics.
    ///
    /// # Errors
    ///
    /// When so many objects do not fit the address space, or the memory cannot be had.
    pub fn try_new(capacity: usize, recycle: K) -> Result<Self, ConfigError> {
        Self::try_new_in(capacity, recycle, Global)
    }

    /// A pool of `capacity` objects that are all made now, on the global allocator.
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new).
    pub fn eager(capacity: usize, recycle: K) -> Result<Self, ConfigError> {
        let mut config = PoolConfig::with_capacity(capacity);
        config.pre_initialize = true;
        Self::with_parts(config, recycle, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T> RecyclePool<T, ConfiguredRecycle<T>> {
    /// A pool as `config` says, on the global allocator: its initializer makes the objects and its
    /// reset, if there is one, makes them as good as new.
    ///
    /// ```
    /// use flagstone::pool::{InitializationStrategy, PoolConfig, RecyclePool};
    ///
    /// let config = PoolConfig::builder()
    ///     .capacity(10)
    ///     .pre_initialize(true)
    ///     .initialization(InitializationStrategy::Custom {
    ///         initializer: Box::new(|| Vec::<u8>::with_capacity(1024)),
    ///         reset: Some(Box::new(|buffer| buffer.clear())),
    ///     })
    ///     .build()?;
    /// let pool = RecyclePool::with_config(config)?;
    /// assert_eq!(pool.idle(), 10);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the configuration has no initializer, or asks for growth, or the memory cannot be had.
    pub fn with_config(mut config: PoolConfig<T>) -> Result<Self, ConfigError> {
        let strategy = config.take_initialization();
        let (recycle, ahead) = ConfiguredRecycle::from_strategy(strategy)?;
        config.pre_initialize |= ahead;
        Self::with_parts(config, recycle, Global)
    }
}

/// The future of [`RecyclePool::acquire_async`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type AcquireAsync<'p, T, K, P = Global> = Waiting<ForObject<'p, T, K, P>>;

/// The future of [`RecyclePool::acquire_timeout`].
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub type AcquireTimeout<'p, U, T, K, P = Global> = Timeout<ForObject<'p, T, K, P>, U>;

/// Waiting for an object, among the tasks of one thread. What comes back while somebody waits is handed
/// over in order, and nobody else can take it; who was given one is woken once. No lock is taken, and
/// while nobody waits this costs a release one load. No call blocks the thread: nobody else could
/// bring an object back.
#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, K: Recycle<T>, P: Provider> RecyclePool<T, K, P> {
    /// As [`acquire`](Self::acquire), and waits while all objects are in use. The future allocates nothing and
    /// may be dropped at any time. It makes the object ready when it is polled: it calls
    /// [`is_valid`](Recycle::is_valid), and `create` if need be.
    ///
    /// The answer is an error when the pool is [closed](Self::close) while it waits. A future that is
    /// forgotten keeps the object that it was given in use.
    ///
    /// ```
    /// use std::{pin::pin, task::{Context, Waker}};
    /// use flagstone::{RecyclePool, pool::FnRecycle};
    ///
    /// let pool = RecyclePool::new(1, FnRecycle::new(Vec::new, |v: &mut Vec<u8>| v.clear()));
    /// let first = pool.acquire()?;
    /// let mut second = pin!(pool.acquire_async());
    /// let mut context = Context::from_waker(Waker::noop());
    /// assert!(second.as_mut().poll(&mut context).is_pending());
    /// drop(first);
    /// assert!(pool.acquire().is_err()); // it was handed over
    /// assert!(second.as_mut().poll(&mut context).is_ready());
    /// # Ok::<(), flagstone::AllocError>(())
    /// ```
    #[doc(alias = "alloc_async")]
    pub fn acquire_async(&self) -> AcquireAsync<'_, T, K, P> {
        Waiting::new(&self.store, ForObject::new())
    }

    /// As [`acquire_async`](Self::acquire_async), until `timer` is ready: any future.
    #[doc(alias = "alloc_timeout")]
    pub fn acquire_timeout<U: Future>(&self, timer: U) -> AcquireTimeout<'_, U, T, K, P> {
        Timeout::new(self.acquire_async(), timer)
    }

    /// Nobody waits any more: those who do are told so; later ones are told so instead of waiting. Objects
    /// that are free are there as before.
    pub fn close(&self) {
        self.store.close();
    }
}

impl<T, K: Recycle<T>, P: Provider> RecyclePool<T, K, P> {
    /// A pool of at most `capacity` objects in memory of `provider`.
    ///
    /// # Panics
    ///
    /// When the memory cannot be had; [`try_new_in`](Self::try_new_in) says so instead.
    #[must_use]
    #[track_caller]
    pub fn new_in(capacity: usize, recycle: K, provider: P) -> Self {
        match Self::try_new_in(capacity, recycle, provider) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`new_in`](Self::new_in), without panics.
    ///
    /// # Errors
    ///
    /// When so many objects do not fit the address space, or the memory cannot be had.
    pub fn try_new_in(capacity: usize, recycle: K, provider: P) -> Result<Self, ConfigError> {
        Self::with_parts(PoolConfig::with_capacity(capacity), recycle, provider)
    }

    /// A pool with every part chosen. With `pre_initialize`, all objects are made now; if `create`
    /// panics, those made so far are discarded.
    ///
    /// # Errors
    ///
    /// When the configuration asks for growth or has an initializer (`recycle` makes the objects),
    /// or the memory cannot be had.
    pub fn with_parts(config: PoolConfig<T>, recycle: K, provider: P) -> Result<Self, ConfigError> {
        Ok(Self {
            store: RecycleStore::new(config, recycle, provider)?,
        })
    }

    /// Hands out an object that is as good as new: an idle one that is valid, or one made now.
    ///
    /// # Errors
    ///
    /// When all objects are in use.
    #[inline]
    #[doc(alias("get", "pull", "try_pull"))]
    pub fn acquire(&self) -> Result<Recycled<'_, T, K, P>, AllocError> {
        self.store.acquire()
    }

    /// Gives the pool an object made elsewhere. It is reset as if it had been released, and is the
    /// next to be handed out.
    ///
    /// ```
    /// use flagstone::{RecyclePool, pool::FnRecycle};
    ///
    /// let pool = RecyclePool::new(1, FnRecycle::new(Vec::new, |v: &mut Vec<u8>| v.clear()));
    /// pool.attach(Vec::with_capacity(99))?;
    /// assert!(pool.acquire().unwrap().capacity() >= 99);
    /// assert_eq!(pool.attach(vec![7]).unwrap_err().into_inner(), [7]);
    /// # Ok::<(), flagstone::AllocError<Vec<u8>>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Gives `object` back when every slot has an object, in use or idle.
    pub fn attach(&self, object: T) -> Result<(), AllocError<T>> {
        self.store.attach(object)
    }

    /// Takes an object out of the pool, as it is, and keeps its slot for another one: write one to
    /// the vacant handle, or drop that to free the slot.
    /// ([`OwnedHandle::into_inner`](crate::OwnedHandle::into_inner) does both at once.)
    ///
    /// ```
    /// use flagstone::{RecyclePool, pool::FnRecycle};
    ///
    /// let pool = RecyclePool::new(1, FnRecycle::new(Vec::new, |v: &mut Vec<u8>| v.clear()));
    /// let mut handle = pool.acquire()?;
    /// handle.push(1);
    /// let (object, slot) = RecyclePool::detach(handle);
    /// assert!(pool.is_full()); // nobody else gets the slot
    /// let handle = slot.write(object);
    /// assert_eq!(*handle, [1]);
    /// # Ok::<(), flagstone::AllocError>(())
    /// ```
    #[must_use = "dropping the vacant handle frees the slot"]
    pub fn detach(handle: Recycled<'_, T, K, P>) -> (T, RecycledVacant<'_, T, K, P>) {
        store::detach(handle)
    }

    /// Makes a handle from what [`OwnedHandle::into_raw`](crate::OwnedHandle::into_raw) returned.
    ///
    /// # Safety
    ///
    /// `object` came from `into_raw` of a handle of this pool, no handle was made from it since, and
    /// the pool was not cleared since. Debug builds report a pointer that is no slot, or was released
    /// a short while ago, to the [corruption handler](crate::corruption).
    #[must_use]
    pub unsafe fn from_raw(&self, object: NonNull<T>) -> Recycled<'_, T, K, P> {
        // SAFETY: the caller's promise.
        unsafe { self.store.adopt(object) }
    }

    /// Objects there can be.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Objects in use, and slots kept for detached ones.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.store.in_use()
    }

    /// Objects that can be acquired, made already or not.
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity() - self.in_use()
    }

    /// Objects that were made and wait for their next user.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.store.idle()
    }

    /// Whether all objects are in use.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.available() == 0
    }

    /// Whether no object is in use; there may be idle ones.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0
    }

    /// What makes, resets, checks and discards the objects.
    #[must_use]
    pub fn recycle(&self) -> &K {
        self.store.recycle()
    }

    /// Where the memory comes from.
    #[must_use]
    pub fn provider(&self) -> &P {
        self.store.provider()
    }

    /// What the pool has done so far, exactly. O(1). Handing an object out is an allocation.
    ///
    /// ```
    /// use flagstone::{RecyclePool, pool::FnRecycle, stats::Metric};
    ///
    /// let pool = RecyclePool::new(4, FnRecycle::new(|| 0, |number: &mut i32| *number = 0));
    /// drop(pool.acquire());
    /// drop(pool.acquire());
    /// let stats = pool.stats();
    /// assert_eq!(stats.get(Metric::Allocations), 2);
    /// assert_eq!(stats.get(Metric::Created), 1);
    /// assert_eq!(stats.get(Metric::Resets), 2);
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        store::snapshot(self.store.slots(), self.capacity())
    }

    /// Counts anew from here: see [`Collector::restart`].
    #[cfg(feature = "stats")]
    pub fn restart_stats(&self) {
        store::Store::count(self.store.slots(), Collector::restart);
    }

    /// Discards the objects that are idle now, to give up what they hold; how many went. If a hook
    /// panics, the others are still discarded, and the panic continues.
    pub fn discard_idle(&self) -> usize {
        self.store.discard_idle(self.idle())
    }

    /// Discards the idle objects, and drops those whose handles were forgotten. If a hook or a
    /// destructor panics, the others are still given up, and the panic continues.
    pub fn clear(&mut self) {
        self.store.clear();
    }
}

impl<T, K: Recycle<T>, P: Provider> fmt::Debug for RecyclePool<T, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecyclePool")
            .field("in_use", &self.in_use())
            .field("idle", &self.idle())
            .field("capacity", &self.capacity())
            .finish()
    }
}
