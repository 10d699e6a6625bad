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
    provider::{Chunk, Global, Provider, Purged},
};

/// Passes on to `P` and writes down every chunk. A free of a chunk that is not out, or with another
/// layout than it was given for, is a failure; so is a chunk that is still out at the end, and a
/// range that is no whole pages of a chunk.
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
    ledger: Mutex<HashMap<usize, Entry>>,
    requests: AtomicUsize,
    frees: AtomicUsize,
}

/// A chunk that is out.
#[derive(Clone, Copy, Debug)]
struct Entry {
    layout: Layout,
    /// How many bytes there really are.
    len: usize,
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

    fn ledger(&self) -> MutexGuard<'_, HashMap<usize, Entry>> {
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
        let ledger = self.ledger();
        ledger.values().map(|entry| entry.layout.size()).sum()
    }

    /// Granted requests and frees together: what a steady state must not change.
    pub fn calls(&self) -> usize {
        self.requests() + self.frees()
    }

    /// Writes a chunk down.
    fn given(&self, ptr: NonNull<[u8]>, layout: Layout) {
        let (address, len) = (ptr.as_ptr().addr(), ptr.len());
        let before = self.ledger().insert(address, Entry { layout, len });
        assert!(before.is_none(), "two chunks at {address:#x}");
        self.requests.fetch_add(1, Relaxed);
    }

    /// Crosses a chunk out.
    fn taken(&self, ptr: NonNull<u8>, layout: Layout) -> Entry {
        let entry = self.ledger().remove(&ptr.as_ptr().addr());
        let entry = entry.filter(|entry| entry.layout == layout);
        entry.expect("a chunk comes back that was not given, or not for this layout")
    }

    /// Fails unless the range is whole pages of a chunk that is out.
    fn inside(&self, ptr: NonNull<u8>, len: usize) {
        let page = self.inner.page_size();
        let start = ptr.as_ptr().addr();
        assert!(
            len > 0 && start.is_multiple_of(page) && len.is_multiple_of(page),
            "{len} bytes from {start:#x} are no whole pages"
        );
        let ledger = self.ledger();
        let mut chunks = ledger.iter();
        assert!(
            chunks.any(|(&at, entry)| at <= start && start + len <= at + entry.len),
            "{len} bytes from {start:#x} are in no chunk"
        );
    }
}

// SAFETY: every answer is the inner provider's.
unsafe impl<P: Provider> Provider for Counting<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        assert_ne!(layout.size(), 0, "a provider was asked for no bytes");
        let chunk = self.inner.alloc(layout)?;
        self.given(chunk.ptr, layout);
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        self.taken(ptr, layout);
        self.frees.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise, checked against the ledger.
        unsafe { self.inner.free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        assert_ne!(new.size(), 0, "a chunk was made to have no bytes");
        let entry = self.taken(ptr, old);
        // SAFETY: the caller's promise, checked against the ledger.
        let Ok(chunk) = (unsafe { self.inner.remap(ptr, old, new) }) else {
            self.ledger().insert(ptr.as_ptr().addr(), entry);
            return Err(OutOfMemory::new(new));
        };
        self.given(chunk.ptr, new);
        self.frees.fetch_add(1, Relaxed);
        Ok(chunk)
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        assert_ne!(layout.size(), 0, "a provider was asked for no addresses");
        let range = self.inner.reserve_addresses(layout)?;
        self.given(range, layout);
        Ok(range)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        self.inside(ptr, len);
        // SAFETY: the caller's promise, partly checked.
        unsafe { self.inner.commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        self.inside(ptr, len);
        // SAFETY: the caller's promise, partly checked.
        unsafe { self.inner.decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        self.inside(ptr, len);
        // SAFETY: the caller's promise, partly checked.
        unsafe { self.inner.purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        self.inside(ptr, len);
        // SAFETY: the caller's promise, partly checked.
        unsafe { self.inner.prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.inner.page_size()
    }
}

impl<P: Provider> Drop for Counting<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.ledger().is_empty(), "chunks were not returned");
        }
    }
}
