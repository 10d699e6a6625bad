//! How slots of slabs go out and come home: an address is enough.

use core::{fmt, marker::PhantomData, ptr, ptr::NonNull};

use super::{
    Initial, Store, Walked,
    growing::{Beside, GrowingStore, SlabOf},
};
use crate::{
    corruption::{Corruption, report},
    error::Cause,
    handle::{OwnedHandle, VacantHandle},
    provider::{Global, Provider},
    raw::{
        Home, Hooks, NoHooks, PinHome, Slab, SlabCursor, Slabs, ValueHome, release, retire, welcome,
    },
    stats::Collector,
};

/// How many free slots of a slab a debug build looks through for a double free.
const DEBUG_SEARCH: usize = 32;

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingStore<T, K, P, SLAB_BYTES> {
    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live value of this pool that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(
        &self,
        slot: NonNull<T>,
    ) -> GrowingHandle<'_, T, K, P, SLAB_BYTES> {
        if cfg!(debug_assertions) {
            let address = slot.as_ptr().addr();
            // SAFETY: a slot of one of our slabs, by the caller's promise.
            if !unsafe { self.owns_slot(slot.cast()) } {
                report(Corruption::ForeignPointer { address });
            }
            // SAFETY: as above.
            let slab = unsafe { Slab::of(slot.cast(), SlabOf::<T, SLAB_BYTES>::SIZE) };
            if self.slabs().recently_freed(slab, slot.cast(), DEBUG_SEARCH) {
                report(Corruption::DoubleFree { address });
            }
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, self.home()) }
    }

    /// Whether `slot` is one of this pool's.
    ///
    /// # Safety
    ///
    /// It is a slot in use of a pool of these parameters.
    pub(super) unsafe fn owns_slot(&self, slot: NonNull<u8>) -> bool {
        // SAFETY: a slot of a slab of this size, by the caller's promise.
        let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
        // SAFETY: as above; its changing fields are cells.
        unsafe { slab.as_ref() }.owner() == self.slabs.cast()
    }
}

// SAFETY: slabs hand out slots made for `T`, each once until it is put back; the home leads back to
// them; the walk is the slabs'.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Store
    for GrowingStore<T, K, P, SLAB_BYTES>
{
    type Value = T;
    type Hooks = K;
    type Home<'p>
        = GrowingHome<'p, T, K, P, SLAB_BYTES>
    where
        Self: 'p;

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        let slab = NonNull::new(self.current.get())?;
        // SAFETY: invariant 2: a slab of ours.
        unsafe {
            Slab::take(
                slab,
                SlabOf::<T, SLAB_BYTES>::SIZE,
                self.stride,
                SlabOf::<T, SLAB_BYTES>::WIDE,
            )
        }
    }

    /// Files the exhausted current slab, and makes the fullest one with room current, growing if
    /// there is none.
    fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        // Somebody may have forgotten a `Drain`; nobody walks while slots are taken.
        self.slabs().forget_walk();
        loop {
            if let Some(exhausted) = NonNull::new(self.current.replace(ptr::null_mut())) {
                self.slabs().file(exhausted);
            }
            if let Some(slab) = self.slabs().pick() {
                self.current.set(slab.as_ptr());
                if let Some(slot) = self.take() {
                    return Ok(slot);
                }
            } else {
                self.grow()?;
                // The growth closure or the provider may have used the pool meanwhile: look again.
            }
        }
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { put::<T, K, P, SLAB_BYTES>(slot) }
    }

    #[inline(always)]
    fn count<R>(&self, f: impl FnOnce(&Collector) -> R) -> R {
        f(self.slabs().stats())
    }

    #[inline(always)]
    fn hooks(&self) -> &K {
        &self.slabs().beside().hooks
    }

    fn initial(&self) -> &Initial<T> {
        &self.initial
    }

    fn vacant(&self) -> usize {
        self.slabs().beside().vacant.get()
    }

    fn add_vacant(&self) {
        let vacant = &self.slabs().beside().vacant;
        vacant.set(vacant.get() + 1);
    }

    #[inline(always)]
    fn home(&self) -> GrowingHome<'_, T, K, P, SLAB_BYTES> {
        GrowingHome(PhantomData)
    }
}

// SAFETY: the walk is that of the memory itself, which knows every taken slot.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Walked
    for GrowingStore<T, K, P, SLAB_BYTES>
{
    type Cursor = SlabCursor;

    fn walk(&mut self) -> Self::Cursor {
        self.initial.sort();
        self.slabs().walk()
    }

    fn next_taken(&self, cursor: &mut SlabCursor) -> Option<NonNull<u8>> {
        self.slabs().next_live(cursor)
    }

    fn end_walk(&self) {
        self.slabs().end_walk();
    }
}

/// How a slot of a [`GrowingPool`](crate::GrowingPool) is returned: its slab is found from its
/// address, so this takes no room.
pub struct GrowingHome<
    'p,
    T,
    K: Hooks<T> = NoHooks,
    P: Provider = Global,
    const SLAB_BYTES: usize = { 64 * 1024 },
