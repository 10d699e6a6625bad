//! The few things a C library would have done, for x86-64 Linux.

use core::{
    arch::{asm, global_asm},
    fmt::{self, Write},
    panic::PanicInfo,
};

const WRITE: usize = 1;
const EXIT_GROUP: usize = 231;
const STDOUT: usize = 1;

// The kernel starts a program with the stack pointer at the argument count and no return address;
// the System V ABI wants the stack aligned to 16 bytes at a call.
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
unsafe fn call(number: usize, a: usize, b: usize, c: usize) {
    // SAFETY: the kernel's convention: arguments in these registers, rcx, r11 and rax overwritten.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => _,
            in("rdi") a, in("rsi") b, in("rdx") c,
            out("rcx") _, out("r11") _,
            options(nostack),
        );
    }
}

/// The standard output.
pub struct Stdout;

impl Write for Stdout {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: write(2) reads these bytes.
        unsafe { call(WRITE, STDOUT, text.as_ptr().addr(), text.len()) };
        Ok(())
    }
}

/// Ends the program.
pub fn exit(code: usize) -> ! {
    loop {
        // SAFETY: exit_group(2) ends all threads; there is one.
        unsafe { call(EXIT_GROUP, code, 0, 0) };
    }
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    // There is nowhere to report that this failed; the exit code says enough.
    let _ = writeln!(Stdout, "{info}");
    exit(101)
}

// The compiler may call these for copies, fills and comparisons. Byte loops of volatile accesses
// or string instructions: a plain loop would be recognised and turned into a call of itself.

/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's promise: `len` bytes at both, not overlapping; the flag is clear at calls.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") len => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's promise: `len` bytes at `to`; the direction flag is clear at calls.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") len => _, inout("rdi") to => _, in("eax") byte,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    for at in 0..len {
        // SAFETY: the caller's promise: `len` bytes at `a`.
        let left = unsafe { a.add(at).read_volatile() };
        // SAFETY: the caller's promise: `len` bytes at `b`.
        let right = unsafe { b.add(at).read_volatile() };
        if left != right {
            return i32::from(left) - i32::from(right);
        }
    }
    0
}

/// As in C: `memcmp` when only equality counts.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, len: usize) -> i32 {
    // SAFETY: the caller's promise is the same.
    unsafe { memcmp(a, b, len) }
}

/// Debug builds of `core` name it; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
