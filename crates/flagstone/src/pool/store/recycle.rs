//! Objects that stay constructed: slots of a run, and which of them hold an idle object.

use core::{fmt, mem, panic::RefUnwindSafe, ptr, ptr::NonNull};

use super::{
    FixedStore, Store,
    recycle_desk::{Desk, Offer},
};
use crate::{
    corruption::{Corruption, hooks as tools, report},
    error::{AllocError, Allowed, Cause, ConfigError, Given},
    handle::{OwnedHandle, VacantHandle},
    pool::PoolConfig,
    provider::{Global, Provider, request},
    raw::{Home, Idle, Intrusive, NoHooks, PutBack, Recycle, ResetAt, ValueHome, put_after_move},
    stats::Collector,
};

/// How many idle objects a debug build looks through for a second release.
const DEBUG_SEARCH: usize = 32;

/// The memory of a recycling pool.
///
/// A slot is free (of `slots`), or taken and then: in use by a handle, forgotten, or idle.
///
/// # Invariants
///
/// 1. `idle` holds taken slots with live objects that no handle owns, each once.
/// 2. Its memory is a chunk of the provider of `slots`, for as many slots as there are, if that is
///    not 0.
#[cfg_attr(
    not(all(feature = "async", target_has_atomic = "64")),
    expect(unreachable_pub, reason = "futures name it, where there are any")
)]
pub struct RecycleStore<T, K: Recycle<T>, P: Provider> {
    recycle: K,
    idle: Idle,
    pub(super) desk: Desk,
    pub(super) slots: FixedStore<T, Intrusive, NoHooks, P>,
}

impl<T, K: Recycle<T>, P: Provider> RecycleStore<T, K, P> {
    pub(in crate::pool) fn new(
        mut config: PoolConfig<T>,
        recycle: K,
        provider: P,
    ) -> Result<Self, ConfigError> {
        if config.makes_values() {
            return Err(ConfigError::knob_out_of_range(
                "initialization",
                Given::Choice("an initializer"),
                Allowed::Only("Lazy, because the `Recycle` of this pool makes its objects"),
            ));
        }
        let (capacity, ahead) = (config.capacity, mem::take(&mut config.pre_initialize));
        let slots = FixedStore::new(config, Intrusive::default(), NoHooks, provider)?;
        let mut store = Self {
            recycle,
            // SAFETY: no room.
            idle: unsafe { Idle::new(NonNull::dangling(), 0) },
            desk: Desk::new(),
            slots,
        };
        if capacity > 0 {
            let too_many = ConfigError::knob_out_of_range(
                "capacity",
                Given::Number(capacity),
                Allowed::Range {
                    least: 0,
                    most: isize::MAX as usize / size_of::<NonNull<u8>>(),
                    unit: "objects",
                },
            );
            let layout = Idle::layout(capacity).ok_or(too_many)?;
            let memory = request(store.slots.provider(), layout)?.ptr.cast();
            store.slots.stats().chunk_added(layout.size());
            // SAFETY: a chunk of this layout, and nobody else's.
            store.idle = unsafe { Idle::new(memory, capacity) };
        }
        if ahead {
            while store.make_idle() {}
        }
        Ok(store)
    }

    /// Makes one more object and keeps it idle; `false` when no slot is free.
    fn make_idle(&self) -> bool {
        let Some(slot) = self.slots.take() else {
            return false;
        };
        self.create(slot);
        self.keep(slot);
        true
    }

    /// Makes an object in a slot just taken.
    #[inline(never)]
    pub(super) fn create(&self, slot: NonNull<u8>) {
        // SAFETY: taken, empty, and not used if this runs.
        let back = PutBack::new(|| unsafe { self.free(slot) });
        let object = self.recycle.create(); // USER CODE
        back.disarm();
        // SAFETY: the slot is ours, empty and made for this type.
        unsafe { slot.cast::<T>().write(object) };
        self.slots.stats().created();
    }

