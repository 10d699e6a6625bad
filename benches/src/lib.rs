//! Flagstone's pools and arenas against their floors and their rivals, and its heap against other general
//! allocators, interleaved in one process.
//!
//! ```text
//! cargo bench -p flagstone-benches                       print the report
//! cargo bench -p flagstone-benches -- --write            write it to docs/perf.md
//! cargo bench -p flagstone-benches -- --quick            see that everything runs
//! cargo bench -p flagstone-benches --features heaps --bench heaps
//!                                                        the same for general allocators
//! cargo bench -p flagstone-benches --features blocks --bench blocks
//!                                                        blocks against what is built from parts
//! benches/instructions.sh                                instructions per operation, against a budget
//! ```
//!
//! [`suite`] lists the events: a task (store and drop, replace one of many, …) and the contenders
//! that do it. [`race`](race::race) runs the contenders of an event in turn, in short windows;
//! [`report`] says what came out. The `count` program runs one contender of one event for an
//! instruction counter.

pub mod arena;
#[cfg(feature = "blocks")]
pub mod blocks;
mod buffered;
mod caches;
mod contender;
mod entrant;
mod finder;
mod floor;
mod hand_off;
pub mod heap;
mod lane;
mod ours;
mod payload;
mod plan;
pub mod program;
pub mod race;
mod recycled;
pub mod report;
mod rival;
mod shared;
mod store;
pub mod suite;
mod task;
mod threaded;
mod threads;
#[cfg(test)]
mod verify;
pub mod warm;
mod workload;

pub use contender::Role;
pub use lane::Lane;
