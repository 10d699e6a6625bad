//! Dense, reused thread numbers.

use core::cell::Cell;
use std::thread_local;

use super::exit;
use crate::sync::Numbers;

/// The number of a running thread: unique among the threads that have one now, and small, because
/// the lowest free number is given first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadNumber(usize);

impl ThreadNumber {
    /// Numbers are below this.
    pub const LIMIT: usize = 64 * 1024;

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

static NUMBERS: Numbers<{ ThreadNumber::LIMIT / u64::BITS as usize }> = Numbers::new();

/// The number of the calling thread; `None` when the thread is past its exit hooks, or when 65,536
/// other threads have numbers.
///
/// One thread-local load; the first call of a thread searches a bit set (O(threads / 64)) and
/// registers a thread-local destructor.
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
    let number = NUMBERS.take()?;
    NUMBER.set(number);
    Some(ThreadNumber(number))
}

/// Gives the calling thread's number back, after its last exit hook.
pub(super) fn give_back() {
    NUMBERS.give_back(NUMBER.replace(NONE));
}
