//! A stack of free numbers that threads share.

use core::fmt;

#[cfg(feature = "alloc")]
use super::WithCapacity;
use super::{
    DefaultStorage, IndexAllocator, SharedStorage, check_capacity,
    link::Link,
    refused,
    tagged::{CLOSED, NONE, TaggedHead},
};
use crate::{
    error::{Allowed, ConfigError, Given, IndexError},
    sync::{
        atomic::{AtomicU64, Ordering},
        seeded,
    },
};

/// Words of a cache line. Model checkers would only be slowed by padding.
const LINE: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };
/// Where the head stands.
const HEAD: usize = 0;
/// Where it is written how many numbers there are: on a line of its own, which every `free` of a wrong
/// number reads, and `grow` writes.
const CAPACITY: usize = LINE;
/// Where the links start.
const LINKS: usize = 2 * LINE;

/// Most numbers: those that are numbers to a [`TaggedHead`].
const MOST: usize = CLOSED as usize;

const AWAY: u64 = Link::AWAY.word();
const IN_USE: u64 = Link::IN_USE.word();

/// Free numbers on a stack that threads share, last freed first. No call waits for another thread, and
/// [`available`](Self::available) is exact at any time.
///
/// ```
/// use flagstone::index::AtomicStack;
///
/// let numbers = AtomicStack::new(100)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let mine = numbers.allocate().unwrap(); // nobody else has it
///             numbers.free(mine).unwrap();
///         });
///     }
/// });
/// assert_eq!(numbers.available(), 100);
/// assert!(numbers.free(7).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All of it lies in words, without a pointer: 8 bytes for each number and 128 for the whole. They may
/// be borrowed, and in memory that processes share, where one calls [`over`](Self::over) and the
/// others [`attach`](Self::attach):
///
/// ```
/// use core::sync::atomic::AtomicU64;
/// use flagstone::index::AtomicStack;
///
/// let memory: Vec<_> = (0..AtomicStack::words_for(10)?).map(|_| AtomicU64::new(0)).collect();
/// let here = AtomicStack::over(&memory[..], 10)?;
/// let there = AtomicStack::attach(&memory[..])?;
/// let number = there.allocate().unwrap();
/// here.free(number)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A number goes from thread to thread as any value does: by something that orders what was before
/// with what comes after, such as a channel, a lock, or a store with Release and a load with Acquire.
///
/// All threads write one word, so more threads do not make it faster; [`AtomicBitmap`] scales better.
/// A process that ends in the midst of a call may lose the number that the call was about, and
/// nothing else.
///
/// [`AtomicBitmap`]: super::AtomicBitmap
///
/// # Layout
///
/// ```text
///  word 0: head       word 8: capacity    words 16..: links
///  ╭─────┬─────╮      ╭──────────╮        ╭────────┬──────╮
///  │ tag │ top │      │  numbers │        │ length │ next │  of each number
///  ╰─────┴─────╯      ╰──────────╯        ╰────────┴──────╯
/// ```
///
/// A link says which number is below, and how many are on the stack from this one on. So the link of
/// the top is the answer of `available`, and no counter is written that could be behind the stack.
///
/// # Invariants
///
/// 1. A number below the capacity is on the stack once, in use (its link is `IN_USE`), or with a
///    thread that is in `allocate`, `free` or `grow`. Numbers from the capacity on have the link `AWAY`.
/// 2. While a number is on the stack its link does not change; its length is at least 1, so that it is
///    neither `IN_USE` nor `AWAY`.
/// 3. The length in a link is one more than that in the link of the number below, or 1.
/// 4. Who changes a link from `IN_USE` to `AWAY`, by an exchange, has that number.
pub struct AtomicStack<S = DefaultStorage<AtomicU64>> {
    words: S,
}

#[cfg(feature = "alloc")]
impl AtomicStack {
    /// A stack of `capacity` numbers, all free. One allocation, O(capacity).
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^32 - 2 slots.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        Self::with_room(capacity, capacity)
    }

    /// A stack of `capacity` free numbers, that can [`grow`](Self::grow) to `room`; at least `capacity`.
    ///
    /// # Errors
    ///
    /// When either is above 2^32 - 2 slots.
    pub fn with_room(capacity: usize, room: usize) -> Result<Self, ConfigError> {
        check_capacity(capacity, MOST)?;
        let words = Self::words_for(room.max(capacity))?;
        let words = (0..words).map(|_| AtomicU64::new(AWAY)).collect();
        Self::over(words, capacity)
    }
}

