//! Memory that runs out when a test says so.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{
    alloc::Layout,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, Provider, Purged},
};

/// Refuses one request, or all from one on, or those above a size. Requests are all calls that may
/// be refused: for chunks, for addresses, for memory behind them, and for another size.
#[derive(Debug)]
pub struct FailNth<P: Provider = Global> {
    inner: P,
    asked: AtomicUsize,
    refused: AtomicUsize,
    most: AtomicUsize,
    from: AtomicUsize,
    to: AtomicUsize,
}

impl FailNth {
    /// Refuses the `nth` request, counted from 1, and grants all others.
    #[must_use]
    pub fn only(nth: usize) -> Self {
        let provider = Self::of(Global);
        provider.refuse(nth);
        provider
    }

    /// Grants `granted` requests and no more.
    #[must_use]
    pub fn after(granted: usize) -> Self {
        let provider = Self::of(Global);
        provider.from.store(granted + 1, Relaxed);
        provider.to.store(usize::MAX, Relaxed);
        provider
    }
}

impl<P: Provider> FailNth<P> {
    /// Grants what `inner` does, until it is told otherwise.
    #[must_use]
    pub fn of(inner: P) -> Self {
        Self {
            inner,
            asked: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            from: AtomicUsize::new(usize::MAX),
            to: AtomicUsize::new(usize::MAX),
        }
    }

    /// The provider that grants.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Refuses the `nth` request from now, counted from 1, and no other.
    pub fn refuse(&self, nth: usize) {
        self.from.store(self.asked.load(Relaxed) + nth, Relaxed);
        self.to.store(self.from.load(Relaxed), Relaxed);
    }

    /// Refuses everything from now on.
    pub fn refuse_all(&self) {
        self.from.store(0, Relaxed);
        self.to.store(usize::MAX, Relaxed);
    }

    /// Refuses requests of more than `bytes` bytes.
    pub fn refuse_above(&self, bytes: usize) {
        self.most.store(bytes, Relaxed);
    }

    /// How many requests were made, granted or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    /// How many of them were refused here.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    /// Grants everything from now on.
    pub fn relent(&self) {
        self.from.store(usize::MAX, Relaxed);
        self.most.store(usize::MAX, Relaxed);
    }

    /// Counts a request of `size` bytes; whether it is to be refused.
    fn refuses(&self, size: usize) -> bool {
        let nth = self.asked.fetch_add(1, Relaxed) + 1;
        let chosen = (self.from.load(Relaxed)..=self.to.load(Relaxed)).contains(&nth);
        let refused = chosen || size > self.most.load(Relaxed);
        if refused {
            self.refused.fetch_add(1, Relaxed);
        }
        refused
    }
}

// SAFETY: every answer is the inner provider's, or none.
unsafe impl<P: Provider> Provider for FailNth<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if self.refuses(layout.size()) {
            return Err(OutOfMemory::new(layout));
        }
        self.inner.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        if self.refuses(new.size()) {
            return Err(OutOfMemory::new(new));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.remap(ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        if self.refuses(layout.size()) {
            return Err(OutOfMemory::new(layout));
        }
        self.inner.reserve_addresses(layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        if self.refuses(len) {
            let layout = Layout::from_size_align(len, 1).expect("a range of a chunk");
            return Err(OutOfMemory::new(layout));
        }
        // SAFETY: the caller's promise.
        unsafe { self.inner.commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.inner.decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: the caller's promise.
        unsafe { self.inner.purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.inner.prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.inner.page_size()
    }
}
