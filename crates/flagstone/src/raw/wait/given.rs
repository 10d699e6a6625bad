//! What one who waits for a slot is given.

use core::ptr::NonNull;

/// A slot, or nothing, because the pool was closed.
#[derive(Debug)]
pub struct Given(pub(crate) Option<NonNull<u8>>);

// SAFETY: a slot is its new owner's alone, on whatever thread; what is written into it is asked for its
// own sake.
unsafe impl Send for Given {}
