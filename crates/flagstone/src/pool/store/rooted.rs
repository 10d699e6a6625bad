//! Handles that keep their pool instead of borrowing it.

#[cfg(feature = "alloc")]
use alloc::{rc::Rc, sync::Arc};
#[cfg(feature = "alloc")]
use core::{fmt, ptr::NonNull};

use lock_api::RawMutex;

use super::{FixedHome, FixedStore, GrowingHome, GrowingStore, LockedHome, LockedStore};
#[cfg(feature = "alloc")]
use crate::raw::{Home, PinHome};
use crate::{
    error::AllocError,
    handle::OwnedHandle,
    provider::Provider,
    raw::{Count, Hooks, Strategy, ValueHome},
};

/// A pool whose handles can keep it: in an [`Rc`] if it is for one thread, in an [`Arc`] if it is
/// shared.
///
/// # Safety
///
/// The implementor promises: `home` is the home of the pool's slots, and is the same wherever the
/// pool is moved while no slot is in use; `owns` tells the pool's own handles from others'.
pub unsafe trait Rooted {
    /// What the slots hold.
    type Value;
    /// How the pool's own handles return slots.
    type Home<'p>: ValueHome<Value = Self::Value>
    where
        Self: 'p;

    /// A home for a slot of this pool.
    fn home(&self) -> Self::Home<'_>;

    /// Whether `handle` is one of this pool's.
    fn owns(&self, handle: &OwnedHandle<'_, Self::Value, Self::Home<'_>>) -> bool;
}

/// A pool whose values can be shared, by a [`SharedPool`](crate::SharedPool) over it.
///
/// # Safety
///
/// The implementor promises: `place` and `place_with` make handles of this pool; `Count` and `Lock`
/// are for several threads if the pool is; `provider` is always the same.
pub unsafe trait Shareable: Rooted {
    /// How handles are counted.
    type Count: Count;
    /// What guards the tickets.
    type Lock: RawMutex;
    /// Where chunks come from.
    type Provider: Provider;

    /// Places `value`.
    ///
    /// # Errors
    ///
    /// Gives `value` back when there is no slot.
    fn place(&self, value: Self::Value) -> Result<Placed<'_, Self>, AllocError<Self::Value>>;

    /// Places what `make` returns.
    ///
    /// # Errors
    ///
    /// When there is no slot; `make` is not called then.
    fn place_with(
        &self,
        make: impl FnOnce() -> Self::Value,
    ) -> Result<Placed<'_, Self>, AllocError>;

    /// Drops the values that were left in the pool.
    fn clear(&mut self);

    /// Where chunks come from.
    fn provider(&self) -> &Self::Provider;
}

/// A handle that borrows the pool `Q`.
pub type Placed<'p, Q> = OwnedHandle<'p, <Q as Rooted>::Value, <Q as Rooted>::Home<'p>>;

/// A home that keeps its pool by a count.
#[cfg(feature = "alloc")]
macro_rules! rooted_home {
    ($home:ident, $handle:ident, $root:ident, $keep:ident, $threads:literal) => {
        #[doc = concat!("How a slot is returned to a pool that its handles keep in an [`", stringify!($root), "`].")]
        ///
        /// The count goes down after the slot is back, so the last handle ends the pool.
        pub struct $home<Q: Rooted>(pub(in crate::pool) $root<Q>);

        #[doc = concat!("An owned value that keeps its pool in an [`", stringify!($root), "`]: two words, ", $threads, ".")]
        pub type $handle<Q> = OwnedHandle<'static, <Q as Rooted>::Value, $home<Q>>;

        /// Makes a handle of `pool` keep it.
        #[inline]
        pub(in crate::pool) fn $keep<Q: Rooted>(
            pool: &$root<Q>,
            handle: OwnedHandle<'_, Q::Value, Q::Home<'_>>,
        ) -> $handle<Q> {
            debug_assert!(pool.owns(&handle));
            let home = $home($root::clone(pool));
            let (slot, _borrowed) = OwnedHandle::into_parts(handle);
            // SAFETY: the slot was that handle's, and is given on; the pool is kept by the count.
            unsafe { OwnedHandle::new(slot, home) }
        }

        impl<Q: Rooted> Clone for $home<Q> {
            fn clone(&self) -> Self {
                Self($root::clone(&self.0))
            }
        }

        impl<Q: Rooted> fmt::Debug for $home<Q> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($home), "({:p})"), $root::as_ptr(&self.0))
            }
        }

        // SAFETY: the pool is kept by the count; everything else is its own home's promise.
        unsafe impl<Q: Rooted> Home for $home<Q> {
            #[inline]
            unsafe fn welcome(&self, slot: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.home().welcome(slot) }
            }

            #[inline]
            unsafe fn retire(&self, slot: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.home().retire(slot) }
            }

            #[inline]
            unsafe fn release(&self, slot: NonNull<u8>, into: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.home().release(slot, into) }
            }

            unsafe fn vacate(&self, slot: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.home().vacate(slot) }
            }

            unsafe fn occupy(&self, slot: NonNull<u8>) {
                // SAFETY: the caller's promise.
                unsafe { self.0.home().occupy(slot) }
            }
        }

        // SAFETY: handles are those of the pool's own home.
        unsafe impl<Q: Rooted> ValueHome for $home<Q> {
            type Value = Q::Value;
        }

        // SAFETY: the pool's own home promises it, and a forgotten handle keeps the pool for ever.
        unsafe impl<Q: Rooted + 'static> PinHome for $home<Q> where Q::Home<'static>: PinHome {}
    };
}

#[cfg(feature = "alloc")]
rooted_home!(RcHome, RcHandle, Rc, keep_rc, "for one thread");
#[cfg(feature = "alloc")]
rooted_home!(ArcHome, ArcHandle, Arc, keep_arc, "for any thread");

impl<T, S: Strategy, K: Hooks<T>, P: Provider> FixedStore<T, S, K, P> {
    /// Whether `handle` is one of this pool's.
    pub(in crate::pool) fn owns(
        &self,
        handle: &OwnedHandle<'_, T, FixedHome<'_, T, S, K, P>>,
    ) -> bool {
        core::ptr::eq(OwnedHandle::home(handle).0, self)
    }
}

impl<T, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize> GrowingStore<T, K, P, SLAB_BYTES> {
    /// Whether `handle` is one of this pool's.
    pub(in crate::pool) fn owns(
        &self,
        handle: &OwnedHandle<'_, T, GrowingHome<'_, T, K, P, SLAB_BYTES>>,
    ) -> bool {
        let slot = OwnedHandle::as_ptr(handle).cast();
        // SAFETY: a handle with such a home has a slot in use of a store of these parameters.
        unsafe { self.owns_slot(slot) }
    }
}

impl<T, R: RawMutex, K: Hooks<T>, P: Provider, const SLAB_BYTES: usize>
    LockedStore<T, R, K, P, SLAB_BYTES>
{
    /// Whether `handle` is one of this pool's.
    pub(in crate::pool) fn owns(
        &self,
        handle: &OwnedHandle<'_, T, LockedHome<'_, T, R, K, P, SLAB_BYTES>>,
    ) -> bool {
        let slot = OwnedHandle::as_ptr(handle).cast();
        // SAFETY: a handle with such a home has a slot in use of a store of these parameters.
        unsafe { self.owns_slot(slot) }
    }
}
