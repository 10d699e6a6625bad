//! A second thread, straight from the operating system.

use core::{
    arch::asm,
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::system;

const CLONE: usize = 56;
const EXIT: usize = 60;
const FUTEX: usize = 202;
const FUTEX_WAIT: usize = 0;

/// Memory, working folder, files and signal handlers are shared, as between threads of one program;
/// and the number is cleared, and who waits for that is woken, when the stack is not used any more.
const FLAGS: usize = 0x100 | 0x200 | 0x400 | 0x800 | 0x1_0000 | 0x4_0000 | 0x20_0000;

/// A value that the system never clears to, and no thread's number.
const RUNNING: u32 = u32::MAX;

const STACK_BYTES: usize = 64 * 1024;

#[repr(align(16))]
struct Stack(UnsafeCell<[MaybeUninit<u8>; STACK_BYTES]>);

// SAFETY: nobody reads or writes it but the thread that it is the stack of.
unsafe impl Sync for Stack {}

static STACK: Stack = Stack(UnsafeCell::new([MaybeUninit::uninit(); STACK_BYTES]));

/// 0 when there is no second thread.
static THREAD: AtomicU32 = AtomicU32::new(0);

/// The second thread, until it has ended.
pub(crate) struct Other(());

/// Starts the second thread.
pub(crate) fn start() -> Other {
    // Acquire: pairs with the clearing by the system: the last thread is off the stack.
    let before = THREAD.compare_exchange(0, RUNNING, Ordering::Acquire, Ordering::Relaxed);
    assert!(before.is_ok(), "one stack, one thread");
    let stack_end = STACK.0.get().wrapping_add(1);
    let result: isize;
    // SAFETY: clone(2) with a stack that is nobody else's; the new thread returns on it, with all
    // registers as they are here, and does not leave this block. It has no thread-local memory,
    // and nothing here uses any. The stack is aligned at the call.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "call {run_other}",
            "mov eax, {exit}",
            "xor edi, edi",
            "syscall",
            "ud2",
            "2:",
            run_other = sym crate::run_other,
            exit = const EXIT,
            inlateout("rax") CLONE => result,
            in("rdi") FLAGS, in("rsi") stack_end, in("rdx") 0_usize, in("r10") THREAD.as_ptr(), in("r8") 0_usize,
            out("rcx") _, out("r11") _,
        );
    }
    assert!(result > 0, "clone(2) answered {result}");
    Other(())
}

impl Other {
    /// Waits until the thread has ended.
    pub(crate) fn join(self) {
        // Acquire: pairs with the clearing by the system, after all that the thread did.
        while THREAD.load(Ordering::Acquire) == RUNNING {
            let (number, waiting) = (THREAD.as_ptr().expose_provenance(), FUTEX_WAIT);
            // SAFETY: futex(2) reads the number, and sleeps until it is another.
            unsafe { system::call(FUTEX, number, waiting, RUNNING as usize, 0) };
        }
    }
}
