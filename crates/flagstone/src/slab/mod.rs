//! Slab caches: typed slots on any memory, whose boxes outlive the cache they came from.
//!
//! | type | what | slots hold while free |
//! |---|---|---|
//! | [`SlabCache`] | values, in boxes of one word | nothing |
//!
//! The pools of [`pool`](crate::pool) know their capacity and their values; a slab cache knows neither.
//! It takes slabs from its provider as they are needed and gives them back when they are empty, its
//! clones work side by side, and it needs neither an operating system nor an allocator.

mod cache;
mod home;

pub use cache::SlabCache;
pub use home::{SlabBox, SlabHome, VacantSlabBox};

pub use crate::sync::{NoLock, SpinLock};
