//! Something that one thread uses all the time, and others now and then.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    cell::{Cell, UnsafeCell},
    fmt,
    marker::PhantomData,
    ptr,
};

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
/// The cheap barrier does not meet the expensive one here. Set from the beginning, or for good when the
/// system refuses the expensive one later.
const STRICT: u32 = 4;

/// A value of one owner, who uses it without an instruction that locks the bus, and of guests, who pay
/// for that: the protocol of [`Cache`](super::depot), for values of any type.
///
/// The owner marks itself *busy*, then looks whether a guest is there; a guest announces itself, then
/// looks whether the owner is busy. Between store and load stands a barrier on both sides, which costs
/// the owner nothing (see [`barrier`]).
///
/// # Invariants
///
/// 1. There is one [`Owner`], or one place for it in one thread's [`Places`]; neither leaves its thread.
/// 2. `value` belongs to who is in a busy section that it entered with `state` clear; or to the guest
///    that has the lock of the [`Guests`], set `WANTED` or `CLOSED`, passed the barrier and then saw
///    the owner not busy, until it clears `WANTED`. The barrier is the expensive one, or a full one if
///    `strict` was seen after it.
struct Turn<T> {
    busy: AtomicBool,
    state: AtomicU32,
    /// The owner has seen `STRICT`, and passes full barriers since.
    strict: AtomicBool,
    key: usize,
    value: UnsafeCell<T>,
    process: u32,
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

/// What a thread owns, by numbers. For a thread-local: without a destructor, so that it can be used at any
/// time of a thread's life, at the cost of a load.
///
/// # Invariants
///
/// 1. `entries` points to `len` addresses of turns or nulls, a boxed slice unless `len` is 0. The table has
///    the share of their owner.
/// 2. No user code, the global allocator included, runs between two steps of a change.
pub(crate) struct Places<T> {
    entries: Cell<*mut *const Turn<T>>,
    len: Cell<usize>,
}

/// The other side: values of which each has an owner.
pub(crate) struct Guests<T> {
    turns: Mutex<DefaultLock, Listed<T>>,
}

struct Listed<T> {
    turns: Vec<Arc<Turn<T>>>,
    closed: bool,
    /// The system refused the expensive barrier: owners pass full ones, or will.
    strict: bool,
}

impl<T> Owner<T> {
    fn new(turn: Arc<Turn<T>>) -> Self {
        Self {
            turn,
            here: PhantomData,
        }
    }

    /// Has `f` use the value, once guests are gone; `None`, and nothing done, when no owner may any more,
    /// inside of another `f`, or when a guest stayed behind in the process that this one was forked from.
    pub(crate) fn with_patience<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let turn = &*self.turn;
        let mut backoff = Backoff::default();
        let mut f = Some(f);
        loop {
            let done = turn.with(|value| f.take().map(|f| f(value)));
            if let Some(done) = done {
                return done;
            }
            // Relaxed: it stays closed.
            let is_closed = turn.state.load(Ordering::Relaxed) & CLOSED != 0;
            if is_closed || turn.is_busy() || turn.process != std::process::id() {
                return None;
            }
            backoff.wait();
        }
    }
}

