//! The library without `std`, without `alloc` and without a C library, as a program that runs.
//!
//! `cargo check --no-default-features` proves little: a dependency that pulls in `std` passes it.
//! Here such a dependency is a second panic handler, and an allocation is a symbol that no library
//! defines, so either fails to link. And because the result is an ordinary Linux program, it can
//! be run without an emulator: it exits with 0 when pools and arenas kept their promises, and with 101
//! when one did not.
#![no_std]
#![no_main]

mod checks;
// What a C library would have done, as the example kernel does it.
#[path = "../../../examples/kernel/linux/src/mem.rs"]
mod mem;
#[path = "../../../examples/kernel/linux/src/system.rs"]
mod system;

use core::{fmt::Write as _, panic::PanicInfo};

/// Called by `_start` with an aligned stack.
#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    checks::fixed_pool_in_a_static();
    checks::growing_pool_in_lent_bytes();
    checks::arena_in_lent_bytes();
    checks::shared_arenas_in_statics();
    checks::objects_and_buffers_in_lent_bytes();
    checks::pools_on_functions();
    // Whether somebody reads it does not matter; the exit code says the same.
    let _ = writeln!(
        system::Stdout,
        "pools and arenas without std and without an allocator: ok"
    );
    system::exit(0)
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    // There is nowhere to report that this failed; the exit code says enough.
    let _ = writeln!(system::Stdout, "{info}");
    system::exit(101)
}

/// Debug builds of `core` name it; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
