//! The memory of a heap: what its threads share.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    bits::runs,
    chunk::{Front, Mapping},
    clock,
    large::Large,
    orphans::Orphans,
    pool::{CHUNK_LAYOUT, Due, Pool, Slices, bytes},
    secret::{Secret, random},
    span::{Kind, Span},
    undo::{Undo, aside},
    watch::{BITS_SLICE, SET_LAYOUT, Watch},
};
use crate::{
    layout::span::{CHUNK, SLICE, SpanLayout},
    provider::{Provider, Purged, request},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// What a heap may do, and when. Set before it is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most bytes that may be asked of the provider.
    pub(crate) bytes: usize,
    /// How long memory waits before it is given back, in milliseconds.
    pub(crate) delay: u64,
    /// Whether chunks should have huge pages.
    pub(crate) huge_pages: bool,
    /// Whether every block is looked at when it is allocated and freed.
    pub(crate) checked: bool,
    /// Whether blocks are zeroed when they are freed.
    pub(crate) zeroing: bool,
    /// Whether something that cannot be touched lies behind every span and block.
    pub(crate) guard_pages: bool,
    /// One of how many slow ways leads to a guarded block; 0 for none.
    pub(crate) sampled: u32,
    /// Whether nobody should know which slot comes next.
    pub(crate) scattered: bool,
    /// How many bytes of freed blocks each thread keeps from being used again.
    pub(crate) quarantine: usize,
}

impl Limits {
    /// Whether all calls take the slow way.
    pub(crate) const fn are_strict(&self) -> bool {
        self.checked || self.zeroing || self.quarantine > 0
    }
}

/// The provider, and all that came from it: chunks, larger mappings, spans without owner.
pub(crate) struct Store<P> {
    provider: P,
    pub(super) pool: Pool,
    pub(super) large: Large,
    pub(super) orphans: Orphans,
    /// Bytes that the provider gave.
    mapped: AtomicUsize,
    most: AtomicUsize,
    delay: AtomicU64,
    huge_pages: AtomicUsize,
    zeroing: AtomicUsize,
    quarantine: AtomicUsize,
    strict: AtomicUsize,
    wants_watch: AtomicUsize,
    scatters: AtomicUsize,
    guard_pages: AtomicUsize,
    sampled: AtomicUsize,
    pub(super) fences: AtomicUsize,
    page_size: AtomicUsize,
    secret: AtomicUsize,
    pub(super) watch: Watch,
}

impl<P: Provider> Store<P> {
    pub(super) const fn new(provider: P, limits: Limits) -> Self {
        Self {
            provider,
            pool: Pool::new(),
            large: Large::new(),
            orphans: Orphans::new(),
            mapped: AtomicUsize::new(0),
            most: AtomicUsize::new(limits.bytes),
            delay: AtomicU64::new(limits.delay),
            huge_pages: AtomicUsize::new(limits.huge_pages as usize),
            zeroing: AtomicUsize::new(limits.zeroing as usize),
            quarantine: AtomicUsize::new(limits.quarantine),
            strict: AtomicUsize::new(limits.are_strict() as usize),
            wants_watch: AtomicUsize::new(limits.checked as usize),
            scatters: AtomicUsize::new(limits.scattered as usize),
            guard_pages: AtomicUsize::new(limits.guard_pages as usize),
            sampled: AtomicUsize::new(limits.sampled as usize),
            fences: AtomicUsize::new(0),
            page_size: AtomicUsize::new(0),
            secret: AtomicUsize::new(0),
            watch: Watch::new(),
        }
    }

    /// From now on these limits hold.
    pub(crate) fn set_limits(&self, limits: Limits) {
        // Relaxed, here and where they are read: limits order nothing.
        self.most.store(limits.bytes, Ordering::Relaxed);
        self.delay.store(limits.delay, Ordering::Relaxed);
        let flags = [
            (&self.huge_pages, limits.huge_pages),
            (&self.zeroing, limits.zeroing),
            (&self.strict, limits.are_strict()),
            (&self.wants_watch, limits.checked),
            (&self.scatters, limits.scattered),
            (&self.guard_pages, limits.guard_pages),
        ];
        for (flag, set) in flags {
            flag.store(usize::from(set), Ordering::Relaxed);
        }
        self.quarantine.store(limits.quarantine, Ordering::Relaxed);
        self.sampled
            .store(limits.sampled as usize, Ordering::Relaxed);
    }

    /// Whether all calls take the slow way.
    #[inline(always)]
    pub(crate) fn is_strict(&self) -> bool {
        self.strict.load(Ordering::Relaxed) != 0
    }

