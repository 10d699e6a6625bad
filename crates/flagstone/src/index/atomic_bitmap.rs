//! A tree of bits that threads share.

use core::fmt;

#[cfg(feature = "alloc")]
use super::WithCapacity;
use super::{DefaultStorage, IndexAllocator, SharedStorage, check_capacity, refused};
#[cfg(not(target_has_atomic = "64"))]
use crate::sync::atomic::AtomicU32;
#[cfg(target_has_atomic = "64")]
use crate::sync::atomic::AtomicU64;
use crate::{
    error::{Allowed, ConfigError, Given, IndexError},
    sync::{atomic::Ordering, seeded, spin_loop},
};

/// A word of an [`AtomicBitmap`]: of 64 bits where there are such atomics, of 32 elsewhere.
#[cfg(target_has_atomic = "64")]
pub type AtomicWord = AtomicU64;
#[cfg(target_has_atomic = "64")]
type Word = u64;

/// A word of an [`AtomicBitmap`]: of 64 bits where there are such atomics, of 32 elsewhere.
#[cfg(not(target_has_atomic = "64"))]
pub type AtomicWord = AtomicU32;
#[cfg(not(target_has_atomic = "64"))]
type Word = u32;

/// Whether a model checker runs, to which small words show trees of several levels.
const MODEL: bool = cfg!(any(loom, shuttle));
/// Bits of a word that are used.
const WORD_BITS: usize = if MODEL { 2 } else { Word::BITS as usize };
const MOST_LEVELS: usize = 30_usize.div_ceil(Word::BITS.ilog2() as usize);
const MOST: usize = 1 << (WORD_BITS.ilog2() as usize * MOST_LEVELS);

/// Words of a cache line.
const LINE: usize = if MODEL { 1 } else { 64 / size_of::<Word>() };
/// Where it is counted how many threads began to clear bits above level 0.
const BEGUN: usize = 0;
/// Where it is counted how many of them are done.
const ENDED: usize = LINE;
/// Where level 0 starts.
const LEVELS: usize = 2 * LINE;

/// How often `allocate` looks through the tree, while others clear bits in it, before it looks at every
/// word.
const LOOKS: usize = if MODEL { 2 } else { 8 };

/// Free numbers that threads share, as a tree of bits: one bit for each number, one for 64 of those, and
/// so on. No call waits for another thread, and threads work in different words.
///
/// ```
/// use flagstone::index::AtomicBitmap;
///
/// let numbers = AtomicBitmap::new(1000)?;
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let mine = numbers.allocate().unwrap(); // nobody else has it
///             numbers.free(mine).unwrap();
///         });
///     }
/// });
/// assert_eq!(numbers.available(), 1000);
/// assert_eq!(numbers.allocate_from(500), Some(500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// All of it lies in words, without a pointer. They may be borrowed, and in memory that processes
/// share, where one calls [`over`](Self::over) and the others [`attach`](Self::attach). A number goes
/// from thread to thread as any value does: by something that orders what was before with what comes
/// after. A process that ends in the midst of a call may lose the number that the call was about, and
/// makes refusals slow for the others (O(capacity / 64)), and nothing else.
///
/// # Cost
///
/// | call | usually | at most, but for repetitions while other threads are faster |
/// |---|---|---|
/// | `allocate` | a load and an exchange | a walk through the tree; O(capacity / 64) when others empty words all the time |
/// | … that takes the last number of a word | 4 exchanges more, two of them on lines for all | 2 for each level, and 2 |
/// | `free` | an exchange, and a load for each level (3 up to 16 M numbers) | an exchange for each level |
///
/// # Layout
///
/// ```text
///  begun │ ended │ level 0: bit n of word w is number 64 w + n │ level 1: a bit for each word │ … │ root
/// ```
///
/// A set bit of level 0 means that the number is free. Level 0 alone says which numbers are whose:
/// who clears a bit has the number. What stands above only helps to find it: a bit there that is set
/// for nothing costs a look, and a bit that is clear although something is free below is what must not
/// be believed.
///
/// # Why a number that is free is found
///
/// `allocate` answers `None` only if no number was free throughout the call. A number is free from the
/// return of its `free` on.
///
/// *Free* sets the bit and then goes up to the root, setting each bit that it finds clear. *Allocate*, if
/// it took the last bit of a word, writes down in `begun` that it is going to clear, clears the bit above
/// and looks at the word again, by an exchange. If something was freed meanwhile, it restores: it sets
/// the bits from there up to the root. Otherwise, and if it has emptied the upper word too, it goes on
/// one level higher. At last it writes down in `ended` that it is done.
///
/// Suppose the number x is free from a time on, and at a later time nobody is between `begun` and
/// `ended`. Then all bits above x are set. For suppose one is not, and take the lowest:
///
/// - It was cleared, last, by some A after the free of x had seen to it; and A then looked at the word
///   below. Had A seen a bit there, it would have restored.
/// - So the bit below, above x, was clear when A looked; it cannot be the bit of x itself, which is set.
///   Somebody, B, cleared that one before, and is the last who did before A looked. B looked below in
///   turn. If B saw something, B restored the bit that A saw as clear after A looked, and then, on its way
///   to the root, the bit that A had cleared. Contradiction. If B saw nothing, somebody cleared one level
///   lower still, and the same is true of that one, who restores past B's bit and A's. This ends at level
///   0, where x is seen.
///
/// `allocate` reads `ended` and `begun` before it looks through the tree and `begun` afterwards. If all
/// three are equal nobody has cleared, the bits above x are set, and x was found. If not, it looks again,
/// and after a few times at every word of level 0, where x is found in any case.
///
/// In the order of memory: every change is a read-modify-write with Acquire and Release, and so is A's
/// second look. If it comes before the free of x in that word's order, the free sees what A has cleared,
/// and sets it; if after, A sees x. Likewise B's restoring of a bit comes after A's look at it, so B sees
/// A's clear. A search that sees a bit cleared (Acquire) sees the count in `begun` from before it.
///
/// # Invariants
///
/// 1. Bit `n` of level 0 is set exactly when number `n < capacity` is free; bits past the capacity are
///    clear.
/// 2. While nobody is between `begun` and `ended`, and in no `free`: bit `n` of level `l + 1` is set if
///    word `n` of level `l` is not 0.
pub struct AtomicBitmap<S = DefaultStorage<AtomicWord>> {
    words: S,
    /// First word of each level, and what comes after the root.
    levels: [usize; MOST_LEVELS + 1],
    depth: usize,
    capacity: usize,
}

