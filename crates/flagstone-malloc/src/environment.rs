//! The options of the heap, as the environment has them.
//!
//! The first allocation of a process is the loader's, before the C library knows the environment and before any
//! code of ours runs; so the kernel is asked for it: three calls, once in a process.

use core::ffi::{CStr, c_int};

use flagstone::heap::HeapOptions;

const FILE: &CStr = c"/proc/self/environ";
const CHECKED: &[u8] = b"FLAGSTONE_MALLOC_CHECKED";
const ZERO_ON_FREE: &[u8] = b"FLAGSTONE_MALLOC_ZERO_ON_FREE";
const SCATTERED: &[u8] = b"FLAGSTONE_MALLOC_SCATTERED";
const GUARD_PAGES: &[u8] = b"FLAGSTONE_MALLOC_GUARD_PAGES";
const SAMPLED: &[u8] = b"FLAGSTONE_MALLOC_SAMPLED";
const QUARANTINE: &[u8] = b"FLAGSTONE_MALLOC_QUARANTINE";

/// Longer than any variable of ours; what is longer is none.
const LONGEST: usize = 64;

/// What is asked for; nothing where the environment cannot be read. Does not allocate.
pub(crate) fn options() -> HeapOptions {
    let mut options = HeapOptions::new();
    // SAFETY: a C string, and a file that is only read.
    let file = unsafe { libc::open(FILE.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return options;
    }
    let mut part = [0; 4096];
    let mut variable = Variable::default();
    while let Some(read) = next(file, &mut part) {
        for &byte in read {
            if byte == 0 {
                options = variable.applied(options);
                variable = Variable::default();
            } else {
                variable.push(byte);
            }
        }
    }
    // SAFETY: opened above, and known to nobody else.
    let _ = unsafe { libc::close(file) };
    options
}

/// What a file goes on with; `None` at its end.
fn next(file: c_int, part: &mut [u8]) -> Option<&[u8]> {
    // SAFETY: there is so much room.
    let len = unsafe { libc::read(file, part.as_mut_ptr().cast(), part.len()) };
    let len = usize::try_from(len).ok().filter(|&len| len > 0)?;
    part.get(..len)
}

/// The beginning of a variable.
struct Variable {
    text: [u8; LONGEST],
    len: usize,
}

impl Default for Variable {
    fn default() -> Self {
        Self {
            text: [0; LONGEST],
            len: 0,
        }
    }
}

impl Variable {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.len) {
            *place = byte;
        }
        self.len += 1;
    }

    /// The options with what the variable says.
    fn applied(&self, options: HeapOptions) -> HeapOptions {
        let Some(text) = self.text.get(..self.len) else {
            return options;
        };
        let Some(middle) = text.iter().position(|&byte| byte == b'=') else {
            return options;
        };
        let (name, value) = (&text[..middle], &text[middle + 1..]);
        let wanted = !matches!(value, b"" | b"0");
        match name {
            CHECKED => options.checked(wanted),
            ZERO_ON_FREE => options.zero_on_free(wanted),
            SCATTERED => options.scattered(wanted),
            GUARD_PAGES => options.guard_pages(wanted),
            SAMPLED => options.sampled(number(value).map_or(0, |every| every.min(1 << 20) as u32)),
            QUARANTINE => options.quarantine(number(value).unwrap_or(0)),
            _ => options,
        }
    }
}

/// A decimal number.
fn number(digits: &[u8]) -> Option<usize> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}
