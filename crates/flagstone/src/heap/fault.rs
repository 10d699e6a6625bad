//! What a handler of faults says of guarded blocks.
#![expect(unsafe_code, reason = "installs a signal handler, which writes")]

use alloc::boxed::Box;
use core::{
    ffi::{c_int, c_void},
    fmt::{self, Write},
    mem, ptr,
};

use super::guarded::GuardedBlock;
use crate::{
    provider::errno,
    sync::process::{AtomicPtr, Ordering},
};

/// The signals of an access that is not allowed.
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What our handler knows; null if there is none.
static KNOWN: AtomicPtr<Known> = AtomicPtr::new(ptr::null_mut());

struct Known {
    /// What was installed before, of each signal.
    before: [libc::sigaction; SIGNALS.len()],
    find: Find,
    /// The signals that wait until the handler has written: all but those that are to end the process.
    later: libc::sigset_t,
}

/// The guarded block at or near an address.
type Find = fn(usize) -> Option<GuardedBlock>;

/// From now on faults are looked at; `false` if the system refuses. Allocates once in the life of a process.
pub(super) fn install(find: Find) -> bool {
    // SAFETY: all zeros is a `sigaction`.
    let mut before: [libc::sigaction; SIGNALS.len()] = unsafe { mem::zeroed() };
    for (signal, before) in SIGNALS.iter().zip(&mut before) {
        // SAFETY: asks what is installed.
        if unsafe { libc::sigaction(*signal, ptr::null(), before) } != 0 {
            return false;
        }
    }
    // SAFETY: all zeros is a set of signals.
    let mut later: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: a set of signals, and numbers of such.
    unsafe {
        libc::sigfillset(&raw mut later);
        for signal in [libc::SIGALRM, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
            libc::sigdelset(&raw mut later, signal);
        }
    }
    let known = Box::into_raw(Box::new(Known {
        before,
        find,
        later,
    }));
    // Release: pairs with the Acquire of `handle`.
    let first =
        KNOWN.compare_exchange(ptr::null_mut(), known, Ordering::Release, Ordering::Relaxed);
    if first.is_err() {
        // SAFETY: made above, and nobody else has it.
        drop(unsafe { Box::from_raw(known) });
        return true;
    }
    // SAFETY: all zeros is one.
    let mut ours: libc::sigaction = unsafe { mem::zeroed() };
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    ours.sa_sigaction = handler as usize;
    // On the thread's other stack, which is small: the fault may be that there is no more of the first.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: the handler touches atomics and its own stack, and writes; it takes no lock and does not allocate.
    SIGNALS
        .iter()
        .all(|&signal| unsafe { libc::sigaction(signal, &raw const ours, ptr::null_mut()) == 0 })
}

/// Says what was touched if it is a guarded block, and leaves the rest to who was there before. If that mends what
/// was wrong, the program goes on, and the next fault is looked at as well.
extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // Acquire: pairs with the Release of `install`.
    let known = KNOWN.load(Ordering::Acquire);
    // SAFETY: stays as long as the process.
    let Some(known) = (unsafe { known.as_ref() }) else {
        return;
    };
    // SAFETY: the system's.
    let is_fault = unsafe { (*info).si_code } > 0;
    if is_fault {
        // SAFETY: the system's, of a signal with an address.
        let address = unsafe { (*info).si_addr() }.addr();
        if let Some(block) = (known.find)(address) {
            // The program may go on, in the middle of what reads `errno`. Other handlers come later: for two the
            // other stack has no room.
            uninterrupted(known, || {
                errno::kept(|| describe(&mut Stderr, &block, address))
            });
        }
    }
    if let Some(at) = SIGNALS.iter().position(|&one| one == signal) {
        // SAFETY: the answer of `install`; the arguments are the system's.
        unsafe { pass_on(&known.before[at], signal, info, context, is_fault) };
    }
}

/// Runs `call`; most signals that come meanwhile come afterwards.
fn uninterrupted(known: &Known, call: impl FnOnce()) {
    // SAFETY: all zeros is a set of signals.
    let mut mask: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: sets of signals.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const known.later, &raw mut mask) };
    call();
    // SAFETY: what the mask was.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut()) };
}

/// Does what the system would have done if ours were not there.
///
/// # Safety
///
/// `before` was installed for the signal, and this is a handler of it, with these arguments.
unsafe fn pass_on(
    before: &libc::sigaction,
    signal: c_int,
    info: *mut libc::siginfo_t,
    context: *mut c_void,
    is_fault: bool,
) {
    let handler = before.sa_sigaction;
    if handler == libc::SIG_IGN && !is_fault {
        return;
    }
    if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
        // A fault happens once more, and ends the process; what was sent is sent again.
        // SAFETY: what was installed.
        let _ = unsafe { libc::sigaction(signal, before, ptr::null_mut()) };
        if !is_fault {
            // SAFETY: a number only.
            let _ = unsafe { libc::raise(signal) };
        }
        return;
    }
    if before.sa_flags & libc::SA_RESETHAND != 0 {
        // SAFETY: all zeros is a `sigaction`, the default one.
        let _ = unsafe { libc::sigaction(signal, &mem::zeroed(), ptr::null_mut()) };
    }
    // SAFETY: as above.
    let mut mask: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: sets of signals, what was asked for and what there is now.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const before.sa_mask, &raw mut mask) };
    // SAFETY: a set of signals, and the number of one.
    let is_masked = unsafe { libc::sigismember(&raw const before.sa_mask, signal) } == 1;
    if before.sa_flags & libc::SA_NODEFER != 0 && !is_masked {
        // It may be interrupted by faults of its own.
        let mut own: libc::sigset_t = mask;
        // SAFETY: a set, and the number of a signal.
        unsafe {
            libc::sigemptyset(&raw mut own);
            libc::sigaddset(&raw mut own, signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const own, ptr::null_mut());
        }
    }
    // USER CODE: it may jump out of here.
    if before.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: the flag says that it is one of these.
        let handler = unsafe {
            mem::transmute::<usize, extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)>(
                handler,
            )
        };
        handler(signal, info, context);
    } else {
        // SAFETY: without the flag it is one of these.
        let handler = unsafe { mem::transmute::<usize, extern "C" fn(c_int)>(handler) };
        handler(signal);
    }
    // SAFETY: what the mask was.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut()) };
}

