//! What is done if a provider panics.

use core::panic::AssertUnwindSafe;

/// Does some work beside a call that has done its own: has freed a block, or moved or shortened it. A provider that
/// panics in that work must not make the caller believe that the block is as it was, so its panic ends here.
pub(super) fn aside(work: impl FnOnce()) {
    if let Err(panic) = std::panic::catch_unwind(AssertUnwindSafe(work)) {
        // Who drops it might panic, too.
        core::mem::forget(panic);
    }
}

/// Calls a function when it is dropped, unless it is told that all went well: what a panic of a provider would leave
/// half done.
pub(super) struct Undo<F: FnMut()>(F);

impl<F: FnMut()> Undo<F> {
    pub(super) const fn with(undo: F) -> Self {
        Self(undo)
    }

    /// There is nothing to undo.
    pub(super) fn forget(self) {
        core::mem::forget(self);
    }
}

impl<F: FnMut()> Drop for Undo<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
