//! The recorder that runs inside the recorded program.
//!
//! It is loaded before the C library and defines the allocation functions in its place. Each calls
//! the real one and writes a record of what happened into memory that is shared with a file, so
//! that a killed program loses nothing. `src/spool/format.rs` describes the file.
//!
//! # Order between threads
//!
//! Every record has a time of `CLOCK_MONOTONIC`. A free is stamped **before** the real call and an
//! allocation **after** it, and a reallocation that moved has both stamps. So for one address, the
//! time at which it was given back is never later than the time at which it was handed out again,
//! whatever the threads in between: sorting by time gives an order that is right for every
//! address. A shared counter would do the same and was rejected, because all threads would wait
//! for its cache line.
//!
//! # Rules of the house
//!
//! * Nothing here allocates, prints, panics or uses a lock of the C library.
//! * All state of a recording is in one page that the kernel clears in a forked child
//!   (`MADV_WIPEONFORK`). A child thereby forgets its parent's recording by itself, held locks
//!   included, and starts its own with its first event, also when it was made without the C
//!   library's `fork`. Fork handlers were rejected: they run late, and not always.
//! * A thread finds its segment through a `pthread` key. Thread-local variables of a shared
//!   library were rejected: reaching them can allocate, which would come back here.
//! * What a sample or call sites need, costs nothing but two loads where they are not wanted.
//! * Whatever goes wrong, the program goes on: recording stops and the file's head says why.
#![cfg(target_os = "linux")]
#![expect(
    unsafe_code,
    reason = "C functions, shared memory and raw pointers are all it deals in"
)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the contracts are those of the C standard"
)]

mod bootstrap;
pub mod exec;
mod file;
pub mod interpose;
mod orders;
mod process;
mod real;
mod sample;
mod segment;
mod stacks;
mod sys;
mod unwind;

/// The layout of the file that is written.
#[path = "../src/spool/format.rs"]
#[expect(dead_code, reason = "the merger uses the rest")]
mod format;
