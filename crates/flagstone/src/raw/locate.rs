//! Where the slab of a slot starts, and where its descriptor lies.

use core::ptr::NonNull;

use crate::layout::SlabLayout;

/// Where the slab of `size` bytes starts that `address` lies in.
///
/// # Safety
///
/// `address` points into a slab of `size` bytes, and may be used for all of it.
#[inline(always)]
pub(super) unsafe fn base(address: NonNull<u8>, size: usize) -> NonNull<u8> {
    // SAFETY: slabs are aligned to their size, so this goes back to the base of the slab.
    unsafe { address.byte_sub(address.as_ptr().addr() & (size - 1)) }
}

/// Where the descriptor lies of the slab of `size` bytes that `slot` lies in.
///
/// # Safety
///
/// As for [`base`].
#[inline(always)]
pub(super) unsafe fn descriptor(slot: NonNull<u8>, size: usize) -> NonNull<u8> {
    // Two steps, so that the colour is computed beside the base and not after it.
    // SAFETY: the caller's promise.
    let base = unsafe { base(slot, size) };
    let offset = SlabLayout::descriptor_offset(slot.as_ptr().addr(), size);
    // SAFETY: the descriptor lies in the slab.
    unsafe { base.byte_add(offset) }
}
