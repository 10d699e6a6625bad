//! The kernel on a bare x86-64 machine: no operating system, no firmware after the start. Its second
//! context is an interrupt.
#![no_std]
#![no_main]

mod interrupts;
mod ports;
mod start;

use core::{
    fmt::{self, Write as _},
    panic::PanicInfo,
};

use flagstone_kernel::{Errand, Machine, memory::Memory};

static MEMORY: Memory = Memory::new();

/// What the interrupt has to do.
static ERRAND: Errand = Errand::new();

struct Pc;

impl Machine for Pc {
    const NAME: &'static str = "a bare x86-64 machine";

    fn print(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(ports::Serial, "{line}");
    }

    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
        ERRAND.lend(work, || {
            interrupts::interrupt();
            meanwhile();
        });
    }
}

/// Called in 64-bit mode, with a stack.
extern "C" fn run() -> ! {
    interrupts::set_up();
    if flagstone_kernel::run(&MEMORY, &mut Pc, cfg!(feature = "leak")) {
        ports::exit(ports::PASSED)
    }
    ports::exit(1)
}

/// Called by the interrupt.
extern "C" fn interrupted() {
    ERRAND.carry_out();
}

/// Called by every exception that must not happen.
extern "C" fn faulted() -> ! {
    Pc.print(format_args!("the processor cannot go on"));
    ports::exit(3)
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    Pc.print(format_args!("{info}"));
    ports::exit(2)
}
