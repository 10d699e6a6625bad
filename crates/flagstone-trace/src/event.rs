//! One event of a trace and the names of what it is about.

use std::fmt;

/// Names an allocated object: the how-many-th allocation of the trace made it, from 0.
///
/// A number is never used again, also when the program's allocator reuses the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub u64);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {}", self.0)
    }
}

/// Names a thread of the recorded process: threads count from 0 in the order of their first event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadNumber(pub u32);

impl fmt::Display for ThreadNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread {}", self.0)
    }
}

/// Something a thread did to an object at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The thread that called the allocator.
    pub thread: ThreadNumber,
    /// Nanoseconds since the recording started.
    ///
    /// Times of one thread do not decrease; between threads the order of the events counts and
    /// the time is only close to it.
    pub time_ns: u64,
    /// What was done.
    pub kind: EventKind,
}

/// What an [`Event`] does. Calls that failed are not events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// Memory was handed out.
    Alloc {
        /// The new object: one more than the newest so far.
        object: ObjectId,
        /// Bytes asked for; 0 is possible in C.
        size: u64,
        /// Alignment asked for in bytes, a power of two; never 0.
        align: u64,
        /// Whether the caller asked for zeroed memory.
        zeroed: bool,
    },
    /// An object was resized; it may have moved and stays the same object.
    Realloc {
        /// The object resized.
        object: ObjectId,
        /// Its new size in bytes.
        size: u64,
    },
    /// An object was given back.
    Free {
        /// The object freed.
        object: ObjectId,
    },
}

impl EventKind {
    /// The object that this event is about.
    #[must_use]
    pub fn object(self) -> ObjectId {
        match self {
            Self::Alloc { object, .. } | Self::Realloc { object, .. } | Self::Free { object } => {
                object
            }
        }
    }
}
