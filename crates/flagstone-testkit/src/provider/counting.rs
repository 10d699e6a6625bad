//! A ledger of chunks.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{
    alloc::Layout,
    collections::HashMap,
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, Provider},
};

/// Passes on to `P` and writes down every chunk. A free of a chunk that is not out, or with another
/// layout than it was given for, is a failure; so is a chunk that is still out at the end.
///
/// ```
/// use flagstone::FixedPool;
/// use flagstone_testkit::provider::Counting;
///
/// let counting = <Counting>::default();
/// drop(FixedPool::<u64, _, _, _>::new_in(100, &counting));
/// assert_eq!(counting.requests(), 1);
/// assert_eq!(counting.live(), 0);
/// ```
#[derive(Debug, Default)]
pub struct Counting<P: Provider = Global> {
    inner: P,
    // Never locked while `inner` runs.
    ledger: Mutex<HashMap<usize, Layout>>,
    requests: AtomicUsize,
    frees: AtomicUsize,
}

impl<P: Provider> Counting<P> {
    /// A ledger for `inner`.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            ledger: Mutex::default(),
            requests: AtomicUsize::new(0),
            frees: AtomicUsize::new(0),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, HashMap<usize, Layout>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider behind the ledger.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// How many requests were granted.
    pub fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// How many chunks came back.
    pub fn frees(&self) -> usize {
        self.frees.load(Relaxed)
    }

    /// How many chunks are out.
    pub fn live(&self) -> usize {
        self.ledger().len()
    }

    /// Bytes of the chunks that are out.
    pub fn live_bytes(&self) -> usize {
        self.ledger().values().map(Layout::size).sum()
    }

    /// Granted requests and frees together: what a steady state must not change.
    pub fn calls(&self) -> usize {
        self.requests() + self.frees()
    }
}

// SAFETY: every answer is the inner provider's.
unsafe impl<P: Provider> Provider for Counting<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        assert_ne!(layout.size(), 0, "a provider was asked for no bytes");
        let chunk = self.inner.alloc(layout)?;
        let address = chunk.ptr.cast::<u8>().as_ptr().addr();
        let before = self.ledger().insert(address, layout);
        assert_eq!(before, None, "two chunks at {address:#x}");
        self.requests.fetch_add(1, Relaxed);
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        let address = ptr.as_ptr().addr();
        let given = self.ledger().remove(&address);
        assert_eq!(given, Some(layout), "a free that does not match its chunk");
        self.frees.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise, checked against the ledger.
        unsafe { self.inner.free(ptr, layout) }
    }
}

impl<P: Provider> Drop for Counting<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.ledger().is_empty(), "chunks were not returned");
        }
    }
}