#[cfg(feature = "alloc")]
impl AtomicBitmap {
    /// A bitmap of `capacity` numbers, all free. One allocation of 1 bit and 1/64 per number, and 128
    /// bytes.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        let words = Self::words_for(capacity)?;
        let words = (0..words).map(|_| AtomicWord::new(0)).collect();
        Self::over(words, capacity)
    }
}

impl AtomicBitmap {
    /// How many words a bitmap of `capacity` numbers needs.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30.
    pub const fn words_for(capacity: usize) -> Result<usize, ConfigError> {
        if let Err(error) = check_capacity(capacity, MOST) {
            return Err(error);
        }
        let mut level = words_of(capacity);
        let mut sum = LEVELS + level;
        while level > 1 {
            level = words_of(level);
            sum += level;
        }
        Ok(sum)
    }
}

impl<S: SharedStorage<AtomicWord>> AtomicBitmap<S> {
    /// A bitmap of `capacity` numbers, all free, in `words`, which nobody else uses yet; what they hold
    /// is ignored. O(capacity / 64).
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30, or there are fewer words than
    /// [`words_for`](AtomicBitmap::words_for) says.
    pub fn over(words: S, capacity: usize) -> Result<Self, ConfigError> {
        let this = Self::attach(words, capacity)?;
        // Relaxed, all: who else uses the words learns of them later.
        this.words.word(BEGUN).store(0, Ordering::Relaxed);
        this.words.word(ENDED).store(0, Ordering::Relaxed);
        let mut bits = capacity;
        for level in 0..this.depth {
            let words = this.levels[level + 1] - this.levels[level];
            for at in 0..words {
                let here = (bits - (at * WORD_BITS).min(bits)).min(WORD_BITS);
                this.at(level, at).store(lowest(here), Ordering::Relaxed);
            }
            // With no numbers at all there is one word, and nothing in it.
            bits = if capacity == 0 { 0 } else { words };
        }
        Ok(this)
    }

    /// The bitmap of `capacity` numbers that [`over`](Self::over) has made in `words`, which others use
    /// as well.
    ///
    /// Words that hold something else make wrong answers, and nothing worse.
    ///
    /// # Errors
    ///
    /// As for `over`.
    pub fn attach(words: S, capacity: usize) -> Result<Self, ConfigError> {
        let need = AtomicBitmap::words_for(capacity)?;
        let have = words.count();
        if have < need {
            return Err(ConfigError::knob_out_of_range(
                "words",
                Given::Number(have),
                Allowed::Range {
                    least: need,
                    most: usize::MAX,
                    unit: "words",
                },
            ));
        }
        let mut levels = [LEVELS; MOST_LEVELS + 1];
        let (mut depth, mut len) = (0, words_of(capacity));
        loop {
            levels[depth + 1] = levels[depth] + len;
            depth += 1;
            if len == 1 {
                break;
            }
            len = words_of(len);
        }
        Ok(Self {
            words,
            levels,
            depth,
            capacity,
        })
    }

