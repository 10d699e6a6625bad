//! The cache of objects that stay constructed.
#![expect(
    unsafe_code,
    reason = "reads and writes objects in slots it has taken; implements Home"
)]

use core::{
    alloc::Layout,
    cell::Cell,
    fmt,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr::NonNull,
};

use lock_api::RawMutex;

#[cfg(feature = "stats")]
use crate::stats::Snapshot;
use crate::{
    error::{AllocError, Cause, OutOfMemory},
    handle::OwnedHandle,
    provider::{Global, Provider},
    raw::{
        Home, NoHooks, PutBack, Recycle, ResetAt, ValueHome, release,
        remote::{Core, Recycler, RemoteShape, RemoteSlab, Tap, is_occupied, set_occupied},
    },
    sync::{DefaultLock, unlocked},
};

/// The slabs of a cache of objects.
struct ShapeOf<T, const SLAB_SIZE: usize>(PhantomData<T>);

impl<T, const SLAB_SIZE: usize> ShapeOf<T, SLAB_SIZE> {
    const SHAPE: RemoteShape = RemoteSlab::shape(Layout::new::<T>(), SLAB_SIZE, true);
}

type CoreOf<T, K, L, P> = Core<L, P, Recycler<T, K>>;

/// A [`SlabCache`](super::SlabCache) whose objects stay constructed while they are free, as in
/// J. Bonwick's slab allocator: what is dear to make is made once, and found again in its place.
///
/// [`Recycle`] says how objects are made, reset for the next user, checked, and discarded when their slab
/// goes back to the provider or the last cache and box are gone.
///
/// ```
/// use flagstone::slab::{FnRecycle, RecycleCache, SpinLock};
///
/// let buffers = FnRecycle::new(|| Vec::with_capacity(4096), |buffer: &mut Vec<u8>| buffer.clear());
/// let cache = RecycleCache::<_, _, SpinLock, 4096>::new(buffers)?;
/// cache.acquire().unwrap().extend([1, 2, 3]);
/// let again = cache.acquire().unwrap();
/// assert!(again.is_empty() && again.capacity() >= 4096);
/// # Ok::<(), flagstone::OutOfMemory>(())
/// ```
///
/// Everything else is as with a [`SlabCache`](super::SlabCache): slabs, owners, locks, costs, except that a
/// slab that goes back costs a `discard` for each of its objects. A slot has five bytes beside its object
/// (three where there are no 64-bit atomics), and is rounded up to the object's alignment. All calls of `Recycle` run without any lock, and whichever thread drops
/// the last box of a slab may discard the slab's objects.
#[doc(alias("ObjectCache", "ConstructedCache", "kmem_cache"))]
pub struct RecycleCache<
    T,
    K: Recycle<T>,
    L: RawMutex + 'static = DefaultLock,
    const SLAB_SIZE: usize = { 64 * 1024 },
    P: Provider = Global,
> {
    tap: Tap<L, P, Recycler<T, K>>,
    // It holds objects, which wander between boxes: invariant in `T`.
    objects: PhantomData<Cell<T>>,
}

impl<T, K: Recycle<T>, L: RawMutex + 'static, const SLAB_SIZE: usize>
    RecycleCache<T, K, L, SLAB_SIZE>
{
    /// A cache on the global allocator, with its first slab and no object.
    ///
    /// # Errors
    ///
    /// When there is no memory for it.
    pub fn new(recycle: K) -> Result<Self, OutOfMemory> {
        Self::new_in(recycle, Global)
    }
}

