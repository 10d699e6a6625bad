//! The cache of slots for values of one type.
#![expect(unsafe_code, reason = "writes values into slots it has taken")]

use core::{
    fmt,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
};

use lock_api::RawMutex;

use super::home::{ShapeOf, SlabBox, SlabHome, VacantSlabBox};
#[cfg(feature = "stats")]
use crate::stats::Snapshot;
use crate::{
    error::{AllocError, Cause, OutOfMemory},
    handle::{OwnedHandle, VacantHandle},
    provider::{Global, Provider},
    raw::{
        PutBack,
        remote::{RemoteSlab, Tap},
    },
    sync::{DefaultLock, unlocked},
};

/// Slots for values of one type in slabs of `SLAB_SIZE` bytes, from any provider of memory.
///
/// Boxes are one word and know nothing of the cache: they go back by their address, from any thread,
/// also when the cache is gone.
///
/// ```
/// use flagstone::slab::{SlabBox, SlabCache, SpinLock};
///
/// let cache = SlabCache::<String, SpinLock, 4096>::new()?;
/// let clone = cache.clone();
/// let there = std::thread::spawn(move || clone.alloc("made there".to_string()).unwrap());
/// let here: SlabBox<String, SpinLock, 4096> = there.join().unwrap();
/// drop(cache);
/// assert_eq!(*here, "made there");
/// # Ok::<(), flagstone::OutOfMemory>(())
/// ```
///
/// # Slabs and their owners
///
/// ```text
///  SlabCache ──owns──▶ slab ◀──────────╮ slots come back, one atomic exchange each
///  clone ─────owns──▶ slab ◀───────────┤
///     │ ▲                              │
///     ▼ │ under the lock               │
///   shelves: full, partial, empty ◀── boxes
/// ```
///
/// Each cache value owns one slab at a time and takes slots from it, without an atomic operation while
/// some are at hand. Boxes push their slots to a list in the slab, which its owner takes whole. A slab
/// in which nothing is left goes to a shelf that all clones share, and comes back into use when an eighth
/// of it is free. Only that goes through the lock; no provider, and no value, is ever called under it.
/// One clone for each thread (or processor) is how it is meant to be used: a cache is `Send`, not `Sync`.
///
/// When a slab is empty, it is kept if it is the only one, or one of an eighth of all, so that values
/// that come and go at a boundary do not go to the provider; others are given back at once. When all
/// caches and boxes are gone, everything was given back.
///
/// | call | time | atomic read-modify-writes |
/// |---|---|---|
/// | `alloc` | O(1); each 16th or so may collect slots that came back, each slab's first takes the lock | none; one to collect |
/// | drop of a box | O(1); one in a slab's eighth and the last one take the lock | one |
/// | both, if a slot is smaller than 4 bytes | collecting is O(slots / 64) | one more each |
/// | `alloc` when the provider has no more memory | O(slabs), the lock; O(slots / 64) each if slots are small | one |
/// | `clone`, drop of a cache | O(1), the lock; the last one O(empty slabs) | few |
///
/// A slab's descriptor has 128 bytes, and 1/64 of a slab beside it is left free so that descriptors do not
/// all fall on the same cache lines (1,088 bytes in all of 64 KiB). Slots cost nothing: a free one holds its
/// link in its own bytes. Slots smaller than a link (4 bytes; 2 where there are no 64-bit atomics) have a
/// bit each instead.
///
/// # Locks
///
/// Any [`RawMutex`] will do, such as [`SpinLock`](crate::sync::SpinLock). With
/// [`NoLock`](crate::sync::NoLock) clones and boxes stay on one thread, and neither `alloc` nor a drop needs
/// an atomic operation while a slab lasts.
///
/// # What it refuses
///
/// `SLAB_SIZE` must be a power of two, of at most 2 GiB (64 KiB where there are no 64-bit atomics). From two
/// to 2^30 slots (2^14 where there are no 64-bit atomics) must fit it. The compiler says which rule is
/// broken:
///
/// ```compile_fail,E0080
/// # use flagstone::slab::{SlabCache, SpinLock};
/// SlabCache::<u64, SpinLock, 5000>::new(); // SLAB_SIZE must be a power of two
/// ```
///
/// ```compile_fail,E0080
/// # use flagstone::slab::{SlabCache, SpinLock};
/// SlabCache::<[u8; 3000], SpinLock, 4096>::new(); // two slots and the descriptor must fit SLAB_SIZE
/// ```
///
/// Free slots of the slab that another clone owns are not found, so near exhaustion a clone for each of
/// many threads may strand a slab each. Values of forgotten boxes stay where they are, for ever. Without
/// the feature `stats` a cache counts no values: a program that must know how many there are counts them
/// itself, or takes a pool.
#[doc(alias("SlabAllocator", "KmemCache", "kmem_cache", "ObjectCache"))]
pub struct SlabCache<
    T,
    L: RawMutex + 'static = DefaultLock,
    const SLAB_SIZE: usize = { 64 * 1024 },
    P: Provider = Global,
