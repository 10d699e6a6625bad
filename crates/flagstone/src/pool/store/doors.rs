//! The calls that every pool has, written once over [`Store`].

use core::ptr::NonNull;

use super::Store;
#[cfg(feature = "alloc")]
use crate::error::ConfigError;
#[cfg(feature = "stats")]
use crate::stats::{Metric, Snapshot};
use crate::{
    error::{AllocError, Cause},
    handle::{OwnedHandle, VacantHandle},
    raw::{Home, Hooks, PutBack, welcome},
    stats::Collector,
};

/// A handle to a value of the store `S`.
pub(in crate::pool) type Handle<'p, S> =
    OwnedHandle<'p, <S as Store>::Value, <S as Store>::Home<'p>>;
/// A handle to an empty slot of the store `S`.
type Vacant<'p, S> = VacantHandle<'p, <S as Store>::Value, <S as Store>::Home<'p>>;

/// Places `value`: slot, write, hook, handle.
#[inline(always)]
pub(in crate::pool) fn alloc<S: Store>(
    store: &S,
    value: S::Value,
) -> Result<Handle<'_, S>, AllocError<S::Value>> {
    match take(store) {
        // SAFETY: the slot is ours and empty.
        Ok(slot) => Ok(unsafe { settle(store, slot.cast(), value) }),
        Err(cause) => Err(AllocError::new(value, cause)),
    }
}

/// As [`alloc()`], with a value made once the slot is there.
#[inline]
pub(in crate::pool) fn alloc_with<S: Store>(
    store: &S,
    make: impl FnOnce() -> S::Value,
) -> Result<Handle<'_, S>, AllocError> {
    let slot = take(store).map_err(|cause| AllocError::new((), cause))?;
    // SAFETY: the slot is ours, holds nothing, and is not used if this runs.
    let back = PutBack::new(|| unsafe { store.give_back(slot) });
    let value = make(); // USER CODE
    back.disarm();
    // SAFETY: the slot is ours and empty.
    Ok(unsafe { settle(store, slot.cast(), value) })
}

/// As [`alloc()`], with a value that was made ahead or that the initializer makes now.
pub(in crate::pool) fn alloc_init<S: Store>(store: &S) -> Result<Handle<'_, S>, AllocError> {
    if let Some(slot) = store.unpark() {
        store.count(Collector::allocated);
        let home = store.home();
        // SAFETY: a parked slot holds a live value that is ours now; a panic leaves it to nobody.
        unsafe { home.welcome(slot) };
        // SAFETY: as above; the home is the store's.
        return Ok(unsafe { OwnedHandle::new(slot.cast(), home) });
    }
    let Some(make) = store.initial().initializer() else {
        let cause = Cause::no_initializer();
        store.count(|stats| stats.refused(cause.kind()));
        return Err(AllocError::new((), cause));
    };
    alloc_with(store, make)
}

/// Hands out an empty slot.
pub(in crate::pool) fn alloc_uninit<S: Store>(store: &S) -> Result<Vacant<'_, S>, AllocError> {
    let slot = take(store).map_err(|cause| AllocError::new((), cause))?;
    store.add_vacant();
    // SAFETY: the slot is ours, empty, and counted as vacant; the home is the store's.
    Ok(unsafe { VacantHandle::new(slot.cast(), store.home()) })
}

/// What the store counted, and how many slots it has.
#[cfg(feature = "stats")]
pub(in crate::pool) fn snapshot<S: Store>(store: &S, capacity: usize) -> Snapshot {
    let counted = store.count(Collector::snapshot);
    counted.with(Metric::Capacity, capacity as u64)
}

/// Makes a value ahead for each of `count` slots, if the pool is to. If the initializer panics,
/// those made so far stay parked, and are dropped with the pool.
#[cfg(feature = "alloc")]
pub(super) fn fill_ahead<S: Store>(store: &S, count: usize) -> Result<(), ConfigError> {
    let Some(make) = store.initial().ahead() else {
        return Ok(());
    };
    store.initial().reserve(count)?;
    for _ in 0..count {
        if !make_ahead(store, make) {
            break;
        }
    }
    Ok(())
}

/// Makes and parks one value; `false` when there is no slot for it. Apart, so that a pool of huge
/// values that makes none ahead needs no room for one on the stack.
#[cfg(feature = "alloc")]
#[inline(never)]
fn make_ahead<S: Store>(store: &S, make: &dyn Fn() -> S::Value) -> bool {
    let Some(slot) = store.take().or_else(|| store.take_slow().ok()) else {
        return false;
    };
    // SAFETY: the slot is ours, holds nothing, and is not used if this runs.
    let back = PutBack::new(|| unsafe { store.put(slot) });
    let value = make(); // USER CODE
    back.disarm();
    // SAFETY: the slot is ours, empty and made for this type.
    unsafe { slot.cast::<S::Value>().write(value) };
    store.initial().park(slot);
    true
}

/// A slot of the store.
#[inline(always)]
fn take<S: Store>(store: &S) -> Result<NonNull<u8>, Cause> {
    let slot = match store.take() {
        Some(slot) => slot,
        None => take_slow(store)?,
    };
    store.count(Collector::allocated);
    Ok(slot)
}

/// A slot of the store; when there is none, one whose value was made ahead, which is dropped.
#[cold]
#[inline(never)]
fn take_slow<S: Store>(store: &S) -> Result<NonNull<u8>, Cause> {
    find_slot(store).inspect_err(|cause| store.count(|stats| stats.refused(cause.kind())))
}

/// As [`take_slow`]; a refusal is not counted.
pub(super) fn find_slot<S: Store>(store: &S) -> Result<NonNull<u8>, Cause> {
    let cause = match store.take_slow() {
        Ok(slot) => return Ok(slot),
        Err(cause) => cause,
    };
    let Some(slot) = store.unpark() else {
        return Err(cause);
    };
    // SAFETY: the slot is ours, with room for a value, and holds none when this runs.
    let scrub = || unsafe { store.hooks().scrub(slot.cast()) };
    let back = PutBack::new(|| {
        scrub();
        // SAFETY: the slot is ours, and its value is gone when this runs.
        unsafe { store.put(slot) }
    });
    // SAFETY: a parked slot holds a live value that is ours now; dropped once.
    unsafe { slot.cast::<S::Value>().drop_in_place() }; // USER CODE
    back.disarm();
    scrub();
    Ok(slot)
}

/// Writes `value` into a slot and makes the handle.
///
/// # Safety
///
/// `slot` was taken from `store`, is the caller's and holds nothing.
#[inline(always)]
pub(super) unsafe fn settle<S: Store>(
    store: &S,
    slot: NonNull<S::Value>,
    value: S::Value,
) -> Handle<'_, S> {
    // SAFETY: a slot of the store is large enough and aligned for its values; it is the caller's.
    unsafe { slot.write(value) };
    // SAFETY: a live value that is ours; if the hook panics it is dropped, and the slot goes back.
    unsafe { welcome(store.hooks(), slot, || store.give_back(slot.cast())) };
    // SAFETY: the slot holds a live value and is ours alone; the home is the store's.
    unsafe { OwnedHandle::new(slot, store.home()) }
}
