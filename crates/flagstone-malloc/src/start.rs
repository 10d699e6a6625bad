//! Statistics at the program's end, for who sets `FLAGSTONE_MALLOC_STATS=1`; and what becomes of faults, for who
//! sets `FLAGSTONE_MALLOC_SAMPLED`.
//!
//! The heap registers a function that the C library calls at `exit`. That is before any code of the program
//! runs, and such functions are called in reverse, so it is the last.

use core::ffi::{CStr, c_char};

use crate::{family::HEAP, report};

/// What turns statistics on when it is neither empty nor 0.
const STATS: &CStr = c"FLAGSTONE_MALLOC_STATS";
/// What guards blocks, so that faults have something to say.
const SAMPLED: &CStr = c"FLAGSTONE_MALLOC_SAMPLED";

/// The C library calls what stands in this section when the library was loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    if is_wanted(SAMPLED) {
        // What cannot be installed is not there: the program ends by the fault, without a word.
        let _ = HEAP.report_faults();
    }
    if is_wanted(STATS) {
        HEAP.report_at_exit_with(report::line);
    }
}

fn is_wanted(variable: &CStr) -> bool {
    unsafe extern "C" {
        fn secure_getenv(name: *const c_char) -> *const c_char;
    }
    // Not for programs that run with more rights than who started them.
    // SAFETY: the name is a C string; nothing else of the process runs yet that could change the
    // environment.
    let value = unsafe { secure_getenv(variable.as_ptr()) };
    if value.is_null() {
        return false;
    }
    // SAFETY: a C string of the environment, which nobody changes meanwhile.
    let value = unsafe { CStr::from_ptr(value) };
    !matches!(value.to_bytes(), b"" | b"0")
}
