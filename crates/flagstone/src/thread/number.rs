//! Dense, reused thread numbers.

use core::cell::Cell;
use std::thread_local;

use super::exit;
use crate::sync::process::{AtomicU64, Ordering};

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

const WORD_BITS: usize = u64::BITS as usize;

/// A set bit is a number in use. No lock and no allocation: an allocator may ask for numbers.
static USED: [AtomicU64; ThreadNumber::LIMIT / WORD_BITS] =
    [const { AtomicU64::new(0) }; ThreadNumber::LIMIT / WORD_BITS];

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
    let number = USED
        .iter()
        .enumerate()
        .find_map(|(at, word)| claim(word).map(|bit| at * WORD_BITS + bit))?;
    NUMBER.set(number);
    Some(ThreadNumber(number))
}

/// Sets the lowest clear bit of a word.
fn claim(word: &AtomicU64) -> Option<usize> {
    // Relaxed: a first guess, which `fetch_or` verifies.
    let mut used = word.load(Ordering::Relaxed);
    loop {
        let bit = used.trailing_ones() as usize;
        if bit == WORD_BITS {
            return None;
        }
        // Acquire: pairs with the Release in `give_back`: who gets a number sees what the thread
        // that had it before left under it.
        used = word.fetch_or(1 << bit, Ordering::Acquire);
        if used & 1 << bit == 0 {
            return Some(bit);
        }
    }
}

/// Gives the calling thread's number back, after its last exit hook.
pub(super) fn give_back() {
    let number = NUMBER.replace(NONE);
    if let Some(word) = USED.get(number / WORD_BITS) {
        // Release: pairs with the Acquire in `claim`.
        word.fetch_and(!(1 << (number % WORD_BITS)), Ordering::Release);
    }
}
