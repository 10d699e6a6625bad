//! A tree of bits that always hands out the lowest free number.

use core::ops::Range;

#[cfg(feature = "alloc")]
use super::WithCapacity;
use super::{DefaultStorage, IndexAllocator, Storage, refused, trust};
use crate::error::{Allowed, ConfigError, Given, IndexError};

const WORD_BITS: usize = u64::BITS as usize;
/// Levels of 64 children each: 64^5 numbers, about a thousand million.
const MOST_LEVELS: usize = 5;
const MOST: usize = 1 << (6 * MOST_LEVELS);

/// Free numbers as a 64-ary tree of bits: one bit per number, one per 64 above it, and so on. A set
/// bit means "something is free below".
///
/// ```text
/// level 2 (root)   1 word        ── bit 3 set: words 192..256 of level 1 have a free number
/// level 1         64 words
/// level 0      4,096 words       ── bit n of word w is number 64 w + n
/// ```
///
/// `allocate` finds the lowest free number with one bit scan per level, whatever the capacity (4
/// scans up to 16 M numbers); upper levels are written only when a word becomes empty or stops
/// being empty. Lowest-first packs the numbers in use, so what lies high drains and can be given
/// back. One bit and 1/64 per number.
///
/// ```
/// use flagstone::index::Bitmap;
///
/// let mut numbers = Bitmap::new(1000)?;
/// assert_eq!(numbers.allocate(), Some(0));
/// assert_eq!(numbers.allocate_run(100), Some(1));
/// numbers.free(0)?;
/// assert_eq!(numbers.allocate(), Some(0)); // the lowest again
/// numbers.free_run(1..101)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// 1. Bit `n` of level 0 is set exactly when number `n < capacity` is free; bits past the capacity
///    are clear.
/// 2. Bit `n` of level `l + 1` is set exactly when word `n` of level `l` is not 0.
/// 3. `available` is the number of set bits of level 0.
#[doc(alias("FreeIdxManager", "BitmapAllocator", "DynFreeIdxManagerV1"))]
#[derive(Clone, Debug)]
pub struct Bitmap<S = DefaultStorage<u64>> {
    /// Level 0 first, the root last.
    words: S,
    /// First word of each level.
    levels: [usize; MOST_LEVELS],
    depth: usize,
    capacity: usize,
    available: usize,
}

#[cfg(feature = "alloc")]
impl Bitmap {
    /// A bitmap of `capacity` numbers, all free. One allocation of 1 bit and 1/64 per number.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        let words = Self::words_for(capacity)?;
        Self::over(alloc::vec![0; words].into_boxed_slice(), capacity)
    }
}

impl<S: Storage<u64>> Bitmap<S> {
    /// How many words of 64 bits a bitmap of `capacity` numbers needs.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30.
    pub const fn words_for(capacity: usize) -> Result<usize, ConfigError> {
        if capacity > MOST {
            return Err(ConfigError::knob_out_of_range(
                "capacity",
                Given::Number(capacity),
                Allowed::Range {
                    least: 0,
                    most: MOST,
                    unit: "slots",
                },
            ));
        }
        let mut level = words_of(capacity);
        let mut sum = level;
        while level > 1 {
            level = words_of(level);
            sum += level;
        }
        Ok(sum)
    }

    /// A bitmap of `capacity` numbers, all free, in `words`; what the words hold is ignored.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^30, or there are fewer words than
    /// [`words_for`](Self::words_for) says.
    pub fn over(mut words: S, capacity: usize) -> Result<Self, ConfigError> {
        let need = Self::words_for(capacity)?;
        let have = words.words().len();
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
        fill_low(&mut words.words_mut()[..words_of(capacity)], capacity);
        let mut this = Self {
            words,
            levels: [0; MOST_LEVELS],
            depth: 0,
            capacity,
            available: capacity,
        };
        this.summarize();
        Ok(this)
    }

