//! Small numbers for what a process has many of.

use super::process::{AtomicU64, Ordering};

const WORD_BITS: usize = u64::BITS as usize;

/// Hands out the lowest free number below `64 * WORDS`: for a `static`, without a lock and without an
/// allocation, because an allocator may ask for numbers. A set bit is a number in use.
pub(crate) struct Numbers<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> Numbers<WORDS> {
    /// All numbers free.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; WORDS])
    }

    /// The lowest number that is free. O(numbers / 64).
    pub(crate) fn take(&self) -> Option<usize> {
        let mut words = self.0.iter().enumerate();
        words.find_map(|(at, word)| claim(word).map(|bit| at * WORD_BITS + bit))
    }

    /// Takes a number back; nothing happens to one that is out of range.
    pub(crate) fn give_back(&self, number: usize) {
        if let Some(word) = self.0.get(number / WORD_BITS) {
            // Release: pairs with the Acquire in `claim`.
            word.fetch_and(!(1 << (number % WORD_BITS)), Ordering::Release);
        }
    }
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
        // Acquire: pairs with the Release in `give_back`: who gets a number sees what its owner before
        // left under it.
        used = word.fetch_or(1 << bit, Ordering::Acquire);
        if used & 1 << bit == 0 {
            return Some(bit);
        }
    }
}
