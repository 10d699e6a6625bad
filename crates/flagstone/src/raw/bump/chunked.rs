//! A cursor and the chunks it goes through.

use core::{alloc::Layout, cell::Cell, num::NonZero, ptr, ptr::NonNull};

use super::{
    chunk::{ArenaChunk, Link},
    cursor::Cursor,
};
use crate::{
    corruption::hooks,
    error::{Cause, OutOfMemory},
    layout::{ChunkGrowth, ChunkPlan},
    provider::Provider,
    raw::lifecycle::PutBack,
};

/// The chunks of a [`Bump`].
///
/// Copied out, changed and put back as a whole, never across a call of user code.
#[derive(Clone, Copy)]
struct Chunks {
    /// In use, newest first.
    top: Link,
    /// From here on downwards they belong to whoever this bump was claimed from.
    base: Link,
    /// The one the cursor is in; among those in use.
    current: Link,
    /// With nothing in them.
    spare: Link,
    /// Bytes of all chunks.
    reserved: usize,
    /// Most bytes of all chunks.
    limit: usize,
    growth: ChunkGrowth,
    /// Everything was moved elsewhere, and comes back.
    claimed: bool,
}

impl Chunks {
    const fn none(limit: usize) -> Self {
        Self {
            top: ptr::null_mut(),
            base: ptr::null_mut(),
            current: ptr::null_mut(),
            spare: ptr::null_mut(),
            reserved: 0,
            limit,
            growth: ChunkGrowth::new(),
            claimed: false,
        }
    }
}

/// A state to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    top: Link,
    base: Link,
    current: Link,
    floor: *mut u8,
    pos: *mut u8,
}

impl Mark {
    /// Before the first chunk.
    const START: Self = Self {
        top: ptr::null_mut(),
        base: ptr::null_mut(),
        current: ptr::null_mut(),
        floor: ptr::null_mut(),
        pos: ptr::null_mut(),
    };
}

/// What a request needs that the current chunk cannot serve.
#[derive(Debug)]
pub(crate) enum Need {
    /// Nothing more: a spare chunk served it, or it has no bytes.
    Served(NonNull<u8>),
    /// A chunk from the provider, whose bytes are counted already.
    Chunk(ChunkPlan),
}

/// Moves up through chunks; knows no provider, which is handed in where one is needed.
///
/// ```text
///   top ▶ apart ▶ current ▶ full ▶ (base) ▶ …       spare ▶ empty ▶ empty
///                 ╰ cursor
/// ```
///
/// # Invariants
///
/// 1. Every chunk is on one of the two lists: in use, or spare.
/// 2. `current` is null or among those in use, and the cursor is in it; without one it is nowhere.
/// 3. Nothing lies in spare chunks.
/// 4. `base` is null or among those in use; chunks from there on, and below the cursor's floor,
///    keep what lies in them.
/// 5. While it is claimed, the lists are empty and the cursor is nowhere.
pub(crate) struct Bump<const MIN_ALIGN: usize> {
    cursor: Cursor<MIN_ALIGN>,
    chunks: Cell<Chunks>,
}

impl<const MIN_ALIGN: usize> Bump<MIN_ALIGN> {
    /// Without a chunk.
    pub(crate) const fn new() -> Self {
        const {
            assert!(
                MIN_ALIGN.is_power_of_two() && MIN_ALIGN <= 4096,
                "the minimum alignment of an arena is a power of two from 1 to 4096"
            );
        };
        Self {
            cursor: Cursor::nowhere(),
            chunks: Cell::new(Chunks::none(usize::MAX)),
        }
    }

    /// The hot path: what the current chunk can serve.
    #[inline(always)]
    pub(crate) fn cursor(&self) -> &Cursor<MIN_ALIGN> {
        &self.cursor
    }

    /// Room for `layout`, which the current chunk does not have, or the reason why there is none.
    pub(crate) fn grow<P: Provider>(
        &self,
        provider: &P,
        layout: Layout,
    ) -> Result<NonNull<u8>, Cause> {
        let plan = match self.need(layout)? {
            Need::Served(block) => return Ok(block),
            Need::Chunk(plan) => plan,
        };
        let refund = PutBack::new(|| self.refund(plan.size));
        // USER CODE: the provider may use this very arena, so nothing read before is relied on.
        let chunk = ArenaChunk::obtain(provider, MIN_ALIGN, plan.size, plan.least)?;
        refund.disarm();
        Ok(self.adopt(chunk, plan, layout))
    }

