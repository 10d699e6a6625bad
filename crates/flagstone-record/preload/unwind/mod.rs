//! From the recorder outwards: the return addresses of the calls that are going on.
//!
//! On x86-64, compilers leave out the frame pointer, but describe in every module how each function's
//! frame is left (the `.eh_frame` section of the System V ABI). `cfi` reads that description for one
//! address, `rules` packs the answer into a word and remembers it, and `walk` follows the frames. The
//! C library's own unwinder would take a microsecond and more per call.
//!
//! On AArch64 and RISC-V, frames are linked through the frame pointer, as their ABIs advise; a
//! function that does not keep it ends the stack there or is missing in it.
//!
//! Memory is read only inside of the thread's stack and of mapped modules, so that a wrong description
//! makes a wrong or short stack and nothing else.

#[cfg(target_arch = "x86_64")]
mod cfi;
mod object;
#[cfg(target_arch = "x86_64")]
mod rules;
mod walk;

pub(crate) use object::{Found, Object, object_at, set_up};
pub(crate) use walk::walk;