    pub(super) fn zeroes(&self) -> bool {
        self.zeroing.load(Ordering::Relaxed) != 0
    }

    pub(super) fn quarantine(&self) -> usize {
        self.quarantine.load(Ordering::Relaxed)
    }

    /// Whether something that cannot be touched lies behind every span and block.
    pub(super) fn has_guards(&self) -> bool {
        self.guard_pages.load(Ordering::Relaxed) != 0
    }

    /// One of how many slow ways leads to a guarded block; 0 for none.
    #[inline(always)]
    pub(crate) fn sampled(&self) -> u32 {
        self.sampled.load(Ordering::Relaxed) as u32
    }

    /// A number that nobody outside knows, of this heap; not 0.
    pub(super) fn secret_number(&self) -> usize {
        match self.secret.load(Ordering::Relaxed) {
            0 => {
                let random = random();
                // Relaxed: a number orders nothing; who comes second takes the first one's.
                let first =
                    self.secret
                        .compare_exchange(0, random, Ordering::Relaxed, Ordering::Relaxed);
                first.map_or_else(|first| first, |_| random)
            }
            secret => secret,
        }
    }

    /// Begins to check, before there is a chunk, if that is wanted; `None` without memory for it.
    pub(super) fn begin_watch(&self) -> Option<()> {
        if self.wants_watch.load(Ordering::Relaxed) == 0 || self.watch.is_on() {
            return Some(());
        }
        let (mapping, zeroed) = self.map(SET_LAYOUT, None)?;
        if !zeroed {
            // SAFETY: ours, and so large.
            unsafe { mapping.base.write_bytes(0, SET_LAYOUT.size()) };
        }
        // SAFETY: zeroed, of that layout; there is no chunk yet.
        if let Err(mapping) = unsafe { self.watch.turn_on(mapping) } {
            // Another thread was quicker. It is no chunk that anybody knows of.
            self.discharge(mapping.layout.size());
            // SAFETY: the provider gave it for this layout, and nothing is in it.
            unsafe { self.provider.free(mapping.base, mapping.layout) }; // USER CODE
        }
        Some(())
    }

    pub(super) fn provider(&self) -> &P {
        &self.provider
    }

    pub(crate) fn mapped(&self) -> usize {
        self.mapped.load(Ordering::Relaxed)
    }

    /// When what is due now began to wait.
    fn due_since(&self, now: u64) -> Option<u64> {
        now.checked_sub(self.delay.load(Ordering::Relaxed))
    }

    /// What new spans are made with.
    fn secret(&self) -> Secret {
        let wanted = |flag: &AtomicUsize| flag.load(Ordering::Relaxed) != 0;
        Secret {
            key: if wanted(&self.wants_watch) {
                self.secret_number()
            } else {
                0
            },
            order: if wanted(&self.scatters) {
                !self.secret_number()
            } else {
                0
            },
        }
    }

    /// A span of `class` whose slots are all free, owned by local number `local`.
    pub(super) fn span(&self, class: usize, local: u32) -> Option<NonNull<Span>> {
        let slices = self.fenced_slices(SpanLayout::of(class).slices.into(), false)?;
        let front = slices.front();
        let span = front.span(slices.first);
        span.cut(class, slices.base(), self.secret());
        front.set_tags(slices.first, slices.count, local);
        Some(span.into())
    }

    /// Takes the slices of a span back.
    ///
    /// # Safety
    ///
    /// The span is the caller's, on no list, and nothing is in it.
    pub(super) unsafe fn release(&self, span: &Span) {
        let count = span.slices();
        span.vanish();
        // SAFETY: a span of a front.
        let (front, first) = unsafe { Front::of_span(span) };
        front.set_tags(first, count, 0);
        let fence = usize::from(self.has_guards());
        if fence > 0 && !self.take_fence_away(front, first + count) {
            // It stays where it is for good, and only itself.
            return self.give(front, first, count);
        }
        self.give(front, first, count + fence);
    }

    pub(super) fn give(&self, front: &Front, first: usize, count: usize) {
        let now = clock::now();
        let slices = Slices {
            front: front.into(),
            first,
            count,
            zeroed: false,
        };
        let due_since = self.due_since(now);
        if self.pool.give(slices, now, due_since.unwrap_or(0)) && due_since.is_some() {
            aside(|| {
                self.give_back(now, false);
            });
        }
    }

    /// A slice that the heap itself uses.
    pub(super) fn own_slice(&self) -> Option<NonNull<u8>> {
        let slices = self.slices(1, false)?;
        // No span that was there is seen any more.
        slices.front().set_tags(slices.first, 1, 0);
        Some(slices.base())
    }

