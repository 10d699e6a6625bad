//! A pool of a fixed number of slots.
#![expect(
    unsafe_code,
    reason = "`from_raw` is an unsafe door; the work is in `store`"
)]

#[cfg(feature = "alloc")]
use alloc::rc::Rc;
use core::{fmt, ptr::NonNull};

use super::{
    CheckedStrategy, FixedHome, Hooks, Intrusive, NoHooks, Placed, PoolConfig, Rooted, Shareable,
    Strategy,
    store::{self, Drain, FixedHandle, FixedStore, FixedVacant, IterMut, Store},
};
#[cfg(feature = "alloc")]
use super::{FromCapacity, Indexed, store::RcHandle};
#[cfg(feature = "alloc")]
use crate::index::IndexAllocator;
#[cfg(feature = "stats")]
use crate::stats::{Collector, Snapshot};
use crate::{
    error::{AllocError, ConfigError, IndexError},
    handle::LocalCount,
    handle::OwnedHandle,
    provider::{Global, Provider},
    sync::NoLock,
};

/// A fixed number of slots for values of `T` in one contiguous chunk: constant time, no allocation
/// after construction, values never move.
///
/// `S` is the [`Strategy`] that knows the free slots, `K` the [`Hooks`] around a value's stay, `P`
/// the [`Provider`] of the memory.
///
/// | call | time | allocates |
/// |---|---|---|
/// | `new` | O(1) for [`Intrusive`]; see the strategy for others | one chunk |
/// | `alloc`, drop of a handle | O(1), no atomics | no |
/// | `capacity`, `in_use`, `available` | O(1) | no |
/// | `iter_mut`, `drain`, `clear`, drop with values left | O(slots) | no |
///
/// ```
/// use flagstone::FixedPool;
///
/// let pool = FixedPool::new(1000);
/// let mut particle = pool.alloc([0.0_f32; 6])?;
/// particle[0] = 1.0;
/// assert_eq!(pool.in_use(), 1);
/// drop(particle);
/// assert_eq!(pool.in_use(), 0);
/// # Ok::<(), flagstone::AllocError<[f32; 6]>>(())
/// ```
///
/// With a zero capacity every `alloc` is refused. A zero-sized value still takes a slot, of
/// eight bytes with [`Intrusive`] and one byte with `Indexed`.
#[doc(alias("ObjectPoolManager", "ObjectPool"))]
pub struct FixedPool<T, S: Strategy = Intrusive, K: Hooks<T> = NoHooks, P: Provider = Global> {
    store: FixedStore<T, S, K, P>,
}

#[cfg(feature = "alloc")]
impl<T> FixedPool<T> {
    /// A pool of `capacity` slots on the global allocator. One allocation; the slots are not
    /// touched.
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
    /// When so many slots do not fit the address space, or the memory cannot be had.
    pub fn try_new(capacity: usize) -> Result<Self, ConfigError> {
        Self::try_new_in(capacity, Global)
    }

