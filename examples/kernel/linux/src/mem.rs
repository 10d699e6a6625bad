//! What the compiler may call for copies, fills and comparisons.
//!
//! String instructions, or byte by byte with volatile accesses: a plain loop would be recognised, and
//! turned into a call of the function that it is in.

use core::arch::asm;

/// As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's promise: `len` bytes at both, apart; the direction flag is clear at calls.
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
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: the caller's promise, and going upwards reads each byte before it is overwritten.
        return unsafe { memcpy(to, from, len) };
    }
    for at in (0..len).rev() {
        // SAFETY: the caller's promise: `len` bytes at `from`; going downwards, not yet overwritten.
        let byte = unsafe { from.add(at).read_volatile() };
        // SAFETY: the caller's promise: `len` bytes at `to`.
        unsafe { to.add(at).write_volatile(byte) };
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