> {
    tap: Tap<L, P, ()>,
    // It is made for `T` and holds none.
    values: PhantomData<fn(T) -> T>,
}

impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize> SlabCache<T, L, SLAB_SIZE> {
    /// A cache on the global allocator, with its first slab.
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    pub fn new() -> Result<Self, OutOfMemory> {
        Self::new_in(Global)
    }
}

impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> SlabCache<T, L, SLAB_SIZE, P> {
    /// Slots in a slab.
    pub const SLOTS_PER_SLAB: usize = ShapeOf::<T, SLAB_SIZE>::SHAPE.slots() as usize;

    /// A cache in memory of `provider`, with its first slab.
    ///
    /// ```
    /// use flagstone::{provider::StaticRegion, slab::{SlabCache, SpinLock}};
    ///
    /// static MEMORY: StaticRegion<{ 16 * 1024 }> = StaticRegion::new();
    ///
    /// let cache = SlabCache::<u64, SpinLock, 4096, _>::new_in(&MEMORY)?;
    /// assert_eq!(*cache.alloc(7).unwrap(), 7);
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When the provider has no memory for it; everything was given back then.
    pub fn new_in(provider: P) -> Result<Self, OutOfMemory> {
        Self::with_parts(unlocked(), provider)
    }

    /// A cache with every part chosen: for locks that are not made by their `INIT`.
    ///
    /// # Errors
    ///
    /// As for [`new_in`](Self::new_in).
    pub fn with_parts(lock: L, provider: P) -> Result<Self, OutOfMemory> {
        Ok(Self {
            tap: Tap::new(ShapeOf::<T, SLAB_SIZE>::SHAPE, lock, provider, ())?,
            values: PhantomData,
        })
    }

    /// Moves `value` into a slot.
    ///
    /// ```
    /// use flagstone::slab::{NoLock, SlabCache};
    ///
    /// let cache = SlabCache::<[u8; 100], NoLock, 4096>::new()?;
    /// let mut value = cache.alloc([0; 100]).unwrap();
    /// value[3] = 1;
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When no slot is free and the provider has no memory for another slab; `value` comes back in the
    /// error.
    #[inline]
    pub fn alloc(&self, value: T) -> Result<SlabBox<T, L, SLAB_SIZE, P>, AllocError<T>> {
        match self.take() {
            // SAFETY: the slot is ours and empty.
            Ok(slot) => Ok(unsafe { Self::fill(slot, value) }),
            Err(cause) => Err(AllocError::new(value, cause)),
        }
    }

    /// Places what `make` returns, which is called once the slot is there. If it panics, the slot is
    /// free again.
    ///
    /// # Errors
    ///
    /// As for [`alloc`](Self::alloc); `make` is not called then.
    #[inline]
    pub fn alloc_with(
        &self,
        make: impl FnOnce() -> T,
    ) -> Result<SlabBox<T, L, SLAB_SIZE, P>, AllocError> {
        let slot = self.take().map_err(|cause| AllocError::new((), cause))?;
        // SAFETY: the slot is ours, and holds nothing if this runs.
        let back = PutBack::new(|| unsafe { SlabHome::<T, L, SLAB_SIZE, P>::put(slot.cast()) });
        let value = make(); // USER CODE
        back.disarm();
        // SAFETY: the slot is ours and empty.
        Ok(unsafe { Self::fill(slot, value) })
    }

    /// Places `T::default()`.
    ///
    /// # Errors
    ///
    /// As for [`alloc_with`](Self::alloc_with).
    #[inline]
    pub fn alloc_default(&self) -> Result<SlabBox<T, L, SLAB_SIZE, P>, AllocError>
    where
        T: Default,
    {
        self.alloc_with(T::default)
    }

    /// An empty slot, to be filled in place.
    ///
    /// ```
    /// use flagstone::slab::{SlabCache, SpinLock};
    ///
    /// let cache = SlabCache::<[u64; 64], SpinLock, 4096>::new()?;
    /// let slot = cache.alloc_uninit().unwrap();
    /// assert_eq!(slot.write([1; 64])[63], 1);
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`alloc`](Self::alloc).
    #[inline]
    pub fn alloc_uninit(&self) -> Result<VacantSlabBox<T, L, SLAB_SIZE, P>, AllocError> {
        let slot = self.take().map_err(|cause| AllocError::new((), cause))?;
        // SAFETY: the slot is ours and empty; its home is the cache's.
        Ok(unsafe { VacantHandle::new(slot, SlabHome::new()) })
    }

    /// Makes a box again of what [`OwnedHandle::into_raw`] returned.
    ///
    /// Debug builds ask whether the address is a slot's, and report to the
    /// [corruption handler](crate::corruption); release builds ask nothing.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a box of a cache of these parameters, and no box was made of it
    /// since.
    #[must_use]
    pub unsafe fn from_raw(value: NonNull<T>) -> SlabBox<T, L, SLAB_SIZE, P> {
        RemoteSlab::expect_slot(value.cast(), ShapeOf::<T, SLAB_SIZE>::SHAPE);
        // SAFETY: the caller's promise.
        unsafe { OwnedHandle::new(value, SlabHome::new()) }
    }

    /// How many slabs the cache and its clones have. Takes the lock.
    #[must_use]
    pub fn slabs(&self) -> usize {
        self.tap.core().slabs()
    }

    /// Gives empty slabs back to the provider that are kept for values to come, except those that caches
    /// own; answers how many there were. O(empty slabs), under the lock but for the provider's part.
    pub fn shrink_to_fit(&self) -> usize {
        self.tap.shrink()
    }

    /// What all clones together have counted: slots handed out and given back, slabs, refusals. Exact while
    /// nobody does either; the peak is the most that a call of this has seen. O(slabs), under the lock.
    ///
    /// ```
    /// use flagstone::{slab::{SlabCache, SpinLock}, stats::Metric};
    ///
    /// let cache = SlabCache::<u64, SpinLock, 4096>::new()?;
    /// let kept = cache.alloc(1).unwrap();
    /// drop(cache.alloc(2));
    /// let stats = cache.stats();
    /// assert_eq!(stats.get(Metric::InUse), 1);
    /// assert_eq!(stats.get(Metric::Allocations), 2);
    /// # Ok::<(), flagstone::OutOfMemory>(())
    /// ```
    #[cfg(feature = "stats")]
    #[must_use]
    pub fn stats(&self) -> Snapshot {
        self.tap.core().snapshot()
    }

    /// Where the slabs come from.
    #[must_use]
    pub fn provider(&self) -> &P {
        self.tap.core().provider()
    }

    #[inline(always)]
    fn take(&self) -> Result<NonNull<T>, Cause> {
        // SAFETY: it was made with this shape.
        let slot = unsafe { self.tap.take(ShapeOf::<T, SLAB_SIZE>::SHAPE) }?;
        Ok(slot.cast())
    }

    /// Writes `value` into a slot and makes the box.
    ///
    /// # Safety
    ///
    /// `slot` was taken from such a cache, is the caller's and holds nothing.
    #[inline(always)]
    unsafe fn fill(slot: NonNull<T>, value: T) -> SlabBox<T, L, SLAB_SIZE, P> {
        // SAFETY: large enough and aligned for a `T`; the caller's.
        unsafe { slot.write(value) };
        // SAFETY: the slot holds a live value and is ours alone; the home is its own.
        unsafe { OwnedHandle::new(slot, SlabHome::new()) }
    }
}