    /// Serves a request from what there is, or says which chunk to get; the bytes of that count as
    /// reserved, until it is adopted or they are refunded.
    pub(crate) fn need(&self, layout: Layout) -> Result<Need, Cause> {
        if layout.size() == 0 {
            return Ok(Need::Served(dangling(layout)));
        }
        let mut chunks = self.chunks.get();
        if chunks.claimed {
            return Err(Cause::claimed());
        }
        let need = ArenaChunk::bytes_for(layout, MIN_ALIGN).ok_or(Cause::out_of_memory(layout))?;
        let mut plan = match NonNull::new(chunks.current) {
            // SAFETY: invariant 1: listed chunks have headers.
            Some(current) => chunks.growth.plan(need, self.cursor.room(), unsafe {
                current.as_ref().whole()
            }),
            None => chunks.growth.plan(need, 0, 0),
        };
        if let Some(spare) = self.take_spare(layout) {
            // SAFETY: invariant 1.
            let whole = unsafe { spare.as_ref() }.whole();
            let apart = plan.apart && whole / 2 <= need;
            return Ok(Need::Served(self.install(spare, apart, layout)));
        }
        let left = chunks.limit.saturating_sub(chunks.reserved);
        if need > left {
            return Err(Cause::limit(chunks.limit));
        }
        plan.size = plan.size.min(left);
        chunks.reserved += plan.size;
        self.chunks.set(chunks);
        Ok(Need::Chunk(plan))
    }

    /// A chunk of that size could not be had after all.
    pub(crate) fn refund(&self, size: usize) {
        let mut chunks = self.chunks.get();
        chunks.reserved -= size;
        self.chunks.set(chunks);
    }

    /// Takes a chunk that was obtained for `plan` and puts `layout` into it.
    pub(crate) fn adopt(
        &self,
        chunk: NonNull<ArenaChunk>,
        plan: ChunkPlan,
        layout: Layout,
    ) -> NonNull<u8> {
        // SAFETY: just obtained.
        let whole = unsafe { chunk.as_ref() }.whole();
        let mut chunks = self.chunks.get();
        // A provider may give more than it was asked for.
        chunks.reserved = chunks.reserved - plan.size + whole;
        chunks.growth = chunks.growth.made(whole, plan.apart);
        self.chunks.set(chunks);
        self.install(chunk, plan.apart, layout)
    }

    /// Puts `layout` into an empty chunk in which it fits and that is on no list, and the chunk among
    /// those in use; unless it is `apart`, the cursor goes there.
    fn install(&self, chunk: NonNull<ArenaChunk>, apart: bool, layout: Layout) -> NonNull<u8> {
        // SAFETY: it has a header, and no other reference to it exists.
        let header = unsafe { chunk.as_ref() };
        let (block, filled) = header
            .place(layout, MIN_ALIGN)
            .expect("the chunk was chosen for this layout");
        header.set_filled(filled);
        self.keep_fill();
        let mut chunks = self.chunks.get();
        header.set_next(chunks.top);
        chunks.top = chunk.as_ptr();
        if !apart {
            chunks.current = chunk.as_ptr();
            // SAFETY: an unused chunk's bytes, `filled` a multiple of the minimum alignment; the
            // chunk keeps its distance from the end of the address space.
            unsafe { self.cursor.go(header.start(), filled, header.end()) };
        }
        self.chunks.set(chunks);
        // SAFETY: within the chunk.
        let block = unsafe { NonNull::new_unchecked(block) };
        hooks::block_taken(block, layout.size());
        block
    }

    /// Takes the smallest spare chunk off its list in which `layout` fits.
    fn take_spare(&self, layout: Layout) -> Option<NonNull<ArenaChunk>> {
        let mut chunks = self.chunks.get();
        let mut best: Option<(NonNull<ArenaChunk>, Link)> = None;
        let (mut before, mut at): (Link, Link) = (ptr::null_mut(), chunks.spare);
        while let Some(chunk) = NonNull::new(at) {
            // SAFETY: invariant 1: listed chunks have headers.
            let header = unsafe { chunk.as_ref() };
            // SAFETY: as above.
            let better =
                best.is_none_or(|(best, _)| header.whole() < unsafe { best.as_ref() }.whole());
            if better && header.place(layout, MIN_ALIGN).is_some() {
                best = Some((chunk, before));
            }
            (before, at) = (at, header.next());
        }
        let (chunk, before) = best?;
        // SAFETY: as above.
        let after = unsafe { chunk.as_ref() }.next();
        match NonNull::new(before) {
            // SAFETY: as above.
            Some(before) => unsafe { before.as_ref() }.set_next(after),
            None => chunks.spare = after,
        }
        self.chunks.set(chunks);
        Some(chunk)
    }

