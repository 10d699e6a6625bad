//! A stack of free numbers beside a bit per number.

#[cfg(feature = "alloc")]
use super::WithCapacity;
use super::{DefaultStorage, IndexAllocator, Storage, check_capacity, refused, trust};
use crate::error::{Allowed, ConfigError, Given, IndexError};

/// Most numbers a stack of `u32` can hold.
const MOST: usize = u32::MAX as usize;
const WORD_BITS: usize = u64::BITS as usize;

/// Free numbers on a stack, last freed first; fresh numbers are handed out in order.
///
/// Four bytes and one bit per slot: the bit says whether the number is in use, which the stack
/// alone could not tell without a search. The top of the stack stays in the cache, so bursts of
/// frees and allocations touch little memory.
///
/// ```
/// use flagstone::index::Stack;
///
/// let mut numbers = Stack::new(2)?;
/// let first = numbers.allocate().unwrap();
/// numbers.free(first)?;
/// assert!(numbers.free(first).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// 1. `freed[..top]` holds each free number below `fresh` exactly once; numbers from `fresh` on are
///    free and not on the stack.
/// 2. Bit `n` of `used` is set exactly when number `n` is in use.
#[doc(alias = "StackAllocator")]
#[derive(Clone, Debug)]
pub struct Stack<S = DefaultStorage<u32>, B = DefaultStorage<u64>> {
    freed: S,
    used: B,
    top: u32,
    fresh: u32,
}

#[cfg(feature = "alloc")]
impl Stack {
    /// A stack of `capacity` numbers, all free. Two allocations: 4 bytes and 1 bit per slot.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^32 - 1 slots.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        check_capacity(capacity, MOST)?;
        Self::over(
            alloc::vec![0; capacity].into_boxed_slice(),
            alloc::vec![0; capacity.div_ceil(WORD_BITS)].into_boxed_slice(),
        )
    }
}

impl<S: Storage<u32>, B: Storage<u64>> Stack<S, B> {
    /// A stack of as many numbers as `freed` has words, all free; what the words hold is ignored.
    ///
    /// # Errors
    ///
    /// When there are more than 2^32 - 1 words, or `used` has fewer bits than `freed` has words.
    pub fn over(freed: S, mut used: B) -> Result<Self, ConfigError> {
        let capacity = freed.words().len();
        check_capacity(capacity, MOST)?;
        let bits = used.words().len().saturating_mul(WORD_BITS);
        if bits < capacity {
            return Err(ConfigError::knob_out_of_range(
                "bits",
                Given::Number(bits),
                Allowed::Range {
                    least: capacity,
                    most: usize::MAX,
                    unit: "bits",
                },
            ));
        }
        used.words_mut().fill(0);
        Ok(Self {
            freed,
            used,
            top: 0,
            fresh: 0,
        })
    }

    /// The number freed last, or the lowest one never handed out; `None` when all are in use.
    #[inline]
    pub fn allocate(&mut self) -> Option<usize> {
        let index = if self.top > 0 {
            self.top -= 1;
            self.freed.words()[self.top as usize]
        } else {
            if self.fresh as usize == self.capacity() {
                return None;
            }
            self.fresh += 1;
            self.fresh - 1
        } as usize;
        self.used.words_mut()[index / WORD_BITS] |= 1 << (index % WORD_BITS);
        Some(index)
    }

    /// Takes `index` back.
    ///
    /// # Errors
    ///
    /// When `index` is out of range or not in use; nothing is changed then.
    #[inline]
    pub fn free(&mut self, index: usize) -> Result<(), IndexError> {
        if !self.is_in_use(index) {
            return Err(IndexError::new(index, self.capacity()));
        }
        self.used.words_mut()[index / WORD_BITS] &= !(1 << (index % WORD_BITS));
        self.freed.words_mut()[self.top as usize] = index as u32;
        self.top += 1;
        Ok(())
    }

    /// Whether `index` was handed out and not taken back.
    #[inline]
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        index < self.fresh as usize
            && self.used.words()[index / WORD_BITS] & (1 << (index % WORD_BITS)) != 0
    }

    /// Adds `additional` free numbers above the present ones; `false`, and no change, when there is no
    /// memory for them or they are too many. Only owned storage grows. O(capacity).
    pub fn grow(&mut self, additional: usize) -> bool {
        let Some(capacity) = self
            .capacity()
            .checked_add(additional)
            .filter(|&all| all <= MOST)
        else {
            return false;
        };
        // The bits first: the length of `freed` is the capacity.
        self.used.grow(capacity.div_ceil(WORD_BITS)) && self.freed.grow(capacity)
    }

    /// How many numbers are free.
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity() - self.fresh as usize + self.top as usize
    }

    /// How many numbers there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.freed.words().len()
    }
}

impl<S: Storage<u32>, B: Storage<u64>> IndexAllocator for Stack<S, B> {
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
        self.available()
    }

    fn capacity(&self) -> usize {
        self.capacity()
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
impl WithCapacity for Stack {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Self::new(capacity)
    }
}
