//! The C library's number of the last error.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "reads and writes it")
)]

/// Makes a call that must not change `errno`: giving memory back is part of somebody's free, which POSIX has had so
/// since 2024, and Rust programs expect it of a drop before `last_os_error`.
pub(crate) fn kept<T>(call: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: no preconditions.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: the place of this thread's `errno`, to which nobody has a reference.
        let before = unsafe { place.read() };
        let answer = call();
        // SAFETY: as above; the thread is the same.
        unsafe { place.write(before) };
        answer
    }
    #[cfg(not(target_os = "linux"))]
    {
        call()
    }
}
