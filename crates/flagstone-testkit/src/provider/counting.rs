//! A ledger of chunks.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{
    alloc::Layout,
    cell::{Cell, RefCell},
    collections::HashMap,
    ptr::NonNull,
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
    // Never borrowed while `inner` runs.
    ledger: RefCell<HashMap<usize, Layout>>,
    requests: Cell<usize>,
    frees: Cell<usize>,
}

impl<P: Provider> Counting<P> {
    /// A ledger for `inner`.
    pub fn new(inner: P) -> Self {
        Self {
            inner,
            ledger: RefCell::default(),
            requests: Cell::new(0),
            frees: Cell::new(0),
        }
    }

    /// The provider behind the ledger.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// How many requests were granted.
    pub fn requests(&self) -> usize {
        self.requests.get()
    }

    /// How many chunks came back.
    pub fn frees(&self) -> usize {
        self.frees.get()
    }

    /// How many chunks are out.
    pub fn live(&self) -> usize {
        self.ledger.borrow().len()
    }

    /// Bytes of the chunks that are out.
    pub fn live_bytes(&self) -> usize {
        self.ledger.borrow().values().map(Layout::size).sum()
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
        let before = self.ledger.borrow_mut().insert(address, layout);
        assert_eq!(before, None, "two chunks at {address:#x}");
        self.requests.set(self.requests.get() + 1);
        Ok(chunk)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        let address = ptr.as_ptr().addr();
        let given = self.ledger.borrow_mut().remove(&address);
        assert_eq!(given, Some(layout), "a free that does not match its chunk");
        self.frees.set(self.frees.get() + 1);
        // SAFETY: the caller's promise, checked against the ledger.
        unsafe { self.inner.free(ptr, layout) }
    }
}

impl<P: Provider> Drop for Counting<P> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.ledger.get_mut().is_empty(), "chunks were not returned");
        }
    }
}
