//! Records the allocations of an unmodified program into a [`flagstone_trace`] trace.
//!
//! A small library, [`PRELOAD`], is loaded into the program before its C library and takes the
//! place of `malloc` and its relatives. Every call goes on to the real function and leaves a
//! record in a file that the process shares with the kernel, so that a process that is killed
//! loses nothing. When the program has ended, the records of its threads are merged by time into
//! one order, addresses become objects, and the trace is written.
//!
//! ```no_run
//! use flagstone_record::{RecordCommand, record};
//!
//! let command = RecordCommand::new("git").args(["log", "--oneline"]).output("git.flagtrace");
//! let report = record(&command, &mut |_| {})?;
//! println!("{} events, {}", report.main.summary.events, report.status);
//! # Ok::<(), flagstone_record::RecordError>(())
//! ```
//!
//! # What is recorded
//!
//! Whatever reaches the C library's `malloc`, `calloc`, `realloc`, `reallocarray`, `free`,
//! `posix_memalign`, `aligned_alloc`, `memalign`, `valloc` and `pvalloc`: C, C++, Rust and most
//! interpreters. Each process image (the program, its forked children, what they execute) has a
//! heap of its own and gets a trace of its own. A program that starts another one with an environment of
//! its own making (`execve`, `posix_spawn` and kin) takes the recorder along; nothing else in that
//! environment changes.
//!
//! [`RecordCommand::stacks`] adds where each call came from: return addresses, and which file was mapped
//! where, so that names can be looked up afterwards. On x86-64 frames are followed by the compilers'
//! own description of them, with a memory for code that was met before; functions without one, and
//! signal handlers, end a stack. On AArch64 and RISC-V they are followed by their frame pointers.
//! [`RecordCommand::sample`] records a sample from which the whole can be estimated without bias, and
//! [`RecordCommand::max_bytes`] stops at a size; the trace says so.
//!
//! # What is not
//!
//! * Statically linked programs, programs for another machine, and programs that gain privileges
//!   when executed: [`record`] refuses them.
//! * Memory that a program's own allocator takes from the kernel. A program that brings its own
//!   `malloc` gives an almost empty trace.
//! * Objects that a forked child inherits: its frees of them are counted as unmatched.
//! * Programs started with an `LD_PRELOAD` of their parent's making, or by `execl`, `system` or `popen` after
//!   the parent has removed ours from its own environment.
//! * Allocations by a signal handler that interrupted an allocation of the same thread. A handler
//!   that jumps out of one (`siglongjmp`) ends the recording of its thread.
//!
//! Recording costs the program about 40 ns per event on a quiet machine, half of which is reading the
//! clock, and 16 to 24 bytes per event on the disk that holds the output until the trace is written. Stacks
//! of 16 addresses make that about 110 ns (170 for an allocation, and nothing more for a free) and 32
//! bytes; a sample of one point per 64 KiB costs 5 ns. `examples/cost.rs` measures it.
//!
//! Rejected: `ptrace` and uprobes (microseconds per event, privileges), a pipe to the recorder
//! (a slow reader would slow the program down and change what its threads do), the C library's unwinder
//! (a microsecond and more per stack, and it takes locks), and addresses in every record (a program has
//! a few thousand call sites; each is written once and has a number).

mod command;
mod error;
mod preload;
mod report;

#[cfg(target_os = "linux")]
mod merge;
#[cfg(target_os = "linux")]
mod outputs;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod record;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
pub mod spool;

#[cfg(not(target_os = "linux"))]
mod elsewhere;

pub use command::{ChildPolicy, RecordCommand};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::record;
pub use error::RecordError;
#[cfg(target_os = "linux")]
pub use merge::merge;
pub use preload::PRELOAD;
#[cfg(target_os = "linux")]
pub use record::record;
pub use report::{ProcessReport, Progress, RecordReport, Stopped};
