//! The kernel on a Cortex-M3, without an operating system. Its second context is an interrupt.
#![no_std]
#![no_main]

mod host;
mod vectors;

use core::{
    fmt::{self, Write as _},
    panic::PanicInfo,
};

use flagstone_kernel::{Errand, Machine, memory::Memory};

static MEMORY: Memory = Memory::new();

/// What the interrupt has to do.
static ERRAND: Errand = Errand::new();

struct CortexM3;

impl Machine for CortexM3 {
    const NAME: &'static str = "a Cortex-M3";

    fn print(&mut self, line: fmt::Arguments<'_>) {
        let _ = writeln!(host::Console, "{line}");
    }

    fn elsewhere(&mut self, work: &mut (dyn FnMut() + Send), meanwhile: &mut dyn FnMut()) {
        ERRAND.lend(work, || {
            vectors::interrupt();
            meanwhile();
        });
    }
}

/// Called when memory is as the program expects it.
extern "C" fn run() -> ! {
    if flagstone_kernel::run(&MEMORY, &mut CortexM3, cfg!(feature = "leak")) {
        host::exit(0)
    }
    host::exit(1)
}

/// Called by the interrupt.
extern "C" fn interrupted() {
    ERRAND.carry_out();
}

/// Called by every exception that must not happen.
extern "C" fn faulted() -> ! {
    CortexM3.print(format_args!("the processor cannot go on"));
    host::exit(102)
}

#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    CortexM3.print(format_args!("{info}"));
    host::exit(101)
}
