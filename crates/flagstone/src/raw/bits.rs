//! One bit per slot, behind the slots in the same chunk.

use core::{cell::Cell, ptr::NonNull};

const WORD_BITS: usize = u64::BITS as usize;

/// A set of slot numbers.
///
/// # Invariants
///
/// 1. `words` points to `len` words of a chunk that outlives the set and that only the set touches;
///    they are initialised.
/// 2. `count` is the number of set bits.
pub(crate) struct Bits {
    words: NonNull<Cell<u64>>,
    len: usize,
    count: Cell<usize>,
}

// SAFETY: the words belong to the set alone (invariant 1), so they go where it goes. The cells keep
// it `!Sync`.
unsafe impl Send for Bits {}

impl Bits {
    /// A set without room: every number is absent.
    pub(crate) const fn none() -> Self {
        Self {
            words: NonNull::dangling(),
            len: 0,
            count: Cell::new(0),
        }
    }

    /// An empty set in `len` words at `words`. O(len) unless `zeroed`.
    ///
    /// # Safety
    ///
    /// The words are aligned, writable and the set's alone for as long as it is used; they are 0 if
    /// `zeroed`.
    pub(crate) unsafe fn new(words: NonNull<u64>, len: usize, zeroed: bool) -> Self {
        if !zeroed {
            // SAFETY: `len` writable words by the caller's promise.
            unsafe { words.write_bytes(0, len) };
        }
        Self {
            words: words.cast(),
            len,
            count: Cell::new(0),
        }
    }

    fn word(&self, index: usize) -> Option<&Cell<u64>> {
        let at = index / WORD_BITS;
        if at >= self.len {
            return None;
        }
        // SAFETY: invariant 1; shared access through a `Cell`, on one thread (`!Sync`).
        Some(unsafe { self.words.add(at).as_ref() })
    }

    /// Whether `index` is in the set.
    #[inline]
    pub(crate) fn contains(&self, index: usize) -> bool {
        self.word(index)
            .is_some_and(|word| word.get() & (1 << (index % WORD_BITS)) != 0)
    }

    /// Adds `index`; `false` when it was there or there is no room for it.
    #[inline]
    pub(crate) fn insert(&self, index: usize) -> bool {
        let bit = 1 << (index % WORD_BITS);
        match self.word(index) {
            Some(word) if word.get() & bit == 0 => {
                word.set(word.get() | bit);
                self.count.set(self.count.get() + 1);
                true
            }
            _ => false,
        }
    }

    /// Removes `index`; `false` when it was not there.
    #[inline]
    pub(crate) fn remove(&self, index: usize) -> bool {
        let bit = 1 << (index % WORD_BITS);
        match self.word(index) {
            Some(word) if word.get() & bit != 0 => {
                word.set(word.get() & !bit);
                self.count.set(self.count.get() - 1);
                true
            }
            _ => false,
        }
    }

    /// How many numbers are in the set.
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }
}
