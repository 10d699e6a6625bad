//! Which number is free: integers only.
//!
//! Nothing here knows an address, so the same structures can number slots of a pool, buffers in
//! shared memory or pages of a device.
//!
//! | structure | order | memory per slot | allocate / free | construction |
//! |---|---|---|---|---|
//! | [`Stack`] | last freed first | 4 bytes + 1 bit | 2 loads, 2 stores | O(capacity / 64) |
//! | [`FreeList`] | last freed first | 4 bytes | 2 loads, 3 stores | O(capacity) |
//! | [`Bitmap`] | lowest first; runs | 1 bit + 1/64 | one bit scan per level (4 for 16 M) | O(capacity / 64) |
//!
//! And two that threads share, or processes in memory that they share; every call is lock-free and
//! takes `&self`:
//!
//! | structure | order | memory per slot | allocate / free | `available` |
//! |---|---|---|---|---|
//! | [`AtomicStack`](crate::index) (64-bit atomics) | last freed first | 8 bytes | 1 / 2 exchanges, of one word for all | exact at any time, O(1) |
//! | [`AtomicBitmap`] | near where a thread looks | 1 bit + 1/64 | 1 / 1 exchange, of a word in 64 numbers | exact when nobody works, O(capacity / 64) |
//!
//! The stack is the faster one for few threads, and its answers are exact; on the bitmap many threads
//! disturb each other less.
//!
//! All detect a free of a number that is out of range or not in use, in release builds too.
//! A pool takes one of them, or your own [`IndexAllocator`], as its strategy
//! ([`Indexed`](crate::pool::Indexed)).

mod atomic_bitmap;
#[cfg(target_has_atomic = "64")]
mod atomic_stack;
mod bitmap;
mod free_list;
#[cfg(target_has_atomic = "64")]
mod link;
#[cfg(all(test, any(loom, shuttle), feature = "alloc"))]
mod models;
mod shared_storage;
mod stack;
mod storage;
#[cfg(target_has_atomic = "64")]
mod tagged;

pub use atomic_bitmap::{AtomicBitmap, AtomicWord};
#[cfg(target_has_atomic = "64")]
pub use atomic_stack::AtomicStack;
pub use bitmap::Bitmap;
pub use free_list::FreeList;
pub use shared_storage::SharedStorage;
pub use stack::Stack;
pub use storage::{DefaultStorage, Storage};
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub(crate) use {
    link::Link,
    tagged::{CLOSED, NONE, TaggedHead},
};

use crate::error::{Allowed, ConfigError, Given, IndexError};

/// Hands out numbers below a capacity and takes them back.
///
/// The trait is safe to implement: a pool verifies every number it is given against a bit of its
/// own, so an implementation that lies or calls back into the pool gets an error or a panic, not
/// undefined behaviour.
///
/// ```
/// use flagstone::pool::{FixedPool, Indexed};
/// use flagstone::IndexAllocator;
///
/// /// Hands numbers out once, in order; a freed number is not reused.
/// struct Once {
///     next: usize,
///     freed: usize,
///     capacity: usize,
/// }
///
/// impl IndexAllocator for Once {
///     fn allocate(&mut self) -> Option<usize> {
///         (self.next < self.capacity).then(|| {
///             self.next += 1;
///             self.next - 1
///         })
///     }
///     fn free(&mut self, _index: usize) {
///         self.freed += 1;
///     }
///     fn available(&self) -> usize {
///         self.capacity - self.next
///     }
///     fn capacity(&self) -> usize {
///         self.capacity
///     }
/// }
///
/// let once = Once { next: 0, freed: 0, capacity: 2 };
/// let pool = FixedPool::<&str, Indexed<Once>>::with_index(once)?;
/// drop(pool.alloc("a"));
/// drop(pool.alloc("b"));
/// assert!(pool.alloc("c").is_err());
/// # Ok::<(), flagstone::ConfigError>(())
/// ```
pub trait IndexAllocator {
    /// A number below the capacity that is not in use, or `None`.
    fn allocate(&mut self) -> Option<usize>;

    /// Takes `index` back.
    ///
    /// # Panics
    ///
    /// The implementations here panic when `index` is not in use; their inherent `free` returns
    /// the error instead.
    fn free(&mut self, index: usize);

    /// How many more numbers `allocate` can hand out.
    fn available(&self) -> usize;

    /// How many numbers there are.
    fn capacity(&self) -> usize;

    /// Adds `additional` numbers above the present ones; `false` (the default) when it cannot.
    fn grow(&mut self, additional: usize) -> bool {
        let _ = additional;
        false
    }

    /// Whether a pool may rely on this type's own checks. Only types of this room can say yes: the
    /// answer's type cannot be named elsewhere.
    #[doc(hidden)]
    const TRUST: trust::Trust = trust::Trust::VERIFY;

    /// Whether `index` is in use; asked of trusted types only.
    #[doc(hidden)]
    fn is_in_use(&self, index: usize, _: trust::Token) -> bool {
        let _ = index;
        false
    }
}

/// Names that implementations outside this crate cannot reach.
pub(crate) mod trust {
    /// Whether the pool keeps bits of its own.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Trust(bool);

    impl Trust {
        /// The pool verifies every answer.
        pub const VERIFY: Self = Self(false);
        /// The type checks itself.
        pub(in crate::index) const SELF_CHECKING: Self = Self(true);

        /// Whether the type checks itself.
        pub(crate) const fn is_self_checking(self) -> bool {
            self.0
        }
    }

    /// Proof that this crate is asking.
    #[derive(Debug)]
    pub struct Token(pub(crate) ());
}

/// Made from a capacity alone: what `FixedPool::new` needs of a strategy's index.
pub trait WithCapacity: IndexAllocator + Sized {
    /// An index of `capacity` numbers, all free.
    ///
    /// # Errors
    ///
    /// When the structure cannot number that many slots.
    fn with_capacity(capacity: usize) -> Result<Self, ConfigError>;
}

/// The answer to a `free` through the trait that the structure refused.
#[cold]
#[inline(never)]
#[track_caller]
fn refused(error: IndexError) -> ! {
    panic!("{error}")
}

/// Refuses a capacity above `most` slots.
const fn check_capacity(capacity: usize, most: usize) -> Result<(), ConfigError> {
    if capacity <= most {
        return Ok(());
    }
    Err(ConfigError::knob_out_of_range(
        "capacity",
        Given::Number(capacity),
        Allowed::Range {
            least: 0,
            most,
            unit: "slots",
        },
    ))
}
