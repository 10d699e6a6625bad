//! Why a kernel stops.

use core::{error, fmt};

use flagstone::{AllocErrorKind, OutOfMemory};

/// What the kernel could not go on with.
#[derive(Debug)]
pub enum Fault {
    /// A cache could not be made.
    NoCache(OutOfMemory),
    /// An object of this sort found no room, while there must be some.
    NoRoom(&'static str, AllocErrorKind),
    /// This does not hold, and must.
    Wrong(&'static str),
}

impl From<OutOfMemory> for Fault {
    fn from(error: OutOfMemory) -> Self {
        Self::NoCache(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCache(error) => write!(f, "a cache cannot be made: {error}"),
            Self::NoRoom(what, kind) => write!(f, "{what} found no room: {kind:?}"),
            Self::Wrong(what) => write!(f, "this does not hold: {what}"),
        }
    }
}

impl error::Error for Fault {}