impl<T, K: Recycle<T>, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider>
    RecycleCache<T, K, L, SLAB_SIZE, P>
{
    /// Slots in a slab.
    pub const SLOTS_PER_SLAB: usize = ShapeOf::<T, SLAB_SIZE>::SHAPE.slots() as usize;

    /// A cache in memory of `provider`, with its first slab and no object.
    ///
    /// # Errors
    ///
    /// When the provider has no memory for it; everything was given back then.
    pub fn new_in(recycle: K, provider: P) -> Result<Self, OutOfMemory> {
        Self::with_parts(unlocked(), recycle, provider)
    }

    /// A cache with every part chosen: for locks that are not made by their `INIT`.
    ///
    /// # Errors
    ///
    /// As for [`new_in`](Self::new_in).
    pub fn with_parts(lock: L, recycle: K, provider: P) -> Result<Self, OutOfMemory> {
        let recycler = Recycler::new(recycle);
        Ok(Self {
            tap: Tap::new(ShapeOf::<T, SLAB_SIZE>::SHAPE, lock, provider, recycler)?,
            objects: PhantomData,
        })
    }

    /// An object that is ready to be used: one that was used before, or a new one. Objects that are not
    /// valid any more are discarded on the way.
    ///
    /// # Errors
    ///
    /// When no slot is free and the provider has no memory for another slab; nothing is made then.
    ///
    /// # Panics
    ///
    /// When `create`, `reset`, `is_valid` or `discard` does; the slot is free again then.
    #[doc(alias("get", "pull", "alloc"))]
    pub fn acquire(&self) -> Result<RecycleBox<T, K, L, SLAB_SIZE, P>, AllocError> {
        let (shape, recycle) = (ShapeOf::<T, SLAB_SIZE>::SHAPE, self.recycle());
        loop {
            // SAFETY: it was made with this shape.
            let slot = unsafe { self.tap.take(shape) };
            let slot = slot.map_err(|refused| AllocError::new((), Cause::from(refused)))?;
            // SAFETY: taken, so it is ours and open; slots have notes.
            if unsafe { is_occupied(slot, shape) } {
                // SAFETY: the slot is ours and holds an object.
                if unsafe { self.make_ready(slot) } {
                    // SAFETY: a live object that is ours alone.
                    return Ok(unsafe { RecycleBox::new(slot.cast(), RecycleSlabHome::new()) });
                }
                continue;
            }
            // SAFETY: the slot is ours, and empty if this runs.
            let back =
                PutBack::new(|| unsafe { HomeOf::<T, K, L, SLAB_SIZE, P>::put(slot, false) });
            let object = recycle.create(); // USER CODE
            back.disarm();
            // SAFETY: the slot is ours, empty and made for this type.
            unsafe { slot.cast::<T>().write(object) };
            // SAFETY: a live object that is ours alone.
            return Ok(unsafe { RecycleBox::new(slot.cast(), RecycleSlabHome::new()) });
        }
    }

    /// Whether the object in `slot` may be used; it was discarded, and its slot is free, if not.
    ///
    /// # Safety
    ///
    /// The slot is the caller's, and holds an object.
    unsafe fn make_ready(&self, slot: NonNull<u8>) -> bool {
        let recycle = self.recycle();
        // SAFETY: the slot is ours, and holds an object if this runs: when something below panics.
        let back = PutBack::new(|| unsafe { HomeOf::<T, K, L, SLAB_SIZE, P>::end(slot) });
        // SAFETY: a live object, ours alone; the reference ends with the call.
        let valid = recycle.is_valid(unsafe { slot.cast::<T>().as_ref() }); // USER CODE
        if valid && K::RESET_AT == ResetAt::Acquire {
            // SAFETY: as above.
            recycle.reset(unsafe { slot.cast::<T>().as_mut() }); // USER CODE
        }
        back.disarm();
        if !valid {
            // SAFETY: moved out once: the slot is given up on the next line.
            let object = unsafe { slot.cast::<T>().read() };
            // SAFETY: ours, and empty since the line above.
            unsafe { HomeOf::<T, K, L, SLAB_SIZE, P>::put(slot, false) };
            recycle.discard(object); // USER CODE
        }
        valid
    }

    /// Makes a box again of what [`OwnedHandle::into_raw`] returned.
    ///
    /// Debug builds ask whether the address is a slot's, and report to the
    /// [corruption handler](crate::corruption); release builds ask nothing.
    ///
    /// # Safety
    ///
    /// `object` came from `into_raw` of a box of a cache of these parameters, and no box was made of it
    /// since.
    #[must_use]
    pub unsafe fn from_raw(object: NonNull<T>) -> RecycleBox<T, K, L, SLAB_SIZE, P> {
        RemoteSlab::expect_slot(object.cast(), ShapeOf::<T, SLAB_SIZE>::SHAPE);
        // SAFETY: the caller's promise.
        unsafe { OwnedHandle::new(object, RecycleSlabHome::new()) }
    }

    /// How many slabs the cache and its clones have. Takes the lock.
    #[must_use]
    pub fn slabs(&self) -> usize {
        self.tap.core().slabs()
    }

    /// Gives empty slabs back to the provider, after their objects were discarded, except those that
    /// caches own; answers how many there were.
    pub fn shrink_to_fit(&self) -> usize {
        self.tap.shrink()
    }

    /// What makes and resets the objects.
    #[must_use]
    pub fn recycle(&self) -> &K {
        self.tap.core().tenants().recycle()
    }

    /// What all clones together have counted: slots handed out and given back, slabs, refusals. Exact while
    /// nobody does either; the peak is the most that a call of this has seen. O(slabs), under the lock.
    /// What becomes of the objects is not counted here: [`Recycle`] can.
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
}

