//! Memory that runs out when a test says so.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{alloc::Layout, cell::Cell, ptr::NonNull};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, Provider},
};

/// Refuses one request, or all from one on.
#[derive(Debug, Default)]
pub struct FailNth<P: Provider = Global> {
    inner: P,
    asked: Cell<usize>,
    from: Cell<usize>,
    to: Cell<usize>,
}

impl FailNth {
    /// Refuses the `nth` request, counted from 1, and grants all others.
    #[must_use]
    pub fn only(nth: usize) -> Self {
        let provider = Self::default();
        provider.from.set(nth);
        provider.to.set(nth);
        provider
    }

    /// Grants `granted` requests and no more.
    #[must_use]
    pub fn after(granted: usize) -> Self {
        let provider = Self::default();
        provider.from.set(granted + 1);
        provider.to.set(usize::MAX);
        provider
    }

    /// How many requests were made, granted or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.get()
    }

    /// Grants everything from now on.
    pub fn relent(&self) {
        self.from.set(usize::MAX);
    }
}

// SAFETY: every answer is the inner provider's, or none.
unsafe impl<P: Provider> Provider for FailNth<P> {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let nth = self.asked.get() + 1;
        self.asked.set(nth);
        if (self.from.get()..=self.to.get()).contains(&nth) {
            return Err(OutOfMemory::new(layout));
        }
        self.inner.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.free(ptr, layout) }
    }
}
