//! An index that names no slot in use.

use core::{error::Error, fmt};

/// An index was refused; nothing was changed.
///
/// ```
/// use flagstone::index::Bitmap;
///
/// let mut numbers = Bitmap::new(100)?;
/// let n = numbers.allocate().unwrap();
/// numbers.free(n)?;
/// assert!(numbers.free(n).unwrap_err().is_not_in_use());
/// assert!(numbers.free(100).unwrap_err().is_out_of_range());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexError {
    index: usize,
    capacity: usize,
}

impl IndexError {
    /// The error for `index` in a structure of `capacity` slots: out of range when it is not below
    /// the capacity, not in use otherwise.
    #[must_use]
    pub const fn new(index: usize, capacity: usize) -> Self {
        Self { index, capacity }
    }

    /// The index that was given.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Whether the index is not below the capacity: it belongs to something else.
    #[must_use]
    pub const fn is_out_of_range(&self) -> bool {
        self.index >= self.capacity
    }

    /// Whether the index is in range but its slot is free: it was freed before, or never allocated.
    #[must_use]
    pub const fn is_not_in_use(&self) -> bool {
        self.index < self.capacity
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, capacity } = self;
        if self.is_out_of_range() {
            write!(
                f,
                "index {index} is out of range: there are {capacity} slots"
            )
        } else {
            write!(
                f,
                "index {index} is not in use: it was freed before or never allocated"
            )
        }
    }
}

impl Error for IndexError {}