impl<T> Places<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
        }
    }

    #[inline(always)]
    fn find(&self, number: u32, key: usize) -> Option<&Turn<T>> {
        if number as usize >= self.len.get() {
            return None;
        }
        // SAFETY: within the entries (invariant 1).
        let entry = unsafe { self.entries.get().add(number as usize) };
        // SAFETY: as above; what it points to is there at least until an entry is taken, which does not
        // happen while it is used.
        let turn = unsafe { (*entry).as_ref() }?;
        (turn.key == key).then_some(turn)
    }

    /// Has `f` use the value with that number, if it has that key; `None`, and nothing done, also while a guest
    /// does, when no owner may any more, or inside of another `f`.
    #[inline(always)]
    pub(crate) fn with<R>(
        &self,
        number: u32,
        key: usize,
        f: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        self.find(number, key)?.with(f)
    }

    /// Whether there is a value with that number and key.
    pub(crate) fn has(&self, number: u32, key: usize) -> bool {
        self.find(number, key).is_some()
    }

    /// Enters an owner. What was in its place comes back, or the owner itself if that is being used.
    pub(crate) fn set(&self, number: u32, owner: Owner<T>) -> Option<Owner<T>> {
        while number as usize >= self.len.get() {
            let len = (number as usize + 1).next_power_of_two().max(8);
            let room: Box<[*const Turn<T>]> = (0..len).map(|_| ptr::null()).collect();
            // The allocator may have used the table meanwhile.
            if len > self.len.get() {
                drop(self.replace(room));
            }
        }
        // SAFETY: within the entries (invariant 1).
        let entry = unsafe { &mut *self.entries.get().add(number as usize) };
        // SAFETY: as in `find`.
        let used = unsafe { entry.as_ref() }.is_some_and(Turn::is_busy);
        if used {
            return Some(owner);
        }
        let old = core::mem::replace(entry, Arc::into_raw(owner.turn));
        // SAFETY: null, or the table's share (invariant 1), which left the table just now.
        (!old.is_null()).then(|| Owner::new(unsafe { Arc::from_raw(old) }))
    }

    /// Takes everything out, and calls `end` with each; but what is being used stays where it is for ever.
    pub(crate) fn clear(&self, mut end: impl FnMut(Owner<T>)) {
        let old = self.replace(Box::default());
        for &entry in old.iter().filter(|entry| !entry.is_null()) {
            // SAFETY: the table's share (invariant 1), which left the table just now.
            let turn = unsafe { Arc::from_raw(entry) };
            if turn.is_busy() {
                core::mem::forget(turn);
            } else {
                end(Owner::new(turn));
            }
        }
    }

    /// Puts other entries in the place of these, of which those move that find room; the old ones, without
    /// shares in those.
    fn replace(&self, mut room: Box<[*const Turn<T>]>) -> Box<[*const Turn<T>]> {
        let len = self.len.replace(0);
        let entries = self.entries.replace(ptr::null_mut());
        let old = if len > 0 {
            // SAFETY: a boxed slice of this length (invariant 1), which left the table just now.
            unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(entries, len)) }
        } else {
            Box::default()
        };
        for (to, from) in room.iter_mut().zip(&old) {
            *to = *from;
        }
        if !room.is_empty() {
            self.len.set(room.len());
            self.entries.set(Box::into_raw(room).cast());
        }
        old
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
    /// Only this thread's answer is of use.
    fn is_busy(&self) -> bool {
        // Relaxed: the owner's thread asks, which alone stores to it.
        self.busy.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<R> {
        if self.is_busy() {
            return None;
        }
        let _leave = self.enter()?;
        // SAFETY: in a busy section that was entered with `state` clear (invariant 2); no other `f` has
        // it, because it was not busy.
        let value = unsafe { &mut *self.value.get() };
        Some(f(value))
    }

    /// Begins a busy section, unless a guest is there.
    #[inline(always)]
    fn enter(&self) -> Option<Leave<'_>> {
        // Relaxed: the barrier orders it before the load.
        self.busy.store(true, Ordering::Relaxed);
        let leave = Leave(&self.busy);
        if !seeded("turn: no barrier") {
            barrier::light();
        }
        // Acquire: pairs with the Release of a guest that is done.
        if self.state.load(Ordering::Acquire) == 0 || self.enter_strict() {
            return Some(leave);
        }
        None
    }

    /// As `enter`, where the cheap barrier is none; in a busy section.
    #[cold]
    fn enter_strict(&self) -> bool {
        barrier::full();
        // Relaxed: nobody else stores to it.
        if !self.strict.load(Ordering::Relaxed) && self.state.load(Ordering::Relaxed) & STRICT != 0
        {
            // Release: pairs with the Acquire in `use_each`: `busy` and the barrier come before it.
            self.strict.store(true, Ordering::Release);
        }
        // Acquire: as in `enter`.
        self.state.load(Ordering::Acquire) == STRICT
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
                    strict: false,
                },
            ),
        }
    }

    /// Makes the calling thread the owner of one more value with that key, if there are fewer than `most` and they are
    /// not closed; else `value` comes back.
    pub(crate) fn add(&self, value: T, key: usize, most: usize) -> Result<Owner<T>, T> {
        let ready = barrier::ready();
        let turn = Arc::new(Turn {
            busy: AtomicBool::new(false),
            state: AtomicU32::new(if ready { 0 } else { STRICT }),
            strict: AtomicBool::new(!ready),
            key,
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
        if listed.strict {
            // Relaxed, both: the caller is the owner, and guests come by the lock.
            turn.state.store(STRICT, Ordering::Relaxed);
            turn.strict.store(true, Ordering::Relaxed);
        }
        listed.turns.push(Arc::clone(&turn));
        Ok(Owner::new(turn))
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
    /// left out: when the system refuses that call, those that were not used since it did so first.
    pub(crate) fn visit(&self, f: impl FnMut(&mut T) -> bool) {
        self.visit_behind(barrier::heavy, f);
    }

    fn visit_behind(&self, barrier: impl FnOnce() -> bool, f: impl FnMut(&mut T) -> bool) {
        let mut listed = self.turns.lock();
        listed.use_each(WANTED, barrier, f);
    }

    /// As [`visit`](Self::visit) of all, for the last time: no owner uses its value any more. Values that
    /// are left out go with their owners.
    pub(crate) fn close(&self, mut f: impl FnMut(&mut T)) {
        let mut listed = self.turns.lock();
        listed.closed = true;
        listed.use_each(CLOSED, barrier::heavy, |value| {
            f(value);
            true
        });
        let turns = core::mem::take(&mut listed.turns);
        drop(listed);
        drop(turns);
    }
}

/// Lets the owners in again, also after a panic.
struct Done<'t, T>(&'t [Arc<Turn<T>>]);

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        for turn in self.0 {
            // Release: pairs with the Acquire in `enter`.
            turn.state.fetch_and(!WANTED, Ordering::Release);
        }
    }
}

