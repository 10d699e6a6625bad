//! Arenas: what they do, who does it, and how it is timed.
//!
//! An arena hands out places and takes all of them back at once, so its workloads differ from those
//! of pools: every one goes through a batch and a reset, in which everybody touches as many bytes.

mod bumper;
mod call;
mod events;
mod floor;
mod ours;
mod rival;
mod task;
#[cfg(test)]
mod verify;
mod workload;

pub use call::{Call, calls};
pub(crate) use events::arenas;
pub(crate) use task::ArenaTask;
