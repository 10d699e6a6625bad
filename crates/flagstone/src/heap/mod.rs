//! A general heap: memory of any size, for every thread, through the interfaces that malloc has.
//!
//! | door | for |
//! |---|---|
//! | [`Heap`] | the process: `#[global_allocator]`, the allocator API |
//! | [`LocalHeap`] | one thread at a time, on any provider; dropped with all that is in it |
//! | [`SharedHeap`] | threads that share it, on any provider; dropped with all that is in it |
//!
//! ```
//! use flagstone::heap::Heap;
//!
//! #[global_allocator]
//! static HEAP: Heap = Heap::new();
//!
//! fn main() {
//!     let words: Vec<String> = ["one", "two"].map(String::from).into();
//!     assert_eq!(words.concat(), "onetwo");
//!     assert!(HEAP.stats().live() > 0);
//! }
//! ```
//!
//! Small blocks are slots of size classes: multiples of 8 bytes up to 128, then eight classes for every
//! doubling up to 64 KiB, so above 64 bytes at most a ninth of a slot is wasted. Larger blocks are cut from
//! 4 MiB chunks in steps of 64 KiB, those above 2 MiB are mappings of their own, of which some are kept for
//! the next.
//!
//! | call | cost |
//! |---|---|
//! | allocate, free a slot of the same thread | about 15 and 20 instructions, no atomic operation |
//! | free a slot of another thread | one atomic exchange |
//! | a block of 64 KiB to 2 MiB | one lock |
//! | a larger block | one lock, and two system calls unless one of about its size is kept |
//!
//! # What is in it
//!
//! [`Heap::stats`] counts what there is, class by class, and [`Heap::report`] and [`Heap::report_at_exit`] write that
//! down; [`Heap::walk`] shows each span, run and mapping, and the blocks in it. None of them allocates.
//!
//! # Threads, signals, forks
//!
//! A thread has a part of its own from its first allocation on; when it ends, what it leaves is taken over
//! by others. Allocating and freeing works in the destructors of thread-local values, too, also after that.
//! A process may be forked while other threads allocate. Signal handlers must not allocate: nothing but
//! their own thread can be stopped by it, but that can.

#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04"))]
mod allocator;
mod door;
mod fault;
mod guarded;
mod local;
mod options;
mod own;
mod process;
mod report;
mod shared;
mod spoken;
mod ticker;
mod walk;
mod word;

pub use guarded::GuardedBlock;
pub use local::LocalHeap;
pub use options::HeapOptions;
pub use process::Heap;
pub use report::{ClassStats, HeapStats};
pub use shared::SharedHeap;
pub use ticker::Ticker;
pub use walk::{AreaOwner, HeapArea};
