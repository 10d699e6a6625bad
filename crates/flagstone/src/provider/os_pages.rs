//! Whole pages from the operating system.
#![expect(unsafe_code, reason = "calls mmap and its relatives")]

use core::{alloc::Layout, ffi::c_int, ptr, ptr::NonNull};

use super::{Chunk, Provider, Purged, errno};
use crate::{
    error::OutOfMemory,
    layout::align_up,
    sync::process::{AtomicUsize, Ordering},
};

/// Pages straight from the operating system (`mmap`), zeroed, aligned as asked and given back with
/// `munmap`. One or two system calls a chunk, up to three for alignments above a page; one for every
/// other call.
///
/// | call | Linux, Android | other Unix |
/// |---|---|---|
/// | `remap` | in place or by moving the pages (`mremap`) | only smaller, in place |
/// | `reserve_addresses`, `commit`, `decommit` | inaccessible pages, accounted for when committed | the same |
/// | `purge` | `MADV_DONTNEED`: resident memory falls at once | nothing |
/// | `prefer_huge_pages` | `MADV_HUGEPAGE`, if the kernel has them | nothing |
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

const ACCESS: c_int = libc::PROT_READ | libc::PROT_WRITE;

/// Whether the kernel is one that has `mremap`, and a `madvise` that empties pages at once.
const LINUX: bool = cfg!(any(target_os = "linux", target_os = "android")) && !cfg!(miri);

fn map(len: usize, protection: c_int) -> Option<NonNull<u8>> {
    // SAFETY: a new private anonymous mapping touches no memory that exists.
    let ptr = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            protection,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    answer(ptr)
}

/// What `mmap` or `mremap` answered.
fn answer(ptr: *mut libc::c_void) -> Option<NonNull<u8>> {
    if ptr == libc::MAP_FAILED {
        return None;
    }
    NonNull::new(ptr.cast())
}

/// Whether the pages are gone: the kernel may be unable to split a mapping.
///
/// # Safety
///
/// The pages of `ptr .. ptr + len` were mapped by `map`, and nothing uses them any more.
unsafe fn unmap(ptr: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the caller's promise.
    errno::kept(|| unsafe { libc::munmap(ptr.as_ptr().cast(), len) == 0 })
}

/// Maps `len` bytes aligned to `align`, both multiples of the page size: maps more, unmaps the ends
/// (or leaks what it cannot unmap).
fn map_aligned(len: usize, align: usize, protection: c_int) -> Option<NonNull<u8>> {
    let whole = map(len, protection)?;
    if whole.as_ptr().addr().is_multiple_of(align) {
        return Some(whole);
    }
    // SAFETY: just mapped, and used by nobody.
    let _ = unsafe { unmap(whole, len) };
    let spare = align - page_size();
    let whole = map(len.checked_add(spare)?, protection)?;
    let front = whole.as_ptr().addr().wrapping_neg() & (align - 1);
    // SAFETY: `front <= spare`, because the address is a multiple of the page size.
    let start = unsafe { whole.add(front) };
    if front > 0 {
        // SAFETY: the pages before `start`, just mapped.
        let _ = unsafe { unmap(whole, front) };
    }
    if spare > front {
        // SAFETY: `front + len < len + spare`: within the mapping.
        let end = unsafe { start.add(len) };
        // SAFETY: the pages behind the chunk, just mapped.
        let _ = unsafe { unmap(end, spare - front) };
    }
    Some(start)
}

/// A new size for a mapping that is aligned to `align` afterwards.
///
/// # Safety
///
/// `ptr` and `old` are a mapping of whole pages that is the caller's; unless the answer is `None`,
/// nothing uses it any more.
#[cfg(any(target_os = "linux", target_os = "android"))]
unsafe fn resize(ptr: NonNull<u8>, old: usize, new: usize, align: usize) -> Option<NonNull<u8>> {
    let place = ptr.as_ptr().cast();
    if ptr.as_ptr().addr().is_multiple_of(align) {
        let moves = if align > page_size() {
            0
        } else {
            libc::MREMAP_MAYMOVE
        };
        // SAFETY: the caller's mapping; what it becomes does not touch other mappings.
        let resized = answer(unsafe { libc::mremap(place, old, new, moves) });
        if resized.is_some() || moves != 0 {
            return resized;
        }
    }
    // On their way to a given place the kernel cuts pages that are to become fewer, and may move one
    // part and not another of as many; a refusal must leave all as it was.
    if new <= old {
        return None;
    }
    // A place of our own that is aligned, which the pages then replace.
    let target = map_aligned(new, align, libc::PROT_NONE)?;
    let moves = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: the caller's mapping; `target` was just mapped, and is used by nobody. After a failure
    // nobody knows whether the kernel had unmapped it already, so it is left alone: at worst some
    // addresses without memory are lost, while another thread may have been given the same ones.
    answer(unsafe { libc::mremap(place, old, new, moves, target.as_ptr()) })
}

