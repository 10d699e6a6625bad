//! A door that could not place a value says why, and hands the value back.

use core::{alloc::Layout, error::Error, fmt};

use super::OutOfMemory;

/// A value could not be placed; the value is inside.
///
/// One word larger than `T`. `Debug` and `Display` never look at the value, so they need nothing
/// of `T`.
///
/// ```
/// use flagstone::{AllocErrorKind, FixedPool};
///
/// let pool = FixedPool::<String>::new(1);
/// let _first = pool.alloc("kept".to_owned())?;
/// let refused = pool.alloc("returned".to_owned()).unwrap_err();
/// assert_eq!(refused.kind(), AllocErrorKind::Exhausted);
/// assert_eq!(refused.into_inner(), "returned");
/// # Ok::<(), flagstone::AllocError<String>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AllocError<T = ()> {
    value: T,
    cause: Cause,
}

/// Why nothing was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AllocErrorKind {
    /// Every slot is in use and the pool may not, or could not by its strategy, grow.
    Exhausted,
    /// The pool wanted to grow and its provider gave no usable memory.
    OutOfMemory,
    /// The pool was asked to make a value and was configured without an initializer.
    NoInitializer,
    /// The arena would need more bytes than its limit allows.
    LimitReached,
    /// A scope of the arena is open, and only the scope can allocate until it is closed.
    Claimed,
    /// A `Display` or `Debug` of the caller said that it could not format.
    Format,
    /// Nobody may wait for a slot any more: the pool was closed.
    Closed,
    /// No slot was free before the caller's timer was ready.
    TimedOut,
}

/// Kind and number in one word: the three top bits tell the kind, the rest is the capacity in slots
/// or a size in bytes. Both are below 2^61 on every target with memory to count them in; a larger
/// number is shown as 2^61 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause(usize);

const KIND_SHIFT: u32 = usize::BITS - 3;
const NUMBER: usize = (1 << KIND_SHIFT) - 1;

impl Cause {
    /// All `capacity` slots are in use.
    pub(crate) const fn exhausted(capacity: usize) -> Self {
        Self::pack(0, capacity)
    }

    /// The provider did not give a chunk of `layout`.
    pub(crate) const fn out_of_memory(layout: Layout) -> Self {
        Self::pack(1, layout.size())
    }

    /// So many bytes are more than any chunk can have.
    pub(crate) const fn too_large(bytes: usize) -> Self {
        Self::pack(1, bytes)
    }

    /// There is nothing that makes a value.
    pub(crate) const fn no_initializer() -> Self {
        Self::pack(2, 0)
    }

    /// More than `limit` bytes would be reserved.
    pub(crate) const fn limit(limit: usize) -> Self {
        Self::pack(3, limit)
    }

    /// A scope has the arena's memory.
    pub(crate) const fn claimed() -> Self {
        Self::pack(4, 0)
    }

    /// A formatting trait returned an error.
    pub(crate) const fn format() -> Self {
        Self::pack(5, 0)
    }

    /// The pool was closed for those who wait.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(crate) const fn closed() -> Self {
        Self::pack(6, 0)
    }

    /// The wait took too long.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(crate) const fn timed_out() -> Self {
        Self::pack(7, 0)
    }

    /// What kind of cause it is.
    pub(crate) const fn kind(self) -> AllocErrorKind {
        match self.0 >> KIND_SHIFT {
            0 => AllocErrorKind::Exhausted,
            1 => AllocErrorKind::OutOfMemory,
            2 => AllocErrorKind::NoInitializer,
            3 => AllocErrorKind::LimitReached,
            4 => AllocErrorKind::Claimed,
            5 => AllocErrorKind::Format,
            6 => AllocErrorKind::Closed,
            _ => AllocErrorKind::TimedOut,
        }
    }

    const fn pack(kind: usize, number: usize) -> Self {
        let number = if number > NUMBER { NUMBER } else { number };
        Self(kind << KIND_SHIFT | number)
    }
}

impl From<OutOfMemory> for Cause {
    fn from(error: OutOfMemory) -> Self {
        Self::out_of_memory(error.layout())
    }
}

impl<T> AllocError<T> {
    pub(crate) const fn new(value: T, cause: Cause) -> Self {
        Self { value, cause }
    }

    /// The value that was not placed.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Whether the slots or the memory ran out.
    #[must_use]
    pub const fn kind(&self) -> AllocErrorKind {
        self.cause.kind()
    }

    /// The same error about another value, for doors that stand on other doors.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> AllocError<U> {
        AllocError {
            value: f(self.value),
            cause: self.cause,
        }
    }
}

impl<T> fmt::Debug for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocError")
            .field("kind", &self.kind())
            .field("number", &(self.cause.0 & NUMBER))
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for AllocError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.cause.0 & NUMBER;
        match self.kind() {
            AllocErrorKind::Exhausted => write!(
                f,
                "no slot is free, {number} of {number} are in use: drop a handle first or give the pool more capacity"
            ),
            AllocErrorKind::OutOfMemory => write!(
                f,
                "there is no memory for it: the provider gave no usable chunk of {number} bytes"
            ),
            AllocErrorKind::LimitReached => write!(
                f,
                "the arena's limit of {number} bytes is reached: reset it or raise the limit"
            ),
            AllocErrorKind::Claimed => f.write_str(
                "a scope of the arena is open: allocate from the scope, or close it first",
            ),
            AllocErrorKind::Format => {
                f.write_str("nothing was formatted: a formatting trait returned an error")
            }
            AllocErrorKind::Closed => f.write_str("the pool is closed, nobody waits for its slots"),
            AllocErrorKind::TimedOut => {
                f.write_str("no slot was free in time: wait longer or give the pool more capacity")
            }
            AllocErrorKind::NoInitializer => f.write_str(
                "the pool was asked to make a value but has no initializer: \
                 configure `initialization` or pass the value",
            ),
        }
    }
}

impl<T> Error for AllocError<T> {}
