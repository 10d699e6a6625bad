//! Memory that runs out when a test says so.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{alloc::Layout, cell::Cell, ptr::NonNull};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, Provider},
};

/// Refuses one request, or all from one on, or those above a size.
#[derive(Debug)]
pub struct FailNth<P: Provider = Global> {
    inner: P,
    asked: Cell<usize>,
    refused: Cell<usize>,
    most: Cell<usize>,
    from: Cell<usize>,
    to: Cell<usize>,
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
        provider.from.set(granted + 1);
        provider.to.set(usize::MAX);
        provider
    }
}

impl<P: Provider> FailNth<P> {
    /// Grants what `inner` does, until it is told otherwise.
    #[must_use]
    pub fn of(inner: P) -> Self {
        Self {
            inner,
            asked: Cell::new(0),
            refused: Cell::new(0),
            most: Cell::new(usize::MAX),
            from: Cell::new(usize::MAX),
            to: Cell::new(usize::MAX),
        }
    }

    /// The provider that grants.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// Refuses the `nth` request from now, counted from 1, and no other.
    pub fn refuse(&self, nth: usize) {
        self.from.set(self.asked.get() + nth);
        self.to.set(self.from.get());
    }

    /// Refuses everything from now on.
    pub fn refuse_all(&self) {
        self.from.set(0);
        self.to.set(usize::MAX);
    }

    /// Refuses requests of more than `bytes` bytes.
    pub fn refuse_above(&self, bytes: usize) {
        self.most.set(bytes);
    }

    /// How many requests were made, granted or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.get()
    }

    /// How many of them were refused here.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.get()
    }

    /// Grants everything from now on.
    pub fn relent(&self) {
        self.from.set(usize::MAX);
        self.most.set(usize::MAX);
    }
}

// SAFETY: every answer is the inner provider's, or none.
unsafe impl<P: Provider> Provider for FailNth<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let nth = self.asked.get() + 1;
        self.asked.set(nth);
        let chosen = (self.from.get()..=self.to.get()).contains(&nth);
        if chosen || layout.size() > self.most.get() {
            self.refused.set(self.refused.get() + 1);
            return Err(OutOfMemory::new(layout));
        }
        self.inner.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.free(ptr, layout) }
    }
}