    /// Takes such a slice back.
    ///
    /// # Safety
    ///
    /// The slice is one of `own_slice`, and nothing is in it.
    pub(super) unsafe fn return_slice(&self, slice: NonNull<u8>) {
        let address = slice.as_ptr().addr();
        // SAFETY: it lies in a chunk, and not in front.
        let (front, slice) = unsafe { Front::of(address) };
        self.give(front, slice, 1);
    }

    /// So many slices in a row, or with room behind them.
    pub(super) fn slices(&self, count: usize, room: bool) -> Option<Slices> {
        loop {
            let roomy = room.then(|| self.pool.take_with_room(count)).flatten();
            if let Some(slices) = roomy.or_else(|| self.pool.take(count)) {
                return Some(slices);
            }
            // Another thread may be quicker to take what is added.
            if self.grow().is_none() {
                return self.pool.take_anywhere(count);
            }
        }
    }

    /// A chunk more.
    fn grow(&self) -> Option<()> {
        self.begin_watch()?;
        let parts = self.has_guards() || self.sampled() > 0;
        let (mapping, zeroed) = self.map(CHUNK_LAYOUT, parts.then_some(0))?;
        if !self.watch.can_hold(mapping) {
            self.unmap(mapping);
            return None;
        }
        self.prefer_huge_pages(mapping);
        let front = Front::at(mapping.base);
        if !zeroed {
            // SAFETY: the front lies in the chunk, which is nobody else's.
            unsafe { Front::clear(front) };
        }
        // SAFETY: zeros are a front.
        let there = unsafe { front.as_ref() };
        there.pages.mapping.set(Some(mapping));
        if self.watch.is_on() {
            if !zeroed {
                // SAFETY: a slice of the chunk, which is nobody else's.
                unsafe { there.slice(BITS_SLICE).write_bytes(0, SLICE) };
            }
            self.watch.set(mapping.base.as_ptr().addr(), true);
        }
        self.pool.add(front, zeroed, self.watch.is_on());
        Some(())
    }

    /// Asks for huge pages, if the heap is to have them, of a mapping in which nothing is yet.
    pub(super) fn prefer_huge_pages(&self, mapping: Mapping) {
        if self.huge_pages.load(Ordering::Relaxed) != 0 {
            let len = mapping.layout.size() / self.page_size() * self.page_size();
            let unused = Undo::with(|| self.unmap(mapping));
            // SAFETY: whole pages of a mapping of ours.
            let _ = unsafe { self.provider.prefer_huge_pages(mapping.base, len) }; // USER CODE
            unused.forget();
        }
    }

    /// Asks the provider, within the limit. When it has nothing more, what is kept is given back first. With a
    /// `guard`, it is best if parts can be made inaccessible, as the last so many bytes are then.
    pub(super) fn map(&self, layout: Layout, guard: Option<usize>) -> Option<(Mapping, bool)> {
        let try_once = || {
            if !self.charge(layout.size()) {
                return None;
            }
            let charge = Undo::with(|| self.discharge(layout.size()));
            let guardable = guard.and_then(|guard| self.addresses(layout, guard));
            let mapped = guardable.or_else(|| {
                let chunk = request(&self.provider, layout).ok()?; // USER CODE
                let mapping = Mapping {
                    base: chunk.ptr.cast(),
                    layout,
                    is_guardable: false,
                };
                Some((mapping, chunk.zeroed))
            })?;
            charge.forget();
            Some(mapped)
        };
        try_once().or_else(|| {
            if self.give_back(clock::now(), true) == 0 {
                return None;
            }
            try_once()
        })
    }

    /// Whether there is a limit.
    pub(super) fn is_limited(&self) -> bool {
        self.most.load(Ordering::Relaxed) != usize::MAX
    }

