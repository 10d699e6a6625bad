#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// The rooms, lowest first: a room imports only rooms that stand above it in this list
// (`tests/rooms` enforces it).
pub mod error;
#[cfg(feature = "stats")]
pub mod stats;
#[cfg(not(feature = "stats"))]
mod stats;
pub mod sync;

pub mod corruption;
pub mod index;
pub mod layout;
pub mod provider;
#[cfg(feature = "std")]
pub mod thread;

mod raw;

pub mod handle;

pub mod arena;
#[cfg(all(feature = "blocks", target_has_atomic = "64"))]
pub mod blocks;
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    not(any(loom, shuttle))
))]
pub mod heap;
pub mod pool;
pub mod slab;

pub use arena::{Arena, ArenaBox, SyncArena};
pub use error::{AllocError, AllocErrorKind, ConfigError, IndexError, OutOfMemory};
pub use handle::{OwnedHandle, SharedHandle, VacantHandle, WeakHandle};
#[cfg(all(
    feature = "heap",
    feature = "std",
    unix,
    target_pointer_width = "64",
    not(any(loom, shuttle))
))]
pub use heap::Heap;
pub use index::IndexAllocator;
#[cfg(all(feature = "std", target_has_atomic = "64"))]
pub use pool::LockFreePool;
#[cfg(feature = "std")]
pub use pool::ThreadLocalPool;
pub use pool::{
    BufferPool, FixedPool, GrowingPool, PoolConfig, RecyclePool, SharedPool, ThreadSafePool,
};
pub use provider::Provider;
pub use slab::{SlabBox, SlabCache};
