//! The spin lock excludes and orders.
#![expect(
    unsafe_code,
    reason = "releases the lock and touches the cell behind it"
)]

use flagstone::sync::SpinLock;
use loom::{cell::UnsafeCell, sync::Arc, thread};

use super::explore;

/// A number that only the owner of the lock touches.
#[derive(Default)]
struct Guarded {
    lock: SpinLock,
    number: UnsafeCell<usize>,
}

// SAFETY: `number` is touched by the owner of `lock` only; loom's cell checks that.
unsafe impl Sync for Guarded {}

impl Guarded {
    fn add_one(&self) {
        self.lock.acquire();
        self.add_and_release();
    }

    fn try_add_one(&self) -> bool {
        let ours = self.lock.try_acquire();
        if ours {
            self.add_and_release();
        }
        ours
    }

    fn add_and_release(&self) {
        // SAFETY: the callers own the lock.
        self.number.with_mut(|number| unsafe { *number += 1 });
        // SAFETY: the callers own the lock.
        unsafe { self.lock.release() };
    }

    /// The number, without the lock: all others must be done, in an order that can be proved.
    fn number(&self) -> usize {
        // SAFETY: the caller has joined all other threads; loom's cell checks that.
        self.number.with(|number| unsafe { *number })
    }
}

#[test]
fn two_threads_exclude_each_other_and_see_each_others_writes() {
    explore(3, || {
        let guarded = Arc::new(Guarded::default());
        let other = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                guarded.add_one();
                guarded.add_one();
            })
        };
        guarded.add_one();
        guarded.add_one();
        other.join().unwrap();
        assert_eq!(guarded.number(), 4);
        assert!(!guarded.lock.is_held());
    });
}

/// One of the three only tries: loom lets two threads that wait wake each other for ever, so it can
/// follow at most one that spins.
#[test]
fn three_threads_exclude_each_other() {
    explore(2, || {
        let guarded = Arc::new(Guarded::default());
        let locks = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.add_one())
        };
        let tries = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.try_add_one())
        };
        guarded.add_one();
        locks.join().unwrap();
        let third = tries.join().unwrap();
        assert_eq!(guarded.number(), 2 + usize::from(third));
    });
}

#[test]
fn a_try_counts_exactly_when_it_says_so() {
    explore(3, || {
        let guarded = Arc::new(Guarded::default());
        let other = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.try_add_one())
        };
        let here = guarded.try_add_one();
        let there = other.join().unwrap();
        assert!(here || there, "both were refused a lock that was free");
        assert_eq!(guarded.number(), usize::from(here) + usize::from(there));
    });
}