impl AtomicStack {
    /// How many words of 64 bits a stack needs that can grow to `room` numbers.
    ///
    /// # Errors
    ///
    /// When `room` is above 2^32 - 2 slots.
    pub const fn words_for(room: usize) -> Result<usize, ConfigError> {
        match check_capacity(room, MOST) {
            Ok(()) => Ok(LINKS.saturating_add(room)),
            Err(error) => Err(error),
        }
    }
}

impl<S: SharedStorage<AtomicU64>> AtomicStack<S> {
    /// A stack of `capacity` numbers in `words`, all free; what the words hold is ignored. It can grow
    /// to as many as there are words for ([`words_for`](AtomicStack::words_for)). O(words).
    ///
    /// # Errors
    ///
    /// When there are too few words.
    pub fn over(words: S, capacity: usize) -> Result<Self, ConfigError> {
        check_capacity(capacity, MOST)?;
        let this = Self { words };
        this.check_words(LINKS.saturating_add(capacity))?;
        for number in 0..this.room() {
            let link = if number + 1 < capacity {
                let (below, length) = (number as u32 + 1, (capacity - number) as u32);
                Link { below, length }
            } else if number < capacity {
                Link::LAST
            } else {
                Link::AWAY
            };
            // Relaxed, here and below: published with the head.
            this.link(number as u32)
                .store(link.word(), Ordering::Relaxed);
        }
        this.numbers().store(capacity as u64, Ordering::Relaxed);
        this.head().reset((capacity > 0).then_some(0));
        Ok(this)
    }

    /// The stack that [`over`](Self::over) has made in `words`, which others use as well. Who attaches
    /// comes after that in the same sense as numbers go from thread to thread.
    ///
    /// Words that hold something else make wrong answers or panics, and nothing worse.
    ///
    /// # Errors
    ///
    /// When there are fewer words than the stack there has numbers.
    pub fn attach(words: S) -> Result<Self, ConfigError> {
        let this = Self { words };
        this.check_words(LINKS)?;
        this.check_words(LINKS.saturating_add(this.capacity()))?;
        Ok(this)
    }

    fn check_words(&self, least: usize) -> Result<(), ConfigError> {
        let have = self.words.count();
        if have >= least {
            return Ok(());
        }
        Err(ConfigError::knob_out_of_range(
            "words",
            Given::Number(have),
            Allowed::Range {
                least,
                most: usize::MAX,
                unit: "words",
            },
        ))
    }

    #[inline]
    fn head(&self) -> TaggedHead<32, &AtomicU64> {
        TaggedHead::at(self.words.word(HEAD))
    }

    #[inline]
    fn numbers(&self) -> &AtomicU64 {
        self.words.word(CAPACITY)
    }

    #[inline]
    fn link(&self, number: u32) -> &AtomicU64 {
        self.words.word(LINKS + number as usize)
    }

    /// The number freed last; `None` when all are in use. One exchange, repeated while other threads
    /// are faster.
    #[inline]
    pub fn allocate(&self) -> Option<usize> {
        let number = self.pop()?;
        // Release: pairs with the Acquire in `available`, see `TaggedHead::look`.
        self.link(number).store(IN_USE, Ordering::Release);
        Some(number as usize)
    }

    /// Takes `index` back. Two exchanges, the second repeated while other threads are faster.
    ///
    /// # Errors
    ///
    /// When `index` is out of range or not in use; nothing is changed then. Of several threads that
    /// free one number at once, one succeeds.
    #[inline]
    pub fn free(&self, index: usize) -> Result<(), IndexError> {
        if index >= self.room() || !self.claim(index as u32) {
            return Err(IndexError::new(index, self.capacity()));
        }
        self.push(index as u32);
        Ok(())
    }

