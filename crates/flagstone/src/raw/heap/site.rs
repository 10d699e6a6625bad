//! Where a program was: the return addresses of the calls that it is in.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// So many calls are noted, the innermost first.
pub(crate) const FRAMES: usize = 16;

/// A place in the program; all zeros is none. May be read while it is written: by a handler of
/// faults, which must not wait.
pub(crate) struct Site {
    frames: [AtomicUsize; FRAMES],
}

impl Site {
    /// Notes where the caller is. Allocates nothing.
    pub(super) fn note(&self) {
        let mut noted = 0;
        each_frame(|frame| {
            if let Some(place) = self.frames.get(noted) {
                // Relaxed: nothing is read through an address; here and below.
                place.store(frame, Ordering::Relaxed);
            }
            noted += 1;
            noted < FRAMES
        });
        for rest in &self.frames[noted.min(FRAMES)..] {
            rest.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn forget(&self) {
        for frame in &self.frames {
            frame.store(0, Ordering::Relaxed);
        }
    }

    /// The return addresses; 0 behind the last.
    pub(super) fn frames(&self) -> [usize; FRAMES] {
        core::array::from_fn(|at| self.frames[at].load(Ordering::Relaxed))
    }
}

/// Calls `see` with the return addresses of the stack, for as long as it answers `true`.
///
/// By the unwinder that every program with `std` has, because frame pointers are left out where nobody asks for
/// them (Itanium C++ ABI: Exception Handling, 1.2).
#[cfg(all(feature = "std", unix, not(miri)))]
fn each_frame<F: FnMut(usize) -> bool>(mut see: F) {
    use core::ffi::{c_int, c_void};

    unsafe extern "C" {
        fn _Unwind_Backtrace(
            see: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            argument: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(context: *mut c_void) -> usize;
    }
    /// What makes the unwinder go on, and what does not.
    const GO_ON: c_int = 0;
    const STOP: c_int = 5;

    extern "C" fn step<F: FnMut(usize) -> bool>(
        context: *mut c_void,
        argument: *mut c_void,
    ) -> c_int {
        // SAFETY: the unwinder's own, for as long as this call.
        let address = unsafe { _Unwind_GetIP(context) };
        // SAFETY: the closure below, of which nobody else has a reference.
        let see = unsafe { &mut *argument.cast::<F>() };
        if address != 0 && see(address) {
            GO_ON
        } else {
            STOP
        }
    }

    // SAFETY: calls `step` with contexts of this stack and the closure.
    let _ = unsafe { _Unwind_Backtrace(step::<F>, (&raw mut see).cast()) };
}

#[cfg(not(all(feature = "std", unix, not(miri))))]
fn each_frame<F: FnMut(usize) -> bool>(_: F) {}
