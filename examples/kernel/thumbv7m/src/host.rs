//! Semihosting: what a processor asks of the debugger, or emulator, that it hangs on.

use core::{arch::asm, fmt};

const WRITE_BYTE: usize = 0x03;
const EXIT_EXTENDED: usize = 0x20;
const STOPPED_BY_ITSELF: usize = 0x2_0026;

/// # Safety
///
/// The operation is allowed to do what it does with what `argument` points to.
unsafe fn call(operation: usize, argument: *const ()) {
    // SAFETY: the convention of semihosting for this profile: a breakpoint with this number.
    unsafe {
        asm!(
            "bkpt #0xAB",
            inlateout("r0") operation => _, in("r1") argument,
            options(nostack, preserves_flags),
        );
    }
}

/// The host's console.
pub(crate) struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.as_bytes() {
            // SAFETY: reads one byte.
            unsafe { call(WRITE_BYTE, (&raw const *byte).cast()) };
        }
        Ok(())
    }
}

/// Ends the emulation.
pub(crate) fn exit(code: usize) -> ! {
    let reason = [STOPPED_BY_ITSELF, code];
    loop {
        // SAFETY: reads two words.
        unsafe { call(EXIT_EXTENDED, reason.as_ptr().cast()) };
    }
}
