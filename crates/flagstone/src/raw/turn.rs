//! Something that one thread uses all the time, and others now and then.

use alloc::{sync::Arc, vec::Vec};
use core::{cell::UnsafeCell, fmt, marker::PhantomData};

use lock_api::Mutex;

use crate::sync::{
    Backoff, DefaultLock,
    atomic::{AtomicBool, AtomicU32, Ordering},
    barrier, default_lock, seeded,
};

/// A guest is about to use the value.
const WANTED: u32 = 1;
/// No owner uses it any more.
const CLOSED: u32 = 2;

/// A value of one owner, who uses it without an instruction that locks the bus, and of guests, who pay
/// for that: the protocol of [`Cache`](super::depot), for values of any type.
///
/// The owner marks itself *busy*, then looks whether a guest is there; a guest announces itself, then
/// looks whether the owner is busy. Between store and load stands a barrier on both sides, which costs
/// the owner nothing (see [`barrier`]).
///
/// # Invariants
///
/// 1. There is one [`Owner`], which stays on its thread.
/// 2. `value` belongs to who is in a busy section that it entered with `state` clear; or to the guest
///    that has the lock of the [`Guests`], set `WANTED` or `CLOSED`, passed the barrier and then saw
///    the owner not busy, until it clears `WANTED`.
struct Turn<T> {
    busy: AtomicBool,
    state: AtomicU32,
    /// The cheap barrier does not meet the expensive one here.
    strict: bool,
    process: u32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is used by one thread at a time (invariant 2), and moves from thread to thread in
// the order of `busy` and `state`.
unsafe impl<T: Send> Sync for Turn<T> {}

/// The owner's side.
pub(crate) struct Owner<T> {
    turn: Arc<Turn<T>>,
    /// Its thread's alone: a busy section has one thread.
    here: PhantomData<*mut ()>,
}

/// The other side: values of which each has an owner.
pub(crate) struct Guests<T> {
    turns: Mutex<DefaultLock, Listed<T>>,
}

struct Listed<T> {
    turns: Vec<Arc<Turn<T>>>,
    closed: bool,
}

impl<T> Owner<T> {
    /// Has `f` use the value; `None`, and nothing done, while a guest does, when no owner may any more,
    /// or inside of another `f`.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let turn = &*self.turn;
        // Relaxed: only this thread stores to it.
        if turn.busy.load(Ordering::Relaxed) {
            return None;
        }
        let _leave = turn.enter()?;
        // SAFETY: in a busy section that was entered with `state` clear (invariant 2); no other `f` has
        // it, because `busy` was clear.
        let value = unsafe { &mut *turn.value.get() };
        Some(f(value))
    }
}

/// Ends a busy section, also when it panics.
struct Leave<'t>(&'t AtomicBool);

impl Drop for Leave<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire of the guest that waits for the end.
        let order = if seeded("turn: leave is relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.0.store(false, order);
    }
}

impl<T> Turn<T> {
    /// Begins a busy section, unless a guest is there.
    #[inline(always)]
    fn enter(&self) -> Option<Leave<'_>> {
        // Relaxed: the barrier orders it before the load.
        self.busy.store(true, Ordering::Relaxed);
        let leave = Leave(&self.busy);
        if self.strict {
            barrier::full();
        } else if !seeded("turn: no barrier") {
            barrier::light();
        }
        // Acquire: pairs with the Release of a guest that is done.
        (self.state.load(Ordering::Acquire) == 0).then_some(leave)
    }

    /// Waits for the end of the owner's busy section, after a barrier; `false` when that will not come,
    /// because the owner stayed behind in the process that this one was forked from.
    fn wait(&self) -> bool {
        let mut backoff = Backoff::default();
        // Acquire: pairs with the Release in `Leave`.
        while self.busy.load(Ordering::Acquire) {
            if self.process != std::process::id() {
                return false;
            }
            backoff.wait();
        }
        true
    }
}

impl<T> Guests<T> {
    pub(crate) fn new() -> Self {
        Self {
            turns: Mutex::from_raw(
                default_lock(),
                Listed {
                    turns: Vec::new(),
                    closed: false,
                },
            ),
        }
    }

    /// Makes the calling thread the owner of one more value, if there are fewer than `most` and they are
    /// not closed; else `value` comes back.
    pub(crate) fn add(&self, value: T, most: usize) -> Result<Owner<T>, T> {
        let turn = Arc::new(Turn {
            busy: AtomicBool::new(false),
            state: AtomicU32::new(0),
            strict: !barrier::ready(),
            process: std::process::id(),
            value: UnsafeCell::new(value),
        });
        let mut listed = self.turns.lock();
        if listed.closed || listed.turns.len() >= most {
            drop(listed);
            return match Arc::into_inner(turn) {
                Some(turn) => Err(turn.value.into_inner()),
                None => unreachable!("nobody else has heard of it"),
            };
        }
        listed.turns.push(Arc::clone(&turn));
        Ok(Owner {
            turn,
            here: PhantomData,
        })
    }

    /// Takes an owner's value off the list; whether it was there.
    pub(crate) fn remove(&self, owner: &Owner<T>) -> bool {
        let mut listed = self.turns.lock();
        let place = listed
            .turns
            .iter()
            .position(|turn| Arc::ptr_eq(turn, &owner.turn));
        let removed = place.map(|place| listed.turns.swap_remove(place));
        // With nothing locked.
        drop(listed);
        removed.is_some()
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.turns.lock().turns.len()
    }

    /// Has `f` use each value while its owner does not, until it answers `false`. Under a lock, so `f`
    /// runs nobody else's code. One system call in all; values whose owners cannot be waited for are
    /// left out.
    pub(crate) fn visit(&self, f: impl FnMut(&mut T) -> bool) {
        let listed = self.turns.lock();
        Self::use_each(&listed.turns, WANTED, f);
    }

    /// As [`visit`](Self::visit) of all, for the last time: no owner uses its value any more.
    pub(crate) fn close(&self, mut f: impl FnMut(&mut T)) {
        let mut listed = self.turns.lock();
        listed.closed = true;
        Self::use_each(&listed.turns, CLOSED, |value| {
            f(value);
            true
        });
        let turns = core::mem::take(&mut listed.turns);
        drop(listed);
        drop(turns);
    }

    fn use_each(turns: &[Arc<Turn<T>>], why: u32, mut f: impl FnMut(&mut T) -> bool) {
        if turns.is_empty() {
            return;
        }
        /// Lets the owners in again, also when `f` panics.
        struct Done<'t, T>(&'t [Arc<Turn<T>>]);
        impl<T> Drop for Done<'_, T> {
            fn drop(&mut self) {
                for turn in self.0 {
                    // Release: pairs with the Acquire in `enter`.
                    turn.state.fetch_and(!WANTED, Ordering::Release);
                }
            }
        }
        for turn in turns {
            // Relaxed: the barrier orders it before what is read after.
            turn.state.fetch_or(why, Ordering::Relaxed);
        }
        let _done = Done(turns);
        if !seeded("turn: guest without a barrier") && !barrier::heavy() {
            return;
        }
        for turn in turns {
            if turn.wait() {
                // SAFETY: under the lock of the guests, `state` set, after the barrier, the owner not
                // busy (invariant 2).
                let value = unsafe { &mut *turn.value.get() };
                if !f(value) {
                    return;
                }
            }
        }
    }
}

impl<T> fmt::Debug for Guests<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests").field("len", &self.len()).finish()
    }
}
