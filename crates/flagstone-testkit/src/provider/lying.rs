//! A provider that breaks its contract.
#![expect(unsafe_code, reason = "implements Provider, badly on purpose")]

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

/// How an answer is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// One byte too few.
    Short,
    /// One byte past an aligned address.
    Misaligned,
}

/// Gives a wrong answer at one request and right ones at all others. The memory is real, and taken
/// back whole, so a structure that checks its answers runs on without harm. Requests are all calls
/// that may be refused; what is reserved here is memory at once, so that it may be lied about, and a
/// chunk of another size is a copy.
#[derive(Debug)]
pub struct Lying {
    lie: Lie,
    nth: usize,
    asked: Cell<usize>,
    // Where the wrong chunks really start, and what they really are.
    real: RefCell<HashMap<usize, (NonNull<u8>, Layout)>>,
}

impl Lying {
    /// Tells `lie` at the `nth` request, counted from 1.
    #[must_use]
    pub fn at(nth: usize, lie: Lie) -> Self {
        Self {
            lie,
            nth,
            asked: Cell::new(0),
            real: RefCell::default(),
        }
    }

    fn lie(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        let refused = OutOfMemory::new(layout);
        // Room for the address to be one off.
        let size = layout.size() + layout.align();
        let real = Layout::from_size_align(size, layout.align()).map_err(|_| refused)?;
        let start = Global.alloc(real)?.ptr.cast::<u8>();
        let (ptr, len) = match self.lie {
            Lie::Short => (start, layout.size() - 1),
            // SAFETY: there is at least one byte more than asked for.
            Lie::Misaligned => (unsafe { start.add(1) }, layout.size()),
        };
        let before = self
            .real
            .borrow_mut()
            .insert(ptr.as_ptr().addr(), (start, real));
        assert!(before.is_none(), "two chunks at one address");
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, len),
            zeroed: false,
        })
    }

    /// A chunk, wrong at the request that is chosen.
    fn give(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        if self.turn() {
            return self.lie(layout);
        }
        Global.alloc(layout)
    }

    /// Counts a request; whether it is the one to lie at.
    fn turn(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.asked.get() == self.nth
    }
}

// SAFETY: not what the contract says: one answer is short, misaligned or elsewhere. What is tested
// never uses that answer, and gets good ones otherwise.
unsafe impl Provider for Lying {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.give(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        let lied = self.real.borrow_mut().remove(&ptr.as_ptr().addr());
        let (ptr, layout) = lied.unwrap_or((ptr, layout));
        // SAFETY: the chunk as the global allocator gave it.
        unsafe { Global.free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        let chunk = self.give(new)?;
        let kept = old.size().min(chunk.ptr.len());
        // SAFETY: two different chunks, of at least so many bytes each.
        unsafe { chunk.ptr.cast::<u8>().copy_from_nonoverlapping(ptr, kept) };
        // SAFETY: the caller's promise.
        unsafe { self.free(ptr, old) };
        Ok(chunk)
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        Ok(self.give(layout)?.ptr)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        let (ptr, len) = match self.lie {
            _ if !self.turn() => (ptr, len),
            Lie::Short => (ptr, len - 1),
            // SAFETY: within the chunk, because `len` is not 0.
            Lie::Misaligned => (unsafe { ptr.add(1) }, len),
        };
        Ok(Chunk {
            ptr: NonNull::slice_from_raw_parts(ptr, len),
            zeroed: false,
        })
    }
}

impl Drop for Lying {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.real.get_mut().is_empty(), "a wrong chunk was kept");
        }
    }
}
