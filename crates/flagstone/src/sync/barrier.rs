//! Two memory barriers that meet although one of them costs nothing.
#![cfg_attr(
    all(target_os = "linux", feature = "heap", not(any(miri, loom, shuttle))),
    expect(unsafe_code, reason = "makes a system call")
)]

use super::{
    atomic::{Ordering, fence},
    process::AtomicUsize,
};

/// Whether [`light`] leaves all the work to [`heavy`].
const ASYMMETRIC: bool = cfg!(all(
    target_os = "linux",
    feature = "heap",
    not(any(miri, loom, shuttle))
));

/// The barrier of the side that is always in a hurry: what it stored before is seen by whoever
/// passes [`heavy`] later, or what that other stored before `heavy` is seen by the loads after this.
///
/// No instruction on Linux with the feature `heap`, where [`heavy`] makes the other processors pass
/// a barrier; a full barrier elsewhere. Only where [`ready`] said yes.
#[inline(always)]
pub(crate) fn light() {
    if ASYMMETRIC {
        #[cfg(not(any(loom, shuttle)))]
        super::atomic::compiler_fence(Ordering::SeqCst);
    } else {
        full();
    }
}

/// The barrier of the side that comes seldom, for all running threads of the process at once; `false`
/// when the system refuses it although [`ready`] said yes: a process may forbid itself the call. Then
/// nothing is known of threads that rely on [`light`].
#[must_use]
pub(crate) fn heavy() -> bool {
    full();
    if !ASYMMETRIC || !ready() {
        return true;
    }
    // A process that was forked may have to register anew.
    membarrier(Command::Expedited)
        || membarrier(Command::Register) && membarrier(Command::Expedited)
}

/// A barrier that meets another of its kind and [`heavy`], for the hurried side where [`ready`] says
/// no.
pub(crate) fn full() {
    fence(Ordering::SeqCst);
}

/// Whether [`light`] and [`heavy`] meet; asks the system the first time.
pub(crate) fn ready() -> bool {
    static ANSWER: AtomicUsize = AtomicUsize::new(UNKNOWN);
    const UNKNOWN: usize = 0;
    const NO: usize = 1;
    const YES: usize = 2;

    if !ASYMMETRIC {
        return true;
    }
    // Relaxed, here and below: the system orders its registration itself, and whoever asks it twice
    // gets the same answer.
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let ready = membarrier(Command::Register);
            ANSWER.store(if ready { YES } else { NO }, Ordering::Relaxed);
            ready
        }
        answer => answer == YES,
    }
}

#[derive(Clone, Copy)]
enum Command {
    Register,
    Expedited,
}

/// The system call of that name (Linux 4.14): every thread of the process that runs now passes a full
/// barrier. `false` where there is none.
#[cfg(all(target_os = "linux", feature = "heap", not(any(miri, loom, shuttle))))]
fn membarrier(command: Command) -> bool {
    let command = match command {
        Command::Register => libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
        Command::Expedited => libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED,
    };
    // SAFETY: the call takes two numbers and touches no memory of the program.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0) == 0 }
}

#[cfg(not(all(target_os = "linux", feature = "heap", not(any(miri, loom, shuttle)))))]
fn membarrier(command: Command) -> bool {
    let _ = command;
    false
}
