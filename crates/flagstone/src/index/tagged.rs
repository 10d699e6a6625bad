//! The head of a stack of numbers that threads share.

use core::borrow::Borrow;

use crate::sync::{
    atomic::{AtomicU64, Ordering},
    seeded,
};

/// No number: the link of the last one, and the head of an empty stack.
pub(crate) const NONE: u32 = u32::MAX;

/// No number either: the head of a stack that is closed, for ever or until it is opened again.
pub(crate) const CLOSED: u32 = u32::MAX - 1;

const INDEX_BITS: u32 = u32::BITS;

/// The head of a stack of numbers that threads share: the number on top in the low 32 bits of a word,
/// a tag above it. Links are the caller's. The word is the head's own or, as in memory that processes
/// share, somebody else's.
///
/// One compare-exchange to push and one to pop, repeated when another thread was faster: lock-free,
/// not wait-free. It does not scale, since all threads write one word.
///
/// After R. K. Treiber, "Systems programming: coping with parallelism" (IBM RJ 5118, 1986); the tag
/// after the IBM System/370 Principles of Operation and M. M. Michael and M. L. Scott, "Simple, fast,
/// and practical non-blocking and blocking concurrent queue algorithms" (1996).
///
/// # Why the tag
///
/// A thread in `pop` has read that 5 is on top and that 7 is the link of 5, and is preempted. Others
/// pop 5 and 7 and push 5: now 5 is on top again and 7 is in use. An exchange of numbers alone would
/// succeed and put 7 on top (A, then B, then A again). Every pop adds one to the tag, so this
/// exchange fails, whatever came between. It would succeed only after a multiple of 2^`TAG_BITS` pops
/// during one preemption, with the same number on top: with 32 bits, and a pop every 10 ns, after 43
/// seconds, to the pop.
///
/// Pushes leave the tag alone. If only pushes came between, the number on top is another; to have the
/// same one there again somebody must have popped.
///
/// # Invariants
///
/// 1. Every change of `word` is an exchange: a pop adds one to the tag, a push keeps it.
/// 2. While `word` does not change, its number is on top. If `word` reads the same twice, it did not
///    change between, but for a wrapped tag.
pub(crate) struct TaggedHead<const TAG_BITS: u32 = 32, W = AtomicU64> {
    word: W,
}

#[cfg(any(feature = "std", test))]
impl<const TAG_BITS: u32> TaggedHead<TAG_BITS> {
    /// The head of an empty stack.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn new() -> Self {
        Self {
            word: AtomicU64::new(NONE as u64),
        }
    }

    /// The head of an empty stack (the model checkers' atomics cannot be made in constants).
    #[cfg(any(loom, shuttle))]
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(NONE as u64),
        }
    }
}

impl<'w> TaggedHead<32, &'w AtomicU64> {
    /// The head that `word` is.
    #[inline]
    pub(crate) const fn at(word: &'w AtomicU64) -> Self {
        Self { word }
    }

    /// Makes the word the head of a stack with `first` on top, or of an empty one. Nobody else uses it
    /// yet.
    pub(crate) fn reset(&self, first: Option<u32>) {
        // Release: pairs with the Acquire in `pop`, for who learns of the word by other means.
        let word = first.unwrap_or(NONE).into();
        self.word.store(word, Ordering::Release);
    }
}

impl<const TAG_BITS: u32, W: Borrow<AtomicU64>> TaggedHead<TAG_BITS, W> {
    const TAG_MASK: u64 = {
        assert!(TAG_BITS >= 1 && TAG_BITS <= 32, "a tag has 1 to 32 bits");
        u64::MAX >> (u64::BITS - TAG_BITS)
    };

    /// Pushes a chain whose first number is `first`: `link(head)` stores `head`, the number on top
    /// until now or [`NONE`], as the link of the chain's last number. It is called again when another
    /// thread was faster, and may read what the pusher of `head` wrote. The stack is never closed.
    #[inline]
    pub(crate) fn push(&self, first: u32, link: impl FnMut(u32)) {
        let open = self.try_push(first, link);
        debug_assert!(
            open,
            "a stack that somebody closes is pushed to with `try_push`"
        );
    }

