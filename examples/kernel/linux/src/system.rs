//! Where the program begins, and its calls of the operating system.

use core::{
    arch::{asm, global_asm},
    fmt,
};

const WRITE: usize = 1;
const EXIT_GROUP: usize = 231;
const STDOUT: usize = 1;

// A program begins with the stack pointer at the argument count and no return address; the System V
// ABI wants the stack aligned to 16 bytes at a call.
global_asm!(
    ".globl _start",
    "_start: xor ebp, ebp",
    "and rsp, -16",
    "call run",
    "ud2"
);

/// # Safety
///
/// The call named by `number` is allowed to do what it does with these arguments.
pub(crate) unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result;
    // SAFETY: the system's convention: arguments in these registers, rcx, r11 and rax overwritten.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            out("rcx") _, out("r11") _,
            options(nostack),
        );
    }
    result
}

/// The standard output.
pub(crate) struct Stdout;

impl fmt::Write for Stdout {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: write(2) reads these bytes.
        unsafe { call(WRITE, STDOUT, text.as_ptr().addr(), text.len(), 0) };
        Ok(())
    }
}

/// Ends the program.
pub(crate) fn exit(code: usize) -> ! {
    loop {
        // SAFETY: exit_group(2) ends all threads.
        unsafe { call(EXIT_GROUP, code, 0, 0, 0) };
    }
}