    /// Puts a slot whose object is ready, or will be when it is handed out, on the idle ones.
    #[inline(always)]
    pub(super) fn keep(&self, slot: NonNull<u8>) {
        tools::slot_closed(slot, self.slots.run.stride());
        // SAFETY: every slot is on the stack once at most (invariant 1), and there is room for all.
        unsafe { self.idle.push(slot) };
    }

    /// A slot with an object that is nobody's now.
    #[inline(always)]
    pub(super) fn pop(&self) -> Option<NonNull<u8>> {
        let slot = self.idle.pop()?;
        tools::slot_opened(slot, self.slots.run.stride());
        Some(slot)
    }

    /// An empty slot.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn take(&self) -> Option<NonNull<u8>> {
        self.slots.take()
    }

    /// Frees a slot, or hands it over if somebody waits: then wakers run.
    ///
    /// # Safety
    ///
    /// `slot` is taken, empty, the caller's, and not used any more.
    pub(super) unsafe fn free(&self, slot: NonNull<u8>) {
        if self.desk.is_wanted() {
            // SAFETY: the caller's promise.
            return unsafe { self.offer_free(slot) }; // USER CODE
        }
        // SAFETY: the caller's promise.
        unsafe { self.slots.put(slot) }
    }

    /// Hands a slot with an object over to who has waited longest, or keeps it.
    ///
    /// # Safety
    ///
    /// As for [`park`](Self::park), of an object that was reset if it is the time.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn offer_idle(&self, slot: NonNull<u8>) {
        if !self.desk.hand_over(Offer::Idle(slot)) {
            self.keep(slot);
        }
    }

    /// Hands an empty slot over to who has waited longest, or frees it.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[cold]
    #[inline(never)]
    unsafe fn offer_free(&self, slot: NonNull<u8>) {
        // A future that is given it may be forgotten, and the slot then holds nothing.
        let vacant = &self.slots.vacant;
        vacant.set(vacant.get() + 1);
        if !self.desk.hand_over(Offer::Free(slot)) {
            vacant.set(vacant.get() - 1);
            // SAFETY: the caller's promise.
            unsafe { self.slots.put(slot) };
        }
    }

    /// The handle of an object that is ready.
    ///
    /// # Safety
    ///
    /// `slot` is taken and holds a live object that is the caller's.
    #[inline(always)]
    pub(super) unsafe fn hand_out(&self, slot: NonNull<u8>) -> Recycled<'_, T, K, P> {
        self.slots.stats().allocated();
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot.cast(), self.home()) }
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, cause: Cause) -> AllocError {
        self.slots.stats().refused(cause.kind());
        AllocError::new((), cause)
    }

    #[inline(always)]
    pub(in crate::pool) fn acquire(&self) -> Result<Recycled<'_, T, K, P>, AllocError> {
        let slot = match self.pop() {
            // SAFETY: just popped.
            Some(slot) if unsafe { self.make_ready(slot) } => slot,
            _ => self.acquire_slow()?,
        };
        // SAFETY: a live object that is ours alone.
        Ok(unsafe { self.hand_out(slot) })
    }

    /// Another idle object, as long as there are some, or a new one.
    #[cold]
    #[inline(never)]
    fn acquire_slow(&self) -> Result<NonNull<u8>, AllocError> {
        // Counted, because a discarded object may be attached again by user code.
        for _ in 0..self.idle.len() {
            let Some(slot) = self.pop() else { break };
            // SAFETY: just popped.
            if unsafe { self.make_ready(slot) } {
                return Ok(slot);
            }
        }
        let Some(slot) = self.slots.take() else {
            return Err(self.refused(Cause::exhausted(self.slots.capacity())));
        };
        self.create(slot);
        Ok(slot)
    }

    /// Checks an idle object, and resets it if now is the time; `false` when it was discarded.
    ///
    /// # Safety
    ///
    /// `slot` was just popped.
    #[inline(always)]
    unsafe fn make_ready(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: the caller's promise.
        let ready = unsafe { self.check(slot) };
        if !ready {
            // SAFETY: popped and not used any more.
            unsafe { self.discard(slot) };
        }
        ready
    }

    /// As [`make_ready`](Self::make_ready); an object that is not valid is replaced where it is.
    ///
    /// # Safety
    ///
    /// `slot` was just popped, or handed over.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) unsafe fn make_ready_here(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        if unsafe { self.check(slot) } {
            return;
        }
        // SAFETY: live and the caller's; the slot is empty from here on.
        let object = unsafe { slot.cast::<T>().read() };
        // SAFETY: taken, empty, and not used if this runs.
        let back = PutBack::new(|| unsafe { self.free(slot) });
        self.slots.stats().discarded();
        self.recycle.discard(object); // USER CODE
        back.disarm();
        self.create(slot);
    }

    /// Checks an idle object, and resets it if now is the time; `false` when it is not valid.
    ///
    /// # Safety
    ///
    /// `slot` was just popped, or handed over.
    #[inline(always)]
    unsafe fn check(&self, slot: NonNull<u8>) -> bool {
        let doomed = Doomed {
            store: self,
            slot,
            in_use: false,
        };
        // SAFETY: an idle object is live and, popped, ours alone; the reference ends with the call.
        let valid = self.recycle.is_valid(unsafe { slot.cast::<T>().as_ref() }); // USER CODE
        if valid && K::RESET_AT == ResetAt::Acquire {
            // SAFETY: as above.
            self.recycle.reset(unsafe { slot.cast::<T>().as_mut() }); // USER CODE
            self.slots.stats().reset();
        }
        mem::forget(doomed);
        if !valid {
            self.slots.stats().rejected();
        }
        valid
    }

    /// Frees the slot of an object, and then hands the object to the discard hook.
    ///
    /// # Safety
    ///
    /// `slot` is taken, holds a live object that is the caller's, and is not used any more.
    #[cold]
    #[inline(never)]
    unsafe fn discard(&self, slot: NonNull<u8>) {
        // SAFETY: live and the caller's; the slot is given up on the next line.
        let object = unsafe { slot.cast::<T>().read() };
        self.slots.stats().discarded();
        // Also if the waker of who is given the slot panics.
        let _gone = PutBack::new(move || self.recycle.discard(object)); // USER CODE
        // SAFETY: empty since the line above.
        unsafe { self.free(slot) };
    }

    /// Discards idle objects, `most` at most; goes on when a hook has panicked. How many went.
    pub(in crate::pool) fn discard_idle(&self, most: usize) -> usize {
        struct Rest<'s, T, K: Recycle<T>, P: Provider>(&'s RecycleStore<T, K, P>, usize);

        impl<T, K: Recycle<T>, P: Provider> Drop for Rest<'_, T, K, P> {
            fn drop(&mut self) {
                self.0.discard_idle(self.1);
            }
        }

        for gone in 0..most {
            let Some(slot) = self.pop() else { return gone };
            let rest = Rest(self, most - gone - 1);
            // SAFETY: just popped.
            unsafe { self.discard(slot) };
            mem::forget(rest);
        }
        most
    }

    pub(in crate::pool) fn attach(&self, object: T) -> Result<(), AllocError<T>> {
        let Some(slot) = self.slots.take() else {
            let cause = Cause::exhausted(self.slots.capacity());
            self.slots.stats().refused(cause.kind());
            return Err(AllocError::new(object, cause));
        };
        // SAFETY: the slot is ours, empty and made for this type.
        unsafe { slot.cast::<T>().write(object) };
        // SAFETY: taken by us; the object is in it.
        unsafe { self.park(slot, false) };
        Ok(())
    }

    /// Resets an object if now is the time, and keeps it.
    ///
    /// # Safety
    ///
    /// `slot` is taken, holds a live object that is the caller's, and is not used any more. `in_use`
    /// says whether it was handed out.
    #[inline(always)]
    unsafe fn park(&self, slot: NonNull<u8>, in_use: bool) {
        if K::RESET_AT == ResetAt::Release {
            let doomed = Doomed {
                store: self,
                slot,
                in_use,
            };
            // SAFETY: live and the caller's alone; the reference ends with the call.
            self.recycle.reset(unsafe { slot.cast::<T>().as_mut() }); // USER CODE
            self.slots.stats().reset();
            mem::forget(doomed);
        }
        if in_use {
            self.slots.stats().freed();
        }
        if self.desk.is_wanted() {
            // SAFETY: the caller's promise; it was reset.
            return unsafe { self.offer_idle(slot) }; // USER CODE
        }
        self.keep(slot);
    }

    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live object of this pool that is in use and that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(&self, slot: NonNull<T>) -> Recycled<'_, T, K, P> {
        if cfg!(debug_assertions) {
            let address = slot.as_ptr().addr();
            if self.slots.index_at(address).is_none() {
                report(Corruption::ForeignPointer { address });
            }
            if self.idle.recently_pushed(slot.cast(), DEBUG_SEARCH) {
                report(Corruption::DoubleFree { address });
            }
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, self.home()) }
    }

    #[inline(always)]
    fn home(&self) -> RecycleHome<'_, T, K, P> {
        RecycleHome(self)
    }

    pub(in crate::pool) fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    pub(in crate::pool) fn idle(&self) -> usize {
        self.idle.len()
    }

    pub(in crate::pool) fn in_use(&self) -> usize {
        self.slots.in_use() - self.idle.len()
    }

    pub(in crate::pool) fn provider(&self) -> &P {
        self.slots.provider()
    }

    pub(in crate::pool) fn recycle(&self) -> &K {
        &self.recycle
    }

    /// What was counted.
    #[cfg(feature = "stats")]
    pub(in crate::pool) fn slots(&self) -> &impl Store {
        &self.slots
    }

    /// Discards the idle objects and drops those whose handles were forgotten; goes on when one
    /// panics.
    pub(in crate::pool) fn clear(&mut self) {
        struct Forgotten<'s, T, K: Recycle<T>, P: Provider>(&'s mut RecycleStore<T, K, P>);

        impl<T, K: Recycle<T>, P: Provider> Drop for Forgotten<'_, T, K, P> {
            fn drop(&mut self) {
                super::clear(&mut self.0.slots);
            }
        }

        // Idle ones first: what is taken afterwards was forgotten. Should a waker panic, somebody waited, and nothing is
        // idle then.
        let forgotten = Forgotten(self);
        forgotten.0.desk.forget(); // USER CODE
        forgotten.0.discard_idle(usize::MAX);
    }
}