/// Another cache over the same slabs, which will own one of its own when it needs it.
impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> Clone
    for SlabCache<T, L, SLAB_SIZE, P>
{
    fn clone(&self) -> Self {
        Self {
            tap: self.tap.clone(),
            values: PhantomData,
        }
    }
}

// SAFETY: what clones share is atomic or behind the lock; they may call the provider at the same time,
// and the last on any thread ends it. The owner goes along and is nobody else's.
unsafe impl<T: Send, L: RawMutex + Send + Sync + 'static, const SLAB_SIZE: usize, P> Send
    for SlabCache<T, L, SLAB_SIZE, P>
where
    P: Provider + Send + Sync,
{
}

// A panic leaves no half-made change: user code runs between finished ones, and values are in boxes.
impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P> RefUnwindSafe
    for SlabCache<T, L, SLAB_SIZE, P>
where
    P: Provider + RefUnwindSafe,
{
}
impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P> UnwindSafe
    for SlabCache<T, L, SLAB_SIZE, P>
where
    P: Provider + RefUnwindSafe,
{
}

impl<T, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> fmt::Debug
    for SlabCache<T, L, SLAB_SIZE, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlabCache")
            .field("slab_size", &SLAB_SIZE)
            .field("slots_per_slab", &Self::SLOTS_PER_SLAB)
            .finish_non_exhaustive()
    }
}
