//! Reports on the standard error stream, now or when the process ends: put together on the stack, because they speak of
//! the heap and must not use it.
//!
//! The C library calls at `exit` what was registered, the last first. By then many programs have closed the
//! stream, to see whether what they wrote has arrived; so the report goes to a copy of its descriptor. A program
//! that closes all descriptors may have got another file under that number: nothing is written unless it is the
//! same file still.
#![expect(unsafe_code, reason = "calls the C library")]

use core::{ffi::c_int, fmt, fmt::Write, mem, ptr};

use crate::sync::process::{AtomicPtr, AtomicUsize, Ordering};

/// Writes a report.
pub(super) type Report = fn(&mut dyn Write) -> fmt::Result;

/// The descriptor of the standard error stream.
const STDERR: c_int = 2;
/// Above what programs and shells pick for themselves.
const LEAST_DESCRIPTOR: c_int = 200;
/// So many bytes are written at once, which are a whole report of a heap.
const ROOM: usize = 8 << 10;

/// What is written at the end of the process; a `Report`, or null.
static REPORT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Where it is written, and which file that was. Relaxed: written before the function is registered that reads
/// them, which the C library orders.
static DESCRIPTOR: AtomicUsize = AtomicUsize::new(STDERR as usize);
static DEVICE: AtomicUsize = AtomicUsize::new(0);
static INODE: AtomicUsize = AtomicUsize::new(0);

/// Writes the report now.
pub(super) fn say(report: Report) {
    write(report, STDERR);
}

/// Writes the report at the end of the process, instead of one that was to be written before.
pub(super) fn say_at_exit(report: Report) {
    // AcqRel: one thread finds null, and registers the function; pairs with the Acquire in `end`.
    if !REPORT.swap(report as *mut (), Ordering::AcqRel).is_null() {
        return;
    }
    // SAFETY: numbers only.
    let copy = unsafe { libc::fcntl(STDERR, libc::F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR) };
    let descriptor = if copy >= 0 { copy } else { STDERR };
    let Some((device, inode)) = file_behind(descriptor) else {
        // There is no such stream.
        return;
    };
    DESCRIPTOR.store(descriptor as usize, Ordering::Relaxed);
    DEVICE.store(device, Ordering::Relaxed);
    INODE.store(inode, Ordering::Relaxed);
    // When there is no memory even for this, there is no report.
    // SAFETY: the function stays as long as this library does, and does not unwind into C.
    let _ = unsafe { libc::atexit(end) };
}

extern "C" fn end() {
    let descriptor = DESCRIPTOR.load(Ordering::Relaxed) as c_int;
    let file = (
        DEVICE.load(Ordering::Relaxed),
        INODE.load(Ordering::Relaxed),
    );
    // Acquire: pairs with the exchange in `say_at_exit`.
    let report = REPORT.load(Ordering::Acquire);
    if report.is_null() || file_behind(descriptor) != Some(file) {
        return;
    }
    // SAFETY: the only values ever stored are null and such functions.
    let report = unsafe { mem::transmute::<*mut (), Report>(report) };
    write(report, descriptor);
}

fn write(report: Report, descriptor: c_int) {
    let mut paper = Paper {
        bytes: [0; ROOM],
        len: 0,
        descriptor,
    };
    // Papers have no errors; a report that has one ends there.
    let _ = report(&mut paper); // USER CODE
    paper.hand_in();
}

/// Device and number of the file that is open under `descriptor`.
fn file_behind(descriptor: c_int) -> Option<(usize, usize)> {
    let mut status = mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for the answer.
    if unsafe { libc::fstat(descriptor, status.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so it wrote the answer.
    let status = unsafe { status.assume_init() };
    Some((status.st_dev as usize, status.st_ino as usize))
}

/// What is written to a descriptor, in as few calls as there is room for: reports of several processes do not mix.
struct Paper {
    bytes: [u8; ROOM],
    len: usize,
    descriptor: c_int,
}

impl Paper {
    fn hand_in(&mut self) {
        let mut text = &self.bytes[..self.len];
        while !text.is_empty() {
            // SAFETY: the bytes are initialised and stay during the call.
            let written = unsafe { libc::write(self.descriptor, text.as_ptr().cast(), text.len()) };
            let Some(rest) = usize::try_from(written)
                .ok()
                .and_then(|len| text.get(len..))
            else {
                // What cannot be written is lost: there is nobody to tell.
                break;
            };
            text = rest;
        }
        self.len = 0;
    }
}

impl Write for Paper {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut text = text.as_bytes();
        while !text.is_empty() {
            if self.len == ROOM {
                self.hand_in();
            }
            let room = &mut self.bytes[self.len..];
            let len = text.len().min(room.len());
            room[..len].copy_from_slice(&text[..len]);
            self.len += len;
            text = &text[len..];
        }
        Ok(())
    }
}