/// Another cache over the same slabs, which will own one of its own when it needs it.
impl<T, K: Recycle<T>, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> Clone
    for RecycleCache<T, K, L, SLAB_SIZE, P>
{
    fn clone(&self) -> Self {
        Self {
            tap: self.tap.clone(),
            objects: PhantomData,
        }
    }
}

// SAFETY: as for `SlabCache`; objects wander between the threads of all clones, which use `K` at the same
// time.
unsafe impl<T, K, L, const SLAB_SIZE: usize, P> Send for RecycleCache<T, K, L, SLAB_SIZE, P>
where
    T: Send,
    K: Recycle<T> + Send + Sync,
    L: RawMutex + Send + Sync + 'static,
    P: Provider + Send + Sync,
{
}

// A panic leaves no half-made change: an object whose reset or check panicked is gone.
impl<T, K, L: RawMutex + 'static, const SLAB_SIZE: usize, P> RefUnwindSafe
    for RecycleCache<T, K, L, SLAB_SIZE, P>
where
    T: RefUnwindSafe,
    K: Recycle<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}
impl<T, K, L: RawMutex + 'static, const SLAB_SIZE: usize, P> UnwindSafe
    for RecycleCache<T, K, L, SLAB_SIZE, P>
where
    T: RefUnwindSafe,
    K: Recycle<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}

impl<T, K: Recycle<T>, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider> fmt::Debug
    for RecycleCache<T, K, L, SLAB_SIZE, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecycleCache")
            .field("slab_size", &SLAB_SIZE)
            .field("slots_per_slab", &Self::SLOTS_PER_SLAB)
            .finish_non_exhaustive()
    }
}

/// How an object of a [`RecycleCache`] is returned: by its address.
pub struct RecycleSlabHome<
    T,
    K: Recycle<T>,
    L = DefaultLock,
    const SLAB_SIZE: usize = { 64 * 1024 },
    P: Provider = Global,
>(PhantomData<*mut (T, K, L, P)>);

type HomeOf<T, K, L, const SLAB_SIZE: usize, P> = RecycleSlabHome<T, K, L, SLAB_SIZE, P>;

/// An object of a [`RecycleCache`]: one word, good wherever and however long it is kept.
/// `OwnedHandle::into_inner` takes the object out for good.
pub type RecycleBox<T, K, L = DefaultLock, const SLAB_SIZE: usize = { 64 * 1024 }, P = Global> =
    OwnedHandle<'static, T, RecycleSlabHome<T, K, L, SLAB_SIZE, P>>;

