//! Where the processor begins, and where it goes when it is interrupted.

use core::arch::{asm, global_asm};

use crate::{faulted, interrupted, run};

// The table that the processor reads at address 0: the stack, and who handles which exception. What
// follows copies and clears the memory of statics, which nothing before may touch.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_end",
    ".word reset",
    ".rept 12",
    ".word {faulted}",
    ".endr",
    ".word {interrupted}", // 14: PendSV
    ".word {faulted}",
    ".section .text.reset, \"ax\"",
    ".global reset",
    ".type reset, %function",
    ".thumb_func",
    "reset:",
    "ldr r0, =data_begin",
    "ldr r1, =data_end",
    "ldr r2, =data_image",
    "1: cmp r0, r1",
    "bhs 2f",
    "ldr r3, [r2], #4",
    "str r3, [r0], #4",
    "b 1b",
    "2: ldr r0, =bss_begin",
    "ldr r1, =bss_end",
    "movs r3, #0",
    "3: cmp r0, r1",
    "bhs 4f",
    "str r3, [r0], #4",
    "b 3b",
    "4: bl {run}",
    "udf #0",
    ".ltorg",
    run = sym run,
    interrupted = sym interrupted,
    faulted = sym faulted,
);

/// The register that makes exceptions pending (ARMv7-M Architecture Reference Manual, B3.2.4).
const INTERRUPT_CONTROL: *mut u32 = 0xE000_ED04 as *mut u32;

const PEND_SV: u32 = 1 << 28;

/// Has the processor handle PendSV: at once, because nothing of higher priority runs.
pub(crate) fn interrupt() {
    // SAFETY: this register is there in every such processor; bits that are 0 change nothing.
    unsafe { INTERRUPT_CONTROL.write_volatile(PEND_SV) };
    // SAFETY: barriers: the interrupt is taken before the next instruction. What it wrote is read
    // after this, so the compiler is not told that memory stays as it was.
    unsafe { asm!("dsb", "isb", options(nostack, preserves_flags)) };
}
