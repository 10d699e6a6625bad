//! Visiting the values of a pool that no handle owns any more.
//!
//! With `&mut` to the pool no borrowed handle exists, so what is still in it was forgotten or given
//! up as a raw pointer.

use core::{fmt, iter::FusedIterator, marker::PhantomData, ptr::NonNull};

use super::Walked;
use crate::raw::{Hooks, PolicyOf, ScrubOf, release, retire};

/// The taken slots that hold values, one after the other.
struct Walk<'a, S: Walked> {
    store: &'a S,
    /// `None` when a vacant handle was forgotten: then slots with and without a value look alike,
    /// and none is visited.
    cursor: Option<S::Cursor>,
}

impl<'a, S: Walked> Walk<'a, S> {
    fn new(store: &'a mut S) -> Self {
        let cursor = (store.vacant() == 0).then(|| store.walk());
        Self { store, cursor }
    }

    fn next(&mut self) -> Option<NonNull<u8>> {
        self.store.next_taken(self.cursor.as_mut()?)
    }

    /// The next one that the pool did not make ahead and keep.
    fn next_unparked(&mut self) -> Option<NonNull<S::Value>> {
        loop {
            let slot = self.next()?;
            if !self.store.initial().is_parked(slot) {
                return Some(slot.cast());
            }
        }
    }
}

impl<S: Walked> Drop for Walk<'_, S> {
    fn drop(&mut self) {
        self.store.end_walk();
    }
}

/// Mutable references to the values left in a pool; see the pools' `iter_mut`.
#[must_use = "iterators do nothing unless they are consumed"]
pub struct IterMut<'a, S: Walked> {
    walk: Walk<'a, S>,
    values: PhantomData<&'a mut S::Value>,
}

impl<'a, S: Walked> IterMut<'a, S> {
    pub(in crate::pool) fn new(store: &'a mut S) -> Self {
        Self {
            walk: Walk::new(store),
            values: PhantomData,
        }
    }
}

impl<'a, S: Walked> Iterator for IterMut<'a, S> {
    type Item = &'a mut S::Value;

    fn next(&mut self) -> Option<&'a mut S::Value> {
        let mut slot = self.walk.next_unparked()?;
        // SAFETY: a live value no handle owns; the pool is borrowed mutably for 'a, and the walk
        // visits each slot once, so this is the only reference to it.
        Some(unsafe { slot.as_mut() })
    }
}

impl<S: Walked> FusedIterator for IterMut<'_, S> {}

impl<S: Walked> fmt::Debug for IterMut<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterMut").finish_non_exhaustive()
    }
}

/// The values left in a pool, moved out; see the pools' `drain`. Dropping it drops the rest; if it
/// is forgotten, the rest stays in the pool.
#[must_use = "dropping it drops the values"]
pub struct Drain<'a, S: Walked> {
    walk: Walk<'a, S>,
    values: PhantomData<&'a mut S::Value>,
}

impl<'a, S: Walked> Drain<'a, S> {
    pub(in crate::pool) fn new(store: &'a mut S) -> Self {
        Self {
            walk: Walk::new(store),
            values: PhantomData,
        }
    }
}

impl<S: Walked> Iterator for Drain<'_, S> {
    type Item = S::Value;

    fn next(&mut self) -> Option<S::Value> {
        let slot = self.walk.next_unparked()?;
        let store = self.walk.store;
        let mut value = core::mem::MaybeUninit::uninit();
        let into = NonNull::from(&mut value).cast();
        // SAFETY: a live value no handle owns, visited once; `value` has room for it.
        unsafe { release(store.hooks(), slot, into, || store.give_back(slot.cast())) };
        // SAFETY: `release` returned, so it has moved the value here.
        Some(unsafe { value.assume_init() })
    }
}

impl<S: Walked> FusedIterator for Drain<'_, S> {}

impl<S: Walked> Drop for Drain<'_, S> {
    fn drop(&mut self) {
        let hooks = self.walk.store.hooks();
        drop_rest(&mut self.walk, hooks);
    }
}

impl<S: Walked> fmt::Debug for Drain<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// Drops every value in the pool and those made ahead; a destructor that panics does not stop the
/// others, and its panic continues afterwards. Nothing is dropped when a vacant handle was
/// forgotten.
pub(in crate::pool) fn clear<S: Walked>(store: &mut S) {
    let drain = Drain::new(store);
    let parked = Parked(drain.walk.store);
    // In this order: the walk tells free slots by the list as it was when the walk began. Both are
    // dropped even if one panics.
    drop((drain, parked));
}

/// As [`clear`], at the end of a pool: nothing is released to it any more, so no hook runs; its drop
/// policy still applies.
pub(super) fn drop_all<S: Walked>(store: &mut S) {
    if !core::mem::needs_drop::<S::Value>() && !S::Hooks::DISPOSES {
        return;
    }
    let mut walk = Walk::new(store);
    let _parked = Parked(walk.store);
    let policy = PolicyOf(walk.store.hooks());
    drop_rest(&mut walk, &policy);
}

/// Drops the values that the walk has not visited; goes on when a destructor has panicked.
fn drop_rest<S: Walked, K: Hooks<S::Value>>(walk: &mut Walk<'_, S>, hooks: &K) {
    struct Rest<'r, 'a, S: Walked, K: Hooks<S::Value>>(&'r mut Walk<'a, S>, &'r K);

    impl<S: Walked, K: Hooks<S::Value>> Drop for Rest<'_, '_, S, K> {
        fn drop(&mut self) {
            drop_rest(self.0, self.1);
        }
    }

    while let Some(slot) = walk.next_unparked() {
        let rest = Rest(walk, hooks);
        let store = rest.0.store;
        // SAFETY: a live value no handle owns, visited once; its slot goes back afterwards.
        unsafe { retire(hooks, slot, || store.give_back(slot.cast())) };
        core::mem::forget(rest);
    }
}

/// Drops the values that were made ahead when it is dropped; goes on when a destructor has panicked.
/// They were never acquired, so no hook runs.
struct Parked<'a, S: Walked>(&'a S);

impl<S: Walked> Drop for Parked<'_, S> {
    fn drop(&mut self) {
        while let Some(slot) = self.0.unpark() {
            let rest = Parked(self.0);
            let slot: NonNull<S::Value> = slot.cast();
            // SAFETY: a parked value is nobody's; its slot goes back afterwards.
            unsafe { retire(&ScrubOf(self.0.hooks()), slot, || self.0.put(slot.cast())) };
            core::mem::forget(rest);
        }
    }
}
