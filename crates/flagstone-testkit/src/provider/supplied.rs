//! All of the library's providers behind one type.
#![expect(unsafe_code, reason = "implements Provider")]

use std::{alloc::Layout, ptr::NonNull};

use flagstone::{
    OutOfMemory,
    provider::{Chunk, Global, OsPages, Provider, Purged, StaticRegion},
};

use super::{Counting, Lending};

/// Where chunks are to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The global allocator.
    Global,
    /// A `ByteRegion`.
    Bytes,
    /// A `&'static StaticRegion`, shared with all tests of the binary.
    Static,
    /// Pages of the operating system.
    OsPages,
}

impl Source {
    /// All that work where the tests run: the interpreter has no partial unmapping.
    pub const ALL: &'static [Self] = if cfg!(miri) {
        &[Self::Global, Self::Bytes]
    } else {
        &[Self::Global, Self::Bytes, Self::Static, Self::OsPages]
    };
}

const REGION: usize = 8 << 20;
static STATIC: StaticRegion<REGION> = StaticRegion::new();

/// A provider of any [`Source`]. What a pool does does not depend on where its memory comes from,
/// so one type is compiled, and all sources run.
#[derive(Debug)]
pub enum Supplied {
    /// The global allocator.
    Global(Global),
    /// A region of its own.
    Bytes(Lending),
    /// The one static region.
    Static(&'static StaticRegion<REGION>),
    /// Pages of the operating system.
    OsPages(OsPages),
}

impl Supplied {
    /// A provider that takes from `source`.
    #[must_use]
    pub fn of(source: Source) -> Self {
        match source {
            Source::Global => Self::Global(Global),
            Source::Bytes => Self::Bytes(Lending::new(REGION)),
            Source::Static => Self::Static(&STATIC),
            Source::OsPages => Self::OsPages(OsPages),
        }
    }

    /// A provider that takes from `source`, under a ledger.
    #[must_use]
    pub fn counting(source: Source) -> Counting<Self> {
        Counting::new(Self::of(source))
    }

    /// Whether there is an end to its memory.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Static(_))
    }

    fn inner(&self) -> &dyn Provider {
        match self {
            Self::Global(provider) => provider,
            Self::Bytes(provider) => provider,
            Self::Static(provider) => provider,
            Self::OsPages(provider) => provider,
        }
    }
}

// SAFETY: every answer is that of one of the library's providers.
unsafe impl Provider for Supplied {
    fn alloc(&self, layout: Layout) -> Result<Chunk, OutOfMemory> {
        self.inner().alloc(layout)
    }

    unsafe fn free(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, here and below.
        unsafe { self.inner().free(ptr, layout) }
    }

    unsafe fn remap(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<Chunk, OutOfMemory> {
        // SAFETY: as above.
        unsafe { self.inner().remap(ptr, old, new) }
    }

    fn reserve_addresses(&self, layout: Layout) -> Result<NonNull<[u8]>, OutOfMemory> {
        self.inner().reserve_addresses(layout)
    }

    unsafe fn commit(&self, ptr: NonNull<u8>, len: usize) -> Result<Chunk, OutOfMemory> {
        // SAFETY: as above.
        unsafe { self.inner().commit(ptr, len) }
    }

    unsafe fn decommit(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: as above.
        unsafe { self.inner().decommit(ptr, len) }
    }

    unsafe fn purge(&self, ptr: NonNull<u8>, len: usize) -> Purged {
        // SAFETY: as above.
        unsafe { self.inner().purge(ptr, len) }
    }

    unsafe fn prefer_huge_pages(&self, ptr: NonNull<u8>, len: usize) -> bool {
        // SAFETY: as above.
        unsafe { self.inner().prefer_huge_pages(ptr, len) }
    }

    fn page_size(&self) -> usize {
        self.inner().page_size()
    }
}
