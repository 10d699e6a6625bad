//! A bit per slot beside another strategy.

use core::{fmt, ptr::NonNull};

use super::{
    CheckedStrategy, Cursor, Strategy,
    sealed::{Attach, Machine},
};
use crate::{
    corruption::report,
    raw::{Run, bits::Bits},
};

/// `S` and one bit per slot that says whether the slot is taken: a second release of a slot goes to
/// the [corruption handler](crate::corruption) and indices can be checked, in release builds too.
///
/// Construction clears the bits: O(capacity / 64), unless the provider's memory is zeroed.
pub struct Checked<S> {
    inner: S,
    taken: Bits,
}

impl<S: Default> Default for Checked<S> {
    fn default() -> Self {
        Self::new(S::default())
    }
}

impl<S> Checked<S> {
    /// Checks what `inner` does.
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            taken: Bits::none(),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Checked<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checked").field(&self.inner).finish()
    }
}

impl<S: Strategy> Strategy for Checked<S> {}
impl<S: Strategy> CheckedStrategy for Checked<S> {}

// SAFETY: `take` is the inner one's.
unsafe impl<S: Strategy> Machine for Checked<S> {
    const LINKED: bool = S::LINKED;

    fn numbers(&self) -> Option<(usize, usize)> {
        self.inner.numbers()
    }

    fn bits(&self, capacity: usize) -> usize {
        // Whole words for our own bits, so that the inner strategy's start at a word.
        let own = capacity.div_ceil(64).saturating_mul(64);
        own.saturating_add(self.inner.bits(capacity))
    }

    unsafe fn attach<T>(&mut self, run: &Run<T>, memory: Attach) {
        let own = run.capacity().div_ceil(64);
        // SAFETY: `bits` asked for these words; they are ours by the caller's promise.
        self.taken = unsafe { Bits::new(memory.words, own, memory.zeroed) };
        let rest = Attach {
            // SAFETY: `own` of the `word_count` words are ours, the others follow.
            words: unsafe { memory.words.add(own) },
            word_count: memory.word_count - own,
            zeroed: memory.zeroed,
        };
        // SAFETY: the caller's promise, for the words behind our own.
        unsafe { self.inner.attach(run, rest) };
    }

    #[inline]
    fn take<T>(&self, run: &Run<T>) -> Option<NonNull<u8>> {
        let slot = self.inner.take(run)?;
        self.taken.insert(run.index_of::<S>(slot));
        Some(slot)
    }

    #[inline]
    unsafe fn put<T>(&self, run: &Run<T>, slot: NonNull<u8>) {
        if !self.taken.remove(run.index_of::<S>(slot)) {
            report(run.untaken(slot));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.put(run, slot) };
    }

    fn in_use<T>(&self, _run: &Run<T>) -> usize {
        self.taken.count()
    }

    fn available<T>(&self, run: &Run<T>) -> usize {
        self.inner.available(run)
    }

    fn is_taken(&self, index: usize) -> Option<bool> {
        Some(self.taken.contains(index))
    }

    fn walk<T>(&mut self, _run: &Run<T>) -> Cursor {
        Cursor::Index(0)
    }

    fn next_taken<T>(&self, run: &Run<T>, cursor: &mut Cursor) -> Option<NonNull<u8>> {
        super::next_index(run, cursor, |index| self.taken.contains(index))
    }
}
