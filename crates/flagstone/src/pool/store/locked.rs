//! Slots in slabs that threads share, behind a lock.

use core::{cell::Cell, fmt, marker::PhantomData, panic::RefUnwindSafe, ptr, ptr::NonNull};

use lock_api::{Mutex, MutexGuard, RawMutex};

use super::{
    Initial, Store,
    desk::Desk,
    growing::{SlabOf, check_capacity, shape},
    rule::{Growth, GrowthRule},
};
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{Cause, ConfigError, OutOfMemory},
    pool::PoolConfig,
    provider::Provider,
    raw::{Hooks, Slab, Slabs},
    stats::Collector,
    sync::atomic::AtomicUsize,
};

/// What a slot reaches through its slab, beside the slabs.
pub(super) struct Guarded<R: RawMutex, K> {
    /// Held while the slabs, the current slab or the parked slots are looked at or changed.
    pub(super) lock: Mutex<R, ()>,
    pub(super) hooks: K,
    pub(super) vacant: AtomicUsize,
    pub(super) desk: Desk,
}

/// The memory of a pool that threads share: a [`GrowingStore`](super::GrowingStore) whose changes
/// are made under a lock, and whose calls of user code are not.
///
/// # Invariants
///
/// 1. `slabs` came from `Slabs::create` with the geometry of `T` and `SLAB_BYTES`, and is destroyed
///    with the store.
/// 2. `current` is null or a slab of ours on no shelf.
/// 3. The sum of all slots never exceeds `max_capacity`.
/// 4. The cells of the slabs, `current` and the parked slots are touched under the lock, or by who
///    has the store alone (`&mut`, or while it is built). No user code runs under the lock.
pub struct LockedStore<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> {
    current: Cell<*mut Slab>,
    stride: u32,
    pub(super) slabs: NonNull<Slabs<P, Guarded<R, K>>>,
    rule: GrowthRule,
    pub(super) initial: Initial<T>,
    // Owns values, and hands out `&mut` to them through `&self`: invariant in `T`.
    values: PhantomData<Cell<T>>,
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    LockedStore<T, R, K, P, SLAB_BYTES>
{
    pub(in crate::pool) fn new(
        config: PoolConfig<T>,
        lock: R,
        hooks: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        config.check_slot_pool()?;
        let shape = shape::<T, SLAB_BYTES>(config.alignment)?;
        let (growth, max_capacity) = (config.growth, config.max_capacity);
        let stride = shape.stride() as usize;
        let rule = GrowthRule::new(growth, config.capacity, max_capacity, stride)?;
        check_capacity(config.capacity, shape.slab_bytes(), shape.slots())?;
        let beside = Guarded {
            lock: Mutex::from_raw(lock, ()),
            hooks,
            vacant: AtomicUsize::new(0),
            desk: Desk::new(),
        };
        let slabs = Slabs::create(provider, beside, shape, config.capacity)?;
        let store = Self {
            current: Cell::new(ptr::null_mut()),
            stride: shape.stride(),
            slabs,
            rule,
            initial: Initial::new(config.initialization, config.pre_initialize),
            values: PhantomData,
        };
        while store.capacity() < config.capacity && store.add_slab()? {}
        if config.pre_initialize {
            store.slabs().touch();
        }
        #[cfg(feature = "alloc")]
        super::doors::fill_ahead(&store, config.capacity)?;
        Ok(store)
    }

    #[inline(always)]
    pub(super) fn slabs(&self) -> &Slabs<P, Guarded<R, K>> {
        // SAFETY: invariant 1: alive until the store is dropped, and never borrowed mutably.
        unsafe { self.slabs.as_ref() }
    }

    /// Takes the lock.
    #[inline(always)]
    pub(super) fn lock(&self) -> MutexGuard<'_, R, ()> {
        self.slabs().beside().lock.lock()
    }

