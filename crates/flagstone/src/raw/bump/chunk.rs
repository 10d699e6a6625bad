//! A chunk of an arena: its header, and how it is had and given back.

use core::{alloc::Layout, ptr, ptr::NonNull};

use super::cursor::REACH;
use crate::{
    corruption::hooks,
    error::OutOfMemory,
    layout::{ChunkGrowth, align_up},
    provider::{Provider, request},
    sync::atomic::{AtomicPtr, Ordering},
};

/// A chunk in a list, or the end of it.
pub(crate) type Link = *mut ArenaChunk;

/// Chunks are aligned to this at least, and so is what follows their header.
const ALIGN: usize = 16;

/// Lies at the start of its chunk, of an arena of one thread or of several.
///
/// ```text
///   header │ start … filled │ … end
/// ```
///
/// # Invariants
///
/// 1. The chunk is `layout` in size and alignment, came from the arena's provider, and was not given
///    back. From `start` to `end` it is the arena's to hand out.
/// 2. `start <= filled <= end`, and `end` is at most `usize::MAX - REACH`.
/// 3. `start` is a multiple of the arena's minimum alignment.
#[repr(C, align(16))]
pub(crate) struct ArenaChunk {
    next: AtomicPtr<Self>,
    filled: AtomicPtr<u8>,
    start: *mut u8,
    end: *mut u8,
    layout: Layout,
}

impl ArenaChunk {
    /// Bytes from the base of a chunk to its start.
    pub(crate) const fn header(min_align: usize) -> usize {
        match align_up(size_of::<Self>(), min_align) {
            Some(header) => header,
            None => size_of::<Self>(),
        }
    }

    /// A chunk of fewer bytes is not worth having for its own sake.
    pub(crate) const fn smallest(min_align: usize) -> usize {
        let twice = 2 * Self::header(min_align);
        if twice < ChunkGrowth::FIRST {
            ChunkGrowth::FIRST
        } else {
            twice
        }
    }

    /// Bytes of a chunk in which `layout` fits, wherever the chunk lies; `None` if there is no such
    /// chunk.
    pub(crate) fn bytes_for(layout: Layout, min_align: usize) -> Option<usize> {
        let shift = layout.align().saturating_sub(ALIGN);
        let size = align_up(layout.size(), min_align)?;
        let whole = Self::header(min_align)
            .checked_add(shift)?
            .checked_add(size)?;
        isize::try_from(whole).ok().map(|_| whole)
    }

    /// A chunk of `size` bytes, or of half of that, and so on, but of at least `least`, which holds
    /// a header and something.
    pub(crate) fn obtain<P: Provider>(
        provider: &P,
        min_align: usize,
        mut size: usize,
        least: usize,
    ) -> Result<NonNull<Self>, OutOfMemory> {
        let align = min_align.max(ALIGN);
        loop {
            let refused = match Layout::from_size_align(size, align) {
                Ok(layout) => match request(provider, layout) {
                    // USER CODE ran in `request`.
                    Ok(chunk)
                        if chunk.ptr.as_ptr().addr() > usize::MAX - chunk.ptr.len() - REACH =>
                    {
                        // SAFETY: given for this layout by the line above, and not used.
                        unsafe { provider.free(chunk.ptr.cast(), layout) }; // USER CODE
                        OutOfMemory::new(layout)
                    }
                    // SAFETY: a chunk of this layout that nobody else has, far from the end of the
                    // address space.
                    Ok(chunk) => return Ok(unsafe { Self::create(chunk.ptr, layout, min_align) }),
                    Err(refused) => refused,
                },
                Err(_) => OutOfMemory::new(Layout::new::<u8>()),
            };
            if size <= least {
                return Err(refused);
            }
            size = (size / 2).max(least);
        }
    }

    /// Writes the header of a chunk.
    ///
    /// # Safety
    ///
    /// `memory` is exclusive, of `layout`'s size and alignment, and keeps its distance of `REACH`
    /// from the end of the address space; `layout` has room for a header.
    unsafe fn create(memory: NonNull<[u8]>, layout: Layout, min_align: usize) -> NonNull<Self> {
        let base = memory.cast::<u8>();
        // SAFETY: the header fits, by the caller's promise.
        let start = unsafe { base.add(Self::header(min_align)) };
        // SAFETY: the length of the memory.
        let end = unsafe { base.add(memory.len()) };
        hooks::run_mapped(start, end.as_ptr().addr() - start.as_ptr().addr());
        let header = Self {
            next: AtomicPtr::new(ptr::null_mut()),
            filled: AtomicPtr::new(start.as_ptr()),
            start: start.as_ptr(),
            end: end.as_ptr(),
            layout,
        };
        // SAFETY: in bounds, and aligned because the layout is aligned to `ALIGN` at least.
        unsafe { base.cast::<Self>().write(header) };
        base.cast()
    }

