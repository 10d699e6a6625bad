//! The order of things when a value enters or leaves a slot, whatever panics.
//!
//! ```text
//! enter:  written ─▶ on_acquire ─▶ handle            a panic: dropped ─▶ put
//! leave:  on_release ─▶ dropped ─▶ scrubbed ─▶ put   a panic: the later steps still happen
//! ```
//!
//! *Dropped* and *scrubbed* are what the pool's drop policy makes of them.
//!
//! The later steps sit in drop guards, declared in the reverse order of their running.

use core::{mem::ManuallyDrop, ptr::NonNull};

use super::Hooks;

/// Calls `put` when dropped.
pub(crate) struct PutBack<F: FnOnce()>(ManuallyDrop<F>);

impl<F: FnOnce()> PutBack<F> {
    pub(crate) fn new(put: F) -> Self {
        Self(ManuallyDrop::new(put))
    }

    /// It is not to be called after all.
    pub(crate) fn disarm(self) {
        core::mem::forget(self);
    }
}

impl<F: FnOnce()> Drop for PutBack<F> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: taken once, in drop.
        let put = unsafe { ManuallyDrop::take(&mut self.0) };
        put();
    }
}

/// Scrubs a slot without a value when dropped.
struct Scrub<'k, T, K: Hooks<T>>(NonNull<T>, &'k K);

impl<T, K: Hooks<T>> Drop for Scrub<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made by the functions below for a slot that their caller owns; its value is gone.
        unsafe { self.1.scrub(self.0) }
    }
}

/// Disposes of the value in a slot when dropped.
struct Dispose<'k, T, K: Hooks<T>>(NonNull<T>, &'k K);

impl<T, K: Hooks<T>> Drop for Dispose<'_, T, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made by the functions below for a live value that their caller owns; gone
        // afterwards.
        unsafe { self.1.dispose(self.0) } // USER CODE
    }
}

/// Drops the value in a slot when dropped, unless it is forgotten before.
struct DropValue<T>(NonNull<T>);

impl<T> Drop for DropValue<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: made by the functions below for a live value that their caller owns; dropped once.
        unsafe { self.0.drop_in_place() } // USER CODE
    }
}

/// Runs the acquire hook on a value just written; if it panics, drops the value and calls `put`.
///
/// # Safety
///
/// `value` is a live value that belongs to the caller; `put` may run only when it is gone.
#[inline]
pub(crate) unsafe fn welcome<T, K: Hooks<T>>(hooks: &K, value: NonNull<T>, put: impl FnOnce()) {
    if !K::ACTIVE {
        return;
    }
    let back = PutBack::new(put);
    let scrub = Scrub(value, hooks);
    let mut live = DropValue(value);
    // SAFETY: live and the caller's alone; the reference ends with the call.
    hooks.on_acquire(unsafe { live.0.as_mut() }); // USER CODE
    core::mem::forget((live, scrub));
    back.disarm();
}

/// Runs the release hook, disposes of the value, calls `put`: each even if the one before panics.
///
/// # Safety
///
/// As for [`welcome`]; the value is gone afterwards.
#[inline]
pub(crate) unsafe fn retire<T, K: Hooks<T>>(hooks: &K, value: NonNull<T>, put: impl FnOnce()) {
    let _back = PutBack::new(put);
    let _scrub = Scrub(value, hooks);
    let mut live = Dispose(value, hooks);
    if K::ACTIVE {
        // SAFETY: live and the caller's alone; the reference ends with the call.
        hooks.on_release(unsafe { live.0.as_mut() }); // USER CODE
    }
}

/// Runs the release hook, moves the value to `into`, and calls `put`. If the hook panics, the value
/// is disposed of instead and `put` is called; if `put` panics, the moved value is dropped.
///
/// # Safety
///
/// As for [`retire`]; `into` may be written with a `T`.
#[inline]
pub(crate) unsafe fn release<T, K: Hooks<T>>(
    hooks: &K,
    value: NonNull<T>,
    into: NonNull<T>,
    put: impl FnOnce(),
) {
    let back = PutBack::new(put);
    let scrub = Scrub(value, hooks);
    let mut live = Dispose(value, hooks);
    if K::ACTIVE {
        // SAFETY: live and the caller's alone; the reference ends with the call.
        hooks.on_release(unsafe { live.0.as_mut() }); // USER CODE
    }
    core::mem::forget(live);
    // SAFETY: a live value, moved once, to a place that may be written; slots and locals are apart.
    unsafe { into.copy_from_nonoverlapping(value, 1) };
    drop(scrub);
    // SAFETY: moved there just now.
    unsafe { put_after_move(into, || drop(back)) };
}

/// Puts a slot back whose value was moved to `into`. A user's index allocator may panic in `put`, or the waker of
/// who waits for the slot: the value, which its caller does not get then, is dropped.
///
/// # Safety
///
/// `into` holds a live value that is the caller's.
#[inline]
pub(crate) unsafe fn put_after_move<T>(into: NonNull<T>, put: impl FnOnce()) {
    let moved = DropValue(into);
    put(); // USER CODE
    core::mem::forget(moved);
}
