//! What a heap holds.

use core::fmt;

use crate::raw::heap::Census;

/// What a heap holds at some time, in bytes. Other threads may have changed it since.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use flagstone::heap::Heap;
///
/// let heap = Heap::new();
/// let layout = Layout::new::<[u64; 100]>();
/// // SAFETY: the layout has a size.
/// let block = unsafe { heap.alloc(layout) };
/// let stats = heap.stats();
/// assert!(stats.live() >= 800 && stats.mapped() >= stats.live());
/// # // SAFETY: allocated above.
/// unsafe { heap.dealloc(block, layout) };
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapStats {
    census: Census,
}

impl HeapStats {
    pub(super) const fn new(census: Census) -> Self {
        Self { census }
    }

    /// Bytes that the provider gave.
    #[must_use]
    pub const fn mapped(&self) -> usize {
        self.census.mapped
    }

    /// Bytes of the blocks in use, with what their sizes were rounded up by. Blocks that other threads gave
    /// back count until their thread has noticed.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.census.live
    }

    /// Blocks in use, counted the same way.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.census.blocks
    }

    /// Bytes of slices in which nothing is.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.census.free
    }

    /// Bytes of free slices and kept mappings that will be given back.
    #[must_use]
    pub const fn idle(&self) -> usize {
        self.census.idle + self.census.kept
    }

    /// How many threads had a part of the heap at once.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.census.locals
    }
}

impl fmt::Display for HeapStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12} bytes mapped", self.mapped())?;
        writeln!(
            f,
            "{:>12} bytes in use, {} blocks in {} spans",
            self.live(),
            self.blocks(),
            self.census.spans
        )?;
        writeln!(f, "{:>12} bytes in free slices", self.free())?;
        writeln!(f, "{:>12} bytes to be given back", self.idle())?;
        write!(f, "{:>12} threads at once", self.threads())
    }
}