    /// Gives the chunk back to its provider.
    ///
    /// # Safety
    ///
    /// `chunk` came from `obtain` with this provider, is on no list, and nothing in it is used.
    pub(crate) unsafe fn release<P: Provider>(chunk: NonNull<Self>, provider: &P) {
        // SAFETY: invariant 1: a header lies there until the chunk is given back.
        let (start, whole, layout) = unsafe {
            let header = chunk.as_ref();
            (header.start, header.whole(), header.layout)
        };
        let len = whole - (start.addr() - chunk.as_ptr().addr());
        // SAFETY: in the chunk, and so not null.
        hooks::run_unmapped(unsafe { NonNull::new_unchecked(start) }, len);
        // SAFETY: invariant 1, and the caller's promise.
        unsafe { provider.free(chunk.cast(), layout) }; // USER CODE
    }

    /// The next chunk of whichever list this one is on.
    pub(crate) fn next(&self) -> Link {
        // Relaxed, here and below: an arena of one thread needs no order. One of several writes the
        // link before it publishes the chunk, and that has a Release.
        self.next.load(Ordering::Relaxed)
    }

    /// Changes the link.
    pub(crate) fn set_next(&self, next: Link) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// Behind the last byte that is handed out, or was before the chunk became spare. For the
    /// current chunk of a cursor it is not kept up: the cursor knows.
    pub(crate) fn filled(&self) -> *mut u8 {
        self.filled.load(Ordering::Relaxed)
    }

    /// Changes what is filled, while nobody else does.
    pub(crate) fn set_filled(&self, filled: *mut u8) {
        self.filled.store(filled, Ordering::Relaxed);
    }

    /// What is filled, for those who change it at the same time.
    pub(super) fn shared_filled(&self) -> &AtomicPtr<u8> {
        &self.filled
    }

    /// The first byte to hand out.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Behind the last one.
    pub(crate) fn end(&self) -> *mut u8 {
        self.end
    }

    /// Bytes of the whole chunk: those asked for, and what the provider gave on top.
    pub(crate) fn whole(&self) -> usize {
        self.end.addr() - ptr::from_ref(self).addr()
    }

    /// Whether `block` lies in what may be handed out.
    pub(crate) fn contains(&self, block: NonNull<u8>) -> bool {
        (self.start.addr()..self.end.addr()).contains(&block.as_ptr().addr())
    }

    /// Whether `block` of `size` bytes stands at the start, with nothing before and behind it.
    pub(crate) fn holds_only(&self, block: NonNull<u8>, size: usize, min_align: usize) -> bool {
        let used = align_up(size, min_align);
        block.as_ptr() == self.start && used == Some(self.used())
    }

    /// Tells the tools that nothing lies from `from` on.
    pub(crate) fn close_from(&self, from: *mut u8) {
        let len = self.filled().addr() - from.addr();
        if let Some(from) = NonNull::new(from) {
            hooks::block_returned(from, len);
        }
    }

    /// What was handed out, padding included.
    pub(crate) fn used_bytes(&self) -> NonNull<[u8]> {
        // SAFETY: in a chunk, and so not null.
        let start = unsafe { NonNull::new_unchecked(self.start) };
        NonNull::slice_from_raw_parts(start, self.used())
    }

    /// Bytes from the start to what is filled.
    pub(crate) fn used(&self) -> usize {
        self.filled().addr() - self.start.addr()
    }

    /// Where `layout` would lie at the start of the chunk, and where the free bytes behind it would
    /// begin; `None` when it does not fit.
    pub(crate) fn place(&self, layout: Layout, min_align: usize) -> Option<(*mut u8, *mut u8)> {
        let pad = self.start.addr().wrapping_neg() & (layout.align() - 1);
        let size = align_up(layout.size(), min_align)?;
        let need = pad.checked_add(size)?;
        (need <= self.end.addr() - self.start.addr()).then(|| {
            let block = self.start.wrapping_add(pad);
            (block, block.wrapping_add(size))
        })
    }
}