    #[inline]
    fn at(&self, level: usize, at: usize) -> &AtomicWord {
        self.words.word(self.levels[level] + at)
    }

    fn words_at(&self, level: usize) -> usize {
        self.levels[level + 1] - self.levels[level]
    }

    /// A free number; `None` when all are in use. Each thread begins to look at a place of its own, as a
    /// rule the same each time. Which that is depends on where its stack lies: who wants to choose calls
    /// [`allocate_from`](Self::allocate_from).
    #[inline]
    pub fn allocate(&self) -> Option<usize> {
        self.allocate_from(self.somewhere())
    }

    /// A number below the capacity that is not the same for all threads.
    #[inline]
    fn somewhere(&self) -> usize {
        if MODEL {
            return 0;
        }
        // Stacks lie apart, by more than a thousand bytes even on small machines.
        let here = 0_u8;
        let address = (&raw const here).addr() as u64 >> 10;
        // Fibonacci hashing: D. E. Knuth, "The Art of Computer Programming", volume 3, 6.4.
        let hash = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let start = ((hash * self.capacity as u64) >> 32) as usize;
        start - start % WORD_BITS
    }

    /// The first free number from `start` on, or the first of those below if there is none; near
    /// enough, that is, while others allocate and free. `None` when all are in use.
    #[inline]
    pub fn allocate_from(&self, start: usize) -> Option<usize> {
        let start = if start < self.capacity {
            start
        } else {
            start % self.capacity.max(1)
        };
        let from = start % WORD_BITS;
        self.take(start / WORD_BITS, from, true)
            .or_else(|| self.allocate_elsewhere(start))
    }

    #[cold]
    fn allocate_elsewhere(&self, start: usize) -> Option<usize> {
        for _ in 0..LOOKS {
            // Acquire: pairs with the Release in `clear_above`, so that what ended is seen. `ended` first:
            // if `begun` is the same afterwards, it was at that moment.
            let ended = self.words.word(ENDED).load(Ordering::Acquire);
            let begun = self.words.word(BEGUN).load(Ordering::Acquire);
            if let Some(number) = self.search(start) {
                return Some(number);
            }
            // Relaxed: the Acquire of the looks before is what orders this; see the type.
            if begun == ended && self.words.word(BEGUN).load(Ordering::Relaxed) == begun {
                return None;
            }
            spin_loop();
        }
        let (first, words) = (start / WORD_BITS, self.words_at(0));
        let mut all = (first + 1..words).chain(0..=first);
        all.find_map(|at| self.take(at, 0, false))
    }

    /// Looks through the tree, from behind the word of `start` on and around.
    fn search(&self, start: usize) -> Option<usize> {
        let first = start / WORD_BITS;
        let mut at = first + 1;
        while let Some(word) = self.next_word(at) {
            if let Some(number) = self.take(word, 0, false) {
                return Some(number);
            }
            at = word + 1;
        }
        at = 0;
        while let Some(word) = self.next_word(at).filter(|&word| word <= first) {
            if let Some(number) = self.take(word, 0, false) {
                return Some(number);
            }
            at = word + 1;
        }
        None
    }

    /// The first word of level 0 from `at` on above which all bits are set.
    fn next_word(&self, mut at: usize) -> Option<usize> {
        // `at` is a place on level `level - 1`.
        let mut level = 1;
        while level < self.depth {
            let mut found = 0;
            if at < self.words_at(level - 1) {
                // Acquire: who sees that something was cleared sees that it was going to be.
                let word = self.at(level, at / WORD_BITS).load(Ordering::Acquire);
                found = word >> (at % WORD_BITS);
            }
            if found == 0 {
                at = at / WORD_BITS + 1;
                level += 1;
                continue;
            }
            at += found.trailing_zeros() as usize;
            if level == 1 {
                return Some(at);
            }
            at *= WORD_BITS;
            level -= 1;
        }
        // A single word has nothing above it.
        (self.depth == 1 && at == 0).then_some(0)
    }

    /// Takes a free number of the word `at` of level 0: the first from bit `from` on, or else the first;
    /// with `only_from` no other.
    #[inline]
    fn take(&self, at: usize, from: usize, only_from: bool) -> Option<usize> {
        let word = self.at(0, at);
        let asked = Word::MAX << from;
        // Acquire: see the type. It is the exchange that decides.
        let mut bits = word.load(Ordering::Acquire);
        loop {
            if only_from {
                bits &= asked;
            }
            if bits == 0 {
                return None;
            }
            let bit = bits & bits.wrapping_neg();
            let before = if seeded("bitmap: taken by a load and a store") {
                let before = word.load(Ordering::Acquire);
                word.store(before & !bit, Ordering::Release);
                before
            } else {
                // Acquire: pairs with the Release in `free`, for what was done with the number before.
                // Release: for `begun`, see the type.
                word.fetch_and(!bit, Ordering::AcqRel)
            };
            if before & bit != 0 {
                if before == bit {
                    self.clear_above(at);
                }
                return Some(at * WORD_BITS + bit.trailing_zeros() as usize);
            }
            bits = before;
        }
    }

