//! Values in slots: everything `unsafe` of the pools.
//!
//! A [`Store`] hands out slots and takes them back; the functions in `doors` put values into them,
//! in the order that `raw` fixes, and make the handles. `fixed` and `growing` are the two stores.
#![expect(
    unsafe_code,
    reason = "the pools' unsafe part; the doors above it are safe code"
)]

mod buffer;
mod buffers;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod desk;
#[cfg(not(all(feature = "async", target_has_atomic = "64")))]
#[path = "no_desk.rs"]
mod desk;
mod doors;
mod fixed;
mod fixed_home;
mod growing;
mod growing_home;
#[cfg(feature = "alloc")]
mod initial;
#[cfg(not(feature = "alloc"))]
#[path = "no_initial.rs"]
mod initial;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
mod lock_free;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
mod lock_free_home;
mod locked;
mod locked_home;
mod raw_buffers;
mod recycle;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod recycle_desk;
#[cfg(not(all(feature = "async", target_has_atomic = "64")))]
#[path = "no_recycle_desk.rs"]
mod recycle_desk;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod recycle_waiting;
mod rooted;
mod rule;
mod slab_slots;
#[cfg(all(feature = "async", target_has_atomic = "64"))]
mod waiting;
mod walk;

use core::ptr::NonNull;

pub use buffer::Buffer;
pub(super) use buffers::BufferStore;
#[cfg(feature = "stats")]
pub(super) use doors::snapshot;
pub(super) use doors::{alloc, alloc_init, alloc_uninit, alloc_with};
pub(super) use fixed::FixedStore;
pub use fixed_home::{FixedHandle, FixedHome, FixedVacant};
pub(super) use growing::GrowingStore;
pub use growing_home::{GrowingHandle, GrowingHome, GrowingVacant};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(super) use lock_free::{Counting, LockFreeStore};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub use lock_free_home::{LockFreeHandle, LockFreeHome, LockFreeVacant};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(super) use lock_free_home::{unbind, unbind_vacant};
pub(super) use locked::LockedStore;
pub use locked_home::{LockedHome, ThreadSafeHandle, ThreadSafeVacant};
pub use raw_buffers::RawBuffers;
pub use recycle::{RecycleHome, Recycled, RecycledVacant};
pub(super) use recycle::{RecycleStore, detach};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use recycle_waiting::ForObject;
#[cfg(feature = "alloc")]
pub use rooted::{ArcHandle, ArcHome, RcHandle, RcHome};
pub use rooted::{Placed, Rooted, Shareable};
#[cfg(feature = "alloc")]
pub(super) use rooted::{keep_arc, keep_rc};
#[cfg(all(feature = "async", target_has_atomic = "64"))]
pub use waiting::ForSlot;
pub(super) use walk::clear;
pub use walk::{Drain, IterMut};

use crate::{
    error::Cause,
    raw::{Home, Hooks},
    stats::Collector,
};
use initial::Initial;

/// Slots for values of one type.
///
/// # Safety
///
/// The implementor promises: `take` hands out slots for a `Value` that nobody has, until they are
/// `put` back; `home` is the home of these slots, good as long as the store is borrowed.
pub unsafe trait Store {
    /// What the slots hold.
    type Value;
    /// What is called when values come and go.
    type Hooks: Hooks<Self::Value>;
    /// How handles return slots.
    type Home<'p>: Home
    where
        Self: 'p;
    /// A slot that is at hand: the hot path.
    fn take(&self) -> Option<NonNull<u8>>;

    /// A slot after `take` had none, or why there is none. The growth closure and the provider may
    /// run.
    fn take_slow(&self) -> Result<NonNull<u8>, Cause>;

    /// Takes a slot back.
    ///
    /// # Safety
    ///
    /// The slot was taken from this store, is the caller's, holds no value and is not used again.
    unsafe fn put(&self, slot: NonNull<u8>);

    /// Takes a slot back that was handed out to a user, and counts it.
    ///
    /// # Safety
    ///
    /// As for [`put`](Self::put).
    #[inline(always)]
    unsafe fn give_back(&self, slot: NonNull<u8>) {
        self.count(Collector::freed);
        // SAFETY: the caller's promise.
        unsafe { self.put(slot) }
    }

    /// Has `f` count something, or look at what was counted: a store that threads share does so under
    /// its lock, if [`Collector::ACTIVE`]. Whoever takes a slot for a user counts it as allocated,
    /// and whoever brings it back uses [`give_back`](Self::give_back); slots of values made ahead are
    /// nobody's and are not counted.
    fn count<R>(&self, f: impl FnOnce(&Collector) -> R) -> R;

    /// The hooks.
    fn hooks(&self) -> &Self::Hooks;

    /// Makes values, and keeps those made ahead.
    fn initial(&self) -> &Initial<Self::Value>;

    /// A slot whose value was made ahead; it is the caller's now.
    fn unpark(&self) -> Option<NonNull<u8>> {
        self.initial().unpark()
    }

    /// How many slots are out that hold no value yet.
    fn vacant(&self) -> usize;

    /// Counts one more of them.
    fn add_vacant(&self);

    /// A home for a slot.
    fn home(&self) -> Self::Home<'_>;
}

/// A store whose taken slots can be visited.
///
/// # Safety
///
/// The implementor promises: a walk visits each slot that is taken, once.
pub unsafe trait Walked: Store {
    /// How far a walk has come.
    type Cursor;

    /// Starts a walk over the taken slots. No slot may be taken until the end.
    fn walk(&mut self) -> Self::Cursor;

    /// The next taken slot. Slots the walk has passed may be put back meanwhile.
    fn next_taken(&self, cursor: &mut Self::Cursor) -> Option<NonNull<u8>>;

    /// Ends a walk.
    fn end_walk(&self);
}
