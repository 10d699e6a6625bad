//! A list through a side array of links.

#[cfg(feature = "alloc")]
use super::WithCapacity;
use super::{DefaultStorage, IndexAllocator, Storage, check_capacity, refused, trust};
use crate::error::{ConfigError, IndexError};

/// The end of the list.
const END: u32 = u32::MAX;
/// The link of a number that is in use: this is what makes a double free visible for no memory.
const IN_USE: u32 = u32::MAX - 1;
/// Numbers that a link can hold.
const MOST: usize = IN_USE as usize;

/// Free numbers linked through an array, last freed first; fresh numbers are handed out in order.
///
/// Four bytes per slot. Allocate and free take constant time; a free of a number that is not in use
/// is an error, because the link of a number in use has a value of its own.
///
/// ```
/// use flagstone::index::FreeList;
///
/// let mut numbers = FreeList::new(3)?;
/// assert_eq!(numbers.allocate(), Some(0));
/// assert_eq!(numbers.allocate(), Some(1));
/// numbers.free(0)?;
/// assert_eq!(numbers.allocate(), Some(0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// 1. `fresh` is at most the number of links; a number below it is on the list from `head` exactly
///    once or has the link `IN_USE`, never both. Links from `fresh` on mean nothing.
/// 2. `in_use` is the number of links that are `IN_USE` below `fresh`.
#[doc(alias = "FreeListAllocator")]
#[derive(Clone, Debug)]
pub struct FreeList<S = DefaultStorage<u32>> {
    links: S,
    head: u32,
    fresh: u32,
    in_use: u32,
}

#[cfg(feature = "alloc")]
impl FreeList {
    /// A list of `capacity` numbers, all free. One allocation of 4 bytes per slot.
    ///
    /// # Errors
    ///
    /// When `capacity` is above 2^32 - 2 slots.
    pub fn new(capacity: usize) -> Result<Self, ConfigError> {
        check_capacity(capacity, MOST)?;
        Self::over(alloc::vec![0; capacity].into_boxed_slice())
    }
}

impl<S: Storage<u32>> FreeList<S> {
    /// A list of as many numbers as `links` has words, all free; what the words hold is ignored.
    ///
    /// # Errors
    ///
    /// When there are more than 2^32 - 2 words.
    pub fn over(links: S) -> Result<Self, ConfigError> {
        check_capacity(links.words().len(), MOST)?;
        Ok(Self {
            links,
            head: END,
            fresh: 0,
            in_use: 0,
        })
    }

    /// The number freed last, or the lowest one never handed out; `None` when all are in use.
    #[inline]
    pub fn allocate(&mut self) -> Option<usize> {
        let links = self.links.words_mut();
        let index = if self.head == END {
            let fresh = self.fresh;
            if fresh as usize == links.len() {
                return None;
            }
            self.fresh = fresh + 1;
            fresh
        } else {
            self.head
        };
        let link = &mut links[index as usize];
        if index == self.head {
            self.head = *link;
        }
        *link = IN_USE;
        self.in_use += 1;
        Some(index as usize)
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
        self.links.words_mut()[index] = self.head;
        self.head = index as u32;
        self.in_use -= 1;
        Ok(())
    }

    /// Whether `index` was handed out and not taken back.
    #[inline]
    #[must_use]
    pub fn is_in_use(&self, index: usize) -> bool {
        index < self.fresh as usize && self.links.words()[index] == IN_USE
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
        // Links from `fresh` on mean nothing, so new ones need no writing.
        self.links.grow(capacity)
    }

    /// How many numbers are free.
    #[must_use]
    pub fn available(&self) -> usize {
        self.capacity() - self.in_use as usize
    }

    /// How many numbers there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.links.words().len()
    }
}

impl<S: Storage<u32>> IndexAllocator for FreeList<S> {
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
impl WithCapacity for FreeList {
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError> {
        Self::new(capacity)
    }
}
