//! What becomes of slots that come back, and when the last one has.

use super::desk::Panicked;
use crate::sync::atomic::{AtomicIsize, Ordering};

/// What `owed` is while the pool is there, and not known otherwise: more than slots there are, and calls
/// that hold a depot as a slot would.
pub(super) const PRESENT: isize = isize::MAX / 2;

/// What became of a slot that was put back.
#[derive(Default)]
#[must_use]
pub(crate) struct Put {
    /// It was the last one that a pool that is gone was waiting for: the caller must end it.
    pub(crate) is_last: bool,
    woken: Panicked,
}

impl Put {
    /// A slot of a pool that is gone is back.
    pub(super) fn back(owed: &AtomicIsize) -> Self {
        Self {
            // Acquire and Release: the last one sees what all others did.
            is_last: owed.fetch_sub(1, Ordering::AcqRel) == 1,
            ..Self::default()
        }
    }

    /// Somebody was woken for it.
    #[cfg(all(feature = "async", target_has_atomic = "64"))]
    pub(super) fn woken(self, woken: Panicked) -> Self {
        Self { woken, ..self }
    }

    /// Lets the panic of who was woken go on, when the pool was ended if it had to be.
    pub(crate) fn done(self) {
        self.woken.resume();
    }
}