    pub(super) fn charge(&self, bytes: usize) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        // Relaxed: a sum orders nothing.
        let charged = self
            .mapped
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mapped| {
                mapped.checked_add(bytes).filter(|&sum| sum <= most)
            });
        charged.is_ok()
    }

    pub(super) fn discharge(&self, bytes: usize) {
        self.mapped.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn unmap(&self, mapping: Mapping) {
        if self.watch.is_on() {
            // All chunks that a front may have been in.
            let base = mapping.base.as_ptr().addr();
            for chunk in (base..base + mapping.layout.size()).step_by(CHUNK) {
                self.watch.set(chunk, false);
            }
        }
        self.discharge(mapping.layout.size());
        // SAFETY: the provider gave it for this layout, and nothing is in it any more.
        unsafe { self.provider.free(mapping.base, mapping.layout) }; // USER CODE
    }

    /// Gives back what has waited long enough, or, if it is `all`, whatever is free. Answers how many bytes.
    pub(crate) fn give_back(&self, now: u64, all: bool) -> usize {
        let due_since = if all { Some(now) } else { self.due_since(now) };
        let Some(due_since) = due_since else {
            return 0;
        };
        let mut given = 0;
        for mapping in self.large.due(due_since).into_iter().flatten() {
            given += mapping.layout.size();
            self.unmap(mapping);
        }
        while let Some(due) = self.pool.due(now, due_since, all) {
            match due {
                Due::Chunk(mapping) => {
                    given += mapping.layout.size();
                    self.unmap(mapping);
                }
                Due::Slices(front, bits) => {
                    let not_purged = Undo::with(|| self.pool.given_back(front, bits, false));
                    let zeroed = self.purge(front, bits);
                    not_purged.forget();
                    if zeroed {
                        given += bytes(bits);
                    }
                    self.pool.given_back(front, bits, zeroed);
                }
            }
        }
        given
    }

    /// Gives the pages of slices back; whether all are zeroed since.
    fn purge(&self, front: NonNull<Front>, bits: u64) -> bool {
        if self.page_size() > SLICE {
            return false;
        }
        let mut zeroed = true;
        for (first, count) in runs(bits) {
            // SAFETY: the slices are ours, so their chunk is there.
            let base = unsafe { front.as_ref() }.slice(first);
            // SAFETY: whole pages of a chunk; nothing is in them.
            let purged = unsafe { self.provider.purge(base, count * SLICE) }; // USER CODE
            zeroed &= purged == Purged::Zeroed;
        }
        zeroed
    }

    /// The provider's, of which it is asked once. What is no power of two is more than any slice.
    pub(super) fn page_size(&self) -> usize {
        // Relaxed: a number orders nothing; who comes second takes the first one's.
        let known = self.page_size.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let said = self.provider.page_size(); // USER CODE
        let size = if said.is_power_of_two() { said } else { CHUNK };
        let first = self
            .page_size
            .compare_exchange(0, size, Ordering::Relaxed, Ordering::Relaxed);
        first.map_or_else(|first| first, |_| size)
    }

    /// Gives pages of free slots back; whether they are gone.
    ///
    /// # Safety
    ///
    /// Whole pages of a chunk, in which nothing is.
    pub(super) unsafe fn purge_pages(&self, pages: NonNull<u8>, bytes: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.provider.purge(pages, bytes) == Purged::Zeroed } // USER CODE
    }

    /// A block of whole slices, where it can grow if it is known to; and whether it is zeroed.
    pub(super) fn run(&self, size: usize, grows: bool) -> Option<(NonNull<u8>, bool)> {
        let slices = self.fenced_slices(size.div_ceil(SLICE), grows)?;
        let front = slices.front();
        front.set_tags(slices.first, slices.count, 0);
        let base = slices.base();
        let bytes = slices.count * SLICE;
        front
            .span(slices.first)
            .be_block(Kind::Run, slices.count, bytes, base);
        Some((base, slices.zeroed))
    }

    /// Makes a run `size` bytes long where it is, if the slices behind it are free or it becomes shorter.
    ///
    /// # Safety
    ///
    /// `span` is a run of `front`, and the caller's.
    pub(super) unsafe fn resize_run(&self, front: &Front, span: &Span, size: usize) -> bool {
        let (old, new) = (span.slices(), size.div_ceil(SLICE));
        if new != old && self.has_guards() {
            return false;
        }
        // SAFETY: a span of a front.
        let (_, first) = unsafe { Front::of_span(span) };
        if new > old {
            if !self.pool.extend(front, first + old, new - old) {
                return false;
            }
            // What was a span before and is a part of one now.
            front.set_tags(first, new, 0);
        }
        span.set_length(Kind::Run, new, new * SLICE);
        if new < old {
            if self.zeroes() {
                let rest = (old - new) * SLICE;
                // SAFETY: the end of the block, which nobody uses any more.
                unsafe { front.slice(first + new).write_bytes(0, rest) };
            }
            self.give(front, first + new, old - new);
        }
        true
    }

    /// Gives everything back to the provider, whatever is in it.
    ///
    /// # Safety
    ///
    /// Nothing of the heap is used any more.
    pub(super) unsafe fn end(&self) {
        for mapping in self.pool.drain().chain(self.large.drain()) {
            self.unmap(mapping);
        }
        for mapping in self.large.due(u64::MAX).into_iter().flatten() {
            self.unmap(mapping);
        }
        if let Some(set) = self.watch.turn_off() {
            self.unmap(set);
        }
    }
}
