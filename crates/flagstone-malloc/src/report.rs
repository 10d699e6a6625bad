//! What the heap says of itself, in the words of the C library.

use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};

use crate::errno;
use crate::family::HEAP;

/// The file descriptor of the standard error stream.
pub(crate) const STDERR: c_int = 2;

/// Gives free memory back to the system; 1 when there was some, else 0. All of it goes: `_pad`, what
/// glibc would leave at the top of its heap, has no meaning here.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    errno::kept(|| c_int::from(HEAP.purge() > 0))
}

/// Writes one line about the heap to the standard error stream: bytes mapped, in use and kept for reuse.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    errno::kept(|| write_line(STDERR));
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

/// Writes the line about the heap, in one call, so that those of several processes do not mix.
pub(crate) fn write_line(descriptor: c_int) {
    let Numbers { mapped, live, idle } = Numbers::now();
    let mut line = Line::default();
    line.append(b"flagstone-malloc: ");
    let name = program();
    // The numbers must find room behind it.
    line.append(&name[..name.len().min(100)]);
    // SAFETY: no preconditions.
    let process = unsafe { libc::getpid() };
    let _ = writeln!(
        line,
        "[{process}]: {mapped} bytes mapped, {live} in use, {idle} kept for reuse"
    );
    line.write_to(descriptor);
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

/// A line that is put together on the stack: it speaks of the heap and must not use it.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bytes: [0; 256],
            len: 0,
        }
    }
}

impl Line {
    /// Appends what there is room for.
    fn append(&mut self, text: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let len = text.len().min(room.len());
        room[..len].copy_from_slice(&text[..len]);
        self.len += len;
    }

    fn write_to(&self, descriptor: c_int) {
        let text = &self.bytes[..self.len];
        // A line that cannot be written is lost: there is nobody to tell.
        // SAFETY: the bytes are initialised and stay during the call.
        let _ = unsafe { libc::write(descriptor, text.as_ptr().cast(), text.len()) };
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.append(text.as_bytes());
        Ok(())
    }
}
