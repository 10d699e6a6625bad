//! How slots that threads share come home without a lock: an address is enough.

use core::{alloc::Layout, fmt, marker::PhantomData, ptr::NonNull};

use super::{
    Initial, Store,
    growing::SlabOf,
    lock_free::{Core, LockFreeStore, end},
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use super::{
    doors::Handle,
    waiting::{Found, Waits},
};
use crate::{
    corruption::{Corruption, hooks, report},
    error::Cause,
    handle::{OwnedHandle, VacantHandle},
    layout::SlotLayout,
    provider::{Global, Provider},
    raw::{
        Home, Hooks, NoHooks, PinHome, PutBack, ValueHome,
        depot::{Depot, SharedSlab, table},
        put_after_move, release, retire, welcome,
    },
    stats::Collector,
};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
use crate::{
    raw::wait::{Given, Held, Queued, WaitQueue},
    sync::DefaultLock,
};

/// How many free slots of its thread a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>
    LockFreeStore<T, K, P, SLAB_BYTES>
{
    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live value of this pool that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(
        &self,
        slot: NonNull<T>,
    ) -> LockFreeHandle<T, K, P, SLAB_BYTES> {
        if cfg!(debug_assertions) {
            let (address, depot) = (slot.as_ptr().addr(), &self.core().depot);
            // SAFETY: a slot of a slab of this size, by the caller's promise.
            let ours = unsafe { self.owns_slot(slot.cast()) };
            if !ours || !depot.fresh().is_slot(slot.cast()) {
                report(Corruption::ForeignPointer { address });
            }
            if depot.recently_freed(slot.cast(), DEBUG_SEARCH) {
                report(Corruption::DoubleFree { address });
            }
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, LockFreeHome::new()) }
    }

    /// As `take`, where this thread has no cache: always so in a pool that counts exactly. Not inlined, so
    /// that the way over a cache stays short.
    #[inline(never)]
    fn take_uncached(&self) -> Option<NonNull<u8>> {
        let slot = self.core().depot.take_exact()?;
        opened::<T>(slot);
        Some(slot)
    }

    /// Whether `handle` is one of this pool's.
    pub(in crate::pool) fn owns(
        &self,
        handle: &OwnedHandle<'_, T, LockFreeHome<T, K, P, SLAB_BYTES>>,
    ) -> bool {
        // SAFETY: a handle with such a home has a slot in use of a store of these parameters.
        unsafe { self.owns_slot(OwnedHandle::as_ptr(handle).cast()) }
    }

    /// Whether `slot` is one of this pool's.
    ///
    /// # Safety
    ///
    /// It is a slot in use of a pool of these parameters.
    pub(super) unsafe fn owns_slot(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: a slot of a slab of this size, by the caller's promise.
        let slab = unsafe { SharedSlab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
        slab.owner() == NonNull::from(self.core()).cast()
    }
}

// SAFETY: the depot hands out slots made for `T`, each once until it is put back, to whichever thread;
// the home leads back to it, and the depot stays until all slots are back.
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Store
    for LockFreeStore<T, K, P, SLAB_BYTES>
{
    type Value = T;
    type Hooks = K;
    type Home<'p>
        = LockFreeHome<T, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        let Some(cache) = table::find(self.pool()) else {
            return self.take_uncached();
        };
        // SAFETY: in the table, which is this thread's; closed if it is for another pool.
        let slot = unsafe { cache.as_ref() }.pop()?;
        opened::<T>(slot);
        Some(slot)
    }

    fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        loop {
            if let Some(slot) = self.core().depot.take() {
                opened::<T>(slot);
                return Ok(slot);
            }
            self.find_more()?;
        }
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { put::<T, K, P, SLAB_BYTES>(slot, false) }
    }

    #[inline(always)]
    unsafe fn give_back(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { put::<T, K, P, SLAB_BYTES>(slot, true) }
    }

    #[inline(always)]
    fn count<C>(&self, f: impl FnOnce(&Collector) -> C) -> C {
        if Collector::ACTIVE {
            self.core().depot.count(f)
        } else {
            f(&Collector::new())
        }
    }

    #[inline(always)]
    fn hooks(&self) -> &K {
        &self.core().hooks
    }

    fn initial(&self) -> &Initial<T> {
        &self.core().initial
    }

    fn unpark(&self) -> Option<NonNull<u8>> {
        // Nothing is made ahead.
        None
    }

    fn vacant(&self) -> usize {
        // Nobody walks, so nobody asks.
        0
    }

    fn add_vacant(&self) {}

    #[inline(always)]
    fn home(&self) -> LockFreeHome<T, K, P, SLAB_BYTES> {
        LockFreeHome::new()
    }
}