/// As above, where a mapping can only be cut.
///
/// # Safety
///
/// As above.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
unsafe fn resize(ptr: NonNull<u8>, old: usize, new: usize, align: usize) -> Option<NonNull<u8>> {
    if new > old || !ptr.as_ptr().addr().is_multiple_of(align) {
        return None;
    }
    // SAFETY: `new <= old`: within the mapping.
    let end = unsafe { ptr.add(new) };
    // SAFETY: the last pages of the caller's mapping, used by nobody.
    (new == old || unsafe { unmap(end, old - new) }).then_some(ptr)
}

fn rounded(layout: Layout) -> Option<usize> {
    align_up(layout.size(), page_size()).filter(|&len| len > 0 && isize::try_from(len).is_ok())
}

/// Pages for `layout` with the protection given.
fn pages(layout: Layout, protection: c_int) -> Result<NonNull<[u8]>, OutOfMemory> {
    let refused = OutOfMemory::new(layout);
    let len = rounded(layout).ok_or(refused)?;
    let align = layout.align().max(page_size());
    let ptr = map_aligned(len, align, protection).ok_or(refused)?;
    Ok(NonNull::slice_from_raw_parts(ptr, len))
}

// SAFETY: `mmap` gives fresh pages nobody else has; they stay until `free` unmaps them or `remap`
// moves them, and read as 0 when they are first touched.
unsafe impl Provider for OsPages {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        Ok(Chunk {
            ptr: pages(layout, ACCESS)?,
            zeroed: true,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        if let Some(len) = rounded(layout) {
            // SAFETY: the pages mapped for this layout, by the caller's promise. What cannot be
            // unmapped is leaked.
            let _ = unsafe { unmap(ptr, len) };
        }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        let refused = OutOfMemory::new(new);
        let (before, len) = rounded(old).zip(rounded(new)).ok_or(refused)?;
        let align = new.align().max(page_size());
        // SAFETY: the pages mapped for `old`, by the caller's promise.
        let moved = unsafe { resize(ptr, before, len, align) }.ok_or(refused)?;
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(moved, len),
            // Fresh pages only: behind the bytes that were asked for, the last old page may have been
            // written to, and so may all that a smaller chunk still has.
            zeroed: old.size() == before && new.size() >= before,
        })
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        pages(layout, libc::PROT_NONE)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        // SAFETY: whole pages of one of our mappings that nobody touches, by the caller's promise.
        let done = errno::kept(|| unsafe { libc::mprotect(ptr.as_ptr().cast(), len, ACCESS) });
        if done != 0 {
            return Err(OutOfMemory::of_bytes(len));
        }
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, len),
            zeroed: true,
        })
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // A mapping in place of the old one, because a change of protection would neither free the
        // pages nor what the system accounts for them.
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: replaces whole pages of one of our mappings that nobody uses, by the caller's
        // promise.
        let ptr = errno::kept(|| unsafe {
            libc::mmap(ptr.as_ptr().cast(), len, libc::PROT_NONE, flags, -1, 0)
        });
        answer(ptr).is_some()
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // Only Linux promises that the pages read as 0 afterwards.
        if !LINUX {
            return Purged::No;
        }
        // SAFETY: whole pages of one of our mappings with nothing needed in them, by the caller's
        // promise.
        let done =
            errno::kept(|| unsafe { libc::madvise(ptr.as_ptr().cast(), len, libc::MADV_DONTNEED) });
        if done == 0 {
            Purged::Zeroed
        } else {
            Purged::No
        }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            // SAFETY: whole pages of one of our mappings, by the caller's promise; the advice changes
            // none of their bytes.
            LINUX && unsafe { libc::madvise(ptr.as_ptr().cast(), len, libc::MADV_HUGEPAGE) == 0 }
        }
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        {
            let _ = (ptr, len);
            false
        }
    }

    fn page_size(&self) -> usize {
        page_size()
    }
}
