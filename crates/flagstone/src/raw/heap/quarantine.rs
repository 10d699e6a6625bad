//! Freed blocks that are not used again for a while.

use core::{
    cell::Cell,
    ptr::{self, NonNull},
};

use crate::layout::span::SLICE;

/// Blocks that one thread freed, in a slice of the heap. Which one goes next is chosen at random, so that
/// nobody can tell what will be at an address.
///
/// All zeros is one without blocks and without a place for them.
pub(super) struct Quarantine {
    blocks: Cell<*mut *mut u8>,
    count: Cell<usize>,
    bytes: Cell<usize>,
    random: Cell<u64>,
}

/// Blocks at most.
const MOST: usize = SLICE / size_of::<*mut u8>();

impl Quarantine {
    pub(super) const fn new() -> Self {
        Self {
            blocks: Cell::new(ptr::null_mut()),
            count: Cell::new(0),
            bytes: Cell::new(0),
            random: Cell::new(0),
        }
    }

    pub(super) fn needs_place(&self) -> bool {
        self.blocks.get().is_null()
    }

    /// Blocks are kept in `slice` from now on.
    ///
    /// # Safety
    ///
    /// The slice is the heap's, and stays as long as the quarantine.
    pub(super) unsafe fn set_place(&self, slice: NonNull<u8>) {
        self.blocks.set(slice.cast().as_ptr());
        // Where it lies differs from run to run; not 0.
        self.random.set(slice.as_ptr().addr() as u64 | 1);
    }

    /// Keeps a block of `size` bytes. There is a place, and room after `pop`.
    pub(super) fn push(&self, block: NonNull<u8>, size: usize) {
        let count = self.count.get();
        debug_assert!(count < MOST);
        // SAFETY: within the slice.
        unsafe { self.blocks.get().add(count).write(block.as_ptr()) };
        self.count.set(count + 1);
        self.bytes.set(self.bytes.get() + size);
    }

    /// Calls `see` with the blocks.
    pub(super) fn each(&self, see: impl FnMut(NonNull<u8>)) {
        let blocks = (0..self.count.get()).filter_map(|at| {
            // SAFETY: within the slice, and written.
            NonNull::new(unsafe { self.blocks.get().add(at).read() })
        });
        blocks.for_each(see);
    }

    /// Whether there are more than `bytes` bytes, or there is no room for another block.
    pub(super) fn is_over(&self, bytes: usize) -> bool {
        self.bytes.get() > bytes || self.count.get() == MOST
    }

    /// Takes some block out, whose size `size` says.
    pub(super) fn pop(&self, size: impl Fn(NonNull<u8>) -> usize) -> Option<NonNull<u8>> {
        let last = self.count.get().checked_sub(1)?;
        // Marsaglia's xorshift ("Xorshift RNGs", 2003).
        let mut random = self.random.get();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        self.random.set(random);
        let chosen = random as usize % (last + 1);
        // SAFETY: both are within the slice, and were written.
        let block = unsafe {
            let chosen = self.blocks.get().add(chosen);
            let block = chosen.read();
            chosen.write(self.blocks.get().add(last).read());
            block
        };
        self.count.set(last);
        let block = NonNull::new(block)?;
        self.bytes.set(self.bytes.get() - size(block));
        Some(block)
    }
}