    /// Invariant 4.
    #[inline]
    fn claim(&self, number: u32) -> bool {
        let link = self.link(number);
        if seeded("stack: freed by a load and a store") {
            let used = link.load(Ordering::Acquire) == IN_USE;
            if used {
                link.store(AWAY, Ordering::Release);
            }
            return used;
        }
        // Release: pairs with the Acquire in `available`, see `TaggedHead::look`. Acquire: of two
        // threads that free a number one after the other, the second sees what the first did. Relaxed
        // on failure: nothing is read.
        link.compare_exchange(IN_USE, AWAY, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// A number from the stack, with a link that means nothing now: it must come back by
    /// [`push`](Self::push).
    #[inline]
    pub(crate) fn pop(&self) -> Option<u32> {
        // Relaxed: the head's exchange orders the link that counts, and refuses any other.
        self.head()
            .pop(|number| Link::of(self.link(number).load(Ordering::Relaxed)).below)
    }

    /// Puts a number onto the stack that the caller has, by [`pop`](Self::pop) or by its link.
    #[inline]
    pub(crate) fn push(&self, number: u32) {
        self.head().push(number, |top| {
            let mut link = Link::LAST;
            if top != NONE {
                // Relaxed: written before `top` was pushed, which the head's Acquire is paired with. If
                // it is of a later time, the exchange is refused.
                let below = Link::of(self.link(top).load(Ordering::Relaxed));
                (link.below, link.length) = (top, below.length.wrapping_add(1));
            }
            // Release: pairs with the Acquire in `available`, see `TaggedHead::look`.
            self.link(number).store(link.word(), Ordering::Release);
        });
    }

    /// Whether `index` was handed out and not taken back, at a moment that may be over.
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        // Acquire: who sees that a number is free sees what was done before.
        index < self.room() && self.link(index as u32).load(Ordering::Acquire) == IN_USE
    }

    /// Adds `additional` free numbers above the present ones; `false`, and no change, when there is no
    /// room for them. They become free one by one, the highest first; O(`additional`).
    pub fn grow(&self, additional: usize) -> bool {
        let room = self.room() as u64;
        let grown = |old: u64| {
            old.checked_add(additional as u64)
                .filter(|&all| all <= room)
        };
        // Relaxed, all: only a sum; the numbers are published by their push.
        let added = self
            .numbers()
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        let Ok(first) = added else {
            return false;
        };
        for number in (first..first + additional as u64).rev() {
            self.push(number as u32);
        }
        true
    }

    /// How many numbers are free: exactly so many were on the stack at a moment during this call. A few
    /// loads, repeated while other threads come between.
    #[must_use]
    pub fn available(&self) -> usize {
        // Acquire: pairs with each Release on links.
        let length = self
            .head()
            .look(|number| Link::of(self.link(number).load(Ordering::Acquire)).length);
        length.unwrap_or(0) as usize
    }

    /// How many numbers there are; during a [`grow`](Self::grow) also those that it has not yet made
    /// free.
    #[must_use]
    pub fn capacity(&self) -> usize {
        // Relaxed: only a number.
        self.numbers().load(Ordering::Relaxed) as usize
    }

    /// How many numbers there can be.
    #[must_use]
    pub fn room(&self) -> usize {
        (self.words.count() - LINKS).min(MOST)
    }
}

impl<S: SharedStorage<AtomicU64>> IndexAllocator for AtomicStack<S> {
    // Borrowed words may be changed by others, so pools verify what this says.

    #[inline]
    fn allocate(&mut self) -> Option<usize> {
        (*self).allocate()
    }

    #[inline]
    #[track_caller]
    fn free(&mut self, index: usize) {
        if let Err(error) = (*self).free(index) {
            refused(error);
        }
    }

    fn available(&self) -> usize {
        self.available()
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }

    fn grow(&mut self, additional: usize) -> bool {
        (*self).grow(additional)
    }
}

#[cfg(feature = "alloc")]
impl WithCapacity for AtomicStack {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Self::new(capacity)
    }
}

impl<S: SharedStorage<AtomicU64>> fmt::Debug for AtomicStack<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicStack")
            .field("capacity", &self.capacity())
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