    /// Lays out the levels for the capacity, and writes those above level 0 from what level 0 says.
    fn summarize(&mut self) {
        let words = self.words.words_mut();
        let (mut first, mut len) = (0, words_of(self.capacity));
        self.depth = 0;
        loop {
            self.levels[self.depth] = first;
            self.depth += 1;
            if len == 1 {
                return;
            }
            let (below, above) = words[first..].split_at_mut(len);
            first += len;
            len = words_of(len);
            for (word, children) in above[..len].iter_mut().zip(below.chunks(WORD_BITS)) {
                *word = children
                    .iter()
                    .rfold(0, |bits, &child| bits << 1 | u64::from(child != 0));
            }
        }
    }

    /// Adds `additional` free numbers above the present ones; `false`, and no change, when there is no
    /// memory for them or they are too many. Only owned storage grows. O(capacity / 64).
    pub fn grow(&mut self, additional: usize) -> bool {
        let old = self.capacity;
        let Some(Ok(need)) = old.checked_add(additional).map(Self::words_for) else {
            return false;
        };
        if self.words.words().len() < need && !self.words.grow(need) {
            return false;
        }
        self.capacity = old + additional;
        self.available += additional;
        let words = self.words.words_mut();
        // What stood behind level 0 were the levels above it.
        words[words_of(old)..need].fill(0);
        for_words(old..old + additional, |at, mask| words[at] |= mask);
        self.summarize();
        true
    }

    /// The lowest free number; `None` when all are in use. One bit scan per level.
    #[inline]
    pub fn allocate(&mut self) -> Option<usize> {
        if self.available == 0 {
            return None;
        }
        let words = self.words.words();
        let mut at = 0;
        for level in (0..self.depth).rev() {
            let word = words[self.levels[level] + at];
            at = at * WORD_BITS + word.trailing_zeros() as usize;
        }
        self.available -= 1;
        self.mark_used(at / WORD_BITS, 1 << (at % WORD_BITS));
        Some(at)
    }

    /// Takes `index` back.
    ///
    /// # Errors
    ///
    /// When `index` is out of range or not in use; nothing is changed then.
    #[inline]
    pub fn free(&mut self, index: usize) -> Result<(), IndexError> {
        if !self.is_in_use(index) {
            return Err(IndexError::new(index, self.capacity));
        }
        self.available += 1;
        self.mark_free(index / WORD_BITS, 1 << (index % WORD_BITS));
        Ok(())
    }

    /// The start of the lowest run of `len` free numbers, all of which are now in use; `None` when
    /// there is no such run or `len` is 0. Visits every word up to the run: O(capacity / 64).
    pub fn allocate_run(&mut self, len: usize) -> Option<usize> {
        if len == 0 || len > self.available {
            return None;
        }
        let start = self.find_run(len)?;
        self.available -= len;
        for_words(start..start + len, |word, mask| self.mark_used(word, mask));
        Some(start)
    }

    /// Takes the numbers of `run` back: all or none.
    ///
    /// # Errors
    ///
    /// Names the first number that is out of range or not in use; nothing is changed then.
    pub fn free_run(&mut self, run: Range<usize>) -> Result<(), IndexError> {
        if let Some(bad) = run.clone().find(|&index| !self.is_in_use(index)) {
            return Err(IndexError::new(bad, self.capacity));
        }
        self.available += run.len();
        for_words(run, |word, mask| self.mark_free(word, mask));
        Ok(())
    }

