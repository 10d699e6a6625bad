//! Which local a thread has: one word of each thread.
//!
//! Rust's thread-locals are found in one step in a program. In a shared library every access is a call
//! of the loader, because the library might come late and find the room for them taken. One that is there
//! from the start can have the program's way; but a stable compiler has no switch for it, so with the
//! feature `static-tls` the word is declared in assembly, where the two ways are two relocations
//! (U. Drepper, "ELF Handling For Thread-Local Storage", section 4.3.6).
#![cfg_attr(
    all(
        feature = "static-tls",
        target_os = "linux",
        target_arch = "x86_64",
        not(miri)
    ),
    expect(unsafe_code, reason = "reads and writes the word in assembly")
)]

use super::door::Nobody;
use crate::raw::heap::Local;

/// What a thread has that has not allocated yet.
pub(super) static NOT_YET: Nobody = Nobody::new();

pub(super) use way::{get, set};

/// Rust's own way.
#[cfg(not(all(
    feature = "static-tls",
    target_os = "linux",
    target_arch = "x86_64",
    not(miri)
)))]
mod way {
    use core::cell::Cell;
    use std::thread_local;

    use super::{Local, NOT_YET};

    thread_local! {
        // Without a destructor, so that it can be used at any time of a thread's life.
        static WORD: Cell<*const Local> = const { Cell::new(NOT_YET.local()) };
    }

    /// The calling thread's local, or one that is nobody's.
    #[inline(always)]
    pub(in super::super) fn get() -> *const Local {
        WORD.with(Cell::get)
    }

    /// From now on the calling thread has this one.
    pub(in super::super) fn set(local: *const Local) {
        WORD.set(local);
    }
}

/// The program's way, everywhere.
#[cfg(all(
    feature = "static-tls",
    target_os = "linux",
    target_arch = "x86_64",
    not(miri)
))]
mod way {
    use core::arch::{asm, global_asm};

    use super::{Local, NOT_YET};

    /// The word's name, behind which something may stand. Two versions of this crate may be in one program.
    macro_rules! word {
        ($($behind:literal)?) => {
            concat!(
                "flagstone_heap_word_",
                env!("CARGO_PKG_VERSION_MAJOR"),
                "_",
                env!("CARGO_PKG_VERSION_MINOR"),
                $($behind)?
            )
        };
    }

    // 8 aligned bytes of each thread, which begin as the address of `NOT_YET`; not seen outside of what is
    // linked.
    global_asm!(
        ".pushsection .tdata.flagstone_heap_word,\"awT\",@progbits",
        ".p2align 3",
        concat!(".globl ", word!()),
        concat!(".hidden ", word!()),
        concat!(".type ", word!(",@object")),
        concat!(".size ", word!(",8")),
        word!(":"),
        ".quad {not_yet}",
        ".popsection",
        not_yet = sym NOT_YET,
    );

    /// The calling thread's local, or one that is nobody's.
    #[inline(always)]
    pub(in super::super) fn get() -> *const Local {
        let local;
        // SAFETY: reads the word of this thread, which is initialised and which only this thread writes. Changes
        // no flags and uses no stack.
        unsafe {
            asm!(
                concat!("mov {word}, qword ptr [rip + ", word!("@GOTTPOFF]")),
                "mov {word}, qword ptr fs:[{word}]",
                word = out(reg) local,
                options(nostack, preserves_flags, readonly),
            );
        }
        local
    }

    /// From now on the calling thread has this one.
    pub(in super::super) fn set(local: *const Local) {
        // SAFETY: writes the word of this thread, to which nobody has a reference. Changes no flags and uses no
        // stack.
        unsafe {
            asm!(
                concat!("mov {word}, qword ptr [rip + ", word!("@GOTTPOFF]")),
                "mov qword ptr fs:[{word}], {local}",
                word = out(reg) _,
                local = in(reg) local,
                options(nostack, preserves_flags),
            );
        }
    }
}
