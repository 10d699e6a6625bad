//! How slots of a run go out and come home: with a reference to the store.

use core::{fmt, ptr, ptr::NonNull};

use super::{Initial, Store, Walked, fixed::FixedStore};
use crate::{
    corruption::report,
    error::Cause,
    handle::{OwnedHandle, VacantHandle},
    provider::{Global, Provider},
    raw::{
        Cursor, Home, Hooks, Intrusive, NoHooks, PinHome, Strategy, ValueHome, release, retire,
        welcome,
    },
    stats::Collector,
};

impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedStore<T, S, K, P> {
    /// Makes a handle again.
    ///
    /// # Safety
    ///
    /// `slot` holds a live value of this pool that no other handle owns.
    pub(in crate::pool) unsafe fn adopt(&self, slot: NonNull<T>) -> FixedHandle<'_, T, S, K, P> {
        if cfg!(debug_assertions)
            && let Some(found) = self.strategy.suspect(&self.run, slot.cast())
        {
            report(found);
        }
        // SAFETY: the caller's promise; the home is ours.
        unsafe { OwnedHandle::new(slot, self.home()) }
    }
}

// SAFETY: the strategy hands out slots of the run, which are made for `T`; the home is this store,
// borrowed; the walk is the strategy's.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Store for FixedStore<T, S, K, P> {
    type Value = T;
    type Hooks = K;
    type Home<'p>
        = FixedHome<'p, T, S, K, P>
    where
        Self: 'p;

    #[inline(always)]
    fn take(&self) -> Option<NonNull<u8>> {
        self.strategy.take(&self.run)
    }

    fn take_slow(&self) -> Result<NonNull<u8>, Cause> {
        Err(Cause::exhausted(self.run.capacity()))
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.strategy.put(&self.run, slot) }
    }

    #[inline(always)]
    fn count<R>(&self, f: impl FnOnce(&Collector) -> R) -> R {
        f(&self.stats)
    }

    #[inline(always)]
    fn hooks(&self) -> &K {
        &self.hooks
    }

    fn initial(&self) -> &Initial<T> {
        &self.initial
    }

    fn vacant(&self) -> usize {
        self.vacant.get()
    }

    fn add_vacant(&self) {
        self.vacant.set(self.vacant.get() + 1);
    }

    #[inline(always)]
    fn home(&self) -> FixedHome<'_, T, S, K, P> {
        FixedHome(self)
    }
}

// SAFETY: the walk is that of the memory itself, which knows every taken slot.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Walked for FixedStore<T, S, K, P> {
    type Cursor = Cursor;

    fn walk(&mut self) -> Self::Cursor {
        self.initial.sort();
        self.strategy.walk(&self.run)
    }

    fn next_taken(&self, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        self.strategy.next_taken(&self.run, cursor)
    }

    fn end_walk(&self) {}
}

/// How a slot of a [`FixedPool`](crate::FixedPool) is returned: a reference to the pool.
pub struct FixedHome<'p, T, S: Strategy = Intrusive, K: Hooks<T> = NoHooks, P: Provider = Global>(
    pub(super) &'p FixedStore<T, S, K, P>,
);

impl<T, S: Strategy, K: Hooks<T>, P: Provider> fmt::Debug for FixedHome<'_, T, S, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedHome({:p})", ptr::from_ref(self.0))
    }
}

// SAFETY: the pool's handles point to its slots, which hold a `T`.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> ValueHome for FixedHome<'_, T, S, K, P> {
    type Value = T;
}

// SAFETY: `NoHooks` never sees a value; a provider that is `'static` keeps the memory of a forgotten
// pool for ever; walks that give out `&mut T` or move a value ask for `T: Unpin`.
unsafe impl<T, S: Strategy, P: Provider + 'static> PinHome for FixedHome<'_, T, S, NoHooks, P> {}

// SAFETY: the store is borrowed for 'p, so it and its memory stay; the order of things, whatever
// panics, is that of `raw`.
unsafe impl<T, S: Strategy, K: Hooks<T>, P: Provider> Home for FixedHome<'_, T, S, K, P> {
    #[inline]
    unsafe fn welcome(&self, slot: NonNull<u8>) {
        // SAFETY: a live value that is the caller's; if the hook panics nobody uses the slot.
        unsafe { welcome(&self.0.hooks, slot.cast::<T>(), || self.0.give_back(slot)) }
    }

    #[inline(always)]
    unsafe fn retire(&self, slot: NonNull<u8>) {
        // SAFETY: a live value that is the caller's, gone when the slot goes back.
        unsafe { retire(&self.0.hooks, slot.cast::<T>(), || self.0.give_back(slot)) }
    }

    #[inline]
    unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
        // SAFETY: as for `retire`; `into` has room for a `T`.
        unsafe {
            release(&self.0.hooks, slot.cast::<T>(), into.cast(), || {
                self.0.give_back(slot)
            })
        }
    }

    unsafe fn vacate(&self, slot: NonNull<u8>) {
        self.0.vacant.set(self.0.vacant.get() - 1);
        // SAFETY: handed out empty; room for a `T`.
        unsafe { self.0.hooks.scrub(slot.cast()) };
        // SAFETY: handed out empty, and not used any more.
        unsafe { self.0.give_back(slot) }
    }

    unsafe fn occupy(&self, _slot: NonNull<u8>) {
        self.0.vacant.set(self.0.vacant.get() - 1);
    }
}

/// An owned value in a [`FixedPool`](crate::FixedPool): two words.
#[doc(alias = "Object")]
pub type FixedHandle<'p, T, S = Intrusive, K = NoHooks, P = Global> =
    OwnedHandle<'p, T, FixedHome<'p, T, S, K, P>>;

/// An empty slot of a [`FixedPool`](crate::FixedPool).
pub type FixedVacant<'p, T, S = Intrusive, K = NoHooks, P = Global> =
    VacantHandle<'p, T, FixedHome<'p, T, S, K, P>>;