    /// Whether `index` was handed out and not taken back.
    #[inline]
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        index < self.capacity
            && self.words.words()[index / WORD_BITS] & (1 << (index % WORD_BITS)) == 0
    }

    /// How many numbers are free.
    #[must_use]
    pub fn available(&self) -> usize {
        self.available
    }

    /// How many numbers there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Clears the bits of `mask`, all set, in word `at` of level 0, and what that empties above.
    #[inline]
    fn mark_used(&mut self, mut at: usize, mut mask: u64) {
        let words = self.words.words_mut();
        for &first in &self.levels[..self.depth] {
            let word = &mut words[first + at];
            *word &= !mask;
            if *word != 0 {
                return;
            }
            mask = 1 << (at % WORD_BITS);
            at /= WORD_BITS;
        }
    }

    /// Sets the bits of `mask`, all clear, in word `at` of level 0, and what was empty above.
    #[inline]
    fn mark_free(&mut self, mut at: usize, mut mask: u64) {
        let words = self.words.words_mut();
        for &first in &self.levels[..self.depth] {
            let word = &mut words[first + at];
            let before = *word;
            *word |= mask;
            if before != 0 {
                return;
            }
            mask = 1 << (at % WORD_BITS);
            at /= WORD_BITS;
        }
    }

    fn find_run(&self, len: usize) -> Option<usize> {
        // A run that reaches the end of the word before: where it starts and how long it is.
        let (mut start, mut open) = (0, 0);
        for (at, &word) in self.words.words()[..words_of(self.capacity)]
            .iter()
            .enumerate()
        {
            if open == 0 {
                start = at * WORD_BITS;
            }
            open += word.trailing_ones() as usize;
            if open >= len {
                return Some(start);
            }
            if word == u64::MAX {
                continue;
            }
            if let Some(bit) = run_within(word, len) {
                return Some(at * WORD_BITS + bit);
            }
            open = word.leading_ones() as usize;
            start = (at + 1) * WORD_BITS - open;
        }
        None
    }
}

/// The lowest bit of `word` from which `len` bits are set: every shift doubles the length that a
/// remaining bit stands for.
fn run_within(mut word: u64, len: usize) -> Option<usize> {
    if len > WORD_BITS {
        return None;
    }
    let mut have = 1;
    while have < len && word != 0 {
        let shift = have.min(len - have);
        word &= word >> shift;
        have += shift;
    }
    (word != 0).then(|| word.trailing_zeros() as usize)
}

/// Calls `f` with the number of each word that `run` touches and the bits it covers there.
fn for_words(run: Range<usize>, mut f: impl FnMut(usize, u64)) {
    let mut at = run.start;
    while at < run.end {
        let bit = at % WORD_BITS;
        let count = (WORD_BITS - bit).min(run.end - at);
        f(at / WORD_BITS, (u64::MAX >> (WORD_BITS - count)) << bit);
        at += count;
    }
}

/// Words that hold `bits` bits; a level is never empty.
const fn words_of(bits: usize) -> usize {
    let words = bits.div_ceil(WORD_BITS);
    if words == 0 { 1 } else { words }
}

/// Sets the lowest `bits` bits of `words` and clears the others.
fn fill_low(words: &mut [u64], bits: usize) {
    words.fill(u64::MAX);
    let used = bits % WORD_BITS;
    if used != 0 || bits == 0 {
        // `words` is exactly as long as `bits` needs, so only its last word is partial.
        let last = words.len() - 1;
        words[last] = (1 << used) - 1;
    }
}

impl<S: Storage<u64>> IndexAllocator for Bitmap<S> {
    const TRUST: trust::Trust = trust::Trust::SELF_CHECKING;

    #[inline]
    fn allocate(&mut self) -> Option<usize> {
        self.allocate()
    }

    #[inline]
    #[track_caller]
    fn free(&mut self, index: usize) {
        if let Err(error) = self.free(index) {
            refused(error);
        }
    }

    fn available(&self) -> usize {
        self.available
    }

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn grow(&mut self, additional: usize) -> bool {
        self.grow(additional)
    }

    #[inline]
    fn is_in_use(&self, index: usize, _: trust::Token) -> bool {
        self.is_in_use(index)
    }
}

#[cfg(feature = "alloc")]
impl WithCapacity for Bitmap {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Self::new(capacity)
    }
}
