//! A heap of some threads.
#![expect(unsafe_code, reason = "hands out blocks and takes them back")]

use core::{alloc::Layout, fmt, ptr::NonNull};

use super::{
    GuardedBlock, HeapArea, HeapOptions, HeapStats,
    door::{Door, Nobody},
    own::own_heap,
};
use crate::{
    error::OutOfMemory,
    provider::{OsPages, Provider},
    raw::heap::{ByThread, HeapCore, Local},
    thread,
};

/// A heap of its own that threads share, on any provider: each thread has a part that it uses without atomic
/// operations, and any thread may free what another allocated. It has a limit and statistics of its own, and
/// everything that was not freed goes when it is dropped, all at once. A reference to it is an `Allocator`
/// (features `allocator-api2-02`, `allocator-api2-04`).
///
/// The part of a thread that ended is that of the next thread with its
/// [number](crate::thread::number). A call finds its part in two loads more than [`Heap`](super::Heap) needs.
///
/// A process must not be forked while other threads use it.
///
/// Asks its provider for chunks of 4 MiB, aligned to that. See the [module](super) for what calls cost.
///
/// ```
/// use core::alloc::Layout;
/// use flagstone::heap::{HeapOptions, SharedHeap};
/// use flagstone::provider::OsPages;
///
/// let options = HeapOptions::new().limit(Some(64 << 20));
/// let heap = SharedHeap::with_options_in(options, OsPages);
/// std::thread::scope(|threads| {
///     for _ in 0..4 {
///         threads.spawn(|| heap.alloc(Layout::new::<[u64; 10]>()).unwrap().len());
///     }
/// });
/// assert_eq!(heap.stats().blocks(), 4);
/// ```
pub struct SharedHeap<P: Provider = OsPages> {
    core: HeapCore<P>,
    locals: ByThread,
}

/// A thread has not used the heap yet.
static NOT_YET: Nobody = Nobody::new();

impl<P: Provider> SharedHeap<P> {
    /// A heap on `provider`, with options. Asks it for nothing yet.
    #[must_use]
    pub fn with_options_in(options: HeapOptions, provider: P) -> Self {
        Self {
            core: HeapCore::new(provider, options.limits()),
            locals: ByThread::new(),
        }
    }
}

// SAFETY: locals are entered under the numbers of their threads, which one thread has at a time.
unsafe impl<P: Provider> Door for SharedHeap<P> {
    type Provider = P;

    #[inline(always)]
    fn core(&self) -> &HeapCore<P> {
        &self.core
    }

    #[inline(always)]
    fn local(&self) -> *const Local {
        if self.core.store().is_strict() {
            return NOT_YET.local();
        }
        self.own_local().unwrap_or(NOT_YET.local())
    }

    #[inline(always)]
    fn own_local(&self) -> Option<*const Local> {
        let local = self.locals.find(thread::number()?);
        (!local.is_null()).then_some(local)
    }

    fn attached(&self) -> Option<*const Local> {
        // A thread past its end has no number.
        let number = thread::number()?;
        if let Some(local) = self.own_local() {
            return Some(local);
        }
        let local = self.core.attach()?;
        if let Some(own) = self.own_local() {
            // The provider has used the heap meanwhile.
            // SAFETY: nobody has used it.
            unsafe { self.core.detach(local) };
            return Some(own);
        }
        if !self.locals.enter(number, local, self.core.store()) {
            // SAFETY: this thread's local, which nobody knows of.
            unsafe { self.core.detach(local) };
            return None;
        }
        Some(local.as_ptr())
    }
}

own_heap!(SharedHeap);
