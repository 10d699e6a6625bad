//! What a thread asks of the global allocator.
#![expect(unsafe_code, reason = "implements GlobalAlloc")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    // Without a destructor, so that it can be counted at any time of a thread's life.
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static CALLBACK: Cell<Option<fn()>> = const { Cell::new(None) };
}

/// The system's allocator, counting the calls of each thread. A test binary installs it:
///
/// ```
/// use flagstone_testkit::heap_watch::{HeapWatch, calls_during};
///
/// #[global_allocator]
/// static HEAP: HeapWatch = HeapWatch;
///
/// fn main() {
///     assert_eq!(calls_during(|| drop(std::hint::black_box(Box::new(7)))), 2);
/// }
/// ```
#[derive(Debug)]
pub struct HeapWatch;

fn count() {
    CALLS.set(CALLS.get() + 1);
    if let Some(callback) = CALLBACK.take() {
        callback();
    }
}

/// Runs `callback` inside the next call that this thread makes to the global allocator, as an
/// allocator would that itself uses the library.
pub fn inside_next_call(callback: fn()) {
    CALLBACK.set(Some(callback));
}

// SAFETY: every call is passed on as it is; counting touches thread-locals without
// destructors, and a callback runs before the call, when nothing is half done.
unsafe impl GlobalAlloc for HeapWatch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

/// How many calls this thread makes to the global allocator while `f` runs: allocations, frees and
/// reallocations together. 0 whatever happens if the binary has not installed [`HeapWatch`], so a
/// test that relies on it checks with [`is_installed`] first.
pub fn calls_during(f: impl FnOnce()) -> usize {
    let before = CALLS.get();
    f();
    CALLS.get() - before
}

/// Whether [`HeapWatch`] is this binary's global allocator.
#[must_use]
pub fn is_installed() -> bool {
    calls_during(|| drop(std::hint::black_box(Box::new(0_u64)))) > 0
}