    /// A pool as `config` says, on the global allocator.
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for (it does not grow and does not
    /// reset), or the memory cannot be had.
    pub fn with_config(config: PoolConfig<T>) -> Result<Self, ConfigError> {
        Self::with_parts(config, Intrusive::default(), NoHooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, K: Hooks<T>> FixedPool<T, Intrusive, K> {
    /// A pool of `capacity` slots with `hooks`, on the global allocator.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_hooks(capacity: usize, hooks: K) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, Intrusive::default(), hooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, S: Strategy + FromCapacity> FixedPool<T, S> {
    /// A pool of `capacity` slots under another strategy, on the global allocator.
    ///
    /// ```
    /// use flagstone::pool::{Checked, FixedPool, Indexed, Intrusive};
    /// use flagstone::index::Bitmap;
    ///
    /// let checked = FixedPool::<u64, Checked<Intrusive>>::with_strategy(100)?;
    /// let lowest_first = FixedPool::<u64, Indexed<Bitmap>>::with_strategy(100)?;
    /// # let _ = (checked, lowest_first);
    /// # Ok::<(), flagstone::ConfigError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the strategy cannot number so many slots, or the memory cannot be had.
    pub fn with_strategy(capacity: usize) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, S::from_capacity(capacity)?, NoHooks, Global)
    }
}

#[cfg(feature = "alloc")]
impl<T, I: IndexAllocator> FixedPool<T, Indexed<I>> {
    /// A pool with as many slots as `index` has numbers, all of which must be free.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had.
    pub fn with_index(index: I) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(index.capacity());
        Self::with_parts(config, Indexed::new(index), NoHooks, Global)
    }
}

impl<T, P: Provider> FixedPool<T, Intrusive, NoHooks, P> {
    /// A pool of `capacity` slots in memory of `provider`.
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
    /// When so many slots do not fit the address space, or the memory cannot be had.
    pub fn try_new_in(capacity: usize, provider: P) -> Result<Self, ConfigError> {
        let config = PoolConfig::with_capacity(capacity);
        Self::with_parts(config, Intrusive::default(), NoHooks, provider)
    }
}

impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedPool<T, S, K, P> {
    /// A pool with every part chosen.
    ///
    /// # Errors
    ///
    /// When this pool cannot do what the configuration asks for, or the memory cannot be had.
    pub fn with_parts(
        config: PoolConfig<T>,
        strategy: S,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            store: FixedStore::new(config, strategy, hooks, provider)?,
        })
    }

    /// Places `value` in a free slot.
    ///
    /// # Errors
    ///
    /// Gives `value` back when every slot is in use.
    #[inline]
    #[doc(alias("allocate", "insert", "pop_free"))]
    pub fn alloc(&self, value: T) -> Result<FixedHandle<'_, T, S, K, P>, AllocError<T>> {
        store::alloc(&self.store, value)
    }

    /// Places what `make` returns. `make` runs when the slot is there and may use the pool; if it
    /// panics, the slot goes back.
    ///
    /// # Errors
    ///
    /// When every slot is in use; `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<FixedHandle<'_, T, S, K, P>, AllocError> {
        store::alloc_with(&self.store, make)
    }

    /// Places a value of the configured initializer: one made ahead if there is one left.
    ///
    /// # Errors
    ///
    /// When every slot is in use, or the pool has no initializer.
    pub fn alloc_init(&self) -> Result<FixedHandle<'_, T, S, K, P>, AllocError> {
        store::alloc_init(&self.store)
    }

    /// Hands out an empty slot, to be filled later or in place.
    ///
    /// # Errors
    ///
    /// When every slot is in use.
    pub fn alloc_uninit(&self) -> Result<FixedVacant<'_, T, S, K, P>, AllocError> {
        store::alloc_uninit(&self.store)
    }

    /// Makes a handle from what [`OwnedHandle::into_raw`] returned.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a handle of this pool, no handle was made from it since, and
    /// the pool was not cleared or drained since; a value that was pinned stays pinned. Debug builds
    /// report a pointer that is no slot, or was freed a short while ago, to the
    /// [corruption handler](crate::corruption); [`try_from_raw`](Self::try_from_raw) checks in
    /// release builds too.
    #[must_use]
    pub unsafe fn from_raw(&self, value: NonNull<T>) -> FixedHandle<'_, T, S, K, P> {
        // SAFETY: the caller's promise.
        unsafe { self.store.adopt(value) }
    }

    /// The number of the handle's slot, from 0 to below the capacity.
    ///
    /// ```
    /// let pool = flagstone::FixedPool::new(4);
    /// let handle = pool.alloc("x")?;
    /// assert_eq!(pool.index_of(&handle), Some(0));
    /// # Ok::<(), flagstone::AllocError<&str>>(())
    /// ```
    ///
    /// `None` when the handle is of another pool.
    #[must_use]
    pub fn index_of(&self, handle: &FixedHandle<'_, T, S, K, P>) -> Option<usize> {
        self.store
            .index_at(OwnedHandle::as_ptr(handle).as_ptr().addr())
    }

    /// Slots, in use or not.
    #[must_use]
    #[doc(alias = "n_blocks")]
    pub fn capacity(&self) -> usize {
        self.store.capacity()
    }

    /// Slots in use.
    #[must_use]
    #[doc(alias = "allocated")]
    pub fn in_use(&self) -> usize {
        self.store.in_use()
    }

    /// Free slots.
    #[must_use]
    pub fn available(&self) -> usize {
        self.store.available()
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.available() == 0
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use() == 0
    }

    /// Where the memory comes from.
    #[must_use]
    pub fn provider(&self) -> &P {
        self.store.provider()
    }

    /// What the pool has done so far, exactly. O(1).
    ///
    /// ```
    /// use flagstone::{FixedPool, stats::Metric};
    ///
    /// let pool = FixedPool::new(4);
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

    /// What is called around a value's stay: a drop policy that is to be flushed, for example.
    #[must_use]
    pub fn hooks(&self) -> &K {
        Store::hooks(&self.store)
    }

    /// The values that were left in the pool (forgotten handles, raw pointers), in order of
    /// address. No memory is needed; O(slots).
    ///
    /// Nothing is visited while the slot of a forgotten [`VacantHandle`](crate::VacantHandle) is in
    /// the pool: it could not be told from a value. Only for types that are `Unpin`, because a
    /// forgotten value may be pinned.
    ///
    /// ```
    /// let mut pool = flagstone::FixedPool::new(4);
    /// core::mem::forget(pool.alloc(1)?);
    /// assert_eq!(pool.iter_mut().map(|n| *n).collect::<Vec<_>>(), [1]);
    /// # Ok::<(), flagstone::AllocError<i32>>(())
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, FixedStore<T, S, K, P>>
    where
        T: Unpin,
    {
        IterMut::new(&mut self.store)
    }

    /// Moves the values that were left in the pool out, as [`iter_mut`](Self::iter_mut) finds them.
    pub fn drain(&mut self) -> Drain<'_, FixedStore<T, S, K, P>>
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