    /// Writes the cursor's position into the current chunk.
    fn keep_fill(&self) {
        if let Some(current) = NonNull::new(self.chunks.get().current) {
            // SAFETY: invariants 1 and 2.
            unsafe { current.as_ref() }.set_filled(self.cursor.pos());
        }
    }

    /// Where things are now; what was handed out so far stays put until `rewind`.
    pub(crate) fn mark(&self) -> Mark {
        let mut chunks = self.chunks.get();
        let mark = Mark {
            top: chunks.top,
            base: chunks.base,
            current: chunks.current,
            floor: self.cursor.floor(),
            pos: self.cursor.pos(),
        };
        chunks.base = chunks.top;
        self.chunks.set(chunks);
        self.cursor.raise_floor();
        mark
    }

    /// Takes back everything that was handed out since `mark`.
    ///
    /// # Safety
    ///
    /// `mark` came from this bump, or the one it was claimed from; nothing was rewound beyond it
    /// since, and what was handed out since is not used any more.
    pub(crate) unsafe fn rewind(&self, mark: Mark) {
        self.keep_fill();
        let mut chunks = self.chunks.get();
        if chunks.claimed {
            // Whoever claimed it was forgotten with all it had.
            return;
        }
        let left = chunks.current;
        while chunks.top != mark.top {
            let Some(chunk) = NonNull::new(chunks.top) else {
                break;
            };
            // SAFETY: invariant 1.
            let header = unsafe { chunk.as_ref() };
            header.close_from(header.start());
            if chunks.top == left {
                // More may have been in use there before blocks were given back: `merged` must not
                // make less room than was needed.
                header.set_filled(header.end());
            }
            chunks.top = header.next();
            header.set_next(chunks.spare);
            chunks.spare = chunk.as_ptr();
        }
        chunks.base = mark.base;
        chunks.current = mark.current;
        match NonNull::new(mark.current) {
            None => self.cursor.leave(),
            Some(current) => {
                // SAFETY: invariant 1; the chunk was current at the time of the mark, so it is below
                // its top and still in use.
                let header = unsafe { current.as_ref() };
                header.close_from(mark.pos);
                // SAFETY: the cursor was there before, and by the caller's promise nobody uses what
                // lies behind.
                unsafe { self.cursor.go(mark.floor, mark.pos, header.end()) };
            }
        }
        self.chunks.set(chunks);
    }

    /// Moves everything to a new bump, for which what was handed out so far is out of reach;
    /// `None` when it is there already.
    pub(crate) fn claim(&self) -> Option<(Self, Mark)> {
        if self.chunks.get().claimed {
            return None;
        }
        let mark = self.mark();
        let inner = Self::new();
        self.hand_over(&inner);
        let mut chunks = Chunks::none(inner.chunks.get().limit);
        chunks.claimed = true;
        self.chunks.set(chunks);
        Some((inner, mark))
    }

    /// Moves everything to `to`, which has no chunks.
    pub(crate) fn hand_over(&self, to: &Self) {
        let chunks = self.chunks.get();
        to.chunks.set(chunks);
        // SAFETY: the invariants hold here, and this cursor leaves.
        unsafe {
            to.cursor
                .go(self.cursor.floor(), self.cursor.pos(), self.cursor.end());
        }
        self.cursor.leave();
        self.chunks.set(Chunks::none(chunks.limit));
    }

    /// If `block` is all there is in its chunk, and that is the newest or the one before, the chunk
    /// becomes spare.
    ///
    /// # Safety
    ///
    /// `block` was handed out by this bump for `layout` and is not used any more.
    #[cold]
    pub(crate) unsafe fn give_back_apart(&self, block: NonNull<u8>, layout: Layout) {
        let mut chunks = self.chunks.get();
        let (mut above, mut at): (Link, Link) = (ptr::null_mut(), chunks.top);
        for _ in 0..2 {
            let Some(chunk) = NonNull::new(at).filter(|_| at != chunks.base) else {
                return;
            };
            // SAFETY: invariant 1.
            let header = unsafe { chunk.as_ref() };
            let below = header.next();
            if at != chunks.current && header.holds_only(block, layout, MIN_ALIGN) {
                match NonNull::new(above) {
                    // SAFETY: invariant 1.
                    Some(above) => unsafe { above.as_ref() }.set_next(below),
                    None => chunks.top = below,
                }
                header.close_from(header.start());
                header.set_filled(header.start());
                header.set_next(chunks.spare);
                chunks.spare = at;
                self.chunks.set(chunks);
                return;
            }
            (above, at) = (at, below);
        }
    }