/// Writes what happened, or as much of it as can be written.
fn describe(to: &mut impl Write, block: &GuardedBlock, address: usize) {
    let said = writeln!(to, "flagstone: memory fault: {}", block.touched(address)).and_then(|()| {
        list(to, "allocated", block.allocated_at())?;
        list(to, "freed", block.freed_at())
    });
    // There is nobody to be told.
    let _ = said;
}

fn list(to: &mut impl Write, what: &str, frames: impl Iterator<Item = usize>) -> fmt::Result {
    for (number, frame) in frames.enumerate() {
        if number == 0 {
            writeln!(to, "{what} by")?;
        }
        write!(to, "  {frame:#x}")?;
        write_file_of(to, frame)?;
        to.write_char('\n')?;
    }
    Ok(())
}

/// The standard error stream, without a buffer.
struct Stderr;

impl Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: so many bytes are there.
        let written = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        if written < 0 { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Writes the file that the code at `address` is from, and where in it: what tools that know symbols ask for.
/// Nothing where the system does not say.
fn write_file_of(to: &mut impl Write, address: usize) -> fmt::Result {
    // SAFETY: a C string, and a file that is only read.
    let maps = unsafe {
        libc::open(
            c"/proc/self/maps".as_ptr(),
            libc::O_RDONLY | libc::O_CLOEXEC,
        )
    };
    if maps < 0 {
        return Ok(());
    }
    let mut part = [0_u8; 128];
    let mut line = Line::new();
    let found = 'found: loop {
        // SAFETY: there is so much room.
        let len = unsafe { libc::read(maps, part.as_mut_ptr().cast(), part.len()) };
        if len <= 0 {
            break false;
        }
        let mut at = 0;
        while at < len.unsigned_abs().min(part.len()) {
            let byte = part[at];
            at += 1;
            if byte != b'\n' {
                line.push(byte);
            } else if line.from <= address && address < line.to {
                break 'found true;
            } else {
                line.clear();
            }
        }
    };
    // SAFETY: opened above.
    let _ = unsafe { libc::close(maps) };
    if !found {
        return Ok(());
    }
    let file = core::str::from_utf8(&line.file[..line.len]).unwrap_or("?");
    write!(to, " {file}+{:#x}", address - line.from + line.offset)
}

/// A line of the mappings, `from-to access offset device inode file`, as it is read: the handler's stack is
/// small, so it is taken apart byte by byte. The end of a long name is missing.
struct Line {
    from: usize,
    to: usize,
    offset: usize,
    field: usize,
    file: [u8; 160],
    len: usize,
}

impl Line {
    const fn new() -> Self {
        Self {
            from: 0,
            to: 0,
            offset: 0,
            field: 0,
            file: [0; _],
            len: 0,
        }
    }

    /// In place: there is little room for another.
    fn clear(&mut self) {
        (self.from, self.to, self.offset) = (0, 0, 0);
        (self.field, self.len) = (0, 0);
    }

    fn push(&mut self, byte: u8) {
        let number = match self.field {
            0 if byte != b'-' => &mut self.from,
            1 if byte != b' ' => &mut self.to,
            3 if byte != b' ' => &mut self.offset,
            0..=5 => {
                self.field +=
                    usize::from(matches!(byte, b'-' | b' ') && (byte == b' ' || self.field == 0));
                return;
            }
            _ => {
                if byte != b' ' && self.len < self.file.len() {
                    self.file[self.len] = byte;
                    self.len += 1;
                }
                return;
            }
        };
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return,
        };
        *number = *number << 4 | usize::from(digit);
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let mut line = Line::new();
        b"5591c7a71000-5591c83ee000 r-xp 000ab000 fe:01 1234      /usr/bin/some"
            .iter()
            .for_each(|&byte| line.push(byte));
        assert_eq!(
            (line.from, line.to, line.offset),
            (0x5591_c7a7_1000, 0x5591_c83e_e000, 0xa_b000)
        );
        assert_eq!(&line.file[..line.len], b"/usr/bin/some");
    }

    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn the_file_of_code_is_this_program() {
        let mut said = String::new();
        let here = (install as fn(Find) -> bool) as usize;
        write_file_of(&mut said, here).expect("a string takes all");
        assert!(said.contains("flagstone") && said.contains("+0x"), "{said}");
    }
}
