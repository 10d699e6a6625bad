//! How many handles share a value, and which value it is.

use core::cell::Cell;

#[cfg(target_has_atomic = "64")]
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Counts the handles of a value, and the values that had this count before. Sealed: [`LocalCount`]
/// for one thread, [`AtomicCount`] for several.
#[expect(private_bounds, reason = "sealed: nobody else calls or implements it")]
pub trait Count: sealed::Counter {}

mod sealed {
    /// The calls behind a [`Count`](super::Count).
    ///
    /// A *life* is the time from `begin` to the `next_generation` after the count fell to 0. Between
    /// lives the count is 0 and its owner has it alone.
    ///
    /// # Safety
    ///
    /// The implementor promises: `drop_one` and `take_only` answer `true` to one caller per life,
    /// who then sees what all other owners did; `add_unless_zero` answers `true` only within a life,
    /// whose `generation` the caller then sees.
    pub(crate) unsafe trait Counter {
        /// A count of 0 in generation 0.
        fn zero() -> Self;

        /// Starts a life with one handle; publishes what the caller wrote before.
        fn begin(&self);

        /// One handle more, for the owner of one.
        fn add(&self);

        /// One handle more, unless there is none.
        fn add_unless_zero(&self) -> bool;

        /// One handle less; whether it was the last.
        fn drop_one(&self) -> bool;

        /// No handle any more, if there is only one; whether there was.
        fn take_only(&self) -> bool;

        /// How many handles there are.
        fn handles(&self) -> usize;

        /// The number of this life.
        fn generation(&self) -> u64;

        /// Ends a life, whose count is 0. A number is never used again: counting to 2^64 takes
        /// centuries.
        fn next_generation(&self);
    }
}

pub(crate) use sealed::Counter;

/// More of something than can be counted: a program that forgets handles in a loop. Going on would let a
/// count wrap, and what is counted end under its users.
#[cold]
#[inline(never)]
pub(super) fn too_many(what: &str) -> ! {
    #[cfg(feature = "std")]
    {
        std::eprintln!("flagstone: there are more {what} than can be counted");
        std::process::abort()
    }
    #[cfg(not(feature = "std"))]
    {
        /// A panic while panicking aborts.
        struct Again<'w>(&'w str);

        impl Drop for Again<'_> {
            fn drop(&mut self) {
                panic!("there are more {} than can be counted", self.0);
            }
        }

        let _again = Again(what);
        panic!("there are more {what} than can be counted");
    }
}

/// A [`Count`] for one thread: plain numbers.
#[derive(Debug)]
pub struct LocalCount {
    handles: Cell<usize>,
    generation: Cell<u64>,
}

impl Count for LocalCount {}

// SAFETY: `Cell`s keep the type on one thread, where the calls come one after the other.
unsafe impl Counter for LocalCount {
    fn zero() -> Self {
        Self {
            handles: Cell::new(0),
            generation: Cell::new(0),
        }
    }

    #[inline(always)]
    fn begin(&self) {
        self.handles.set(1);
    }

    #[inline(always)]
    fn add(&self) {
        let handles = self.handles.get().wrapping_add(1);
        self.handles.set(handles);
        if handles == 0 {
            too_many("shared handles of a value");
        }
    }

    #[inline]
    fn add_unless_zero(&self) -> bool {
        let some = self.handles.get() > 0;
        if some {
            self.add();
        }
        some
    }

    #[inline(always)]
    fn drop_one(&self) -> bool {
        let handles = self.handles.get() - 1;
        self.handles.set(handles);
        handles == 0
    }

    fn take_only(&self) -> bool {
        let only = self.handles.get() == 1;
        if only {
            self.handles.set(0);
        }
        only
    }

    fn handles(&self) -> usize {
        self.handles.get()
    }

    #[inline]
    fn generation(&self) -> u64 {
        self.generation.get()
    }

    #[inline]
    fn next_generation(&self) {
        self.generation.set(self.generation.get() + 1);
    }
}

/// A [`Count`] for several threads. Only where there are atomics of 64 bits.
#[cfg(target_has_atomic = "64")]
#[derive(Debug)]
pub struct AtomicCount {
    handles: AtomicUsize,
    generation: AtomicU64,
}

/// Half of what can be counted: threads that overshoot at once stay below the other half.
#[cfg(target_has_atomic = "64")]
const MOST: usize = isize::MAX as usize;