    /// As [`push`](Self::push); `false` when the stack is closed.
    #[inline]
    pub(crate) fn try_push(&self, first: u32, mut link: impl FnMut(u32)) -> bool {
        // Acquire, here and on failure: pairs with the Release below of whoever pushed `head`, for
        // links that depend on it.
        let head = self.word.borrow();
        let mut word = head.load(Ordering::Acquire);
        // Release: pairs with the Acquire in `pop`, so that the link is seen, and what was done with
        // the number before it was pushed.
        let release = if seeded("tagged: push is relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        loop {
            if number(word) == CLOSED {
                return false;
            }
            link(number(word));
            let pushed = Self::with_number(word, first);
            match head.compare_exchange_weak(word, pushed, release, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Pops the number on top: `next(head)` reads the link of `head`. That number may have been popped
    /// meanwhile, so links must be atomics that stay readable; what was read is not used then.
    #[inline]
    pub(crate) fn pop(&self, mut next: impl FnMut(u32) -> u32) -> Option<u32> {
        // Acquire, here, on success and on failure: pairs with the Release in `push` of the number
        // that is on top. Other exchanges between continue its release sequence.
        let acquire = if seeded("tagged: pop is relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Acquire
        };
        let head = self.word.borrow();
        let mut word = head.load(acquire);
        loop {
            let top = number(word);
            if top >= CLOSED {
                return None;
            }
            let popped = Self::with_number(Self::bumped(word), next(top));
            match head.compare_exchange_weak(word, popped, acquire, acquire) {
                Ok(_) => return Some(top),
                Err(now) => word = now,
            }
        }
    }

    /// What `read` says of the number on top, at a moment when that number was on top; `None` when the
    /// stack was empty. `read` is called again when another thread came between.
    ///
    /// It must read with Acquire what others write with Release once they have popped the number. Then
    /// what it reads is of this stay of the number on the stack (invariant 2): if it were of a later
    /// one, the pop that ended this stay would be seen below.
    #[inline]
    pub(crate) fn look<R>(&self, mut read: impl FnMut(u32) -> R) -> Option<R> {
        let head = self.word.borrow();
        // Acquire, here and below: pairs with the Release in `push`, for what the pusher wrote.
        let mut word = head.load(Ordering::Acquire);
        loop {
            let top = number(word);
            if top >= CLOSED {
                return None;
            }
            let seen = read(top);
            let now = head.load(Ordering::Acquire);
            if now == word || seeded("tagged: looks once") {
                return Some(seen);
            }
            word = now;
        }
    }

    /// The number on top at this moment: a hint.
    #[cfg(any(feature = "std", test))]
    #[inline]
    pub(crate) fn peek(&self) -> Option<u32> {
        // Relaxed: an answer that is old by the time it is read orders nothing.
        Some(number(self.word.borrow().load(Ordering::Relaxed))).filter(|&head| head < CLOSED)
    }

    /// Takes everything, and lets nothing in any more; the number that was on top.
    #[cfg(any(feature = "std", test))]
    pub(crate) fn close(&self) -> Option<u32> {
        let head = self.word.borrow();
        let word = if seeded("tagged: closed by a load and a store") {
            let word = head.load(Ordering::Acquire);
            head.store(CLOSED.into(), Ordering::Release);
            word
        } else {
            // Acquire: pairs with the Release in `push`, for the links. Release: pairs with the Acquire
            // of a push that is refused.
            head.swap(CLOSED.into(), Ordering::AcqRel)
        };
        Some(number(word)).filter(|&head| head < CLOSED)
    }

    /// Lets nothing in until it is [opened](Self::open), if it is empty; whether nothing is let in now.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(crate) fn shut(&self) -> bool {
        let head = self.word.borrow();
        // Relaxed: a guess that the exchange verifies.
        let mut word = head.load(Ordering::Relaxed);
        while number(word) == NONE {
            let shut = Self::with_number(word, CLOSED);
            // Release: pairs with the Acquire of a push that is refused. Relaxed on failure: nothing is read.
            match head.compare_exchange_weak(word, shut, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        number(word) == CLOSED
    }

    /// Lets numbers in again, if nothing was let in. Not after [`close`](Self::close).
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(crate) fn open(&self) {
        let head = self.word.borrow();
        // Relaxed: a guess that the exchange verifies.
        let mut word = head.load(Ordering::Relaxed);
        while number(word) == CLOSED {
            let open = Self::with_number(word, NONE);
            // Release: pairs with the Acquire in `push`. Relaxed on failure: nothing is read.
            match head.compare_exchange_weak(word, open, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    /// The word of `word`'s number with the next tag.
    #[inline]
    fn bumped(word: u64) -> u64 {
        if seeded("tagged: the tag is not bumped") {
            return word;
        }
        let tag = ((word >> INDEX_BITS) + 1) & Self::TAG_MASK;
        tag << INDEX_BITS | number(word) as u64
    }

    /// The word of `word`'s tag with the number `number`.
    #[inline]
    const fn with_number(word: u64, number: u32) -> u64 {
        word >> INDEX_BITS << INDEX_BITS | number as u64
    }
}

/// The number in `word`.
#[inline]
const fn number(word: u64) -> u32 {
    word as u32
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::{AtomicU64, NONE, Ordering::Relaxed, TaggedHead};

    /// A link.
    const fn link(next: u32) -> AtomicU64 {
        AtomicU64::new(next as u64)
    }

    fn push<const TAG_BITS: u32>(head: &TaggedHead<TAG_BITS>, links: &[AtomicU64], number: u32) {
        head.push(number, |next| {
            links[number as usize].store(next.into(), Relaxed)
        });
    }

    fn pop<const TAG_BITS: u32>(head: &TaggedHead<TAG_BITS>, links: &[AtomicU64]) -> Option<u32> {
        head.pop(|number| links[number as usize].load(Relaxed) as u32)
    }

    /// Pops, while `pops` numbers are popped by somebody else and the first of them comes back
    /// between reading the link and the exchange; what was popped, and what is on top then.
    fn overtaken<const TAG_BITS: u32>(pops: u32) -> (Option<u32>, Option<u32>) {
        let head = TaggedHead::<TAG_BITS>::new();
        let links = [const { link(NONE) }; 16];
        for number in (0..16).rev() {
            push(&head, &links, number);
        }
        let mut overtaken = false;
        let popped = head.pop(|number| {
            let next = links[number as usize].load(Relaxed) as u32;
            if !overtaken {
                overtaken = true;
                for _ in 0..pops {
                    pop(&head, &links);
                }
                push(&head, &links, 0);
            }
            next
        });
        (popped, head.peek())
    }

    #[test]
    fn last_pushed_is_first_popped() {
        let head: TaggedHead = TaggedHead::new();
        let links = [const { link(NONE) }; 3];
        assert_eq!((head.peek(), pop(&head, &links)), (None, None));
        push(&head, &links, 2);
        push(&head, &links, 0);
        assert_eq!(head.peek(), Some(0));
        assert_eq!(pop(&head, &links), Some(0));
        assert_eq!(pop(&head, &links), Some(2));
        assert_eq!(pop(&head, &links), None);
    }

    #[test]
    fn a_chain_is_pushed_at_once() {
        let head: TaggedHead = TaggedHead::new();
        let links = [link(1), link(2), link(NONE), link(NONE)];
        push(&head, &links, 3);
        head.push(0, |next| links[2].store(next.into(), Relaxed));
        let popped: [_; 5] = core::array::from_fn(|_| pop(&head, &links));
        assert_eq!(popped, [Some(0), Some(1), Some(2), Some(3), None]);
    }

    /// Numbers 0, 1, .. are popped and 0 is pushed again: its old link, 1, is in use.
    #[test]
    fn an_overtaken_pop_does_not_put_a_used_number_on_top() {
        for pops in 1..15 {
            assert_eq!(overtaken::<32>(pops), (Some(0), Some(pops)), "{pops}");
        }
    }

    /// What the tag's width is for: so many pops and the exchange is fooled.
    #[test]
    fn a_tag_wraps_after_two_to_its_bits() {
        assert_eq!(overtaken::<1>(1), (Some(0), Some(1)));
        assert_eq!(overtaken::<1>(2), (Some(0), Some(1)), "fooled: 1 is in use");
        assert_eq!(overtaken::<2>(2), (Some(0), Some(2)));
        assert_eq!(overtaken::<2>(4), (Some(0), Some(1)), "fooled: 1 is in use");
    }
}