/// How a slot of a [`LockFreePool`](crate::LockFreePool) is returned: its slab is found from its
/// address, and its pool from the slab, so this takes no room and needs no pool that is still there.
pub struct LockFreeHome<
    T,
    K: Hooks<T> = NoHooks,
    P: Provider + 'static = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
>(PhantomData<*mut (T, K, P)>);

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>
    LockFreeHome<T, K, P, SLAB_BYTES>
{
    #[inline(always)]
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

// SAFETY: through the home a value is dropped on another thread, by hooks that others use too, and
// memory given back to a provider from there; the depot is made for that.
unsafe impl<T, K, P, const SLAB_BYTES: usize> Send for LockFreeHome<T, K, P, SLAB_BYTES>
where
    T: Send,
    K: Hooks<T> + Send + Sync,
    P: Provider + Send + Sync + 'static,
{
}

// SAFETY: as above.
unsafe impl<T, K, P, const SLAB_BYTES: usize> Sync for LockFreeHome<T, K, P, SLAB_BYTES>
where
    T: Send,
    K: Hooks<T> + Send + Sync,
    P: Provider + Send + Sync + 'static,
{
}

impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> fmt::Debug
    for LockFreeHome<T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockFreeHome")
    }
}

// SAFETY: the pool's handles point to its slots, which hold a `T`.
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> ValueHome
    for LockFreeHome<T, K, P, SLAB_BYTES>
{
    type Value = T;
}

// SAFETY: `NoHooks` never sees a value; the memory of a forgotten value stays for ever, as its slot
// never comes back.
unsafe impl<T, P: Provider + 'static, const SLAB_BYTES: usize> PinHome
    for LockFreeHome<T, NoHooks, P, SLAB_BYTES>
{
}

// SAFETY: a slot in use keeps the depot and all memory of the pool; the order of things, whatever
// panics, is that of `raw`, and no user code runs in a busy section. `Send` as above.
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Home
    for LockFreeHome<T, K, P, SLAB_BYTES>
{
    // The slot may be the last that keeps the pool, hooks included: it goes back when the calls that
    // borrow the hooks have returned.

    #[inline]
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's, and used by nobody if this runs.
        let back = PutBack::new(|| unsafe { put::<T, K, P, SLAB_BYTES>(slot, true) });
        // SAFETY: the slot is in use.
        let core = unsafe { core::<T, K, P, SLAB_BYTES>(&slot) };
        // SAFETY: a live value that is the caller's.
        unsafe { welcome(&core.hooks, slot.cast::<T>(), || ()) };
        back.disarm();
    }

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's; its value is gone when this runs.
        let _back = PutBack::new(|| unsafe { put::<T, K, P, SLAB_BYTES>(slot, true) });
        // SAFETY: the slot is in use.
        let core = unsafe { core::<T, K, P, SLAB_BYTES>(&slot) };
        // SAFETY: a live value that is the caller's.
        unsafe { retire(&core.hooks, slot.cast::<T>(), || ()) };
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: as in `retire`.
        let back = PutBack::new(|| unsafe { put::<T, K, P, SLAB_BYTES>(slot, true) });
        // SAFETY: the slot is in use.
        let core = unsafe { core::<T, K, P, SLAB_BYTES>(&slot) };
        // SAFETY: as for `retire`; `into` has room for a `T`.
        unsafe { release(&core.hooks, slot.cast::<T>(), into.cast(), || ()) };
        // SAFETY: moved there just now.
        unsafe { put_after_move(into.cast::<T>(), || drop(back)) };
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let core = unsafe { core::<T, K, P, SLAB_BYTES>(&slot) };
        // SAFETY: handed out empty; room for a `T`.
        unsafe { core.hooks.scrub(slot.cast()) };
        // SAFETY: handed out empty, and not used any more.
        unsafe { put::<T, K, P, SLAB_BYTES>(slot, true) }
    }

    unsafe fn occupy(&self, _: NonNull<u8>) {}
}

