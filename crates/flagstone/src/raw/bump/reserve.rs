//! What an arena's doors need of whatever they stand on.

use core::{alloc::Layout, ptr::NonNull};

use super::keep::Kept;
use crate::error::Cause;

/// Hands out room that stays for `'m`.
///
/// # Safety
///
/// The implementor promises: room is exclusive, and as large and as aligned as asked; it stays, and
/// is not handed out again, until `'m` ends, unless it is given back.
pub(crate) unsafe trait Reserve<'m>: Copy {
    /// Room for a `T`, which has a size; `None` when it takes more than a few instructions to have
    /// it. The hot path.
    fn quick_room_for<T>(self) -> Option<NonNull<u8>>;

    /// The same for `layout`.
    fn quick_room(self, layout: Layout) -> Option<NonNull<u8>>;

    /// Room for `layout`, whatever it takes.
    fn slow_room(self, layout: Layout) -> Result<NonNull<u8>, Cause>;

    /// Room for `layout`.
    #[inline(always)]
    fn room(self, layout: Layout) -> Result<NonNull<u8>, Cause> {
        match self.quick_room(layout) {
            Some(room) => Ok(room),
            None => self.slow_room(layout),
        }
    }

    /// Changes the size of a block where it is; `None` when it cannot be done, and then nothing has
    /// changed.
    ///
    /// # Safety
    ///
    /// `block` was handed out by this arena with `old` bytes and not given back; if it shrinks, what
    /// lies behind is not used any more. `new` is at most `isize::MAX`.
    unsafe fn resize(self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>>;

    /// Takes a block back if it is the newest.
    ///
    /// # Safety
    ///
    /// `block` was handed out by this arena with `size` bytes, and is not used any more.
    unsafe fn give_back(self, block: NonNull<u8>, size: usize);

    /// A large block was moved elsewhere, and its old place is free.
    ///
    /// # Safety
    ///
    /// `block` was handed out by this arena for `layout`, and is not used any more.
    unsafe fn moved_away(self, block: NonNull<u8>, layout: Layout) {
        let _ = (block, layout);
    }

    /// Drops the value of `kept` when the room ends.
    ///
    /// # Safety
    ///
    /// `kept` came from `KeptValue::write` in this arena's room; its value may be dropped by any
    /// thread that the arena can be sent to, and outlives everything.
    unsafe fn keep(self, kept: NonNull<Kept>);
}
