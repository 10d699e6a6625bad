//! From where the loader leaves the processor, in 32-bit mode without paging, to [`run`].

use core::arch::global_asm;

use crate::run;

// The note names the entry to loaders of the PVH protocol (Xen's boot protocol, which QEMU follows for
// `-kernel`). The first GiB is mapped to itself in pages of 2 MiB; then paging, long mode and a code
// segment of 64 bits are switched on, in the order that the processor's manual gives.
global_asm!(
    ".section .note.pvh, \"a\", @note",
    ".align 4",
    ".long 4, 4, 18",
    ".asciz \"Xen\"",
    ".long start",
    ".section .text.start, \"ax\"",
    ".code32",
    ".global start",
    "start:",
    "mov esp, offset stack_end",
    "mov eax, offset pages_1",
    "or eax, 3", // present, writable
    "mov [pages_2], eax",
    "mov eax, offset pages_0",
    "or eax, 3",
    "mov [pages_1], eax",
    "xor ecx, ecx",
    "2: mov eax, ecx",
    "shl eax, 21",
    "or eax, 0x83", // present, writable, 2 MiB
    "mov [pages_0 + ecx * 8], eax",
    "inc ecx",
    "cmp ecx, 512",
    "jne 2b",
    "mov eax, offset pages_2",
    "mov cr3, eax",
    "mov eax, cr4",
    "or eax, 0x20", // page entries of 64 bits
    "mov cr4, eax",
    "mov ecx, 0xC0000080",
    "rdmsr",
    "or eax, 0x100", // long mode
    "wrmsr",
    "mov eax, cr0",
    "or eax, 0x80000001", // paging, protected mode
    "mov cr0, eax",
    "lgdt [segments_pointer]",
    "ljmp 8, offset start_64",
    ".code64",
    "start_64:",
    "xor eax, eax",
    "mov ss, ax",
    "mov ds, ax",
    "mov es, ax",
    "mov rsp, offset stack_end",
    "xor ebp, ebp",
    "call {run}",
    "ud2",
    ".align 8",
    "segments: .quad 0, 0x00af9a000000ffff",
    "segments_pointer: .word 15",
    ".quad segments",
    // One table of each level, then the stack, which has the program's code far below it.
    ".section .bss.start, \"aw\", @nobits",
    ".align 4096",
    "pages_2: .skip 4096",
    "pages_1: .skip 4096",
    "pages_0: .skip 4096",
    ".skip 65536",
    "stack_end:",
    ".text",
    run = sym run,
);
