//! How slots of slabs that threads share come home: an address is enough, and the lock is beside
//! the slabs.

use core::{fmt, marker::PhantomData, ptr::NonNull};

use lock_api::{MutexGuard, RawMutex};

use super::{
    Initial, Store, Walked,
    growing::SlabOf,
    locked::{Guarded, LockedStore},
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use super::{
    doors::Handle,
    waiting::{Found, Waits},
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use crate::raw::wait::{Given, Held, Queued, WaitQueue};
use crate::{
    corruption::{Corruption, report},
    error::Cause,
    handle::{OwnedHandle, VacantHandle},
    provider::{Global, Provider},
    raw::{
        Home, Hooks, MOST_PER_FREE, NoHooks, PinHome, Slab, SlabCursor, Slabs, ValueHome, release,
        retire, welcome,
    },
    stats::Collector,
    sync::{DefaultLock, atomic::Ordering},
};

/// How many free slots of a slab a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    LockedStore<T, R, K, P, SLAB_BYTES>
{
    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live value of this pool that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(
        &self,
        slot: NonNull<T>,
    ) -> ThreadSafeHandle<'_, T, R, K, P, SLAB_BYTES> {
        if cfg!(debug_assertions) {
            let address = slot.as_ptr().addr();
            // SAFETY: a slot of one of our slabs, by the caller's promise.
            if !unsafe { self.owns_slot(slot.cast()) } {
                report(Corruption::ForeignPointer { address });
            }
            // SAFETY: as above.
            let slab = unsafe { Slab::of(slot.cast(), SlabOf::<T, SLAB_BYTES>::SIZE) };
            let held = self.slabs().beside().lock.lock();
            let freed = self.slabs().recently_freed(slab, slot.cast(), DEBUG_SEARCH);
            drop(held);
            if freed {
                report(Corruption::DoubleFree { address });
            }
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, LockedHome::new()) }
    }

    /// Whether `slot` is one of this pool's.
    ///
    /// # Safety
    ///
    /// It is a slot in use of a pool of these parameters.
    pub(super) unsafe fn owns_slot(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: a slot of a slab of this size, by the caller's promise.
        let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
        // SAFETY: as above; the owner never changes.
        unsafe { slab.as_ref() }.owner() == self.slabs.cast()
    }
}

// SAFETY: slabs hand out slots made for `T`, each once until it is put back, one thread at a time
// (invariant 4); the home leads back to them; the walk is the slabs', by who has the store alone.
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Store
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    type Value = T;
    type Hooks = K;
    type Home<'p>
        = LockedHome<'p, T, R, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        self.take_current(&self.lock())
    }

    fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        loop {
            if let Some(slot) = self.take_any() {
                return Ok(slot);
            }
            self.grow()?;
        }
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { put::<T, R, K, P, SLAB_BYTES>(slot, false) }
    }

    #[inline(always)]
    unsafe fn give_back(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { put::<T, R, K, P, SLAB_BYTES>(slot, true) }
    }

    #[inline(always)]
    fn count<C>(&self, f: impl FnOnce(&Collector) -> C) -> C {
        let _held = Collector::ACTIVE.then(|| self.lock());
        f(self.slabs().stats())
    }

    #[inline(always)]
    fn hooks(&self) -> &K {
        &self.slabs().beside().hooks
    }

    fn initial(&self) -> &Initial<T> {
        &self.initial
    }

    fn unpark(&self) -> Option<NonNull<u8>> {
        let _held = self.lock();
        self.initial.unpark()
    }

    fn vacant(&self) -> usize {
        // Relaxed: asked by who has the store alone, which orders it after every change.
        self.slabs().beside().vacant.load(Ordering::Relaxed)
    }

    fn add_vacant(&self) {
        // Relaxed: a count that publishes nothing.
        self.slabs().beside().vacant.fetch_add(1, Ordering::Relaxed);
    }

    #[inline(always)]
    fn home(&self) -> LockedHome<'_, T, R, K, P, SLAB_BYTES> {
        LockedHome::new()
    }
}

// SAFETY: the walk is that of the memory itself, which knows every taken slot.
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Walked
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    type Cursor = SlabCursor;

    fn walk(&mut self) -> Self::Cursor {
        self.initial.sort();
        self.slabs().walk()
    }

    fn next_taken(&self, cursor: &mut Self::Cursor) -> Option<NonNull<u8>> {
        self.slabs().next_live(cursor)
    }

    fn end_walk(&self) {
        self.slabs().end_walk();
    }
}

