//! What stands in a slot: its link while it is free, and whether it holds a value all the same.

use core::ptr::NonNull;

use super::shape::{LINK, Link, RemoteShape};
use crate::corruption::hooks;

/// Whether the slot holds a value, as was noted when it came back.
///
/// # Safety
///
/// The slot is the caller's, of a shape with notes beside links, and was opened.
pub(crate) unsafe fn is_occupied(slot: NonNull<u8>, shape: RemoteShape) -> bool {
    // SAFETY: the note lies in the slot, behind the link, and was written when the slot was carved.
    unsafe { slot.byte_add(shape.link_at() + LINK).read() != 0 }
}

/// Notes whether the slot holds a value.
///
/// # Safety
///
/// As for `is_occupied`, but for the note.
pub(crate) unsafe fn set_occupied(slot: NonNull<u8>, occupied: bool, shape: RemoteShape) {
    // SAFETY: the note lies in the slot, behind the link.
    unsafe {
        slot.byte_add(shape.link_at() + LINK)
            .write(u8::from(occupied))
    }
}

/// The link in a free slot.
///
/// # Safety
///
/// The slot is the caller's and has a link.
#[inline(always)]
pub(super) unsafe fn read_link(slot: NonNull<u8>, shape: RemoteShape) -> u32 {
    // SAFETY: the link lies in the slot.
    let link = unsafe { slot.byte_add(shape.link_at()) }.cast::<Link>();
    // SAFETY: written when the slot came back; it may lie unaligned.
    let link = unsafe { link.read_unaligned() };
    #[cfg_attr(
        target_has_atomic = "64",
        expect(clippy::useless_conversion, reason = "links are narrower elsewhere")
    )]
    u32::from(link)
}

/// Makes the slot's link lead to `to`.
///
/// # Safety
///
/// The slot is the caller's and has room for a link.
#[inline(always)]
pub(super) unsafe fn write_link(slot: NonNull<u8>, to: u32, shape: RemoteShape) {
    hooks::slot_opened(slot, shape.stride());
    // SAFETY: the link lies in the slot.
    let link = unsafe { slot.byte_add(shape.link_at()) }.cast::<Link>();
    // SAFETY: the caller's slot; offsets fit links, as slabs are small enough for them.
    unsafe { link.write_unaligned(to as Link) };
    hooks::slot_closed(slot, shape.stride());
}
