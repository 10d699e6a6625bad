//! The C library's `errno` of the calling thread.

use core::ffi::{c_int, c_void};
use core::ptr;

/// Says why a call failed, and is what such a call returns.
#[cold]
pub(crate) fn refuse(reason: c_int) -> *mut c_void {
    set(reason);
    ptr::null_mut()
}

/// Runs `call`, after which `errno` is what it was: a system call in it may fail unseen.
pub(crate) fn kept<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: no preconditions.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place of this thread's `errno`, which nobody else has a reference to.
    let before = unsafe { place.read() };
    let result = call();
    // SAFETY: as above; the thread is the same.
    unsafe { place.write(before) };
    result
}

fn set(reason: c_int) {
    // SAFETY: no preconditions.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: the place of this thread's `errno`, which nobody else has a reference to.
    unsafe { place.write(reason) };
}