    /// Takes everything back and makes one chunk of all, if there are several: as large as what
    /// was in use at most, the last chunk counted as a whole. When that cannot be had, they stay as they are, and serve again.
    ///
    /// # Safety
    ///
    /// Nothing that was handed out is used any more, and `provider` is the one chunks came from.
    pub(crate) unsafe fn reset<P: Provider>(&self, provider: &P) {
        // SAFETY: the caller's promise; without a chunk there is nothing to go back to.
        unsafe { self.rewind(Mark::START) };
        let chunks = self.chunks.get();
        if chunks.claimed {
            return self.chunks.set(Chunks::none(chunks.limit));
        }
        let Some(only) = NonNull::new(chunks.spare) else {
            return;
        };
        // SAFETY: invariant 1.
        let one = if unsafe { only.as_ref() }.next().is_null() {
            self.chunks.set(Chunks {
                spare: ptr::null_mut(),
                ..chunks
            });
            only
        } else {
            let Some(merged) = self.merged(provider) else {
                return;
            };
            // SAFETY: all of them are spare: nothing lies in them.
            unsafe { self.free_spare(provider, 0) };
            merged
        };
        self.install_empty(one);
    }

    /// Makes an unused chunk the current one, when there is none.
    fn install_empty(&self, chunk: NonNull<ArenaChunk>) {
        let none = Layout::new::<()>();
        // No bytes fit into every chunk.
        self.install(chunk, false, none);
    }

    /// A chunk as large as all spare ones were full.
    #[cold]
    fn merged<P: Provider>(&self, provider: &P) -> Option<NonNull<ArenaChunk>> {
        let mut used = 0_usize;
        self.each(self.chunks.get().spare, |chunk| used += chunk.used());
        let size = ChunkGrowth::merged(ArenaChunk::header(MIN_ALIGN), used)?;
        self.obtain_exactly(provider, size)
    }

    /// A chunk of `size` bytes, counted as reserved, and on no list; `None` when the limit or the
    /// provider is against it.
    fn obtain_exactly<P: Provider>(
        &self,
        provider: &P,
        size: usize,
    ) -> Option<NonNull<ArenaChunk>> {
        let mut chunks = self.chunks.get();
        if size > chunks.limit.saturating_sub(chunks.reserved) {
            return None;
        }
        chunks.reserved += size;
        self.chunks.set(chunks);
        let refund = PutBack::new(|| self.refund(size));
        let chunk = ArenaChunk::obtain(provider, MIN_ALIGN, size, size).ok()?; // USER CODE
        refund.disarm();
        // SAFETY: just obtained.
        let whole = unsafe { chunk.as_ref() }.whole();
        let mut chunks = self.chunks.get();
        chunks.reserved = chunks.reserved - size + whole;
        chunks.growth = ChunkGrowth::new().made(whole, false);
        self.chunks.set(chunks);
        Some(chunk)
    }

    /// Sees to it that `bytes` bytes fit into the current chunk, when there is none yet.
    pub(crate) fn begin<P: Provider>(&self, provider: &P, bytes: usize) -> Result<(), OutOfMemory> {
        let layout = Layout::array::<u8>(bytes).ok();
        let refused = OutOfMemory::new(layout.unwrap_or(Layout::new::<u8>()));
        let size = layout.and_then(|layout| ArenaChunk::bytes_for(layout, MIN_ALIGN));
        let chunk = self
            .obtain_exactly(provider, size.ok_or(refused)?)
            .ok_or(refused)?;
        self.install_empty(chunk);
        Ok(())
    }

    /// Makes one chunk of all that a provider of `bytes` bytes can give at once, if that is enough
    /// for a header.
    pub(crate) fn begin_with_all<P: Provider>(&self, provider: &P, bytes: usize) {
        // What the provider loses to rounding at its two ends.
        for lost in [0, 16, 32] {
            let size = (bytes & !15).saturating_sub(lost);
            if size > ArenaChunk::header(MIN_ALIGN)
                && let Some(chunk) = self.obtain_exactly(provider, size)
            {
                return self.install_empty(chunk);
            }
        }
    }

    /// Gives spare chunks back until at most `keep` bytes are reserved, or none is left.
    ///
    /// # Safety
    ///
    /// `provider` is the one they came from.
    unsafe fn free_spare<P: Provider>(&self, provider: &P, keep: usize) {
        loop {
            let mut chunks = self.chunks.get();
            let Some(chunk) = NonNull::new(chunks.spare) else {
                return;
            };
            if chunks.reserved <= keep {
                return;
            }
            // SAFETY: invariant 1; the reference ends with this block.
            let (next, whole) = unsafe { (chunk.as_ref().next(), chunk.as_ref().whole()) };
            chunks.spare = next;
            chunks.reserved -= whole;
            self.chunks.set(chunks);
            // SAFETY: no longer on a list; spare, so nothing lies in it.
            unsafe { ArenaChunk::release(chunk, provider) }; // USER CODE
        }
    }

