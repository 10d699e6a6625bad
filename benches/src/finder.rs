//! What an index structure must be able to do to take part.

use crate::{contender::Role, floor::BitmapFloor};

/// Numbers below a capacity that are taken and given back.
pub(crate) trait Finder: 'static {
    /// As the tables name it.
    const NAME: &'static str;
    /// Floor, ours or rival.
    const ROLE: Role;
    /// The largest capacity it can have.
    const MOST: usize = usize::MAX;

    /// All numbers free.
    fn with_capacity(capacity: usize) -> Self;

    /// Takes a free number; there is one.
    fn take(&mut self) -> usize;

    /// Gives a taken number back.
    fn give(&mut self, number: usize);
}

impl<const LEVELS: usize> Finder for BitmapFloor<LEVELS> {
    const NAME: &'static str = "floor::bitmap";
    const ROLE: Role = Role::Floor;
    const MOST: usize = 1 << (6 * LEVELS);

    fn with_capacity(capacity: usize) -> Self {
        assert_eq!(capacity, Self::MOST, "the floor's depth is its capacity");
        Self::new()
    }

    #[inline(always)]
    fn take(&mut self) -> usize {
        self.take().unwrap_or_else(|| crate::contender::exhausted())
    }

    #[inline(always)]
    fn give(&mut self, number: usize) {
        self.give(number);
    }
}