#[cfg(target_has_atomic = "64")]
impl Count for AtomicCount {}

// SAFETY: one read-modify-write per life takes the count to 0, and nothing raises it from there but
// `begin`, which only the owner between lives calls. The orderings below give the rest.
#[cfg(target_has_atomic = "64")]
unsafe impl Counter for AtomicCount {
    fn zero() -> Self {
        Self {
            handles: AtomicUsize::new(0),
            generation: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn begin(&self) {
        // Release: pairs with the Acquire in `add_unless_zero`: who joins this life by a handle that
        // was kept from an earlier one sees its generation. (Other handles are made of handles.)
        self.handles.store(1, Ordering::Release);
    }

    #[inline(always)]
    fn add(&self) {
        // Relaxed: the caller has a handle, so the life goes on; the new handle gets to another
        // thread by whatever the program hands it over with.
        if self.handles.fetch_add(1, Ordering::Relaxed) > MOST {
            too_many("shared handles of a value");
        }
    }

    fn add_unless_zero(&self) -> bool {
        // Relaxed: a first guess, which the exchange verifies.
        let mut handles = self.handles.load(Ordering::Relaxed);
        while handles > 0 {
            if handles > MOST {
                too_many("shared handles of a value");
            }
            // Acquire: pairs with the Release in `begin`; the changes in between are
            // read-modify-writes, which carry it on. Relaxed on failure: a better guess.
            match self.handles.compare_exchange_weak(
                handles,
                handles + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => handles = now,
            }
        }
        false
    }

    #[inline(always)]
    fn drop_one(&self) -> bool {
        // Release: pairs with the Acquire below, of the thread that drops the last one.
        if self.handles.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        // Acquire: pairs with the Release above, of every other thread that had a handle.
        self.handles.load(Ordering::Acquire);
        true
    }

    fn take_only(&self) -> bool {
        // Acquire: pairs with the Release in `drop_one`, of every other thread that had a handle.
        // Relaxed on failure: nothing is owned then.
        self.handles
            .compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    fn handles(&self) -> usize {
        // Relaxed: an answer that is old by the time it is read orders nothing.
        self.handles.load(Ordering::Relaxed)
    }

    #[inline]
    fn generation(&self) -> u64 {
        // Relaxed: a caller within a life is ordered after its `begin`; others guess.
        self.generation.load(Ordering::Relaxed)
    }

    #[inline]
    fn next_generation(&self) {
        // Relaxed, both: the owner between lives has it alone; `begin` publishes the number.
        let generation = self.generation.load(Ordering::Relaxed);
        self.generation.store(generation + 1, Ordering::Relaxed);
    }
}

#[cfg(all(test, feature = "std", not(any(loom, shuttle))))]
mod tests {
    use std::{env, process::Command};

    use super::*;

    /// Set where a test runs in a process that is to end.
    const CHILD: &str = "FLAGSTONE_TEST_OVERFLOW";

    /// Runs the test `name` again in another process, where it calls `overflow`; that process must
    /// not come to its end.
    fn aborts(name: &str, overflow: impl FnOnce()) {
        if env::var_os(CHILD).is_some() {
            overflow();
            return;
        }
        let tests = env::current_exe().expect("a test is a program");
        let status = Command::new(tests)
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .status()
            .expect("a test can be started");
        assert!(!status.success(), "the count went on");
        // Not by a panic, which a program could catch and go on from.
        assert_ne!(status.code(), Some(101));
    }

    #[test]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn a_local_count_aborts_before_it_wraps() {
        aborts(
            "raw::count::tests::a_local_count_aborts_before_it_wraps",
            || {
                let count = LocalCount::zero();
                count.handles.set(usize::MAX);
                count.add();
            },
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn an_atomic_count_aborts_before_it_wraps() {
        aborts(
            "raw::count::tests::an_atomic_count_aborts_before_it_wraps",
            || {
                let count = AtomicCount::zero();
                count.handles.store(MOST + 1, Ordering::Relaxed);
                count.add();
            },
        );
    }

    #[test]
    #[cfg_attr(miri, ignore = "starts a process")]
    fn an_upgrade_aborts_before_it_wraps() {
        aborts(
            "raw::count::tests::an_upgrade_aborts_before_it_wraps",
            || {
                let count = AtomicCount::zero();
                count.handles.store(MOST + 1, Ordering::Relaxed);
                count.add_unless_zero();
            },
        );
    }
}