impl<T, K: Recycle<T>, L: RawMutex + 'static, const SLAB_SIZE: usize, P: Provider>
    RecycleSlabHome<T, K, L, SLAB_SIZE, P>
{
    const fn new() -> Self {
        Self(PhantomData)
    }

    /// Makes the object in `slot` as good as new.
    ///
    /// # Safety
    ///
    /// `slot` is in use in a cache of these parameters, is the caller's, and holds an object.
    unsafe fn reset(slot: NonNull<u8>) {
        // SAFETY: a slot in use of a slab of this shape, reached by a pointer that is good for the slab.
        let slab = unsafe { RemoteSlab::of(slot, SLAB_SIZE) };
        // SAFETY: the slot keeps the slab.
        let core = unsafe { slab.as_ref() }.core();
        // SAFETY: the slab keeps the core, which has these parameters.
        let core = unsafe { core.cast::<CoreOf<T, K, L, P>>().as_ref() };
        // SAFETY: a live object, the caller's alone; the reference ends with the call.
        let object = unsafe { slot.cast::<T>().as_mut() };
        core.tenants().recycle().reset(object); // USER CODE
    }

    /// Gives a slot back, which holds an object or not.
    ///
    /// # Safety
    ///
    /// `slot` is in use in a cache of these parameters, holds an object if `occupied`, and is not used
    /// any more.
    unsafe fn put(slot: NonNull<u8>, occupied: bool) {
        let shape = ShapeOf::<T, SLAB_SIZE>::SHAPE;
        // SAFETY: the caller's slot; slots have notes.
        unsafe { set_occupied(slot, occupied, shape) };
        // SAFETY: as in `reset`, and the caller's promise.
        unsafe { CoreOf::<T, K, L, P>::put(slot, shape) };
    }

    /// Drops the object in `slot`, and gives the slot back even if that panics.
    ///
    /// # Safety
    ///
    /// `slot` is in use in a cache of these parameters, holds an object, and is not used any more.
    unsafe fn end(slot: NonNull<u8>) {
        // SAFETY: the caller's, and empty when this runs.
        let _back = PutBack::new(|| unsafe { Self::put(slot, false) });
        // SAFETY: a live object that is the caller's; dropped once.
        unsafe { slot.cast::<T>().drop_in_place() }; // USER CODE
    }
}

// SAFETY: through the home an object goes to the threads of all caches, and what `SlabHome` says.
unsafe impl<T, K, L, const SLAB_SIZE: usize, P> Send for RecycleSlabHome<T, K, L, SLAB_SIZE, P>
where
    T: Send,
    K: Recycle<T> + Send + Sync,
    L: Send + Sync,
    P: Provider + Send + Sync,
{
}

impl<T, K: Recycle<T>, L, const SLAB_SIZE: usize, P: Provider> fmt::Debug
    for RecycleSlabHome<T, K, L, SLAB_SIZE, P>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecycleSlabHome")
    }
}

// SAFETY: the cache's boxes point to its slots, which hold a `T`.
unsafe impl<T, K, L, const SLAB_SIZE: usize, P> ValueHome for RecycleSlabHome<T, K, L, SLAB_SIZE, P>
where
    K: Recycle<T>,
    L: RawMutex + 'static,
    P: Provider,
{
    type Value = T;
}

// SAFETY: a slot in use keeps its slab and what the slab belongs to; guards put the slot back whatever
// panics, with its object or without. `Send` as above.
unsafe impl<T, K, L, const SLAB_SIZE: usize, P> Home for RecycleSlabHome<T, K, L, SLAB_SIZE, P>
where
    K: Recycle<T>,
    L: RawMutex + 'static,
    P: Provider,
{
    unsafe fn welcome(&self, _: NonNull<u8>) {}

    #[inline]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        if K::RESET_AT == ResetAt::Release {
            // SAFETY: the caller's; if the reset panics, the object goes.
            let back = PutBack::new(|| unsafe { Self::end(slot) });
            // SAFETY: in use, the caller's, and an object is in it.
            unsafe { Self::reset(slot) };
            back.disarm();
        }
        // SAFETY: the caller's, with its object.
        unsafe { Self::put(slot, true) };
    }

    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: the caller's, and empty when this runs.
        let back = || unsafe { Self::put(slot, false) };
        // SAFETY: a live object that is the caller's; `into` has room for a `T`.
        unsafe { release(&NoHooks, slot.cast::<T>(), into.cast(), back) };
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: handed out empty, and not used any more.
        unsafe { Self::put(slot, false) };
    }

    unsafe fn occupy(&self, _: NonNull<u8>) {}
}