>(PhantomData<&'p GrowingStore<T, K, P, SLAB_BYTES>>);

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingHome<'_, T, K, P, SLAB_BYTES> {
    /// What stands beside the slabs.
    ///
    /// # Safety
    ///
    /// `slot` is in use, in a pool of these parameters.
    #[inline(always)]
    unsafe fn beside(&self, slot: NonNull<u8>) -> &Beside<K> {
        // SAFETY: a slot of a slab of this size, by the caller's promise.
        let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
        // SAFETY: the slab holds a slot in use, so it exists; its changing fields are cells.
        let owner = unsafe { slab.as_ref() }.owner();
        // SAFETY: a store of these parameters owns it, and is borrowed for as long as this home.
        unsafe { owner.cast::<Slabs<P, Beside<K>>>().as_ref() }.beside()
    }
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> fmt::Debug
    for GrowingHome<'_, T, K, P, SLAB_BYTES>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrowingHome")
    }
}

// SAFETY: the pool's handles point to its slots, which hold a `T`.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> ValueHome
    for GrowingHome<'_, T, K, P, SLAB_BYTES>
{
    type Value = T;
}

// SAFETY: `NoHooks` never sees a value; a provider that is `'static` keeps the memory of a forgotten
// pool for ever; walks that give out `&mut T` or move a value ask for `T: Unpin`.
unsafe impl<T, P: Provider + 'static, const SLAB_BYTES: usize> PinHome
    for GrowingHome<'_, T, NoHooks, P, SLAB_BYTES>
{
}

// SAFETY: the store is borrowed for 'p, so its slabs with slots in use stay; the order of things,
// whatever panics, is that of `raw`.
unsafe impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> Home
    for GrowingHome<'_, T, K, P, SLAB_BYTES>
{
    #[inline]
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { self.beside(slot) };
        // SAFETY: a live value that is the caller's; if the hook panics nobody uses the slot.
        unsafe {
            welcome(&beside.hooks, slot.cast::<T>(), || {
                give_back::<T, K, P, SLAB_BYTES>(slot);
            });
        }
    }

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { self.beside(slot) };
        // SAFETY: a live value that is the caller's, gone when the slot goes back.
        unsafe {
            retire(&beside.hooks, slot.cast::<T>(), || {
                give_back::<T, K, P, SLAB_BYTES>(slot);
            });
        }
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { self.beside(slot) };
        // SAFETY: as for `retire`; `into` has room for a `T`.
        unsafe {
            release(&beside.hooks, slot.cast::<T>(), into.cast(), || {
                give_back::<T, K, P, SLAB_BYTES>(slot);
            });
        }
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let beside = unsafe { self.beside(slot) };
        beside.vacant.set(beside.vacant.get() - 1);
        // SAFETY: handed out empty; room for a `T`.
        unsafe { beside.hooks.scrub(slot.cast()) };
        // SAFETY: handed out empty, and not used any more.
        unsafe { give_back::<T, K, P, SLAB_BYTES>(slot) }
    }

    unsafe fn occupy(&self, slot: NonNull<u8>) {
        // SAFETY: the slot is in use.
        let vacant = unsafe { &self.beside(slot).vacant };
        vacant.set(vacant.get() - 1);
    }
}

/// An owned value in a [`GrowingPool`](crate::GrowingPool): one word.
pub type GrowingHandle<'p, T, K = NoHooks, P = Global, const SLAB_BYTES: usize = { 64 * 1024 }> =
    OwnedHandle<'p, T, GrowingHome<'p, T, K, P, SLAB_BYTES>>;

/// An empty slot of a [`GrowingPool`](crate::GrowingPool).
pub type GrowingVacant<'p, T, K = NoHooks, P = Global, const SLAB_BYTES: usize = { 64 * 1024 }> =
    VacantHandle<'p, T, GrowingHome<'p, T, K, P, SLAB_BYTES>>;

/// As [`Store::give_back`]: counts the slot, and puts it back.
///
/// # Safety
///
/// As for [`Store::put`], for any store of these parameters.
#[inline(always)]
unsafe fn give_back<T, K, P: Provider, const SLAB_BYTES: usize>(slot: NonNull<u8>) {
    if Collector::ACTIVE {
        // SAFETY: a slot of a slab of this size, by the caller's promise.
        let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
        // SAFETY: the slab holds a slot in use, so it exists; its changing fields are cells.
        let owner = unsafe { slab.as_ref() }.owner();
        // SAFETY: a store of these parameters owns it.
        unsafe { owner.cast::<Slabs<P, Beside<K>>>().as_ref() }
            .stats()
            .freed();
    }
    // SAFETY: the caller's promise.
    unsafe { put::<T, K, P, SLAB_BYTES>(slot) }
}

/// Puts a slot back into the slab that its address names.
///
/// # Safety
///
/// As for [`Store::put`], for any store of these parameters.
#[inline(always)]
unsafe fn put<T, K, P: Provider, const SLAB_BYTES: usize>(slot: NonNull<u8>) {
    // SAFETY: a slot of a slab of this size, by the caller's promise.
    let slab = unsafe { Slab::of(slot, SlabOf::<T, SLAB_BYTES>::SIZE) };
    // SAFETY: the slab holds a slot in use, so it exists; its changing fields are cells.
    let owner = unsafe { slab.as_ref() }.owner();
    // SAFETY: a store of these parameters owns it.
    let owner = unsafe { owner.cast::<Slabs<P, Beside<K>>>().as_ref() };
    let (size, wide) = (SlabOf::<T, SLAB_BYTES>::SIZE, SlabOf::<T, SLAB_BYTES>::WIDE);
    // SAFETY: a slab of this shape; the slot is the caller's.
    if unsafe { Slab::put(slab, slot, size, owner.shape().stride(), wide) } {
        owner.notified(slab);
    }
}
