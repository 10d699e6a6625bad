//! Chunks of a provider that are shared out.

use alloc::sync::Arc;
use core::{alloc::Layout, any::Any, ptr::NonNull};

use crate::{
    error::OutOfMemory,
    provider::{Provider, Purged, request},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Where regions come from.
pub(crate) type Source = dyn Provider + Send + Sync;

/// The most bytes of a region.
pub(crate) const MOST: usize = 1 << 30;

/// What regions and their sizes are multiples of, and how runs are aligned.
pub(crate) const PAGE: usize = 4096;

/// Whose regions are: what takes storages back, and is there while a piece of a region is.
pub(crate) type Keeper = dyn Any + Send + Sync;

/// One chunk of a provider, of at most [`MOST`] bytes. Given back when the last piece of it is gone.
///
/// # Invariants
///
/// 1. `start` is a chunk that `provider` gave for `layout` and that was not given back.
/// 2. Every piece of it holds a share, and no two pieces have a byte in common.
pub(crate) struct Region {
    pub(super) start: NonNull<u8>,
    layout: Layout,
    pub(super) number: u32,
    page: usize,
    provider: Arc<Source>,
    pub(super) keeper: Arc<Keeper>,
    /// The keeper's address, which is that of nothing else while the region is.
    pub(super) home: usize,
    pub(super) allocator: u32,
    /// Whether bytes become 0 when a storage comes back.
    pub(super) wipes: bool,
    /// How many have its address to let others write to it, past what is seen here.
    exports: AtomicUsize,
}

// SAFETY: the memory belongs to the pieces; provider and keeper are both.
unsafe impl Send for Region {}
// SAFETY: as above; nothing in it changes but an atomic.
unsafe impl Sync for Region {}

impl Region {
    /// Asks for `bytes`, a multiple of [`PAGE`] up to [`MOST`]; all of them in one piece. With nothing
    /// locked.
    pub(crate) fn map(
        provider: &Arc<Source>,
        keeper: &Arc<Keeper>,
        (allocator, wipes): (u32, bool),
        number: u32,
        bytes: usize,
    ) -> Result<Extent, OutOfMemory> {
        debug_assert!(bytes > 0 && bytes <= MOST && bytes.is_multiple_of(PAGE));
        // A provider is never asked for nothing.
        let layout = Layout::from_size_align(bytes, PAGE).ok();
        let layout = layout.filter(|layout| layout.size() > 0);
        let layout = layout.ok_or(OutOfMemory::new(Layout::new::<u8>()))?;
        // First what may panic and has nothing to lose.
        let page = provider.page_size(); // USER CODE
        let chunk = request(&&**provider, layout)?; // USER CODE
        let region = Self {
            start: chunk.ptr.cast(),
            layout,
            number,
            page,
            provider: Arc::clone(provider),
            keeper: Arc::clone(keeper),
            home: Arc::as_ptr(keeper).cast::<()>().addr(),
            allocator,
            wipes,
            exports: AtomicUsize::new(0),
        };
        Ok(Extent {
            offset: 0,
            len: bytes as u32,
            touched: if chunk.zeroed { 0 } else { bytes as u32 },
            region: Arc::new(region),
        })
    }

    /// Says that somebody lets others use its memory by address, such as a kernel that has pinned it: from
    /// now on what is behind it stays.
    pub(crate) fn export(&self) {
        // Relaxed: whoever takes memory away looks under a lock that the caller has.
        self.exports.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends an [`export`](Self::export).
    pub(crate) fn unexport(&self) {
        // Release: pairs with the Acquire in `is_exported`: what goes goes after the others have ended.
        self.exports.fetch_sub(1, Ordering::Release);
    }

    /// Whether its memory has to stay behind its addresses.
    pub(crate) fn is_exported(&self) -> bool {
        // Acquire: pairs with the Release in `unexport`.
        self.exports.load(Ordering::Acquire) > 0
    }

    /// Its number among those of its allocator.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Where it starts. The memory may only be touched as far as pieces of it are.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the provider's chunk (invariant 1), of which no piece is left (invariant 2).
        unsafe { self.provider.free(self.start, self.layout) }; // USER CODE
    }
}

/// A piece of a region that nothing is in.
///
/// # Invariants
///
/// 1. `len` bytes from `offset` lie in the region and are this extent's alone.
/// 2. Bytes from `touched` on are 0, and have no memory behind them if the provider has pages.
pub(crate) struct Extent {
    pub(super) region: Arc<Region>,
    pub(super) offset: u32,
    pub(super) len: u32,
    pub(super) touched: u32,
}

impl Extent {
    pub(crate) fn region(&self) -> &Arc<Region> {
        &self.region
    }

    /// Bytes from the start of the region.
    pub(crate) fn offset(&self) -> u32 {
        self.offset
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// Bytes, from its start, behind which there may be memory.
    pub(crate) fn touched(&self) -> u32 {
        self.touched
    }

    /// Whether it is all of its region.
    pub(crate) fn is_region(&self) -> bool {
        self.len as usize == self.region.len()
    }

    /// Takes all but the first `at` bytes, if there are more.
    pub(crate) fn split_off(&mut self, at: u32) -> Option<Self> {
        let len = self.len.checked_sub(at).filter(|&len| len > 0)?;
        self.len = at;
        let touched = self.touched.saturating_sub(at);
        self.touched -= touched;
        Some(Self {
            region: Arc::clone(&self.region),
            offset: self.offset + at,
            len,
            touched,
        })
    }

    /// Adds the piece right behind; another one comes back.
    pub(crate) fn join(&mut self, next: Self) -> Result<(), Self> {
        if !Arc::ptr_eq(&self.region, &next.region) || self.offset + self.len != next.offset {
            return Err(next);
        }
        if next.touched > 0 {
            self.touched = self.len + next.touched;
        }
        self.len += next.len;
        Ok(())
    }

    /// Offers the memory behind its whole pages back; bytes that surely went. `None` if the provider
    /// keeps what it is offered; 0 also if a page of it is another's, too. With nothing locked.
    pub(crate) fn purge(&mut self) -> Option<usize> {
        let (len, before, page) = (self.len as usize, self.touched as usize, self.region.page);
        if !page.is_power_of_two() {
            return None;
        }
        let skip = self.start().as_ptr().addr().wrapping_neg() & (page - 1);
        // What is behind the last whole page would have to be at the start to be known.
        let whole = len.saturating_sub(skip) & !(page - 1);
        if before <= skip || before - skip > whole {
            return Some(0);
        }
        let end = (before - skip).div_ceil(page) * page;
        // SAFETY: within the extent, which is longer than that.
        let start = unsafe { self.start().add(skip) };
        // SAFETY: whole pages of a chunk of this provider, in which nothing is (invariant 1).
        let purged = unsafe { self.region.provider.purge(start, end) }; // USER CODE
        if purged == Purged::No {
            return None;
        }
        self.touched = skip as u32;
        Some(before - skip)
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        // SAFETY: within the region (invariant 1).
        unsafe { self.region.start.add(self.offset as usize) }
    }
}