    /// Gives memory back until at most `bytes` bytes are reserved; chunks in which something lies
    /// stay.
    ///
    /// # Safety
    ///
    /// `provider` is the one chunks came from.
    pub(crate) unsafe fn shrink_to<P: Provider>(&self, provider: &P, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.free_spare(provider, bytes) };
        let mut chunks = self.chunks.get();
        let Some(only) = NonNull::new(chunks.top).filter(|_| chunks.reserved > bytes) else {
            return;
        };
        self.keep_fill();
        // SAFETY: invariant 1.
        let header = unsafe { only.as_ref() };
        if !header.next().is_null() || header.used() > 0 {
            return;
        }
        self.cursor.leave();
        chunks.spare = chunks.top;
        chunks.top = ptr::null_mut();
        chunks.current = ptr::null_mut();
        chunks.growth = ChunkGrowth::new();
        self.chunks.set(chunks);
        // SAFETY: nothing lies in the one chunk.
        unsafe { self.free_spare(provider, 0) };
        if bytes >= ChunkGrowth::FIRST
            && bytes > ArenaChunk::header(MIN_ALIGN)
            && let Some(smaller) = self.obtain_exactly(provider, bytes)
        {
            self.install_empty(smaller);
        }
    }

    /// Gives everything back.
    ///
    /// # Safety
    ///
    /// As for [`reset`](Self::reset).
    pub(crate) unsafe fn release<P: Provider>(&self, provider: &P) {
        // SAFETY: the caller's promise.
        unsafe { self.rewind(Mark::START) };
        // SAFETY: nothing lies in them now.
        unsafe { self.free_spare(provider, 0) };
    }

    /// Most bytes to ask the provider for; `usize::MAX` for no limit.
    pub(crate) fn limit(&self) -> usize {
        self.chunks.get().limit
    }

    /// Changes the limit; what is reserved stays.
    pub(crate) fn set_limit(&self, limit: usize) {
        let mut chunks = self.chunks.get();
        chunks.limit = limit;
        self.chunks.set(chunks);
    }

    /// What there is and what is in use.
    pub(crate) fn usage(&self) -> Usage {
        self.keep_fill();
        let chunks = self.chunks.get();
        let mut usage = Usage {
            reserved: chunks.reserved,
            room: self.cursor.room(),
            ..Usage::default()
        };
        self.each(chunks.top, |chunk| {
            usage.chunks += 1;
            usage.allocated += chunk.used();
        });
        self.each(chunks.spare, |chunk| {
            usage.chunks += 1;
            usage.room += chunk.end().addr() - chunk.start().addr();
        });
        usage
    }

    /// The used bytes of every chunk in use, newest first. Good until something is handed out.
    pub(crate) fn used_chunks(&self) -> UsedChunks {
        self.keep_fill();
        UsedChunks(self.chunks.get().top)
    }

    fn each(&self, mut at: Link, mut look: impl FnMut(&ArenaChunk)) {
        while let Some(chunk) = NonNull::new(at) {
            // SAFETY: invariant 1.
            let header = unsafe { chunk.as_ref() };
            at = header.next();
            look(header);
        }
    }
}

/// A place for no bytes.
pub(super) fn dangling(layout: Layout) -> NonNull<u8> {
    let align = NonZero::new(layout.align()).unwrap_or(NonZero::<usize>::MIN);
    NonNull::without_provenance(align)
}

/// Walks the chunks in use.
#[derive(Debug)]
pub(crate) struct UsedChunks(Link);

impl UsedChunks {
    /// The used bytes of the next chunk.
    ///
    /// # Safety
    ///
    /// The bump is alive, and nothing was handed out or taken back since the walk began.
    pub(crate) unsafe fn next(&mut self) -> Option<NonNull<[u8]>> {
        let chunk = NonNull::new(self.0)?;
        // SAFETY: a chunk in use, by the caller's promise.
        let header = unsafe { chunk.as_ref() };
        self.0 = header.next();
        Some(header.used_bytes())
    }
}

/// What a bump has, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Bytes of all chunks.
    pub(crate) reserved: usize,
    /// Handed out, padding included.
    pub(crate) allocated: usize,
    /// Still to be handed out: the rest of the current chunk, and spare chunks.
    pub(crate) room: usize,
    /// How many chunks there are.
    pub(crate) chunks: usize,
}
