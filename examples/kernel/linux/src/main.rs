//! The kernel as a Linux program: static, without `std`, without an allocator, without a C library.
//! It asks the operating system for three things: to write, to start a thread, and to end.
#![no_std]
#![no_main]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the system calls here are those of Linux on x86-64; core/ runs everywhere");

mod mem;
mod system;
mod thread;

use core::{
    fmt::{self, Write as _},
    panic::PanicInfo,
};

use flagstone_kernel::{Errand, Machine, memory::Memory};

static MEMORY: Memory = Memory::new();

/// What the second thread has to do.
static ERRAND: Errand = Errand::new();

struct Linux;

impl Machine for Linux {
    const NAME: &'static str = "Linux, without a C library";

    fn print(&mut self, line: fmt::Arguments<'_>) {
        // Whether somebody reads it does not matter; the exit code says the same.
        let _ = writeln!(system::Stdout, "{line}");
    }

    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
        ERRAND.lend(work, || {
            let other = thread::start();
            meanwhile();
            other.join();
        });
    }
}

/// Called by `_start` with an aligned stack.
#[unsafe(no_mangle)]
extern "C" fn run() -> ! {
    if flagstone_kernel::run(&MEMORY, &mut Linux, cfg!(feature = "leak")) {
        system::exit(0)
    }
    system::exit(1)
}

/// Called by the second thread, on its own stack.
extern "C" fn run_other() {
    ERRAND.carry_out();
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    Linux.print(format_args!("{info}"));
    system::exit(101)
}

/// Debug builds of `core` name it; nothing unwinds here.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
