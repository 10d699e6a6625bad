//! A value that notices accesses that are not ordered.
#![expect(unsafe_code, reason = "touches a cell that loom watches")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use loom::cell::UnsafeCell;

/// Is read by who has a handle, and written when it dies: loom fails the test if a death is not after
/// every read.
pub(crate) struct Witness {
    cell: UnsafeCell<usize>,
    // Not loom's: counting must not order anything.
    deaths: Arc<AtomicUsize>,
}

// SAFETY: the cell is read through `&self` and written in `drop`, which loom checks.
unsafe impl Sync for Witness {}

impl Witness {
    pub(crate) fn new(number: usize, deaths: &Arc<AtomicUsize>) -> Self {
        Self {
            cell: UnsafeCell::new(number),
            deaths: Arc::clone(deaths),
        }
    }

    /// The number it was made with.
    pub(crate) fn number(&self) -> usize {
        // SAFETY: written at its death only, which loom checks.
        self.cell.with(|number| unsafe { *number })
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // SAFETY: nobody has it any more, which loom checks.
        self.cell.with_mut(|number| unsafe { *number = usize::MAX });
        self.deaths.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many died.
pub(crate) fn count(deaths: &AtomicUsize) -> usize {
    deaths.load(Ordering::Relaxed)
}
