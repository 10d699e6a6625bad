//! The end of a door that does not return errors.

use crate::error::AllocError;

/// Panics with the sentence of `error`.
#[cold]
#[inline(never)]
#[track_caller]
pub(super) fn refused(error: AllocError) -> ! {
    panic!("{error}")
}