/// An owned value in a [`LockFreePool`](crate::LockFreePool): one word, good wherever and however long
/// it is kept.
pub type LockFreeHandle<T, K = NoHooks, P = Global, const SLAB_BYTES: usize = { 64 * 1024 }> =
    OwnedHandle<'static, T, LockFreeHome<T, K, P, SLAB_BYTES>>;

/// An empty slot of a [`LockFreePool`](crate::LockFreePool).
pub type LockFreeVacant<T, K = NoHooks, P = Global, const SLAB_BYTES: usize = { 64 * 1024 }> =
    VacantHandle<'static, T, LockFreeHome<T, K, P, SLAB_BYTES>>;

/// A handle that does not borrow the pool, which it does not need.
#[inline(always)]
pub(in crate::pool) fn unbind<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize>(
    handle: OwnedHandle<'_, T, LockFreeHome<T, K, P, SLAB_BYTES>>,
) -> LockFreeHandle<T, K, P, SLAB_BYTES> {
    let (slot, home) = OwnedHandle::into_parts(handle);
    // SAFETY: the slot was that handle's, and is given on; a slot in use keeps all that its home needs.
    unsafe { OwnedHandle::new(slot, home) }
}

/// As [`unbind`], for an empty slot.
pub(in crate::pool) fn unbind_vacant<
    T,
    K: Hooks<T>,
    P: Provider + 'static,
    const SLAB_BYTES: usize,
>(
    vacant: VacantHandle<'_, T, LockFreeHome<T, K, P, SLAB_BYTES>>,
) -> LockFreeVacant<T, K, P, SLAB_BYTES> {
    let mut vacant = core::mem::ManuallyDrop::new(vacant);
    let slot = NonNull::from(vacant.as_uninit_mut()).cast();
    // SAFETY: the slot was that handle's, which is never dropped, and is given on, as in `unbind`.
    unsafe { VacantHandle::new(slot, LockFreeHome::new()) }
}

/// Bytes of a slot, for the tools.
const fn bytes<T>() -> usize {
    match SlotLayout::linked(Layout::new::<T>(), 1) {
        Some(slot) => slot.stride(),
        None => 0,
    }
}

#[inline(always)]
fn opened<T>(slot: NonNull<u8>) {
    hooks::slot_opened(slot, const { bytes::<T>() });
    hooks::slot_taken(slot, const { bytes::<T>() });
}

