//! Where every object of the kernel comes from: the one file that chooses.
//!
//! A cache has slabs for one type, clones share them, and a box keeps its slab without the cache.

use flagstone::{
    OutOfMemory,
    slab::{SlabBox, SlabCache},
    sync::SpinLock,
};

use crate::memory::Memory;

/// Bytes of a slab: small, because a microcontroller has room for few.
pub const SLAB_BYTES: usize = 2048;

/// Slabs for values of `T`.
pub type Cache<T> = SlabCache<T, SpinLock, SLAB_BYTES, &'static Memory>;

/// One value in a slab.
pub type Boxed<T> = SlabBox<T, SpinLock, SLAB_BYTES, &'static Memory>;

/// Makes a cache, in `memory` like all that it will hand out.
///
/// # Errors
///
/// When there is no room for its first slab.
pub fn cache<T>(memory: &'static Memory) -> Result<Cache<T>, OutOfMemory> {
    Cache::new_in(memory)
}
