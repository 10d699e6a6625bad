//! The functions that programs call.
//!
//! Where the C standard and POSIX leave a choice, the answer is that of glibc, because that is what
//! the programs were written and tested with.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use flagstone::heap::Heap;
use libc::{EINVAL, ENOMEM};

use crate::environment;
use crate::errno;
use crate::request;

pub(crate) static HEAP: Heap = Heap::with_options_from(environment::options);

/// A block for a request, or null with `errno` set.
#[inline]
fn served(request: Option<Layout>) -> *mut c_void {
    let Some(layout) = request else {
        return errno::refuse(ENOMEM);
    };
    // SAFETY: a request is never of 0 bytes.
    let block = unsafe { HEAP.alloc(layout) };
    if block.is_null() {
        return errno::refuse(ENOMEM);
    }
    block.cast()
}

/// Allocates `size` bytes; of 0 bytes, a block with an address of its own.
///
/// Null with `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    served(request::plain(size))
}

/// Allocates `count` elements of `size` bytes, zeroed.
///
/// Null with `ENOMEM` when there is no memory, or when the product overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(layout) = request::array(count, size) else {
        return errno::refuse(ENOMEM);
    };
    // SAFETY: a request is never of 0 bytes.
    let block = unsafe { HEAP.alloc_zeroed(layout) };
    if block.is_null() {
        return errno::refuse(ENOMEM);
    }
    block.cast()
}

/// Changes the size of a block, which may move; null allocates one. Of 0 bytes it frees the block and
/// answers null, as glibc does.
///
/// Null with `ENOMEM` when there is no memory; the block is then as it was. A block never fails to become
/// smaller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { resized(block, size, request::plain(size)) }
}

/// Changes the size of a block to `count` elements of `size` bytes, as `realloc` does.
///
/// Null with `ENOMEM`, too, when the product overflows; the block is then as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(
    block: *mut c_void,
    count: usize,
    size: usize,
) -> *mut c_void {
    // A product that wraps to 0 is no request of 0 bytes: neither factor is 0 then.
    let asked = if count == 0 { 0 } else { size };
    // SAFETY: the caller's promise.
    unsafe { resized(block, asked, request::array(count, size)) }
}

/// What `realloc` does for a request; `size` is 0 if that is what was asked for.
///
/// # Safety
///
/// As for `realloc`.
#[inline]
unsafe fn resized(block: *mut c_void, size: usize, request: Option<Layout>) -> *mut c_void {
    let Some(old) = NonNull::new(block.cast::<u8>()) else {
        return served(request);
    };
    if size == 0 {
        // SAFETY: the caller's promise.
        unsafe { free(block) };
        return ptr::null_mut();
    }
    let Some(layout) = request else {
        return errno::refuse(ENOMEM);
    };
    // SAFETY: the caller's promise: a block of this heap that is the caller's alone.
    let new = unsafe { HEAP.resize(old, layout) };
    if new.is_null() {
        // SAFETY: the caller's promise; without an answer the block is as it was.
        return unsafe { unmoved(old, layout.size()) };
    }
    new.cast()
}

/// What `realloc` answers when no other block is to be had: a block that is large enough stays, because few
/// programs expect to be refused less than they have.
///
/// # Safety
///
/// `old` is a block of the heap.
#[cold]
unsafe fn unmoved(old: NonNull<u8>, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    if size <= unsafe { HEAP.usable_size(old) } {
        return old.as_ptr().cast();
    }
    errno::refuse(ENOMEM)
}

/// Gives a block back; null is nothing. `errno` stays as it is, as POSIX has demanded since 2024: the heap makes no
/// call in a free that would change it, and to keep it here would cost every free a nanosecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if let Some(block) = NonNull::new(block.cast()) {
        // SAFETY: the caller's promise: a block of this heap that nobody uses any more.
        unsafe { HEAP.free(block) };
    }
}

/// `free` for who knows the size that was asked for (C23). It is not needed and not checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _size: usize) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// `free` for who knows what was asked of `aligned_alloc` (C23). It is not needed and not checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: usize, _size: usize) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// `free` as some programs from before 2017 know it. glibc keeps it for them, so it must be here, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { free(block) }
}

/// Allocates `size` bytes at a multiple of `align`, any power of two; `size` need not be a multiple.
///
/// Null with `EINVAL` for another alignment, with `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        return errno::refuse(EINVAL);
    }
    served(request::aligned(align, size))
}

/// Allocates `size` bytes at a multiple of `align`, a power of two and of a pointer's size, into `*out`.
///
/// Answers `EINVAL` for another alignment, `ENOMEM` when there is no memory; `*out` and `errno` stay
/// as they are then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return EINVAL;
    }
    let block = errno::kept(|| served(request::aligned(align, size)));
    if block.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller's promise: a place for a pointer.
    unsafe { out.write(block) };
    0
}

/// Allocates `size` bytes at a multiple of `align`, rounded up to a power of two as glibc does.
///
/// Null with `EINVAL` when there is no such power, with `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    match align.checked_next_power_of_two() {
        Some(align) => served(request::aligned(align, size)),
        None => errno::refuse(EINVAL),
    }
}

/// Allocates `size` bytes at the start of a page.
///
/// Null with `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    served(request::aligned(request::page_size(), size))
}

/// Allocates the whole pages that hold `size` bytes, at least one.
///
/// Null with `ENOMEM` when there is no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    served(request::pages(size))
}

/// Bytes of a block, all of which may be used; 0 of null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    match NonNull::new(block.cast()) {
        // SAFETY: the caller's promise: a block of this heap.
        Some(block) => unsafe { HEAP.usable_size(block) },
        None => 0,
    }
}
