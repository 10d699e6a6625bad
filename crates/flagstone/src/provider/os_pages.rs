//! Whole pages from the operating system.
#![expect(unsafe_code, reason = "calls mmap, munmap and madvise")]

use core::{alloc::Layout, ptr, ptr::NonNull};

use super::{Chunk, Provider, Purged};
use crate::{
    error::OutOfMemory,
    layout::align_up,
    sync::process::{AtomicUsize, Ordering},
};

/// Pages straight from the operating system (`mmap`), zeroed, aligned as asked and given back with
/// `munmap`. One or two system calls a chunk, up to three for alignments above a page.
///
/// ```
/// use flagstone::{GrowingPool, provider::OsPages};
///
/// let pool = GrowingPool::new_in(1000, OsPages);
/// let page = pool.alloc([0_u8; 256]).unwrap();
/// assert!(pool.capacity() >= 1000);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OsPages;

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

fn page_size() -> usize {
    // Relaxed, here and below: the value is the same whoever stores it.
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => {
            let size = ask_page_size();
            PAGE_SIZE.store(size, Ordering::Relaxed);
            size
        }
        size => size,
    }
}

#[cold]
fn ask_page_size() -> usize {
    // SAFETY: `sysconf` has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

fn map(len: usize) -> Option<NonNull<u8>> {
    // SAFETY: a new private anonymous mapping touches no memory that exists.
    let ptr = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if ptr == libc::MAP_FAILED {
        return None;
    }
    NonNull::new(ptr.cast())
}

/// # Safety
///
/// The pages of `ptr .. ptr + len` were mapped by `map`, and nothing uses them any more.
unsafe fn unmap(ptr: NonNull<u8>, len: usize) {
    // SAFETY: the caller's promise. A failure (the kernel cannot split a mapping) leaks the pages.
    let _ = unsafe { libc::munmap(ptr.as_ptr().cast(), len) };
}

/// Maps `len` bytes aligned to `align`, both multiples of the page size: maps more, unmaps the ends.
fn map_aligned(len: usize, align: usize) -> Option<NonNull<u8>> {
    let whole = map(len)?;
    if whole.as_ptr().addr().is_multiple_of(align) {
        return Some(whole);
    }
    // SAFETY: just mapped, and used by nobody.
    unsafe { unmap(whole, len) };
    let spare = align - page_size();
    let whole = map(len.checked_add(spare)?)?;
    let front = whole.as_ptr().addr().wrapping_neg() & (align - 1);
    // SAFETY: `front <= spare`, because the address is a multiple of the page size.
    let start = unsafe { whole.add(front) };
    if front > 0 {
        // SAFETY: the pages before `start`, just mapped.
        unsafe { unmap(whole, front) };
    }
    if spare > front {
        // SAFETY: `front + len < len + spare`: within the mapping.
        let end = unsafe { start.add(len) };
        // SAFETY: the pages behind the chunk, just mapped.
        unsafe { unmap(end, spare - front) };
    }
    Some(start)
}

fn rounded(layout: Layout) -> Option<usize> {
    align_up(layout.size(), page_size()).filter(|&len| len > 0 && isize::try_from(len).is_ok())
}

// SAFETY: `mmap` gives fresh pages nobody else has; they stay until `free` unmaps them.
unsafe impl Provider for OsPages {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let refused = OutOfMemory::new(layout);
        let len = rounded(layout).ok_or(refused)?;
        let align = layout.align().max(page_size());
        let ptr = map_aligned(len, align).ok_or(refused)?;
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, len),
            zeroed: true,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        if let Some(len) = rounded(layout) {
            // SAFETY: the pages `alloc` mapped for this layout, by the caller's promise.
            unsafe { unmap(ptr, len) };
        }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // Only Linux promises that the pages read as 0 afterwards.
        if !cfg!(any(target_os = "linux", target_os = "android")) || cfg!(miri) {
            return Purged::No;
        }
        // SAFETY: whole pages of one of our mappings with nothing needed in them, by the caller's
        // promise.
        let done = unsafe { libc::madvise(ptr.as_ptr().cast(), len, libc::MADV_DONTNEED) };
        if done == 0 {
            Purged::Zeroed
        } else {
            Purged::No
        }
    }

    fn page_size(&self) -> usize {
        page_size()
    }
}