    /// Clears the bits above the word `at` of level 0, which was empty a moment ago.
    #[cold]
    fn clear_above(&self, mut at: usize) {
        if self.depth == 1 {
            return;
        }
        let announced = !seeded("bitmap: clears are not announced");
        if announced {
            // Acquire and Release, here and below: see the type.
            self.words.word(BEGUN).fetch_add(1, Ordering::AcqRel);
        }
        for level in 1..self.depth {
            let (above, bit) = (at / WORD_BITS, 1 << (at % WORD_BITS));
            let before = self.at(level, above).fetch_and(!bit, Ordering::AcqRel);
            // Adding nothing, to be ordered with who adds.
            if self.at(level - 1, at).fetch_or(0, Ordering::AcqRel) != 0
                && !seeded("bitmap: not looked at again")
            {
                self.restore_above(level, at);
                break;
            }
            if before & !bit != 0 {
                break;
            }
            at = above;
        }
        if announced {
            self.words.word(ENDED).fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Sets the bits above the place `at` of the level below `level`, up to the root.
    fn restore_above(&self, level: usize, mut at: usize) {
        for level in level..self.depth {
            let bit = 1 << (at % WORD_BITS);
            at /= WORD_BITS;
            // Acquire and Release, also if it is set already: see the type.
            self.at(level, at).fetch_or(bit, Ordering::AcqRel);
            if seeded("bitmap: restored by one level") {
                return;
            }
        }
    }

    /// Takes `index` back.
    ///
    /// # Errors
    ///
    /// When `index` is out of range or not in use; nothing is changed then. Of several threads that
    /// free one number at once, one succeeds.
    #[inline]
    pub fn free(&self, index: usize) -> Result<(), IndexError> {
        let (mut at, bit) = (index / WORD_BITS, 1 << (index % WORD_BITS));
        if index >= self.capacity {
            return Err(IndexError::new(index, self.capacity));
        }
        // Release: pairs with the Acquire in `take`. Acquire: see the type.
        let before = self.at(0, at).fetch_or(bit, Ordering::AcqRel);
        if before & bit != 0 {
            return Err(IndexError::new(index, self.capacity));
        }
        if before != 0 && seeded("bitmap: only the first free looks above") {
            return Ok(());
        }
        // Also when the word was not empty: who freed its first number may not have come this far.
        for level in 1..self.depth {
            let bit = 1 << (at % WORD_BITS);
            at /= WORD_BITS;
            let word = self.at(level, at);
            // Acquire: see the type.
            if word.load(Ordering::Acquire) & bit == 0 && !seeded("bitmap: free sets one bit") {
                word.fetch_or(bit, Ordering::AcqRel);
            }
        }
        Ok(())
    }

    /// Whether `index` was handed out and not taken back, at a moment that may be over.
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        let bit = 1 << (index % WORD_BITS);
        // Acquire: who sees that a number is free sees what was done before.
        index < self.capacity && self.at(0, index / WORD_BITS).load(Ordering::Acquire) & bit == 0
    }

    /// How many numbers are free: exact while nobody allocates or frees, else an estimate, since words
    /// are counted one after the other. O(capacity / 64).
    #[must_use]
    pub fn available(&self) -> usize {
        // Relaxed: each count is old by the time that the next is read.
        let bits = |at| self.at(0, at).load(Ordering::Relaxed).count_ones() as usize;
        (0..self.words_at(0)).map(bits).sum()
    }

    /// How many numbers there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

/// Words that hold `bits` bits; a level is never empty.
const fn words_of(bits: usize) -> usize {
    let words = bits.div_ceil(WORD_BITS);
    if words == 0 { 1 } else { words }
}

/// The lowest `bits` bits.
const fn lowest(bits: usize) -> Word {
    if bits == 0 {
        return 0;
    }
    Word::MAX >> (Word::BITS as usize - bits)
}

impl<S: SharedStorage<AtomicWord>> IndexAllocator for AtomicBitmap<S> {
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
        self.capacity
    }
}

#[cfg(feature = "alloc")]
impl WithCapacity for AtomicBitmap {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Self::new(capacity)
    }
}

impl<S: SharedStorage<AtomicWord>> fmt::Debug for AtomicBitmap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicBitmap")
            .field("capacity", &self.capacity)
            .field("available", &self.available())
            .finish_non_exhaustive()
    }
}