/// What a slot belongs to.
///
/// # Safety
///
/// `slot` is in use in a store of these parameters.
#[inline(always)]
unsafe fn core<T, K, P, const SLAB_BYTES: usize>(slot: &NonNull<u8>) -> &Core<T, K, P> {
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { SharedSlab::of(*slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
    // SAFETY: the slab's owner is a store of these parameters, and stays as long as the slot is out.
    unsafe { slab.owner().cast().as_ref() }
}

/// Puts a slot back, and counts it if a user had it.
///
/// # Safety
///
/// As for [`Store::put`], for any store of these parameters.
#[inline(always)]
unsafe fn put<T, K, P: Provider, const SLAB_BYTES: usize>(slot: NonNull<u8>, counted: bool) {
    if Collector::ACTIVE && counted {
        // SAFETY: the slot is in use.
        unsafe { core::<T, K, P, SLAB_BYTES>(&slot) }
            .depot
            .count(Collector::freed);
    }
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let pool = unsafe { SharedSlab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) }.pool();
    hooks::slot_put(slot, const { bytes::<T>() });
    let Some(cache) = table::find(pool) else {
        // SAFETY: as promised by the caller.
        return unsafe { put_uncached::<T, K, P, SLAB_BYTES>(slot) };
    };
    // SAFETY: in the table, which is this thread's; closed if it is for another pool.
    if !unsafe { cache.as_ref() }.push(slot) {
        // SAFETY: as promised by the caller.
        unsafe { put_slow::<T, K, P, SLAB_BYTES>(slot) };
    }
}

/// As [`put`], where this thread has no cache: always so in a pool that counts exactly. Not inlined, so
/// that the way over a cache stays short.
///
/// # Safety
///
/// As for `put`.
#[inline(never)]
unsafe fn put_uncached<T, K, P: Provider, const SLAB_BYTES: usize>(slot: NonNull<u8>) {
    let size = SlabOf::<T, SLAB_BYTES>::SIZE;
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { SharedSlab::of(slot, size) };
    let core = slab.owner().cast::<Core<T, K, P>>();
    // SAFETY: the slot keeps the core; not null: a part of it.
    let depot = unsafe { NonNull::new_unchecked(&raw mut (*core.as_ptr()).depot) };
    // SAFETY: the slot is one of this depot, and the caller's.
    match unsafe { Depot::put_exact(depot, slab.number(), slot.as_ptr().addr() & (size - 1)) } {
        Some(Ok(())) => {}
        // SAFETY: it was refused, so it is the caller's still.
        Some(Err(number)) => unsafe { put_refused::<T, K, P, SLAB_BYTES>(core, number) },
        // SAFETY: as promised by the caller.
        None => unsafe { put_slow::<T, K, P, SLAB_BYTES>(slot) },
    }
}

/// As [`put_slow`], of a slot that its pool that counts exactly names by a number.
///
/// # Safety
///
/// The slot of this number of this core is the caller's, as for `put`.
#[cold]
#[inline(never)]
unsafe fn put_refused<T, K, P: Provider, const SLAB_BYTES: usize>(
    core: NonNull<Core<T, K, P>>,
    number: u32,
) {
    // SAFETY: the slot keeps the core.
    let slot = unsafe { core.as_ref() }.depot.counted_slot(number);
    if let Some(slot) = slot {
        // SAFETY: the caller's promise.
        unsafe { put_slow::<T, K, P, SLAB_BYTES>(slot) };
    }
}

/// # Safety
///
/// As for `put`.
#[cold]
#[inline(never)]
unsafe fn put_slow<T, K, P: Provider, const SLAB_BYTES: usize>(slot: NonNull<u8>) {
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { SharedSlab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
    let core = slab.owner().cast::<Core<T, K, P>>();
    let place = core.as_ptr();
    // SAFETY: the slot keeps the core, so its parts are there.
    let (depot, provider) = unsafe { (&raw mut (*place).depot, &raw mut (*place).provider) };
    // SAFETY: not null: parts of the core.
    let (depot, provider) = unsafe {
        (
            NonNull::new_unchecked(depot),
            NonNull::new_unchecked(provider),
        )
    };
    // SAFETY: the slot is one of this depot, and the caller's.
    let put = unsafe { Depot::put(depot, slot, provider) };
    if put.is_last {
        // SAFETY: the depot says so, to one caller.
        unsafe { end(core) };
    }
    put.done();
}

#[cfg(all(feature = "async", target_has_atomic = "64"))]
impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Queued
    for LockFreeStore<T, K, P, SLAB_BYTES>
{
    type State = bool;
    type Demand = ();
    type Grant = Given;
    type Lock = DefaultLock;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn queue(&self) -> &WaitQueue<bool, (), Given> {
        self.core().depot.queue()
    }

    fn left(&self, (): (), answer: Option<Given>) {
        match answer {
            Some(Given(Some(slot))) => {
                self.claimed(slot);
                // SAFETY: handed over, not used, and not counted as allocated.
                unsafe { self.put(slot) }
            }
            Some(Given(None)) => {}
            None => self.core().depot.left(),
        }
    }
}

// SAFETY: what is handed over came from `put`, or is free in the depot.
#[cfg(all(feature = "async", target_has_atomic = "64"))]
unsafe impl<T, K: Hooks<T>, P: Provider + 'static, const SLAB_BYTES: usize> Waits
    for LockFreeStore<T, K, P, SLAB_BYTES>
{
    type Kept<'p>
        = LockFreeHandle<T, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[expect(private_interfaces, reason = "as in the trait")]
    fn want(&self, held: &mut Held<'_, bool, (), Given>) -> Found {
        // Slabs stay as long as the pool, so there is no room again once there was none.
        match self.core().depot.want(held) {
            Some(slot) => {
                opened::<T>(slot);
                Found::Slot(slot)
            }
            None => Found::Nothing,
        }
    }

    fn claimed(&self, slot: NonNull<u8>) {
        opened::<T>(slot);
    }

    fn keep<'p>(handle: Handle<'p, Self>) -> Self::Kept<'p>
    where
        Self: 'p,
    {
        unbind(handle)
    }
}
