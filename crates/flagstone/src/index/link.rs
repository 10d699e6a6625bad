//! What the links of a stack that threads share say.

use super::tagged::NONE;

/// The link of a number on a stack whose length is known at any time: which number is below, and how
/// many there are from this one on. The length of the link on top is that of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) below: u32,
    /// At least 1; 0 if the number is not on the stack.
    pub(crate) length: u32,
}

impl Link {
    /// The link of a number that is not on the stack, and of which nobody is to believe that it is in
    /// use: it does not exist yet, or is on its way.
    pub(crate) const AWAY: Self = Self {
        below: 0,
        length: 0,
    };

    /// The link of a number in use.
    pub(crate) const IN_USE: Self = Self {
        below: 1,
        length: 0,
    };

    /// The link of the lowest number of a stack.
    pub(crate) const LAST: Self = Self {
        below: NONE,
        length: 1,
    };

    /// The link in a word.
    #[inline]
    pub(crate) const fn of(word: u64) -> Self {
        Self {
            below: word as u32,
            length: (word >> u32::BITS) as u32,
        }
    }

    /// As a word.
    #[inline]
    pub(crate) const fn word(self) -> u64 {
        (self.length as u64) << u32::BITS | self.below as u64
    }
}
