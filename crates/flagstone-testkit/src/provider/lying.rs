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

/// Gives a wrong chunk at one request and right ones at all others. The memory is real, and taken
/// back whole, so a structure that checks its answers runs on without harm.
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
}

// SAFETY: not what the contract says: one answer is short or misaligned. What is tested never uses
// that chunk, and gets good ones otherwise.
unsafe impl Provider for Lying {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() == self.nth {
            return self.lie(layout);
        }
        Global.alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        let lied = self.real.borrow_mut().remove(&ptr.as_ptr().addr());
        let (ptr, layout) = lied.unwrap_or((ptr, layout));
        // SAFETY: the chunk as the global allocator gave it.
        unsafe { Global.free(ptr, layout) }
    }
}

impl Drop for Lying {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.real.get_mut().is_empty(), "a wrong chunk was kept");
        }
    }
}
