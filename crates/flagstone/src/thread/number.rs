//! Dense, reused thread numbers.

use alloc::collections::BinaryHeap;
use core::{cell::Cell, cmp::Reverse};
use std::{sync::Mutex, thread_local};

use super::exit;

/// The number of a running thread: unique among the threads that have one now, and small, because
/// the lowest free number is given first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadNumber(usize);

impl ThreadNumber {
    /// The number, from 0.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0
    }
}

/// No number yet, or no number any more.
const NONE: usize = usize::MAX;

thread_local! {
    // Without a destructor, so that it can be read at any time and costs one load.
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
}

/// Numbers that are free below `next`.
struct Free {
    returned: BinaryHeap<Reverse<usize>>,
    next: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free {
    returned: BinaryHeap::new(),
    next: 0,
});

/// The number of the calling thread; `None` when the thread is past its exit hooks.
///
/// One thread-local load; the first call of a thread takes a lock and may allocate.
///
/// ```
/// let mine = flagstone::thread::number().unwrap();
/// assert_eq!(flagstone::thread::number(), Some(mine));
/// let other = std::thread::spawn(|| flagstone::thread::number().unwrap());
/// assert_ne!(other.join().unwrap(), mine);
/// ```
#[inline]
#[must_use]
pub fn number() -> Option<ThreadNumber> {
    match NUMBER.get() {
        NONE => assign(),
        number => Some(ThreadNumber(number)),
    }
}

#[cold]
fn assign() -> Option<ThreadNumber> {
    if !exit::is_running() {
        return None;
    }
    let number = {
        let mut free = lock();
        match free.returned.pop() {
            Some(Reverse(number)) => number,
            None => {
                free.next += 1;
                free.next - 1
            }
        }
    };
    NUMBER.set(number);
    Some(ThreadNumber(number))
}

/// Gives the calling thread's number back, after its last exit hook.
pub(super) fn give_back() {
    let number = NUMBER.replace(NONE);
    if number != NONE {
        lock().returned.push(Reverse(number));
    }
}

/// The lock guards integers that are whole at any time, so a panic elsewhere does not matter.
fn lock() -> std::sync::MutexGuard<'static, Free> {
    FREE.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
