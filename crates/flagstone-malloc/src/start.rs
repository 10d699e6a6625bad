//! Statistics at the program's end, for who sets `FLAGSTONE_MALLOC_STATS=1`; and what becomes of faults, for who
//! sets `FLAGSTONE_MALLOC_SAMPLED`.
//!
//! The line is written by a function that the C library calls at `exit`. It is registered before any
//! code of the program runs, and such functions are called in reverse, so it is the last. By then many
//! programs have closed the standard error stream, to see whether what they wrote has arrived; so the
//! line goes to a copy of its descriptor. A program that closes all descriptors may have got another
//! file under that number: nothing is written unless it is the same file still.

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::family::HEAP;
use crate::report::{self, STDERR};

/// What turns statistics on when it is neither empty nor 0.
const STATS: &CStr = c"FLAGSTONE_MALLOC_STATS";
/// What guards blocks, so that faults have something to say.
const SAMPLED: &CStr = c"FLAGSTONE_MALLOC_SAMPLED";

/// Above what programs and shells pick for themselves.
const LEAST_DESCRIPTOR: c_int = 200;

/// Where the line goes, and which file that was. Relaxed: the main thread writes them before the program
/// begins, and what starts or ends threads orders the rest.
static DESCRIPTOR: AtomicI32 = AtomicI32::new(-1);
static DEVICE: AtomicU64 = AtomicU64::new(0);
static INODE: AtomicU64 = AtomicU64::new(0);

/// The C library calls what stands in this section when the library was loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    if is_wanted(SAMPLED) {
        // What cannot be installed is not there: the program ends by the fault, without a word.
        let _ = HEAP.report_faults();
    }
    if is_wanted(STATS)
        && let Some(descriptor) = copy_of_stderr()
        && let Some((device, inode)) = file_behind(descriptor)
    {
        DESCRIPTOR.store(descriptor, Ordering::Relaxed);
        DEVICE.store(device, Ordering::Relaxed);
        INODE.store(inode, Ordering::Relaxed);
        // When there is no memory even for this, there are no statistics.
        // SAFETY: the function stays as long as this library does, and does not unwind.
        let _ = unsafe { libc::atexit(end) };
    }
}

extern "C" fn end() {
    let descriptor = DESCRIPTOR.load(Ordering::Relaxed);
    let file = (
        DEVICE.load(Ordering::Relaxed),
        INODE.load(Ordering::Relaxed),
    );
    if file_behind(descriptor) == Some(file) {
        report::write_line(descriptor);
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

fn copy_of_stderr() -> Option<c_int> {
    // SAFETY: numbers only.
    let copy = unsafe { libc::fcntl(STDERR, libc::F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR) };
    (copy >= 0).then_some(copy)
}

/// Device and number of the file that is open under `descriptor`.
fn file_behind(descriptor: c_int) -> Option<(u64, u64)> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for the answer.
    if unsafe { libc::fstat(descriptor, status.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it wrote the answer.
    let status = unsafe { status.assume_init() };
    Some((status.st_dev, status.st_ino))
}
