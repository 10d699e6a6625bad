//! Chunks from a `static`.
#![expect(unsafe_code, reason = "implements Provider and Sync")]

use core::{alloc::Layout, cell::UnsafeCell, fmt, mem::MaybeUninit, ptr::NonNull};

use super::{Chunk, Provider, carve::Carve};
use crate::{error::OutOfMemory, sync::SpinLock};

/// `BYTES` bytes that live in a `static` and are carved into chunks for pools of any thread.
///
/// `&'static StaticRegion` is a provider, so what stands on it may be `'static` without any
/// allocator. A spin lock guards the list of free pieces for the few instructions of a call.
///
/// ```
/// use flagstone::{FixedPool, provider::StaticRegion};
///
/// static MEMORY: StaticRegion<4096> = StaticRegion::new();
///
/// let pool = FixedPool::new_in(16, &MEMORY);
/// assert_eq!(*pool.alloc(7_u32).unwrap(), 7);
/// ```
///
/// # Invariants
///
/// 1. `state` is touched only by the owner of `lock`.
/// 2. `memory` is touched only through `state`'s `Carve` and by the owners of its chunks. Once
///    the first chunk is out, the region is borrowed for ever (`Provider` is implemented for
///    `&'static Self` only), so it does not move.
pub struct StaticRegion<const BYTES: usize> {
    lock: SpinLock,
    state: UnsafeCell<Option<Carve>>,
    memory: UnsafeCell<[MaybeUninit<u8>; BYTES]>,
}

impl<const BYTES: usize> StaticRegion<BYTES> {
    /// All bytes free.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            lock: SpinLock::new(),
            // `None`, which is zeros: so the static takes no room in a program's file or in flash.
            state: UnsafeCell::new(None),
            memory: UnsafeCell::new([const { MaybeUninit::uninit() }; BYTES]),
        }
    }

    /// Runs `f` with the list of free pieces, under the lock; `f` calls nobody else's code.
    fn with<R>(&'static self, f: impl FnOnce(&mut Carve) -> R) -> R {
        self.lock.acquire();
        // SAFETY: invariant 1: the lock is ours, and no other reference into `state` exists.
        let state = unsafe { &mut *self.state.get() };
        let carve = state.get_or_insert_with(|| {
            let start = NonNull::from(&self.memory).cast();
            // SAFETY: invariant 2: `self` is borrowed for ever, the bytes are in an `UnsafeCell`,
            // and this runs once.
            unsafe { Carve::new(start, BYTES) }
        });
        let result = f(carve);
        // SAFETY: acquired above.
        unsafe { self.lock.release() };
        result
    }
}

impl<const BYTES: usize> Default for StaticRegion<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: `Carve` hands out disjoint pieces of `memory`, which is borrowed for ever; invariant 1
// keeps the list consistent between threads.
unsafe impl<const BYTES: usize> Provider for &'static StaticRegion<BYTES> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let ptr = self.with(|carve| carve.alloc(layout));
        let ptr = ptr.ok_or(OutOfMemory::new(layout))?;
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, layout.size()),
            zeroed: false,
        })
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        self.with(|carve| unsafe { carve.free(ptr, layout.size()) });
    }
}

// SAFETY: all state is behind `lock` (invariant 1); methods that follow must take it as well.
unsafe impl<const BYTES: usize> Sync for StaticRegion<BYTES> {}

// SAFETY: before the first chunk it is plain bytes; afterwards it cannot be moved (invariant 2).
unsafe impl<const BYTES: usize> Send for StaticRegion<BYTES> {}

impl<const BYTES: usize> fmt::Debug for StaticRegion<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticRegion")
            .field("bytes", &BYTES)
            .finish_non_exhaustive()
    }
}