impl<T> Listed<T> {
    fn use_each(
        &mut self,
        why: u32,
        barrier: impl FnOnce() -> bool,
        mut f: impl FnMut(&mut T) -> bool,
    ) {
        if self.turns.is_empty() {
            return;
        }
        for turn in &self.turns {
            // Relaxed: the barrier orders it before what is read after.
            turn.state.fetch_or(why, Ordering::Relaxed);
        }
        let _done = Done(&self.turns);
        let met = seeded("turn: guest without a barrier") || barrier();
        if !met {
            self.strict = true;
            for turn in &self.turns {
                // Relaxed: an owner that sees it passes a barrier before it looks again.
                turn.state.fetch_or(STRICT, Ordering::Relaxed);
            }
        }
        for turn in &self.turns {
            // Acquire: pairs with the Release in `enter_strict`. From then on two full barriers meet: `heavy` is
            // one, whatever it answers.
            if !met && !turn.strict.load(Ordering::Acquire) {
                continue;
            }
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

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    /// As a process in which the expensive barrier is forbidden.
    fn refused() -> bool {
        barrier::full();
        false
    }

    #[test]
    fn an_owner_that_heard_of_it_is_visited_without_the_barrier() {
        let guests = Guests::new();
        let owner = guests.add(1, 0, 3).unwrap();
        let visited = |barrier: fn() -> bool| {
            let mut sum = 0;
            guests.visit_behind(barrier, |value| {
                sum += *value;
                true
            });
            sum
        };
        assert_eq!(visited(barrier::heavy), 1);
        let first = visited(refused);
        // Where the barrier is none, owners pass full ones from the beginning.
        assert!(first == 0 || !barrier::ready());
        assert_eq!(owner.turn.with(|value| *value), Some(1), "it goes on");
        assert_eq!(visited(refused), 1);
        let _other = guests.add(10, 0, 3).unwrap();
        assert_eq!((visited(refused), visited(barrier::heavy)), (11, 11));
    }

    #[test]
    fn a_value_that_is_left_out_goes_with_its_owner() {
        let guests = Guests::new();
        let value = Arc::new(());
        let owner = guests.add(Arc::clone(&value), 0, 1).unwrap();
        guests.turns.lock().use_each(CLOSED, refused, |_| true);
        drop(guests);
        assert_eq!(owner.turn.with(|_| ()), None);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(owner);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

/// What an owner and a guest do at once, in every interleaving within the bounds; and the same with a bug
/// planted, which each model must find.
///
/// ```text
/// RUSTFLAGS="--cfg loom" cargo test -p flagstone --lib turn
/// ```
#[cfg(all(test, loom))]
mod models {
    use super::*;
    use crate::sync::{
        atomic::AtomicUsize,
        model::{UnsafeCell, explore, finds, thread},
    };

    /// Whether a block is in the cache; the model sees who looks at it at once.
    struct Kept(UnsafeCell<bool>);

    impl Kept {
        fn set(&self, kept: bool) -> bool {
            // SAFETY: whether this is alone is what the model finds out.
            self.0
                .with_mut(|place| core::mem::replace(unsafe { &mut *place }, kept))
        }
    }

    /// The owner keeps what it frees unless somebody waits; who begins to wait takes what is kept. One of
    /// them finds the other: nothing is kept while somebody waits.
    fn nothing_is_stranded() {
        let guests = Arc::new(Guests::new());
        let wanted = Arc::new(AtomicUsize::new(0));
        let owner = guests.add(Kept(UnsafeCell::new(false)), 0, 1).ok();
        let owner = owner.expect("there is room for one");
        let waiter = {
            let (guests, wanted) = (Arc::clone(&guests), Arc::clone(&wanted));
            thread::spawn(move || {
                wanted.fetch_or(1, Ordering::Acquire);
                guests.visit(|kept| {
                    kept.set(false);
                    true
                });
            })
        };
        let keep = |kept: &mut Kept| {
            if wanted.load(Ordering::Relaxed) == 0 {
                kept.set(true);
            }
        };
        let _ = owner.turn.with(keep);
        waiter.join().unwrap();
        let kept = owner.turn.with(|kept| kept.set(false));
        assert_eq!(kept, Some(false), "what somebody waits for is kept");
    }

    #[test]
    fn nothing_is_stranded_in_a_cache() {
        explore(nothing_is_stranded);
    }

    #[test]
    fn bugs_in_a_turn_are_found() {
        for bug in [
            "turn: no barrier",
            "turn: guest without a barrier",
            "turn: leave is relaxed",
        ] {
            finds(bug, nothing_is_stranded);
        }
    }

    /// An owner that is told that it is the end does not touch the value any more.
    fn an_end() {
        let guests = Arc::new(Guests::new());
        let owner = guests.add(Kept(UnsafeCell::new(false)), 0, 1).ok();
        let owner = owner.expect("there is room for one");
        let closer = {
            let guests = Arc::clone(&guests);
            thread::spawn(move || {
                let mut taken = false;
                guests.close(|kept| taken = kept.set(false));
                taken
            })
        };
        let kept = owner.turn.with(|kept| kept.set(true)).is_some();
        assert_eq!(closer.join().unwrap(), kept);
        assert_eq!(owner.with_patience(|_| ()), None);
    }

    #[test]
    fn an_end_takes_what_was_kept() {
        explore(an_end);
        finds("turn: no barrier", an_end);
    }

    /// The system refuses the expensive barrier: the owner is visited once it passes full ones.
    fn a_refused_barrier() {
        let guests = Arc::new(Guests::new());
        let owner = guests.add(Kept(UnsafeCell::new(false)), 0, 1).ok();
        let owner = owner.expect("there is room for one");
        let guest = {
            let guests = Arc::clone(&guests);
            thread::spawn(move || {
                let refused = || {
                    barrier::full();
                    false
                };
                for _ in 0..2 {
                    guests.visit_behind(refused, |kept| {
                        kept.set(false);
                        true
                    });
                }
            })
        };
        for _ in 0..2 {
            let _ = owner.turn.with(|kept| kept.set(true));
        }
        guest.join().unwrap();
        assert!(owner.turn.with(|kept| kept.set(false)).is_some());
        let mut visited = 0;
        guests.visit_behind(
            || false,
            |_| {
                visited += 1;
                true
            },
        );
        assert_eq!(visited, 1, "it has heard of it");
    }

    #[test]
    fn who_visits_without_the_barrier_is_alone() {
        explore(a_refused_barrier);
    }
}
