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
//! heap of its own and gets a trace of its own.
//!
//! # What is not
//!
//! * Statically linked programs, programs for another machine, and programs that gain privileges
//!   when executed: [`record`] refuses them.
//! * Memory that a program's own allocator takes from the kernel. A program that brings its own
//!   `malloc` gives an almost empty trace.
//! * Objects that a forked child inherits: its frees of them are counted as unmatched.
//! * Allocations by a signal handler that interrupted an allocation of the same thread. A handler
//!   that jumps out of one (`siglongjmp`) ends the recording of its thread.
//!
//! Recording costs the program about 50 ns per event on a quiet machine, half of which is reading the clock, and
//! 16 to 24 bytes per event on the disk that holds the output until the trace is written.
//!
//! Rejected: `ptrace` and uprobes (microseconds per event, privileges), a pipe to the recorder
//! (a slow reader would slow the program down and change what its threads do), return addresses
//! (a replay does not need them).

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
