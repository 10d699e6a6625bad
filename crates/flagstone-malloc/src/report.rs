//! What the heap says of itself, in the words of the C library.

use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};

use crate::errno;
use crate::family::HEAP;

/// Gives free memory back to the system; 1 when there was some, else 0. All of it goes: `_pad`, what
/// glibc would leave at the top of its heap, has no meaning here.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    errno::kept(|| c_int::from(HEAP.purge() > 0))
}

/// Writes what the heap has to the standard error stream, with a line for each size of slots in use.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    errno::kept(|| HEAP.report());
}

/// What [`mallinfo2`] answers, in bytes. Fields that describe glibc's own heap are 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Info2 {
    /// Mapped from the system.
    pub arena: usize,
    /// Always 0.
    pub ordblks: usize,
    /// Always 0.
    pub smblks: usize,
    /// Always 0: large blocks are counted in `arena`, too.
    pub hblks: usize,
    /// Always 0.
    pub hblkhd: usize,
    /// Always 0.
    pub usmblks: usize,
    /// Always 0.
    pub fsmblks: usize,
    /// In use.
    pub uordblks: usize,
    /// Mapped and not in use.
    pub fordblks: usize,
    /// What `malloc_trim` could give back.
    pub keepcost: usize,
}

/// What [`mallinfo`] answers: [`Info2`] in numbers that are too small for today's heaps, cut at their
/// largest.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "as in `Info2`")]
pub struct Info {
    pub arena: c_int,
    pub ordblks: c_int,
    pub smblks: c_int,
    pub hblks: c_int,
    pub hblkhd: c_int,
    pub usmblks: c_int,
    pub fsmblks: c_int,
    pub uordblks: c_int,
    pub fordblks: c_int,
    pub keepcost: c_int,
}

/// Numbers about the heap.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> Info2 {
    let Numbers { mapped, live, idle } = errno::kept(Numbers::now);
    Info2 {
        arena: mapped,
        uordblks: live,
        fordblks: mapped.saturating_sub(live),
        keepcost: idle,
        ..Info2::default()
    }
}

/// The older name of [`mallinfo2`].
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> Info {
    let cut = |number: usize| c_int::try_from(number).unwrap_or(c_int::MAX);
    let all = mallinfo2();
    Info {
        arena: cut(all.arena),
        uordblks: cut(all.uordblks),
        fordblks: cut(all.fordblks),
        keepcost: cut(all.keepcost),
        ..Info::default()
    }
}

/// What is told of the heap, in bytes.
struct Numbers {
    mapped: usize,
    live: usize,
    idle: usize,
}

impl Numbers {
    fn now() -> Self {
        let stats = HEAP.stats();
        Self {
            mapped: stats.mapped(),
            live: stats.live(),
            idle: stats.idle(),
        }
    }
}

/// The line about the heap.
pub(crate) fn line(to: &mut dyn Write) -> fmt::Result {
    let Numbers { mapped, live, idle } = Numbers::now();
    to.write_str("flagstone-malloc: ")?;
    for part in program().utf8_chunks() {
        to.write_str(part.valid())?;
        if !part.invalid().is_empty() {
            to.write_char(char::REPLACEMENT_CHARACTER)?;
        }
    }
    // SAFETY: no preconditions.
    let process = unsafe { libc::getpid() };
    writeln!(
        to,
        "[{process}]: {mapped} bytes mapped, {live} in use, {idle} kept for reuse"
    )
}

/// The name that the program was started with, without its folder.
fn program() -> &'static [u8] {
    unsafe extern "C" {
        static program_invocation_short_name: *const c_char;
    }
    // SAFETY: a variable of the C library, which is set before any code of the program runs.
    let name = unsafe { program_invocation_short_name };
    if name.is_null() {
        return b"?";
    }
    // SAFETY: it points to a C string that stays: the program's first argument.
    unsafe { core::ffi::CStr::from_ptr(name) }.to_bytes()
}