/// An object whose hook is running: if that panics, the object is dropped and its slot is free.
struct Doomed<'s, T, K: Recycle<T>, P: Provider> {
    store: &'s RecycleStore<T, K, P>,
    slot: NonNull<u8>,
    /// Whether the object was handed out, and counted so.
    in_use: bool,
}

impl<T, K: Recycle<T>, P: Provider> Drop for Doomed<'_, T, K, P> {
    #[cold]
    fn drop(&mut self) {
        let (store, slot) = (self.store, self.slot);
        let stats: &Collector = store.slots.stats();
        stats.discarded();
        if self.in_use {
            stats.freed();
        }
        // SAFETY: taken, and its object is gone when this runs.
        let _back = PutBack::new(|| unsafe { store.free(slot) });
        // SAFETY: a live object that belongs to whoever made the guard; dropped once.
        unsafe { slot.cast::<T>().drop_in_place() }; // USER CODE
    }
}

impl<T, K: Recycle<T>, P: Provider> Drop for RecycleStore<T, K, P> {
    fn drop(&mut self) {
        /// Gives the stack's memory back even if a hook panics.
        struct End<'s, T, K: Recycle<T>, P: Provider>(&'s mut RecycleStore<T, K, P>);

        impl<T, K: Recycle<T>, P: Provider> Drop for End<'_, T, K, P> {
            fn drop(&mut self) {
                let room = self.0.idle.room();
                if let Some(layout) = Idle::layout(room).filter(|layout| layout.size() > 0) {
                    // SAFETY: invariant 2; this is the end of the stack.
                    unsafe { self.0.provider().free(self.0.idle.memory(), layout) }; // USER CODE
                }
            }
        }

        // What was forgotten is dropped with `slots`, after this.
        let end = End(self);
        end.0.desk.forget(); // USER CODE
        end.0.discard_idle(usize::MAX);
    }
}

