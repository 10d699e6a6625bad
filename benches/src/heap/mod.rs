//! General allocators: what they do, who does it, and how it is timed.
//!
//! Every contender is a [`GlobalAlloc`](std::alloc::GlobalAlloc) that is called beside the others in
//! one process, through functions like those that a program calls its global allocator by. What a
//! program with that allocator does as a whole is measured by `as-global.sh`.

mod allocator;
mod block;
mod churn;
mod crowd;
mod events;
mod growth;
mod large;
mod spawn;
mod task;
#[cfg(test)]
mod verify;

pub use events::heaps;
pub(crate) use spawn::BARE_SPAWN;
pub(crate) use task::HeapTask;
