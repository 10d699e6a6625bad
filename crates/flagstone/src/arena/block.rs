//! Blocks of an arena that grow and shrink: what a collection does with its allocator.
#![expect(unsafe_code, reason = "moves the bytes of blocks")]
#![cfg_attr(
    not(any(feature = "allocator-api2-02", feature = "allocator-api2-04")),
    expect(
        dead_code,
        reason = "the body of the allocator APIs, which are features"
    )
)]

use core::{alloc::Layout, ptr::NonNull};

use crate::raw::bump::Reserve;

/// A block smaller than this has no chunk of its own that were worth looking for.
const LARGE: usize = 256;

/// A block for `layout`.
#[inline(always)]
pub(super) fn allocate<'m>(arena: impl Reserve<'m>, layout: Layout) -> Option<NonNull<[u8]>> {
    let block = arena.room(layout).ok()?;
    Some(NonNull::slice_from_raw_parts(block, layout.size()))
}

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
) -> Option<NonNull<[u8]>> {
    if is_aligned(block, new)
        // SAFETY: the caller's promise; a layout's size is at most `isize::MAX`.
        && let Some(block) = unsafe { arena.resize(block, old.size(), new.size()) }
    {
        return Some(NonNull::slice_from_raw_parts(block, new.size()));
    }
    // SAFETY: the caller's promise.
    unsafe { move_to(arena, block, old, new) }
}

/// Makes `block` smaller where it is, if it is the newest; or else leaves it, unless it must be
/// aligned anew.
///
/// # Safety
///
/// As for [`grow`], but `new` is not larger.
#[inline(always)]
pub(super) unsafe fn shrink<'m>(
    arena: impl Reserve<'m>,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Option<NonNull<[u8]>> {
    if !is_aligned(block, new) {
        // SAFETY: the caller's promise.
        return unsafe { move_to(arena, block, old, new) };
    }
    // SAFETY: the caller's promise; a layout's size is at most `isize::MAX`.
    let block = unsafe { arena.resize(block, old.size(), new.size()) }.unwrap_or(block);
    Some(NonNull::slice_from_raw_parts(block, new.size()))
}

/// Zeroes what a block of `old` bytes gained.
///
/// # Safety
///
/// `block` is exclusive and begins with `old` bytes that are in use.
#[inline]
pub(super) unsafe fn zero_behind(block: NonNull<[u8]>, old: usize) {
    // SAFETY: the block is not shorter than before.
    let behind = unsafe { block.cast::<u8>().add(old) };
    // SAFETY: up to the end of the block, which is exclusive.
    unsafe { behind.write_bytes(0, block.len() - old) };
}

fn is_aligned(block: NonNull<u8>, layout: Layout) -> bool {
    block.as_ptr().addr() & (layout.align() - 1) == 0
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
) -> Option<NonNull<[u8]>> {
    let to = arena.room(new).ok()?;
    let len = old.size().min(new.size());
    // SAFETY: both are that long, and the new one is apart from all others.
    unsafe { to.copy_from_nonoverlapping(block, len) };
    if old.size() >= LARGE {
        // SAFETY: the caller's promise, and the block is given up for the new one.
        unsafe { arena.moved_away(block, old) };
    }
    Some(NonNull::slice_from_raw_parts(to, new.size()))
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
                    super::block::allocate(*self, layout).ok_or($api::alloc::AllocError)
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
                    unsafe { super::block::grow(*self, block, old, new) }
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
                    let block = unsafe { super::block::grow(*self, block, old, new) }
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
                        .ok_or($api::alloc::AllocError)
                }
            }
        )*
    };
}
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
pub(super) use allocator;