/// Access by index or checked pointer, for strategies that keep a bit per slot.
impl<T, S: CheckedStrategy, K: Hooks<T>, P: Provider> FixedPool<T, S, K, P> {
    /// Gives up a handle for the number of its slot, which stays in use until the number comes back
    /// through [`from_index`](Self::from_index).
    ///
    /// # Errors
    ///
    /// Gives the handle back when it is of another pool.
    pub fn into_index<'p>(
        &self,
        handle: FixedHandle<'p, T, S, K, P>,
    ) -> Result<usize, FixedHandle<'p, T, S, K, P>> {
        match self.index_of(&handle) {
            Some(index) => {
                let _ = OwnedHandle::into_raw(handle);
                Ok(index)
            }
            None => Err(handle),
        }
    }

    /// Makes a handle from the number of a slot.
    ///
    /// ```
    /// use flagstone::pool::{Checked, FixedPool, Intrusive};
    ///
    /// let pool = FixedPool::<u64, Checked<Intrusive>>::with_strategy(4)?;
    /// let index = pool.into_index(pool.alloc(7).unwrap()).unwrap();
    /// // SAFETY: no handle for the slot exists.
    /// let handle = unsafe { pool.from_index(index)? };
    /// assert_eq!(*handle, 7);
    /// drop(handle);
    /// // SAFETY: as above.
    /// assert!(unsafe { pool.from_index(index) }.unwrap_err().is_not_in_use());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When `index` is not below the capacity, or its slot is not in use: a second free by number
    /// is always found out.
    ///
    /// # Safety
    ///
    /// If the slot is in use, it holds a value, and no handle for it exists.
    pub unsafe fn from_index(
        &self,
        index: usize,
    ) -> Result<FixedHandle<'_, T, S, K, P>, IndexError> {
        let refused = IndexError::new(index, self.capacity());
        let slot = self.store.taken_slot(index).ok_or(refused)?;
        // SAFETY: in use, so it holds a value that no handle owns, by the caller's promise.
        Ok(unsafe { self.store.adopt(slot) })
    }

    /// As [`from_raw`](Self::from_raw), but checks that `value` is the address of a slot of this
    /// pool that is in use.
    ///
    /// # Errors
    ///
    /// When it is not. An address outside the pool is reported as index `usize::MAX`.
    ///
    /// # Safety
    ///
    /// If `value` is the address of a slot in use, it holds a value, and no handle for it exists.
    pub unsafe fn try_from_raw(
        &self,
        value: NonNull<T>,
    ) -> Result<FixedHandle<'_, T, S, K, P>, IndexError> {
        let index = self
            .store
            .index_at(value.as_ptr().addr())
            .unwrap_or(usize::MAX);
        // SAFETY: the caller's promise.
        unsafe { self.from_index(index) }
    }
}

/// Handles that keep the pool instead of borrowing it.
#[cfg(feature = "alloc")]
impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedPool<T, S, K, P> {
    /// As [`alloc`](Self::alloc), but the handle keeps the pool, which ends with the last of them:
    /// for structures that hold a pool and its handles, and for values that own handles into their
    /// own pool. One count more than a borrowed handle, without atomics.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use flagstone::FixedPool;
    ///
    /// let pool = Rc::new(FixedPool::new(8));
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
        handle: FixedHandle<'p, T, S, K, P>,
    ) -> Result<RcHandle<Self>, FixedHandle<'p, T, S, K, P>> {
        if self.store.owns(&handle) {
            Ok(store::keep_rc(self, handle))
        } else {
            Err(handle)
        }
    }
}

// SAFETY: the store's home, which finds slots by their address or by that of the store, which does
// not change while a handle keeps or borrows the pool; `owns` compares stores.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Rooted for FixedPool<T, S, K, P> {
    type Value = T;
    type Home<'p>
        = FixedHome<'p, T, S, K, P>
    where
        Self: 'p;

    #[inline(always)]
    fn home(&self) -> FixedHome<'_, T, S, K, P> {
        Store::home(&self.store)
    }

    fn owns(&self, handle: &FixedHandle<'_, T, S, K, P>) -> bool {
        self.store.owns(handle)
    }
}

// SAFETY: the pool's own doors and provider.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Shareable for FixedPool<T, S, K, P> {
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

impl<T, S: Strategy, K: Hooks<T>, P: Provider> fmt::Debug for FixedPool<T, S, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedPool")
            .field("in_use", &self.in_use())
            .field("capacity", &self.capacity())
            .finish()
    }
}
