//! Where every object of the kernel comes from: the one file that chooses.
//!
//! A cache has slabs for one type, clones share them, and a box keeps its slab without the cache.
#![expect(
    unsafe_code,
    reason = "the pool stands in the region beside its slabs, and is counted"
)]

use core::{
    alloc::Layout,
    fmt,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

use flagstone::{
    AllocError, OutOfMemory, Provider, ThreadSafePool,
    pool::{GrowthStrategy, NoHooks, PoolConfig, ThreadSafeHandle},
    sync::SpinLock,
};

use crate::memory::Memory;

/// Bytes of a slab: small, because a microcontroller has room for few.
pub const SLAB_BYTES: usize = 2048;

type Pool<T> = ThreadSafePool<T, SpinLock, NoHooks, &'static Memory, SLAB_BYTES>;
type Handle<T> = ThreadSafeHandle<'static, T, SpinLock, NoHooks, &'static Memory, SLAB_BYTES>;

struct Root<T: 'static> {
    holders: AtomicUsize,
    memory: &'static Memory,
    pool: Pool<T>,
}

/// Slabs for values of `T`.
pub struct Cache<T: 'static> {
    root: NonNull<Root<T>>,
}

/// One value in a slab.
pub struct Boxed<T: 'static> {
    // Dropped first: the handle needs the pool.
    handle: Handle<T>,
    _root: Cache<T>,
}

/// Makes a cache, in `memory` like all that it will hand out.
///
/// # Errors
///
/// When there is no room.
pub fn cache<T>(memory: &'static Memory) -> Result<Cache<T>, OutOfMemory> {
    Cache::new_in(memory)
}

impl<T> Cache<T> {
    fn new_in(memory: &'static Memory) -> Result<Self, OutOfMemory> {
        let layout = Layout::new::<Root<T>>();
        let config = PoolConfig::builder()
            .capacity(1)
            .growth_strategy(GrowthStrategy::Linear { amount: 1 })
            .build();
        let pool = config
            .and_then(|config| Pool::with_parts(config, SpinLock::new(), NoHooks, memory))
            .map_err(|_| OutOfMemory::new(layout))?;
        let root = memory.alloc(layout)?.ptr.cast::<Root<T>>();
        // SAFETY: the provider's promise: room for a root, and nobody else's.
        unsafe {
            root.write(Root {
                holders: AtomicUsize::new(1),
                memory,
                pool,
            });
        }
        Ok(Self { root })
    }

    /// Places `value` in a slab.
    ///
    /// # Errors
    ///
    /// Gives `value` back when the memory is full.
    pub fn alloc(&self, value: T) -> Result<Boxed<T>, AllocError<T>> {
        // SAFETY: a root stays while somebody holds it; the box below does.
        let root: &'static Root<T> = unsafe { self.root.as_ref() };
        let handle = root.pool.alloc(value)?;
        Ok(Boxed {
            handle,
            _root: self.clone(),
        })
    }
}

impl<T> Clone for Cache<T> {
    fn clone(&self) -> Self {
        // SAFETY: as in `alloc`.
        let root = unsafe { self.root.as_ref() };
        // Relaxed: a new holder comes from one that there is.
        root.holders.fetch_add(1, Ordering::Relaxed);
        Self { root: self.root }
    }
}

impl<T> Drop for Cache<T> {
    fn drop(&mut self) {
        // SAFETY: as in `alloc`, and we still hold it.
        let root = unsafe { self.root.as_ref() };
        // Release: pairs with the fence of the holder that is last.
        if root.holders.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire: pairs with the decrements of all that held it.
        fence(Ordering::Acquire);
        let memory = root.memory;
        // SAFETY: nobody holds it any more, so no box is left either.
        unsafe { self.root.drop_in_place() };
        // SAFETY: came from there with this layout, in `new_in`.
        unsafe { memory.free(self.root.cast(), Layout::new::<Root<T>>()) };
    }
}

// SAFETY: the pool is `Sync` for such values, and the count is atomic.
unsafe impl<T: Send> Send for Cache<T> {}

// SAFETY: the same: `alloc` and `clone` are all that a reference can do.
unsafe impl<T: Send> Sync for Cache<T> {}

impl<T> Deref for Boxed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.handle
    }
}

impl<T> DerefMut for Boxed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.handle
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Boxed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