/// How a slot of a [`ThreadSafePool`](crate::ThreadSafePool) is returned: its slab is found from its
/// address, so this takes no room.
pub struct LockedHome<
    'p,
    T,
    R: RawMutex = DefaultLock,
    K: Hooks<T> = NoHooks,
    P: Provider = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
>(PhantomData<&'p LockedStore<T, R, K, P, SLAB_BYTES>>);

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    LockedHome<'_, T, R, K, P, SLAB_BYTES>
{
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for LockedHome<'_, T, R, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockedHome")
    }
}

// SAFETY: the pool's handles point to its slots, which hold a `T`.
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> ValueHome
    for LockedHome<'_, T, R, K, P, SLAB_BYTES>
{
    type Value = T;
}

// SAFETY: `NoHooks` never sees a value; a provider that is `'static` keeps the memory of a forgotten
// pool for ever; walks that give out `&mut T` or move a value ask for `T: Unpin`.
unsafe impl<T, R: RawMutex, P: Provider + 'static, const SLAB_BYTES: usize> PinHome
    for LockedHome<'_, T, R, NoHooks, P, SLAB_BYTES>
{
}

// SAFETY: the store is borrowed for 'p, so its slabs with slots in use stay; the order of things,
// whatever panics, is that of `raw`, and no user code runs under the lock. It is `Send` only if the
// store is `Sync`, hence `T: Send`.
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Home
    for LockedHome<'_, T, R, K, P, SLAB_BYTES>
{
    #[inline]
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) }.beside();
        // SAFETY: a live value that is the caller's; if the hook panics nobody uses the slot.
        unsafe {
            welcome(&beside.hooks, slot.cast::<T>(), || {
                put::<T, R, K, P, SLAB_BYTES>(slot, true);
            });
        }
    }

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) }.beside();
        // SAFETY: a live value that is the caller's, gone when the slot goes back.
        unsafe {
            retire(&beside.hooks, slot.cast::<T>(), || {
                put::<T, R, K, P, SLAB_BYTES>(slot, true);
            });
        }
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) }.beside();
        // SAFETY: as for `retire`; `into` has room for a `T`.
        unsafe {
            release(&beside.hooks, slot.cast::<T>(), into.cast(), || {
                put::<T, R, K, P, SLAB_BYTES>(slot, true);
            });
        }
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) }.beside();
        // Relaxed: a count that publishes nothing.
        beside.vacant.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: handed out empty; room for a `T`.
        unsafe { beside.hooks.scrub(slot.cast()) };
        // SAFETY: handed out empty, and not used any more.
        unsafe { put::<T, R, K, P, SLAB_BYTES>(slot, true) }
    }

    unsafe fn occupy(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) }.beside();
        // Relaxed: a count that publishes nothing.
        beside.vacant.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An owned value in a [`ThreadSafePool`](crate::ThreadSafePool): one word.
pub type ThreadSafeHandle<
    'p,
    T,
    R = DefaultLock,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = OwnedHandle<'p, T, LockedHome<'p, T, R, K, P, SLAB_BYTES>>;

/// An empty slot of a [`ThreadSafePool`](crate::ThreadSafePool).
pub type ThreadSafeVacant<
    'p,
    T,
    R = DefaultLock,
    K = NoHooks,
    P = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
> = VacantHandle<'p, T, LockedHome<'p, T, R, K, P, SLAB_BYTES>>;

