//! The heap as the global allocator of a program: of this one, its test harness and all its threads.
//!
//! | file | promise |
//! |---|---|
//! | `programs` | what programs are made of works: collections, threads, panics, thread-locals, output |
//! | `ends` | a process ends as it should, whatever its threads are doing |
#![cfg(all(
    feature = "std",
    feature = "heap",
    target_os = "linux",
    target_pointer_width = "64",
    not(miri)
))]

use flagstone::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap::new();

mod ends;
mod programs;
