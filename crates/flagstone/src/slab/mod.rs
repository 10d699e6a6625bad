//! Slab caches: typed slots on any memory, whose boxes outlive the cache they came from.
//!
//! | type | what | slots hold while free |
//! |---|---|---|
//! | [`SlabCache`] | values, in boxes of one word | nothing |
//! | [`RecycleCache`] | objects that are reset and used again | the object |
//!
//! The pools of [`pool`](crate::pool) know their capacity and their values; a slab cache knows neither.
//! It takes slabs from its provider as they are needed and gives them back when they are empty, its
//! clones work side by side, and it needs neither an operating system nor an allocator.

mod cache;
mod home;
mod recycle;

pub use cache::SlabCache;
pub use home::{SlabBox, SlabHome, VacantSlabBox};
pub use recycle::{RecycleBox, RecycleCache, RecycleSlabHome};

pub use crate::{
    raw::{AtAcquire, FnRecycle, Recycle, ResetAt},
    sync::{NoLock, SpinLock},
};
