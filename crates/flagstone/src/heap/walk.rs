//! What is in a heap, one area after the other.

use core::{fmt, ptr::NonNull};

use crate::raw::heap::Area;

/// A span of slots, a run, or a mapping of its own, as a walk of a heap found it ([`LocalHeap::walk`],
/// [`SharedHeap::walk`], [`Heap::walk`]): a copy, so whatever happens to the heap meanwhile, it stays as it is.
///
/// [`LocalHeap::walk`]: super::LocalHeap::walk
/// [`SharedHeap::walk`]: super::SharedHeap::walk
/// [`Heap::walk`]: super::Heap::walk
pub struct HeapArea {
    area: Area,
}

/// Which thread takes slots from an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaOwner {
    /// The one that walks.
    ThisThread,
    /// Another one, or one that has ended without that the next has come.
    AnotherThread,
    /// None: a span whose thread has ended, or one block that has an area of its own.
    Nobody,
}

impl HeapArea {
    pub(super) const fn new(area: Area) -> Self {
        Self { area }
    }

    /// Its first byte, which need not be that of a block.
    #[must_use]
    pub fn start(&self) -> *const u8 {
        self.area.start.as_ptr()
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.area.bytes
    }

    /// Bytes of each slot, or of the one block.
    #[must_use]
    pub const fn slot_size(&self) -> usize {
        self.area.size
    }

    /// So many blocks can be in it: 1 if it is a block as a whole.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.area.slots
    }

    /// So many blocks are in it. While other threads allocate or free, it may be about so many, unless
    /// [`blocks`](Self::blocks) knows them.
    #[must_use]
    pub const fn in_use(&self) -> usize {
        self.area.in_use
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(&self) -> AreaOwner {
        match (self.area.is_own, self.area.owner) {
            (true, _) => AreaOwner::ThisThread,
            (false, 0) => AreaOwner::Nobody,
            (false, _) => AreaOwner::AnotherThread,
        }
    }

    /// The blocks in use, by ascending addresses, with all the bytes that they have; `None` if it cannot be told which
    /// they are.
    ///
    /// It can for blocks that have an area of their own, for areas of the thread that walks, and in a
    /// [checked](super::HeapOptions::checked) heap for all. In a heap that is not checked and has a
    /// [quarantine](super::HeapOptions::quarantine) it can only until a second thread allocates.
    #[must_use]
    pub fn blocks(&self) -> Option<impl Iterator<Item = NonNull<[u8]>> + '_> {
        self.area.blocks()
    }
}

impl fmt::Debug for HeapArea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeapArea")
            .field("start", &self.start())
            .field("bytes", &self.bytes())
            .field("slot_size", &self.slot_size())
            .field("slots", &self.slots())
            .field("in_use", &self.in_use())
            .field("owner", &self.owner())
            .finish_non_exhaustive()
    }
}
