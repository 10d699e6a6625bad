//! The allocation functions that the program calls.

use core::ffi::{c_int, c_void};
use core::ptr;

use crate::segment::Visit;
use crate::{bootstrap, file, real, sys};

/// The alignment that plain `malloc` promises.
const PLAIN: usize = 16;

/// Calls the real function and records the memory that it hands out.
macro_rules! recorded_alloc {
    ($real:expr, ($($argument:expr),*), $size:expr, $align:expr, $zeroed:expr) => {{
        let (size, align): (usize, usize) = ($size, $align);
        match $real {
            Some(real) => {
                let visit = Visit::begin();
                // SAFETY: the real function is given what the program gave.
                let pointer = unsafe { real($($argument),*) };
                if let Some(visit) = visit && !pointer.is_null() {
                    visit.alloc(pointer, size, align, $zeroed);
                }
                pointer
            }
            None => bootstrap::alloc(size, align),
        }
    }};
}

/// Allocates `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    recorded_alloc!(real::malloc(), (size), size, PLAIN, false)
}

/// Allocates `count * size` zeroed bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // The real function refuses what does not fit, and the arena what is this large.
    let total = count.saturating_mul(size);
    recorded_alloc!(real::calloc(), (count, size), total, PLAIN, true)
}

/// Allocates `size` bytes at a multiple of `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    recorded_alloc!(
        real::aligned_alloc(),
        (align, size),
        size,
        granted(align),
        false
    )
}

/// The older name of `aligned_alloc`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    recorded_alloc!(real::memalign(), (align, size), size, granted(align), false)
}

/// Allocates `size` bytes at the start of a page.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    recorded_alloc!(
        real::valloc(),
        (size),
        size,
        file::page_size() as usize,
        false
    )
}

/// Allocates whole pages.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let page = file::page_size() as usize;
    let whole = size.checked_next_multiple_of(page).unwrap_or(usize::MAX);
    recorded_alloc!(real::pvalloc(), (size), whole, page, false)
}

/// Allocates `size` bytes at a multiple of `align` into `*out`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    let Some(real) = real::posix_memalign() else {
        let piece = bootstrap::alloc(size, align);
        if piece.is_null() {
            return sys::ENOMEM;
        }
        // SAFETY: the program passes a valid place for the pointer.
        unsafe { *out = piece };
        return 0;
    };
    let visit = Visit::begin();
    // SAFETY: the real function is given what the program gave.
    let result = unsafe { real(out, align, size) };
    if result == 0
        && let Some(visit) = visit
    {
        // SAFETY: the call succeeded, so it wrote the pointer there.
        let pointer = unsafe { *out };
        if !pointer.is_null() {
            visit.alloc(pointer, size, granted(align), false);
        }
    }
    result
}

/// Gives memory back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(pointer: *mut c_void) {
    if pointer.is_null() || bootstrap::size_of_piece(pointer).is_some() {
        return;
    }
    // Without the real function, memory of its kind cannot be there either.
    let Some(real) = real::free() else { return };
    let mut visit = Visit::begin();
    if let Some(visit) = &mut visit {
        visit.free(pointer);
    }
    // SAFETY: the real function is given what the program gave.
    unsafe { real(pointer) };
}

/// Resizes memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pointer.is_null() {
        // SAFETY: any size may be asked for.
        return unsafe { malloc(size) };
    }
    if let Some(old_size) = bootstrap::size_of_piece(pointer) {
        // SAFETY: the piece is the program's and has that size.
        return unsafe { move_out(pointer, old_size, size) };
    }
    let Some(real) = real::realloc() else {
        return ptr::null_mut();
    };
    let visit = Visit::begin();
    let before_ns = visit.as_ref().map_or(0, Visit::now);
    // SAFETY: the real function is given what the program gave.
    let new = unsafe { real(pointer, size) };
    if let Some(mut visit) = visit {
        if !new.is_null() {
            visit.resize(before_ns, pointer, new, size);
        } else if size == 0 {
            visit.free_at(before_ns, pointer);
        }
    }
    new
}

/// Resizes memory to `count * size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(
    pointer: *mut c_void,
    count: usize,
    size: usize,
) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's contract is that of `realloc`.
        Some(total) => unsafe { realloc(pointer, total) },
        None => {
            sys::set_errno(sys::ENOMEM);
            ptr::null_mut()
        }
    }
}

/// Bytes that may be used at `pointer`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(pointer: *mut c_void) -> usize {
    if let Some(size) = bootstrap::size_of_piece(pointer) {
        return size;
    }
    match real::malloc_usable_size() {
        // SAFETY: the real function is given what the program gave.
        Some(real) => unsafe { real(pointer) },
        None => 0,
    }
}

/// Moves a piece of the bootstrap arena to the program's own heap.
///
/// # Safety
///
/// `pointer` has `old_size` bytes.
#[cold]
unsafe fn move_out(pointer: *mut c_void, old_size: usize, size: usize) -> *mut c_void {
    if size == 0 {
        return ptr::null_mut();
    }
    // SAFETY: any size may be asked for.
    let new = unsafe { malloc(size) };
    if !new.is_null() {
        // SAFETY: both have the smaller of the two sizes, and the new memory is another.
        unsafe {
            ptr::copy_nonoverlapping(pointer.cast::<u8>(), new.cast::<u8>(), old_size.min(size));
        }
    }
    new
}

/// The alignment that a successful call with `align` has given: the C library rounds up.
fn granted(align: usize) -> usize {
    align.checked_next_power_of_two().unwrap_or(PLAIN)
}
