//! A heap of one thread.
#![expect(unsafe_code, reason = "hands out blocks and takes them back")]

use core::{alloc::Layout, cell::Cell, fmt, ptr, ptr::NonNull};

use super::{
    GuardedBlock, HeapArea, HeapOptions, HeapStats,
    door::{Door, Nobody},
    own::own_heap,
};
use crate::{
    error::OutOfMemory,
    provider::{OsPages, Provider},
    raw::heap::{HeapCore, Local},
};

/// A heap of its own for one thread at a time, on any provider: no atomic operation on the way of a slot that is
/// ready, a limit and statistics of its own, and everything that was not freed goes when it is dropped, all at
/// once. A reference to it is an `Allocator` (features `allocator-api2-02`, `allocator-api2-04`).
///
/// Asks its provider for chunks of 4 MiB, aligned to that. See the [module](super) for what calls cost.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::heap::LocalHeap;
///
/// let heap = LocalHeap::new();
/// let block = heap.alloc(Layout::new::<[u64; 10]>()).unwrap();
/// assert!(block.len() >= 80);
/// assert!(heap.stats().live() >= 80);
/// // The block was not freed: it goes with the heap.
/// drop(heap);
/// ```
pub struct LocalHeap<P: Provider = OsPages> {
    core: HeapCore<P>,
    local: Cell<*const Local>,
    /// The same, also if the heap is strict; null if it was not used yet.
    own: Cell<*const Local>,
}

// SAFETY: its local goes with it, and who has the heap has all of it.
unsafe impl<P: Provider + Send> Send for LocalHeap<P> {}

/// The heap was not used yet.
static NOT_YET: Nobody = Nobody::new();

impl<P: Provider> LocalHeap<P> {
    /// A heap on `provider`, with options. Asks it for nothing yet.
    #[must_use]
    pub fn with_options_in(options: HeapOptions, provider: P) -> Self {
        Self {
            core: HeapCore::new(provider, options.limits()),
            local: Cell::new(NOT_YET.local()),
            own: Cell::new(ptr::null()),
        }
    }
}

// SAFETY: the local is of the heap, and the heap is not `Sync`.
unsafe impl<P: Provider> Door for LocalHeap<P> {
    type Provider = P;

    #[inline(always)]
    fn core(&self) -> &HeapCore<P> {
        &self.core
    }

    #[inline(always)]
    fn local(&self) -> *const Local {
        self.local.get()
    }

    fn own_local(&self) -> Option<*const Local> {
        NonNull::new(self.own.get().cast_mut()).map(|local| local.as_ptr().cast_const())
    }

    fn divert(&self, away: bool) {
        let own = self.own.get();
        let fast = !away && !own.is_null() && !self.core.store().is_strict();
        self.local.set(if fast { own } else { NOT_YET.local() });
    }

    fn attached(&self) -> Option<*const Local> {
        if self.own.get().is_null() {
            let local = self.core.attach()?;
            if !self.own.get().is_null() {
                // The provider has used the heap meanwhile.
                // SAFETY: nobody has used it.
                unsafe { self.core.detach(local) };
                return Some(self.own.get());
            }
            self.own.set(local.as_ptr());
            if !self.core.store().is_strict() {
                self.local.set(local.as_ptr());
            }
        }
        Some(self.own.get())
    }
}

own_heap!(LocalHeap);