impl<T, K: Recycle<T>, P: Provider> fmt::Debug for RecycleStore<T, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecycleStore").finish_non_exhaustive()
    }
}

// A panic in user code leaves the pool exact, so looking at it afterwards is fine.
impl<T, K, P> RefUnwindSafe for RecycleStore<T, K, P>
where
    T: RefUnwindSafe,
    K: Recycle<T> + RefUnwindSafe,
    P: Provider + RefUnwindSafe,
{
}

/// How an object of a [`RecyclePool`](crate::RecyclePool) comes home: a reference to the pool.
pub struct RecycleHome<'p, T, K: Recycle<T>, P: Provider = Global>(&'p RecycleStore<T, K, P>);

impl<T, K: Recycle<T>, P: Provider> fmt::Debug for RecycleHome<'_, T, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecycleHome({:p})", ptr::from_ref(self.0))
    }
}

// SAFETY: the pool's handles point to its slots, which hold a `T`.
unsafe impl<T, K: Recycle<T>, P: Provider> ValueHome for RecycleHome<'_, T, K, P> {
    type Value = T;
}

// SAFETY: the store is borrowed for 'p, so it and its memory stay; a guard drops the object and
// frees the slot when a hook panics. It is no `PinHome`: hooks get `&mut`.
unsafe impl<T, K: Recycle<T>, P: Provider> Home for RecycleHome<'_, T, K, P> {
    /// There is no hook for an object that was put back by hand.
    unsafe fn welcome(&self, _slot: NonNull<u8>) {}

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise; handles own objects that were handed out.
        unsafe { self.0.park(slot, true) };
    }

    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        let (from, into) = (slot.cast::<T>(), into.cast::<T>());
        // SAFETY: a live object of the caller's, moved once, to a place that may be written.
        unsafe { into.copy_from_nonoverlapping(from, 1) };
        self.0.slots.stats().freed();
        // SAFETY: empty since the copy.
        let put = || unsafe { self.0.free(slot) };
        // SAFETY: moved there just now.
        unsafe { put_after_move(into, put) };
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        let vacant = &self.0.slots.vacant;
        vacant.set(vacant.get() - 1);
        self.0.slots.stats().freed();
        // SAFETY: handed out empty, and not used any more.
        unsafe { self.0.free(slot) };
    }

    unsafe fn occupy(&self, _slot: NonNull<u8>) {
        let vacant = &self.0.slots.vacant;
        vacant.set(vacant.get() - 1);
    }
}

/// Moves the object out and keeps the slot for another one.
pub(in crate::pool) fn detach<T, K: Recycle<T>, P: Provider>(
    handle: Recycled<'_, T, K, P>,
) -> (T, RecycledVacant<'_, T, K, P>) {
    let (slot, home) = OwnedHandle::into_parts(handle);
    // SAFETY: the handle owned a live object, which moves out once.
    let object = unsafe { slot.read() };
    let vacant = &home.0.slots.vacant;
    vacant.set(vacant.get() + 1);
    // SAFETY: in use, empty now, and counted as vacant; the home is the slot's.
    (object, unsafe { VacantHandle::new(slot, home) })
}

/// An object in use of a [`RecyclePool`](crate::RecyclePool): two words. Dropping it gives the
/// object back to the pool, still constructed.
pub type Recycled<'p, T, K, P = Global> = OwnedHandle<'p, T, RecycleHome<'p, T, K, P>>;

/// A slot of a [`RecyclePool`](crate::RecyclePool) whose object was
/// [detached](crate::RecyclePool::detach).
pub type RecycledVacant<'p, T, K, P = Global> = VacantHandle<'p, T, RecycleHome<'p, T, K, P>>;
