//! Making memory resident before it is needed.

use core::ptr::NonNull;

/// The smallest page there is; touching twice costs little.
const PAGE: usize = 4096;

/// Writes to each page of the `len` bytes from `start`, so that the system supplies it now.
///
/// # Safety
///
/// The bytes are the caller's, and what they hold does not matter, except that bytes that are 0 stay
/// 0.
pub(crate) unsafe fn touch(start: NonNull<u8>, len: usize) {
    let Some(last) = len.checked_sub(1) else {
        return;
    };
    for offset in (0..len).step_by(PAGE).chain([last]) {
        // SAFETY: within the bytes.
        let byte = unsafe { start.add(offset) };
        // SAFETY: the caller's; volatile, so that the write is not left out.
        unsafe { byte.write_volatile(0) };
    }
}
