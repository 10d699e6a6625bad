//! Where the processor goes when it is interrupted.

use core::{
    arch::{asm, global_asm},
    cell::UnsafeCell,
};

use crate::{faulted, interrupted};

/// The code segment of `start`.
const CODE: u64 = 8;

/// The interrupt that the kernel makes itself.
const OWN: usize = 0x40;

/// The first 32 are the processor's exceptions.
const EXCEPTIONS: usize = 32;

/// A gate: an address in three parts, a segment, and what sort of gate it is.
type Gate = [u64; 2];

struct Gates(UnsafeCell<[Gate; OWN + 1]>);

// SAFETY: written once, in `set_up`, before anything can read it; afterwards the processor reads it.
unsafe impl Sync for Gates {}

static GATES: Gates = Gates(UnsafeCell::new([[0; 2]; OWN + 1]));

/// What the processor is told of the gates.
#[repr(C, packed)]
struct GatesPointer {
    last_byte: u16,
    gates: *const [Gate; OWN + 1],
}

unsafe extern "C" {
    fn own_interrupt();
    fn any_exception();
}

// An interrupt pushes five words onto a stack that it has aligned to 16 bytes; nine more registers keep
// that alignment at the call. Those that a function keeps need not be kept here. There are no
// floating-point registers in this program.
global_asm!(
    ".global own_interrupt",
    "own_interrupt:",
    "push rax",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "push r8",
    "push r9",
    "push r10",
    "push r11",
    "cld",
    "call {interrupted}",
    "pop r11",
    "pop r10",
    "pop r9",
    "pop r8",
    "pop rdi",
    "pop rsi",
    "pop rdx",
    "pop rcx",
    "pop rax",
    "iretq",
    ".global any_exception",
    "any_exception:",
    "cld",
    "and rsp, -16",
    "call {faulted}",
    "ud2",
    interrupted = sym interrupted,
    faulted = sym faulted,
);

/// A gate that is present, for the kernel, and masks interrupts.
fn gate(handler: unsafe extern "C" fn()) -> Gate {
    let address = handler as usize as u64;
    let (low, high) = (address & 0xFFFF, address & 0xFFFF_0000);
    let low = low | (CODE << 16) | (0x8E00 << 32) | (high << 32);
    [low, address >> 32]
}

/// Tells the processor of the gates. Once, before the first interrupt.
pub(crate) fn set_up() {
    let gates = GATES.0.get();
    // SAFETY: nobody else has a reference: this runs once, and the processor does not know of it yet.
    let table = unsafe { &mut *gates };
    table[..EXCEPTIONS].fill(gate(any_exception));
    table[OWN] = gate(own_interrupt);
    let pointer = GatesPointer {
        last_byte: (size_of::<[Gate; OWN + 1]>() - 1) as u16,
        gates,
    };
    // SAFETY: a table of valid gates that stays for ever.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack, preserves_flags)) };
}

/// Has the processor handle the kernel's own interrupt, at once.
pub(crate) fn interrupt() {
    // SAFETY: its handler restores what this context needs. It uses this stack and writes to memory, so
    // the compiler is told of neither restriction.
    unsafe { asm!("int {own}", own = const OWN) };
}