/// What owns the slab that a slot lies in.
///
/// # Safety
///
/// `slot` is in use in a store of these parameters, which outlives the borrow.
#[inline(always)]
unsafe fn owner<T, R: RawMutex, K, P: Provider, const SLAB_BYTES: usize>(
    slot: &NonNull<u8>,
) -> &Slabs<P, Guarded<R, K>> {
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { Slab::of(*slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
    // SAFETY: the slab holds a slot in use, so it exists; its changing fields are cells, and this
    // one does not change.
    let owner = unsafe { slab.as_ref() }.owner();
    // SAFETY: a store of these parameters owns it.
    unsafe { owner.cast::<Slabs<P, Guarded<R, K>>>().as_ref() }
}

/// Puts a slot back into the slab that its address names, and counts it if a user had it.
///
/// # Safety
///
/// As for [`Store::put`], for any store of these parameters.
#[inline(always)]
pub(super) unsafe fn put<T, R: RawMutex, K, P: Provider, const SLAB_BYTES: usize>(
    slot: NonNull<u8>,
    counted: bool,
) {
    // SAFETY: the slot is in use.
    let owner = unsafe { owner::<T, R, K, P, SLAB_BYTES>(&slot) };
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
    let (size, wide) = (SlabOf::<T, SLAB_BYTES>::SIZE, SlabOf::<T, SLAB_BYTES>::WIDE);
    let stride = owner.shape().stride();
    let mut held = owner.beside().lock.lock();
    if counted {
        owner.stats().freed();
    }
    let desk = &owner.beside().desk;
    while desk.is_wanted() {
        drop(held);
        // Relaxed, twice: a count that publishes nothing.
        owner.beside().vacant.fetch_add(1, Ordering::Relaxed);
        if desk.hand_over(slot) {
            return;
        }
        owner.beside().vacant.fetch_sub(1, Ordering::Relaxed);
        held = owner.beside().lock.lock();
    }
    // SAFETY: a slab of this shape; the slot is the caller's; the lock is held.
    if unsafe { Slab::put(slab, slot, size, stride, wide) } {
        notified(owner, slab, held);
    }
}

/// Moves a slab whose `put` answered `true` to the shelf it belongs to now, and returns slabs to the
/// provider, which runs while nothing is locked.
#[cold]
#[inline(never)]
fn notified<R: RawMutex, K, P: Provider>(
    owner: &Slabs<P, Guarded<R, K>>,
    slab: NonNull<Slab>,
    held: MutexGuard<'_, R, ()>,
) {
    let empty = owner.refile(slab);
    drop(held);
    if !empty {
        return;
    }
    for _ in 0..MOST_PER_FREE {
        let spare = {
            let _held = owner.beside().lock.lock();
            owner.detach_spare()
        };
        let Some(slab) = spare else {
            break;
        };
        owner.give_back(slab); // USER CODE
    }
}

#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    LockedStore<T, R, K, P, SLAB_BYTES>
{
    /// Nobody waits from now on.
    pub(in crate::pool) fn close(&self) {
        self.slabs().beside().desk.close();
    }
}

#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Queued
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    type State = bool;
    type Demand = ();
    type Grant = Given;
    type Lock = DefaultLock;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn queue(&self) -> &WaitQueue<bool, (), Given> {
        &self.slabs().beside().desk.queue
    }

    fn left(&self, (): (), answer: Option<Given>) {
        match answer {
            Some(Given(Some(slot))) => {
                self.claimed(slot);
                // SAFETY: handed over, not used, and not counted as allocated.
                unsafe { self.put(slot) }
            }
            Some(Given(None)) => {}
            None => {
                let desk = &self.slabs().beside().desk;
                let held = desk.queue.lock();
                desk.settle(held.waiting());
            }
        }
    }
}

// SAFETY: `put` hands over slots that are its caller's and hold nothing; `want` takes a free one.
#[cfg(all(feature = "async", target_has_atomic = "64"))]
unsafe impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Waits
    for LockedStore<T, R, K, P, SLAB_BYTES>
{
    type Kept<'p>
        = ThreadSafeHandle<'p, T, R, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn want(&self, held: &mut Held<'_, bool, (), Given>) -> Found {
        let desk = &self.slabs().beside().desk;
        desk.want();
        // Who waits already is before the caller, and a slot that is free now will be handed to them.
        if held.waiting() > 0 {
            return Found::Nothing;
        }
        // While somebody waits no slab becomes empty, so the room that there is not now does not come either.
        let found = match self.take_any() {
            Some(slot) => Found::Slot(slot),
            None if self.may_grow() => Found::Room,
            None => return Found::Nothing,
        };
        desk.settle(0);
        found
    }

    fn claimed(&self, _: NonNull<u8>) {
        // Relaxed: a count that publishes nothing.
        self.slabs().beside().vacant.fetch_sub(1, Ordering::Relaxed);
    }

    fn keep<'p>(handle: Handle<'p, Self>) -> Self::Kept<'p>
    where
        Self: 'p,
    {
        handle
    }
}
