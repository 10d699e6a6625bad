//! Chunks that many threads hand out of at once.

use core::{alloc::Layout, ptr, ptr::NonNull};

use super::{
    chunk::{ArenaChunk, Link},
    chunked::dangling,
    leftover::Leftovers,
    tally::Tally,
    usage::Usage,
};
use crate::{
    corruption::hooks,
    error::{Cause, OutOfMemory},
    layout::{ChunkGrowth, ChunkPlan, align_up},
    provider::Provider,
    raw::lifecycle::PutBack,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

/// Hands out bytes of chunks by one compare-and-swap each; nobody waits for anybody.
///
/// ```text
///   current ▶ chunk ▶ full ▶ full      apart ▶ chunk of one request ▶ …      spare ▶ empty ▶ …
/// ```
///
/// A chunk's `filled` moves up by compare-and-swap. When a request does not fit, a thread gets a new
/// chunk, places its own request there, and swaps it in as the current one; a thread that comes too
/// late for that gives its chunk back and starts again with the winner's.
///
/// # Invariants
///
/// 1. Chunks reachable from `current`, `apart` and `spare` have headers, and stay until a method
///    with `&mut self` runs. A chunk is on one of the lists.
/// 2. What lies below a chunk's `filled` was handed out once, and not given back.
/// 3. While the bump is shared, `current` and `apart` are only pushed to, and `spare` is only popped
///    from: so a compare-and-swap that finds the old head finds the old list (no ABA problem; see
///    R. K. Treiber, "Systems programming: coping with parallelism", 1986).
/// 4. `reserved` is the sum of all chunks, and of those about to be obtained.
pub(crate) struct SharedBump<const MIN_ALIGN: usize> {
    current: AtomicPtr<ArenaChunk>,
    apart: AtomicPtr<ArenaChunk>,
    spare: AtomicPtr<ArenaChunk>,
    reserved: AtomicUsize,
    limit: AtomicUsize,
    /// How much chunks for single requests have taken since the last other one. A guess.
    apart_bytes: AtomicUsize,
    pub(crate) leftovers: Leftovers,
    pub(crate) tally: Tally,
}

/// Orders `filled`: Acquire, when bytes are taken, pairs with Release, when they are given back, so
/// that whoever gets bytes again sees the last writes of whoever had them.
const TAKE: Ordering = Ordering::Acquire;
const GIVE: Ordering = Ordering::Release;

/// Whether a chunk can be swapped in; it is the caller's again if not.
struct TooLate;

impl<const MIN_ALIGN: usize> SharedBump<MIN_ALIGN> {
    /// Without a chunk.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
            apart: AtomicPtr::new(ptr::null_mut()),
            spare: AtomicPtr::new(ptr::null_mut()),
            reserved: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
            apart_bytes: AtomicUsize::new(0),
            leftovers: Leftovers::new(),
            tally: Tally::new(),
        }
    }

    /// Without a chunk (the model checkers' atomics cannot be made in constants).
    #[cfg(any(loom, shuttle))]
    pub(crate) fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
            apart: AtomicPtr::new(ptr::null_mut()),
            spare: AtomicPtr::new(ptr::null_mut()),
            reserved: AtomicUsize::new(0),
            limit: AtomicUsize::new(usize::MAX),
            apart_bytes: AtomicUsize::new(0),
            leftovers: Leftovers::new(),
            tally: Tally::new(),
        }
    }

    /// The chunk that is bumped through now.
    #[inline(always)]
    fn current(&self) -> Option<&ArenaChunk> {
        let current = NonNull::new(self.seen())?;
        // SAFETY: invariant 1.
        Some(unsafe { current.as_ref() })
    }

    /// The same as a link, which unlike a reference is good for the whole chunk.
    #[inline(always)]
    fn seen(&self) -> Link {
        // Acquire: pairs with the Release in `swap_in`, which publishes the chunk's header.
        self.current.load(Ordering::Acquire)
    }

    /// Room for `layout`, if the current chunk has it.
    #[inline(always)]
    pub(crate) fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        let chunk = self.current()?;
        // No overflow: a layout's size, rounded up to its alignment, is at most `isize::MAX`.
        let size = (layout.size() + (MIN_ALIGN - 1)) & !(MIN_ALIGN - 1);
        // Relaxed: a guess, which the exchange verifies.
        let mut pos = chunk.filled();
        loop {
            // Every position is a multiple of the minimum alignment; what is not computed is not
            // waited for by the next exchange.
            let pad = if layout.align() <= MIN_ALIGN {
                0
            } else {
                pos.addr().wrapping_neg() & (layout.align() - 1)
            };
            if pad + size > chunk.end().addr() - pos.addr() {
                return None;
            }
            let next = pos.wrapping_add(pad + size);
            // Relaxed on failure: nothing is owned then.
            match chunk
                .shared_filled()
                .compare_exchange_weak(pos, next, TAKE, Ordering::Relaxed)
            {
                Ok(_) => {
                    // SAFETY: within a chunk.
                    let block = unsafe { NonNull::new_unchecked(pos.wrapping_add(pad)) };
                    hooks::block_taken(block, layout.size());
                    return Some(block);
                }
                Err(now) => pos = now,
            }
        }
    }

    /// Room for `layout`, whatever it takes, or the reason why there is none.
    #[cold]
    #[inline(never)]
    pub(crate) fn grow<P: Provider>(
        &self,
        provider: &P,
        layout: Layout,
    ) -> Result<NonNull<u8>, Cause> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        let need = ArenaChunk::bytes_for(layout, MIN_ALIGN).ok_or(Cause::out_of_memory(layout))?;
        loop {
            if let Some(block) = self.take(layout) {
                return Ok(block);
            }
            // The chunk that was too small, or already another one, which is as good.
            let seen = self.seen();
            let plan = self.plan(need, seen);
            if let Some(spare) = self.pop_spare(layout) {
                match self.swap_in(spare, seen, layout) {
                    Ok(block) => return Ok(block),
                    // It cannot go back (invariant 3), but is there again after a reset.
                    Err(TooLate) => self.push_apart(spare),
                }
                continue;
            }
            let plan = self.reserve(plan)?;
            let refund = PutBack::new(|| self.refund(plan.size));
            let chunk = ArenaChunk::obtain(provider, MIN_ALIGN, plan.size, plan.least)?; // USER CODE
            refund.disarm();
            // SAFETY: just obtained, and nobody else's yet.
            let whole = unsafe { chunk.as_ref() }.whole();
            self.tally.chunk_added();
            // Relaxed: a sum that orders nothing.
            self.reserved
                .fetch_add(whole.wrapping_sub(plan.size), Ordering::Relaxed);
            if plan.apart {
                let block = Self::fill(chunk, layout);
                self.apart_bytes.fetch_add(whole, Ordering::Relaxed);
                self.push_apart(chunk);
                return Ok(block);
            }
            match self.swap_in(chunk, seen, layout) {
                Ok(block) => return Ok(block),
                Err(TooLate) => {
                    self.refund(whole);
                    self.tally.chunk_returned();
                    // SAFETY: obtained from this provider above, and nobody else saw it.
                    unsafe { ArenaChunk::release(chunk, provider) }; // USER CODE
                }
            }
        }
    }

    /// What chunk to get when `seen` has no room for `need` bytes with their header.
    fn plan(&self, need: usize, seen: Link) -> ChunkPlan {
        match NonNull::new(seen) {
            Some(chunk) => {
                // SAFETY: invariant 1.
                let chunk = unsafe { chunk.as_ref() };
                let whole = chunk.whole();
                let room = chunk.end().addr() - chunk.filled().addr();
                // Relaxed, here and below: a guess that orders nothing.
                let apart = self.apart_bytes.load(Ordering::Relaxed);
                let growth = ChunkGrowth::new().made(whole, false).made(apart, true);
                growth.plan(need, room, whole)
            }
            None => ChunkGrowth::new().plan(need, 0, 0),
        }
    }

    /// Counts the bytes of a chunk to be had, as many as the limit allows.
    fn reserve(&self, plan: ChunkPlan) -> Result<ChunkPlan, Cause> {
        // Relaxed, here and below: a sum and a limit that order nothing.
        let limit = self.limit.load(Ordering::Relaxed);
        let mut reserved = self.reserved.load(Ordering::Relaxed);
        loop {
            let left = limit.saturating_sub(reserved);
            if plan.least > left {
                return Err(Cause::limit(limit));
            }
            let size = plan.size.min(left);
            match self.reserved.compare_exchange_weak(
                reserved,
                reserved + size,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(ChunkPlan { size, ..plan }),
                Err(now) => reserved = now,
            }
        }
    }

    fn refund(&self, size: usize) {
        // Relaxed: a sum that orders nothing.
        self.reserved.fetch_sub(size, Ordering::Relaxed);
    }

    /// Places `layout` in an empty chunk in which it fits and that nobody else has.
    fn fill(chunk: NonNull<ArenaChunk>, layout: Layout) -> NonNull<u8> {
        // SAFETY: it has a header, by the callers' promise.
        let header = unsafe { chunk.as_ref() };
        let (block, filled) = header
            .place(layout, MIN_ALIGN)
            .expect("the chunk was chosen for this layout");
        header.set_filled(filled);
        // SAFETY: within the chunk.
        let block = unsafe { NonNull::new_unchecked(block) };
        hooks::block_taken(block, layout.size());
        block
    }

    /// Makes `chunk`, with `layout` in it, the current one, if `seen` still is.
    fn swap_in(
        &self,
        chunk: NonNull<ArenaChunk>,
        seen: Link,
        layout: Layout,
    ) -> Result<NonNull<u8>, TooLate> {
        let block = Self::fill(chunk, layout);
        // SAFETY: it has a header, and is not published yet.
        let header = unsafe { chunk.as_ref() };
        header.set_next(seen);
        // Release: pairs with the Acquire in `seen`. Relaxed on failure: the next look acquires.
        match self.current.compare_exchange(
            seen,
            chunk.as_ptr(),
            Ordering::Release,
            Ordering::Relaxed,
        ) {
            Ok(_) => {
                self.apart_bytes.store(0, Ordering::Relaxed);
                Ok(block)
            }
            Err(_) => {
                header.set_filled(header.start());
                Err(TooLate)
            }
        }
    }

    /// Adds a chunk that is not bumped through.
    fn push_apart(&self, chunk: NonNull<ArenaChunk>) {
        // Relaxed: a guess, which the exchange verifies.
        let mut head = self.apart.load(Ordering::Relaxed);
        loop {
            // SAFETY: it has a header, and is not published yet.
            unsafe { chunk.as_ref() }.set_next(head);
            // Release: pairs with the Acquire in `usage`.
            match self.apart.compare_exchange_weak(
                head,
                chunk.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Takes the first spare chunk, if `layout` fits.
    fn pop_spare(&self, layout: Layout) -> Option<NonNull<ArenaChunk>> {
        // Relaxed, here and below: the list was made under `&mut self`, before the bump was shared,
        // and is only popped from since.
        let mut head = self.spare.load(Ordering::Relaxed);
        loop {
            let chunk = NonNull::new(head)?;
            // SAFETY: invariant 1.
            let header = unsafe { chunk.as_ref() };
            header.place(layout, MIN_ALIGN)?;
            // It may be popped and linked elsewhere at this moment; then the exchange fails.
            match self.spare.compare_exchange_weak(
                head,
                header.next(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(chunk),
                Err(now) => head = now,
            }
        }
    }

    /// Changes the size of the current chunk's newest block where it is; `None` when `block` is
    /// another, or there is not enough room.
    pub(crate) fn resize(&self, block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
        let chunk = self.current().filter(|chunk| chunk.contains(block))?;
        let (old_end, new_end) = (align_up(old, MIN_ALIGN)?, align_up(new, MIN_ALIGN)?);
        // With the provenance of the chunk.
        let start = chunk.start().with_addr(block.as_ptr().addr());
        if new_end > chunk.end().addr() - start.addr() {
            return None;
        }
        let order = if new > old { TAKE } else { GIVE };
        let (from, to) = (start.wrapping_add(old_end), start.wrapping_add(new_end));
        // SAFETY: the address of a `NonNull`.
        let start = unsafe { NonNull::new_unchecked(start) };
        if new < old {
            // Before somebody else can have the bytes.
            hooks::block_resized(start, old, new);
        }
        // Relaxed on failure: then it is not the newest.
        let filled = chunk.shared_filled();
        let resized = filled
            .compare_exchange(from, to, order, Ordering::Relaxed)
            .is_ok();
        if resized == (new >= old) {
            // It grew, or did not shrink after all.
            let (old, new) = if resized { (old, new) } else { (new, old) };
            hooks::block_resized(start, old, new);
        }
        resized.then_some(start)
    }

    /// Takes the current chunk's newest block back; whether `block` was that.
    pub(crate) fn give_back(&self, block: NonNull<u8>, size: usize) -> bool {
        let Some(chunk) = self.current().filter(|chunk| chunk.contains(block)) else {
            return false;
        };
        let Some(size) = align_up(size, MIN_ALIGN) else {
            return false;
        };
        hooks::block_returned(block, size);
        let start = chunk.start().with_addr(block.as_ptr().addr());
        // Relaxed on failure: then it is not the newest.
        let filled = chunk.shared_filled();
        filled
            .compare_exchange(start.wrapping_add(size), start, GIVE, Ordering::Relaxed)
            .is_ok()
    }

    /// Most bytes of all chunks; `usize::MAX` for no limit.
    pub(crate) fn limit(&self) -> usize {
        // Relaxed: a number that orders nothing.
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes the limit; what is reserved stays.
    pub(crate) fn set_limit(&self, limit: usize) {
        // Relaxed: a number that orders nothing.
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes everything back and makes one chunk of all, as [`Bump::reset`](super::Bump::reset)
    /// does.
    ///
    /// # Safety
    ///
    /// Nothing that was handed out is used any more, and `provider` is the one chunks came from.
    pub(crate) unsafe fn reset<P: Provider>(&mut self, provider: &P) {
        self.tally.reset();
        self.leftovers.forget();
        let mut used = 0_usize;
        let mut count = 0;
        // Relaxed: `&mut self`.
        let left = self.current.load(Ordering::Relaxed);
        let all = self.gather(|chunk| {
            // Where blocks were given back, more may have been in use before.
            used += match ptr::eq(chunk, left) {
                true => chunk.end().addr() - chunk.start().addr(),
                false => chunk.used(),
            };
            count += 1;
            chunk.close_from(chunk.start());
            chunk.set_filled(chunk.start());
        });
        // Relaxed, here and below: `&mut self`.
        if count < 2 {
            return self.current.store(all, Ordering::Relaxed);
        }
        self.spare.store(all, Ordering::Relaxed);
        if used == 0 {
            // Chunks that could not be merged the last time, and were not needed since.
            return;
        }
        let merged = ChunkGrowth::merged(ArenaChunk::header(MIN_ALIGN), used)
            .and_then(|size| self.obtain_exactly(provider, size).ok());
        if let Some(merged) = merged {
            // First, because the provider may panic below.
            self.current.store(merged.as_ptr(), Ordering::Relaxed);
            // SAFETY: all of them are spare: nothing lies in them.
            unsafe { self.free_spare(provider, 0) };
        }
    }

    /// Takes all chunks off their lists and makes one list of them, the current one first.
    fn gather(&mut self, mut look: impl FnMut(&ArenaChunk)) -> Link {
        let mut first: Link = ptr::null_mut();
        let mut last: Option<NonNull<ArenaChunk>> = None;
        for list in [&self.current, &self.apart, &self.spare] {
            // Relaxed: `&mut self`.
            let mut at = list.swap(ptr::null_mut(), Ordering::Relaxed);
            while let Some(chunk) = NonNull::new(at) {
                match last {
                    // SAFETY: invariant 1.
                    Some(last) => unsafe { last.as_ref() }.set_next(at),
                    None => first = at,
                }
                // SAFETY: invariant 1.
                let header = unsafe { chunk.as_ref() };
                at = header.next();
                header.set_next(ptr::null_mut());
                look(header);
                last = Some(chunk);
            }
        }
        first
    }

    /// A chunk of `size` bytes, counted as reserved, and on no list.
    fn obtain_exactly<P: Provider>(
        &self,
        provider: &P,
        size: usize,
    ) -> Result<NonNull<ArenaChunk>, Cause> {
        let plan = self.reserve(ChunkPlan {
            size,
            least: size,
            apart: false,
        })?;
        let refund = PutBack::new(|| self.refund(plan.size));
        let chunk = ArenaChunk::obtain(provider, MIN_ALIGN, size, size)?; // USER CODE
        refund.disarm();
        // SAFETY: just obtained.
        let whole = unsafe { chunk.as_ref() }.whole();
        self.tally.chunk_added();
        // Relaxed: a sum that orders nothing.
        self.reserved.fetch_add(whole - size, Ordering::Relaxed);
        Ok(chunk)
    }

    /// Sees to it that `bytes` bytes fit into the current chunk, when there is none yet.
    pub(crate) fn begin<P: Provider>(
        &mut self,
        provider: &P,
        bytes: usize,
    ) -> Result<(), OutOfMemory> {
        let layout = Layout::array::<u8>(bytes).ok();
        let refused = OutOfMemory::new(layout.unwrap_or(Layout::new::<u8>()));
        let size = layout.and_then(|layout| ArenaChunk::bytes_for(layout, MIN_ALIGN));
        let chunk = self
            .obtain_exactly(provider, size.ok_or(refused)?)
            .map_err(|_| refused)?;
        // Relaxed: `&mut self`.
        self.current.store(chunk.as_ptr(), Ordering::Relaxed);
        Ok(())
    }

    /// Gives spare chunks back until at most `keep` bytes are reserved, or none is left.
    ///
    /// # Safety
    ///
    /// `provider` is the one they came from; the bump is not shared.
    unsafe fn free_spare<P: Provider>(&self, provider: &P, keep: usize) {
        // Relaxed: not shared.
        while self.reserved.load(Ordering::Relaxed) > keep
            && let Some(chunk) = NonNull::new(self.spare.load(Ordering::Relaxed))
        {
            // SAFETY: invariant 1; the reference ends with this block.
            let (next, whole) = unsafe { (chunk.as_ref().next(), chunk.as_ref().whole()) };
            self.spare.store(next, Ordering::Relaxed);
            self.refund(whole);
            self.tally.chunk_returned();
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
    pub(crate) unsafe fn shrink_to<P: Provider>(&mut self, provider: &P, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.free_spare(provider, bytes) };
        let empty = self
            .current()
            .is_some_and(|only| only.next().is_null() && only.used() == 0);
        // Relaxed, here and below: `&mut self`.
        if !empty || self.reserved.load(Ordering::Relaxed) <= bytes {
            return;
        }
        self.leftovers.forget();
        let only = self.current.swap(ptr::null_mut(), Ordering::Relaxed);
        self.spare.store(only, Ordering::Relaxed);
        // SAFETY: nothing lies in the one chunk.
        unsafe { self.free_spare(provider, 0) };
        if bytes >= ArenaChunk::smallest(MIN_ALIGN)
            && let Ok(smaller) = self.obtain_exactly(provider, bytes)
        {
            self.current.store(smaller.as_ptr(), Ordering::Relaxed);
        }
    }

    /// Gives everything back.
    ///
    /// # Safety
    ///
    /// As for [`reset`](Self::reset).
    pub(crate) unsafe fn release<P: Provider>(&mut self, provider: &P) {
        self.leftovers.forget();
        let all = self.gather(|chunk| chunk.close_from(chunk.start()));
        // Relaxed: `&mut self`.
        self.spare.store(all, Ordering::Relaxed);
        let this = &*self;
        // What is left when the provider panics goes back as well.
        // SAFETY: the caller's promise, and `&mut self`.
        let _rest = PutBack::new(|| unsafe { this.free_spare(provider, 0) });
        // SAFETY: as above.
        unsafe { this.free_spare(provider, 0) };
    }

    /// What there is and what is in use; while others allocate, a guess.
    pub(crate) fn usage(&self) -> Usage {
        let mut usage = Usage {
            // Relaxed: a sum that orders nothing.
            reserved: self.reserved.load(Ordering::Relaxed),
            ..Usage::default()
        };
        for list in [&self.current, &self.apart, &self.spare] {
            // What is left in chunks behind the current one, and in those apart, is wasted.
            let mut open = !ptr::eq(list, &raw const self.apart);
            // Acquire: pairs with the Releases that publish chunks.
            let mut at = list.load(Ordering::Acquire);
            while let Some(chunk) = NonNull::new(at) {
                // SAFETY: invariant 1.
                let header = unsafe { chunk.as_ref() };
                let filled = header.filled().addr();
                usage.chunks += 1;
                usage.allocated += filled - header.start().addr();
                if open {
                    usage.room += header.end().addr() - filled;
                }
                open = ptr::eq(list, &raw const self.spare);
                at = header.next();
            }
        }
        usage
    }
}
