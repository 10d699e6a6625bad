//! What an allocator under test did wrong.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a replay was stopped: something the contender did that no allocator may do.
///
/// It travels from the child process to the command, hence the serialisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    kind: FaultKind,
    size: u64,
    align: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FaultKind {
    OutOfMemory,
    Misaligned,
    NotZeroed,
    Overwritten,
    NotPreserved,
    Panicked,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, size: u64, align: usize) -> Self {
        Self {
            kind,
            size,
            align: align as u64,
        }
    }

    /// Whether the contender handed out memory that another live object was using.
    #[must_use]
    pub fn is_overlap(&self) -> bool {
        self.kind == FaultKind::Overwritten
    }

    /// Whether the contender had no memory left.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        self.kind == FaultKind::OutOfMemory
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, align, .. } = self;
        match self.kind {
            FaultKind::OutOfMemory => {
                write!(f, "had no memory for {size} bytes aligned to {align}")
            }
            FaultKind::Misaligned => {
                write!(
                    f,
                    "returned a misaligned address for {size} bytes aligned to {align}"
                )
            }
            FaultKind::NotZeroed => {
                write!(
                    f,
                    "returned memory that is not zero for {size} zeroed bytes"
                )
            }
            FaultKind::Overwritten => {
                write!(
                    f,
                    "let a live object of {size} bytes be overwritten by another one"
                )
            }
            FaultKind::NotPreserved => {
                write!(f, "lost the contents of an object resized to {size} bytes")
            }
            FaultKind::Panicked => f.write_str("panicked"),
        }
    }
}
