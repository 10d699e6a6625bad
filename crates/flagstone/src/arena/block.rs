//! Blocks of an arena that grow and shrink: what a collection does with its allocator.
#![expect(unsafe_code, reason = "moves the bytes of blocks")]

use core::{alloc::Layout, ptr::NonNull};

use crate::{error::Cause, raw::bump::Reserve};

/// A block smaller than this has no chunk of its own that were worth looking for.
const LARGE: usize = 256;

/// Makes `block` larger: where it is, if it is the newest and there is room, or else elsewhere.
///
/// # Safety
///
/// `block` was handed out by `arena` for `old`, and not given back; `new` is not smaller.
#[inline(always)]
pub(super) unsafe fn grow<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, Cause> {
    // SAFETY: the caller's promise.
    match unsafe { grow_in_place(arena, block, old, new) } {
        Some(block) => Ok(block),
        // SAFETY: the caller's promise.
        None => unsafe { move_to(arena, block, old, new) },
    }
}

/// The same for whoever does not ask why it failed. The arguments of what is cold stay in the
/// registers they came in, because the answer fits in registers as well.
///
/// # Safety
///
/// As for [`grow`].
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
#[inline(always)]
pub(super) unsafe fn grown<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Option<NonNull<[u8]>> {
    #[cold]
    #[inline(never)]
    unsafe fn moved<'m>(
        arena: impl Reserve<'m>,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise.
        unsafe { move_to(arena, block, old, new) }.ok()
    }

    // SAFETY: the caller's promise.
    match unsafe { grow_in_place(arena, block, old, new) } {
        Some(block) => Some(block),
        // SAFETY: the caller's promise.
        None => unsafe { moved(arena, block, old, new) },
    }
}

/// Makes `block` larger where it is, if it is the newest and there is room.
///
/// # Safety
///
/// As for [`grow`].
#[inline(always)]
unsafe fn grow_in_place<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Option<NonNull<[u8]>> {
    if !is_aligned(block, old, new) {
        return None;
    }
    // SAFETY: the caller's promise; a layout's size is at most `isize::MAX`.
    let block = unsafe { arena.resize(block, old.size(), new.size()) }?;
    Some(NonNull::slice_from_raw_parts(block, new.size()))
}

/// Makes `block` smaller where it is, if it is the newest; or else leaves it, unless it must be
/// aligned anew.
///
/// # Safety
///
/// As for [`grow`], but `new` is not larger.
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
#[inline(always)]
pub(super) unsafe fn shrink<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, Cause> {
    if !is_aligned(block, old, new) {
        // SAFETY: the caller's promise.
        return unsafe { move_to(arena, block, old, new) };
    }
    // SAFETY: the caller's promise; a layout's size is at most `isize::MAX`.
    let block = unsafe { arena.resize(block, old.size(), new.size()) }.unwrap_or(block);
    Ok(NonNull::slice_from_raw_parts(block, new.size()))
}

/// Zeroes what a block of `old` bytes gained.
///
/// # Safety
///
/// `block` is exclusive and begins with `old` bytes that are in use.
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
#[inline]
pub(super) unsafe fn zero_behind(block: NonNull<[u8]>, old: usize) {
    // SAFETY: the block is not shorter than before.
    let behind = unsafe { block.cast::<u8>().add(old) };
    // SAFETY: up to the end of the block, which is exclusive.
    unsafe { behind.write_bytes(0, block.len() - old) };
}

/// Whether `block`, which is aligned for `old`, is for `new` as well. Collections ask for the same
/// alignment again, and the compiler sees it.
#[inline(always)]
fn is_aligned(block: NonNull<u8>, old: Layout, new: Layout) -> bool {
    new.align() <= old.align() || block.as_ptr().addr() & (new.align() - 1) == 0
}

/// Copies as much as fits to a new block.
///
/// # Safety
///
/// `block` was handed out by `arena` for `old`, and not given back.
#[cold]
unsafe fn move_to<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, Cause> {
    let to = arena.room(new)?;
    let len = old.size().min(new.size());
    // SAFETY: both are that long, and the new one is apart from all others.
    unsafe { to.copy_from_nonoverlapping(block, len) };
    if old.size() >= LARGE {
        // SAFETY: the caller's promise, and the block is given up for the new one.
        unsafe { arena.moved_away(block, old) };
    }
    Ok(NonNull::slice_from_raw_parts(to, new.size()))
}

/// `Allocator` of one version of `allocator-api2`, for a reference to each arena.
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
macro_rules! allocator {
    ($api:ident: $([$($generics:tt)*] $arena:ty),* $(,)?) => {
        $(
            // SAFETY: blocks stay while the arena is borrowed, wherever the reference goes and
            // however often it is copied; all of them are the same arena.
            unsafe impl<$($generics)*> $api::alloc::Allocator for &$arena {
                #[inline]
                fn allocate(
                    &self,
                    layout: core::alloc::Layout,
                ) -> Result<core::ptr::NonNull<[u8]>, $api::alloc::AllocError> {
                    match crate::raw::bump::Reserve::room(*self, layout) {
                        Ok(block) => {
                            Ok(core::ptr::NonNull::slice_from_raw_parts(block, layout.size()))
                        }
                        Err(_) => Err($api::alloc::AllocError),
                    }
                }

                #[inline]
                unsafe fn deallocate(
                    &self,
                    block: core::ptr::NonNull<u8>,
                    layout: core::alloc::Layout,
                ) {
                    // SAFETY: the caller's promise.
                    unsafe { crate::raw::bump::Reserve::give_back(*self, block, layout.size()) };
                }

                #[inline]
                unsafe fn grow(
                    &self,
                    block: core::ptr::NonNull<u8>,
                    old: core::alloc::Layout,
                    new: core::alloc::Layout,
                ) -> Result<core::ptr::NonNull<[u8]>, $api::alloc::AllocError> {
                    // SAFETY: the caller's promise.
                    unsafe { super::block::grown(*self, block, old, new) }
                        .ok_or($api::alloc::AllocError)
                }

                #[inline]
                unsafe fn grow_zeroed(
                    &self,
                    block: core::ptr::NonNull<u8>,
                    old: core::alloc::Layout,
                    new: core::alloc::Layout,
                ) -> Result<core::ptr::NonNull<[u8]>, $api::alloc::AllocError> {
                    // SAFETY: the caller's promise.
                    let block = unsafe { super::block::grown(*self, block, old, new) }
                        .ok_or($api::alloc::AllocError)?;
                    // SAFETY: just grown from as many bytes.
                    unsafe { super::block::zero_behind(block, old.size()) };
                    Ok(block)
                }

                #[inline]
                unsafe fn shrink(
                    &self,
                    block: core::ptr::NonNull<u8>,
                    old: core::alloc::Layout,
                    new: core::alloc::Layout,
                ) -> Result<core::ptr::NonNull<[u8]>, $api::alloc::AllocError> {
                    // SAFETY: the caller's promise.
                    unsafe { super::block::shrink(*self, block, old, new) }
                        .map_err(|_| $api::alloc::AllocError)
                }
            }
        )*
    };
}
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
pub(super) use allocator;
