//! What is asked of the heap: sizes and alignments of C as layouts, checked.
//!
//! `None` is a request that no memory could meet, because it or its rounding exceeds `isize::MAX`.

use core::alloc::Layout;

/// The alignment of `max_align_t`, which every block has.
const PLAIN: usize = 16;

/// `size` bytes at the alignment that `malloc` promises.
#[inline]
pub(crate) fn plain(size: usize) -> Option<Layout> {
    aligned(PLAIN, size)
}

/// `count` elements of `size` bytes.
#[inline]
pub(crate) fn array(count: usize, size: usize) -> Option<Layout> {
    plain(count.checked_mul(size)?)
}

/// `size` bytes at a multiple of `align`, a power of two, and at that of `malloc`.
///
/// A size is rounded up to 16 bytes: a block has room for the largest of what its alignment
/// promises, and one of no bytes is a block like others, with an address of its own.
#[inline]
pub(crate) fn aligned(align: usize, size: usize) -> Option<Layout> {
    if size > isize::MAX as usize - (PLAIN - 1) {
        return None;
    }
    // Not `checked_next_multiple_of`, whose second check would be one more on the way of every `malloc`.
    let size = (size.max(1) + (PLAIN - 1)) & !(PLAIN - 1);
    Layout::from_size_align(size, align.max(PLAIN)).ok()
}

/// The whole pages that hold `size` bytes, at least one.
pub(crate) fn pages(size: usize) -> Option<Layout> {
    let page = page_size();
    aligned(page, size.max(1).checked_next_multiple_of(page)?)
}

/// Bytes of a page, which differ from machine to machine. Asks the C library, which knows it.
pub(crate) fn page_size() -> usize {
    // SAFETY: `sysconf` has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