    /// A free slot of the current slab.
    #[inline(always)]
    pub(super) fn take_current(&self, _held: &MutexGuard<'_, R, ()>) -> Option<NonNull<u8>> {
        let slab = NonNull::new(self.current.get())?;
        // SAFETY: invariant 2: a slab of ours; the lock is held.
        unsafe {
            Slab::take(
                slab,
                SlabOf::<T, SLAB_BYTES>::SIZE,
                self.stride,
                SlabOf::<T, SLAB_BYTES>::WIDE,
            )
        }
    }

    /// A free slot of any slab: files the current one when it is exhausted, and makes the fullest
    /// one with room current.
    pub(super) fn take_any(&self) -> Option<NonNull<u8>> {
        let held = self.lock();
        // Somebody may have forgotten a `Drain`; nobody walks while slots are taken.
        self.slabs().forget_walk();
        loop {
            // Another thread may have changed the current slab since this one looked.
            if let Some(slot) = self.take_current(&held) {
                return Some(slot);
            }
            if let Some(exhausted) = NonNull::new(self.current.replace(ptr::null_mut())) {
                self.slabs().file(exhausted);
            }
            self.current.set(self.slabs().pick()?.as_ptr());
        }
    }

    /// How many slots may be added; the caller has the lock, or the store alone.
    fn room(&self) -> usize {
        self.rule
            .max_capacity()
            .map_or(usize::MAX, |max| max - self.slabs().capacity())
    }

    /// Adds a slab if there is room for it. The provider is asked while nothing is locked, and the
    /// room is looked at again afterwards.
    fn add_slab(&self) -> Result<bool, OutOfMemory> {
        let room = || {
            let _held = self.lock();
            self.room()
        };
        if room() == 0 {
            return Ok(false);
        }
        let chunk = self.slabs().request_chunk()?;
        let held = self.lock();
        let most = self.slabs().shape().slots();
        let slots = self.room().min(most) as u32;
        if slots == 0 {
            drop(held);
            self.slabs().refuse(chunk);
            return Ok(false);
        }
        self.slabs().adopt(chunk, slots);
        Ok(true)
    }

    /// Adds slabs as the strategy says, or sees that another thread did; an error only if there is
    /// nothing new.
    pub(super) fn grow(&self) -> Result<(), Cause> {
        match self.rule.grow(|| self.capacity(), || self.add_slab())? {
            Growth::Added => {
                self.count(Collector::grew);
                Ok(())
            }
            Growth::None(capacity) if !self.has_slot() => Err(Cause::exhausted(capacity)),
            Growth::AddedByOthers | Growth::None(_) => Ok(()),
        }
    }

    /// No future is there that could wait any more: those that are in the line were forgotten, and are not to be
    /// given what comes back.
    pub(in crate::pool) fn forget_waiting(&mut self) {
        self.slabs().beside().desk.forget();
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        let _held = self.lock();
        self.slabs().capacity()
    }

    pub(in crate::pool) fn max_capacity(&self) -> Option<usize> {
        self.rule.max_capacity()
    }

    /// Slots in use, and all slots, at one moment.
    pub(in crate::pool) fn usage(&self) -> (usize, usize) {
        let _held = self.lock();
        let in_use = self.slabs().usage().0 - self.initial.parked();
        (in_use, self.slabs().capacity())
    }

    /// What was counted, and how many slots there are, at one moment.
    #[cfg(feature = "stats")]
    pub(in crate::pool) fn snapshot(&self) -> Snapshot {
        let _held = self.lock();
        let capacity = self.slabs().capacity() as u64;
        let counted = self.slabs().stats().snapshot();
        counted.with(Metric::Capacity, capacity)
    }

    /// Whether a slot is free; the caller must not hold the lock.
    fn has_slot(&self) -> bool {
        let _held = self.lock();
        // SAFETY: invariant 2: null or a slab that exists; the lock is held.
        let current = unsafe { self.current.get().as_ref() };
        current.is_some_and(Slab::has_free) || self.slabs().has_room()
    }

    /// Whether there is room for a slab; the caller must not hold the lock.
    pub(super) fn may_grow(&self) -> bool {
        let _held = self.lock();
        self.rule.allows_growth() && self.room() > 0
    }

