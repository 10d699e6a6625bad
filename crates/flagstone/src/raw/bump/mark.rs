//! A state of an arena's chunks.

use core::ptr;

use super::chunk::Link;

/// A state to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(super) top: Link,
    pub(super) base: Link,
    pub(super) current: Link,
    pub(super) floor: *mut u8,
    pub(super) pos: *mut u8,
}

impl Mark {
    /// Before the first chunk.
    pub(super) const START: Self = Self {
        top: ptr::null_mut(),
        base: ptr::null_mut(),
        current: ptr::null_mut(),
        floor: ptr::null_mut(),
        pos: ptr::null_mut(),
    };
}