    /// Values made ahead that nobody has.
    fn parked(&self) -> usize {
        let _held = self.lock();
        self.initial.parked()
    }

    pub(in crate::pool) fn has_free(&self) -> bool {
        let parked = || self.parked() > 0 && !self.may_grow();
        self.has_slot() || parked()
    }

    pub(in crate::pool) fn fragmentation(&self) -> f64 {
        let (live, slots) = {
            let _held = self.lock();
            self.slabs().usage()
        };
        if slots == 0 {
            return 0.0;
        }
        1.0 - live as f64 / slots as f64
    }

    pub(in crate::pool) fn slab_count(&self) -> usize {
        let _held = self.lock();
        self.slabs().slab_count()
    }

    pub(in crate::pool) fn slots_per_slab(&self) -> usize {
        self.slabs().shape().slots()
    }

    pub(in crate::pool) fn slab_bytes(&self) -> usize {
        self.slabs().shape().slab_bytes()
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        self.slabs().provider()
    }

    /// Returns the empty slabs of a pool that can get them again.
    pub(in crate::pool) fn shrink_to_fit(&self) -> usize {
        if !self.rule.allows_growth() {
            return 0;
        }
        let slabs = self.slabs();
        let count = {
            let _held = self.lock();
            slabs.forget_walk();
            if let Some(slab) = NonNull::new(self.current.get())
                && slabs.live(slab) == 0
            {
                self.current.set(ptr::null_mut());
                slabs.file(slab);
            }
            slabs.slab_count()
        };
        let mut returned = 0;
        // Other threads may empty further slabs meanwhile: those wait.
        for _ in 0..count {
            let (slab, slots) = {
                let _held = self.lock();
                let before = slabs.capacity();
                let Some(slab) = slabs.detach(|_| true) else {
                    break;
                };
                (slab, before - slabs.capacity())
            };
            returned += slots;
            slabs.give_back(slab); // USER CODE
        }
        returned
    }
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Drop
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    fn drop(&mut self) {
        /// Gives the memory back even if a destructor panics.
        struct End<'a, T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>(
            &'a mut LockedStore<T, R, K, P, SLAB_BYTES>,
        );

        impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Drop
            for End<'_, T, R, K, P, SLAB_BYTES>
        {
            fn drop(&mut self) {
                // SAFETY: invariant 1; this is the end of the store.
                unsafe { Slabs::destroy(self.0.slabs) };
            }
        }

        self.forget_waiting(); // USER CODE
        if self.vacant() != 0 {
            // Forgotten vacant handles: what is initialised is not known. Leak rather than guess.
            return;
        }
        let end = End(self);
        super::walk::drop_all(end.0);
    }
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedStore").finish_non_exhaustive()
    }
}

// SAFETY: the store owns its slabs and everything in them. Sending it sends values, hooks,
// provider and lock.
unsafe impl<T, R, K, P, const SLAB_BYTES: usize> Send for LockedStore<T, R, K, P, SLAB_BYTES>
where
    T: Send,
    R: RawMutex + Send,
    K: Hooks<T> + Send,
    P: Provider + Send,
{
}

// SAFETY: cells are touched under the lock (invariant 4), by any thread, so the lock must be
// shareable. Values come in on one thread and leave on another, so they must be `Send`; nobody gets
// `&T` through the store, so they need not be `Sync`. Hooks and provider are called by several
// threads at once. A method that uses a cell without the lock must not be added.
unsafe impl<T, R, K, P, const SLAB_BYTES: usize> Sync for LockedStore<T, R, K, P, SLAB_BYTES>
where
    T: Send,
    R: RawMutex + Sync,
    K: Hooks<T> + Sync,
    P: Provider + Sync,
{
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T, R, K, P, const SLAB_BYTES: usize> RefUnwindSafe for LockedStore<T, R, K, P, SLAB_BYTES>
where
    T: RefUnwindSafe,
    R: RawMutex,
    K: Hooks<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}
