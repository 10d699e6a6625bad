//! One thread's part of a heap.

use core::{cell::Cell, ptr, ptr::NonNull};

use super::{
    chunk::{Front, Tag},
    list::SpanList,
    quarantine::Quarantine,
    sampling::Sampling,
    span::{Place, Span},
    store::Store,
};
use crate::{
    corruption::{Corruption, report},
    layout::span::{CLASSES, LARGEST_SLOT, SpanLayout, class_of},
    provider::Provider,
};

/// The tag of locals that never have a span.
const NOBODY: Tag = Tag::new(Tag::MOST_LOCALS, 0);
/// Sizes up to that are looked up in one step.
pub(crate) const DIRECT_BYTES: usize = 1024;
const DIRECT: usize = DIRECT_BYTES / 8 + 1;
/// So many full spans are looked at before a new one is cut.
const LOOKED_AT: usize = 4;

/// A span that never has a slot, where there is none: looking for one needs no test.
struct NoSpan(Span);

// SAFETY: nothing of it is ever written: nothing is popped from it, and it is on no list.
unsafe impl Sync for NoSpan {}

static NO_SPAN: NoSpan = NoSpan(
    // SAFETY: all zeros is a span of kind `None` without slots.
    unsafe { core::mem::zeroed() },
);

const fn no_span() -> *const Span {
    &raw const NO_SPAN.0
}

/// The spans of one class.
struct Bin {
    current: Cell<*const Span>,
    partial: SpanList,
    full: SpanList,
}

impl Bin {
    const fn new() -> Self {
        Self {
            current: Cell::new(no_span()),
            partial: SpanList::new(),
            full: SpanList::new(),
        }
    }
}

/// Spans of all classes, and which of them slots are taken from.
///
/// # Invariants
///
/// 1. All spans that are tagged with the number are in a bin of their class: as `current`, which is `Current`
///    (or no span), on the list `partial`, whose spans are `Partial`, or `full`, whose are `Full`.
/// 2. `direct[w]` is the current span of the class of `8 * w` bytes.
/// 3. Only the thread that has the local uses it. One without number has no spans and stays so.
#[repr(C)]
pub(crate) struct Local {
    tag: Tag,
    direct: [Cell<*const Span>; DIRECT],
    bins: [Bin; CLASSES],
    number: u32,
    pub(super) quarantine: Quarantine,
    pub(super) sampling: Sampling,
    /// The next local that no thread has; the registry's.
    pub(super) next: Cell<*const Local>,
}

impl Local {
    /// The local of threads that have none: all their calls take the slow way.
    pub(crate) const fn nobody() -> Self {
        Self::new(Tag::MOST_LOCALS)
    }

    /// Local number `number`, without spans.
    pub(super) const fn new(number: u32) -> Self {
        Self {
            tag: Tag::new(number, 0),
            direct: [const { Cell::new(no_span()) }; DIRECT],
            bins: [const { Bin::new() }; CLASSES],
            number,
            quarantine: Quarantine::new(),
            sampling: Sampling::new(),
            next: Cell::new(ptr::null()),
        }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// A slot for `size` bytes, if there are such and one is ready; null if not. No atomics.
    ///
    /// # Safety
    ///
    /// The calling thread has the local.
    #[inline(always)]
    pub(crate) unsafe fn pop(&self, size: usize) -> *mut u8 {
        let span = if size <= DIRECT_BYTES {
            self.direct[size.div_ceil(8)].get()
        } else if size <= LARGEST_SLOT {
            self.bins[class_of(size)].current.get()
        } else {
            return ptr::null_mut();
        };
        // SAFETY: a span, or the one that is none; ours either way.
        unsafe { (*span).pop() }
    }

    /// As [`pop`](Self::pop), but looks whether what stands in the slot is a link.
    ///
    /// # Safety
    ///
    /// As for `pop`.
    pub(super) unsafe fn pop_checked(&self, size: usize) -> *mut u8 {
        if size > LARGEST_SLOT {
            return ptr::null_mut();
        }
        // SAFETY: a span, or the one that is none; ours either way.
        let span = unsafe { &*self.bins[class_of(size)].current.get() };
        // SAFETY: as above.
        unsafe { span.check_next() };
        // SAFETY: as above.
        unsafe { span.pop_mixed() }
    }

    /// Takes a slot back if it is one of the local's; whether it was. No atomics.
    ///
    /// # Safety
    ///
    /// The calling thread has the local; `block` is a block of a heap, and nobody uses it any more.
    #[inline(always)]
    pub(crate) unsafe fn push<P: Provider>(&self, block: NonNull<u8>, store: &Store<P>) -> bool {
        if self.tag == NOBODY {
            // Who has no local may have a heap that looks at a block before it believes that it is one.
            return false;
        }
        // SAFETY: the caller's promise.
        let Some(span) = (unsafe { self.span_of(block) }) else {
            return false;
        };
        // SAFETY: it is ours, and the block is one of its slots. Strict heaps have no local here, so no keys.
        if unsafe { span.push(block.as_ptr()) } {
            self.event(span, store);
        }
        true
    }

    /// As `push`, in a heap whose links may be mixed.
    ///
    /// # Safety
    ///
    /// As for `push`.
    pub(super) unsafe fn push_mixed<P: Provider>(
        &self,
        block: NonNull<u8>,
        store: &Store<P>,
    ) -> bool {
        // SAFETY: the caller's promise.
        let Some(span) = (unsafe { self.span_of(block) }) else {
            return false;
        };
        // SAFETY: it is ours, and the block is one of its slots.
        if unsafe { span.push_mixed(block.as_ptr()) } {
            self.event(span, store);
        }
        true
    }

    /// The span that the block is in, if it is ours.
    ///
    /// # Safety
    ///
    /// `block` is a block of a heap.
    #[inline(always)]
    unsafe fn span_of(&self, block: NonNull<u8>) -> Option<&Span> {
        // SAFETY: the caller's promise.
        let (front, slice) = unsafe { Front::of(block.as_ptr().addr()) };
        front.span_of_owner(slice, self.tag)
    }

    /// What a span's event is: an eighth of a full span is free, or all of one that is not needed.
    #[cold]
    #[inline(never)]
    fn event<P: Provider>(&self, span: &Span, store: &Store<P>) {
        let bin = &self.bins[span.class()];
        match span.place.get() {
            Place::Full => {
                // SAFETY: it is on that list (invariant 1), and then on none.
                unsafe {
                    bin.full.unlink(span);
                    bin.partial.push_front(span);
                }
                span.move_to(Place::Partial);
            }
            Place::Partial => {
                // SAFETY: it is on that list (invariant 1).
                unsafe { bin.partial.unlink(span) };
                // SAFETY: nothing is in it, and it is on no list.
                unsafe { store.release(span) };
            }
            // It was counted below 0.
            Place::Current | Place::Listed | Place::Lost => report(Corruption::DoubleFree {
                address: span.base().addr(),
            }),
        }
    }

    /// A slot for `size` bytes when `pop` has none.
    ///
    /// # Safety
    ///
    /// The calling thread has the local, which is not nobody's.
    #[cold]
    #[inline(never)]
    pub(crate) unsafe fn refill<P: Provider>(
        &self,
        size: usize,
        store: &Store<P>,
    ) -> Option<NonNull<u8>> {
        debug_assert!(size <= LARGEST_SLOT);
        let class = class_of(size);
        let bin = &self.bins[class];
        loop {
            // SAFETY: a span, or the one that is none.
            let span = unsafe { &*bin.current.get() };
            // SAFETY: ours.
            if unsafe { span.replenish() } {
                if store.is_strict() {
                    // SAFETY: as above.
                    unsafe { span.check_next() };
                }
                // SAFETY: ours, and a slot is ready.
                return NonNull::new(unsafe { span.pop_mixed() });
            }
            if !ptr::eq(span, no_span()) {
                span.move_to(Place::Full);
                // SAFETY: the current span is on no list.
                unsafe { bin.full.push_back(span) };
                self.set_current(class, no_span());
            }
            let next = self.next_span(class, store)?;
            // SAFETY: a span of ours.
            let next = unsafe { next.as_ref() };
            if !ptr::eq(bin.current.get(), no_span()) {
                // The provider has used the heap meanwhile.
                self.file(next);
                continue;
            }
            next.move_to(Place::Current);
            self.set_current(class, next);
        }
    }

    /// A span with free slots, on no list: one of ours, one that somebody left, or a new one.
    fn next_span<P: Provider>(&self, class: usize, store: &Store<P>) -> Option<NonNull<Span>> {
        let bin = &self.bins[class];
        // SAFETY: the spans on our lists are there.
        if let Some(span) = unsafe { bin.partial.pop_front() } {
            return Some(span);
        }
        if let Some(span) = self.emptied(class, LOOKED_AT) {
            return Some(span);
        }
        if let Some(span) = store.orphans.adopt(class) {
            // SAFETY: ours since.
            unsafe { self.welcome(span.as_ref()) };
            return Some(span);
        }
        store
            .span(class, self.number)
            .or_else(|| self.emptied(class, usize::MAX))
    }

    /// Makes an orphan one of ours.
    ///
    /// # Safety
    ///
    /// The caller has just adopted the span for this local.
    unsafe fn welcome(&self, span: &Span) {
        // SAFETY: a span of a front.
        let (front, first) = unsafe { Front::of_span(span) };
        front.set_tags(first, span.slices(), self.number);
        // SAFETY: ours.
        unsafe { span.collect() };
    }

    /// A full span of which others gave an eighth back, of those that are full for longest: so many are
    /// looked at.
    fn emptied(&self, class: usize, mut looks: usize) -> Option<NonNull<Span>> {
        let full = &self.bins[class].full;
        let mut first_seen = ptr::null();
        while looks > 0 {
            // SAFETY: the spans on our lists are there.
            let found = unsafe { full.pop_front() }?;
            // SAFETY: as above.
            let span = unsafe { found.as_ref() };
            if span.came_back() >= span.slots() - span.mark() {
                // SAFETY: ours.
                unsafe { span.collect() };
                return Some(found);
            }
            // SAFETY: it is on no list.
            unsafe { full.push_back(span) };
            if ptr::eq(first_seen, span) {
                return None;
            }
            if first_seen.is_null() {
                first_seen = span;
            }
            looks -= 1;
        }
        None
    }

    fn set_current(&self, class: usize, span: *const Span) {
        self.bins[class].current.set(span);
        let size = SpanLayout::of(class).stride as usize;
        if size <= DIRECT_BYTES {
            // The words of the class: behind those of the class below. A size of 0 has the first class.
            let below = class.checked_sub(1);
            let below = below.map_or(0, |class| SpanLayout::of(class).stride as usize / 8 + 1);
            for direct in &self.direct[below..=size / 8] {
                direct.set(span);
            }
        }
    }

    /// Puts a span of ours that is on no list on the one where it belongs.
    fn file(&self, span: &Span) {
        let bin = &self.bins[span.class()];
        let (list, place) = if span.in_use() > span.mark() {
            (&bin.full, Place::Full)
        } else {
            (&bin.partial, Place::Partial)
        };
        span.move_to(place);
        // SAFETY: it is ours, and on no list.
        unsafe { list.push_back(span) };
    }

    /// Takes what came back, and gives the spans with nothing in them back to the store. With `pages` also the
    /// pages in which all slots are free: answers how many bytes of them.
    ///
    /// # Safety
    ///
    /// The calling thread has the local.
    pub(crate) unsafe fn tidy<P: Provider>(&self, store: &Store<P>, pages: bool) -> usize {
        let mut given = 0;
        for class in 0..CLASSES {
            let held = Held::new(self, class);
            // SAFETY: the spans that are held are there.
            while let Some(span) = unsafe { held.spans.pop_front() } {
                // SAFETY: as above.
                let span = unsafe { span.as_ref() };
                // SAFETY: ours.
                unsafe { span.collect() };
                if span.in_use() == 0 {
                    // SAFETY: nothing is in it, and it is on no list.
                    unsafe { store.release(span) };
                    continue;
                }
                held.put_back(span);
            }
            if !pages {
                continue;
            }
            let held = Held::new(self, class);
            let mut at = held.spans.first();
            while let Some(span) = at {
                // SAFETY: the spans that are held are there until they are filed.
                let span = unsafe { span.as_ref() };
                // SAFETY: pages of the span, in which nothing is.
                let give_back = |pages, bytes| unsafe { store.purge_pages(pages, bytes) };
                // SAFETY: ours; nobody takes slots from it while it is held.
                given += unsafe { span.give_parts_back(store.page_size(), give_back) };
                at = NonNull::new(span.next.get().cast_mut());
            }
        }
        given
    }

    /// Gives all spans up: those with slots in use become orphans.
    ///
    /// # Safety
    ///
    /// The calling thread has the local.
    pub(super) unsafe fn abandon<P: Provider>(&self, store: &Store<P>) {
        for class in 0..CLASSES {
            let bin = &self.bins[class];
            // SAFETY: a span, or the one that is none.
            let current = unsafe { &*bin.current.get() };
            if !ptr::eq(current, no_span()) {
                self.set_current(class, no_span());
                // SAFETY: ours, and on no list.
                unsafe { self.leave(current, store) };
            }
            for list in [&bin.partial, &bin.full] {
                // SAFETY: the spans on our lists are there.
                while let Some(span) = unsafe { list.pop_front() } {
                    // SAFETY: ours, and on no list.
                    unsafe { self.leave(span.as_ref(), store) };
                }
            }
        }
    }

    /// # Safety
    ///
    /// The span is ours, and on no list.
    unsafe fn leave<P: Provider>(&self, span: &Span, store: &Store<P>) {
        // SAFETY: ours.
        unsafe { span.collect() };
        if span.in_use() > 0 {
            // SAFETY: a span of a front.
            let (front, first) = unsafe { Front::of_span(span) };
            // Before others may have it.
            front.set_tags(first, span.slices(), 0);
            let kept = span.slots() - span.in_use();
            // SAFETY: ours, and on no list.
            if unsafe { store.orphans.give_up(span, kept) } {
                return;
            }
        }
        // SAFETY: nothing is in it, and it is on no list.
        unsafe { store.release(span) };
    }
}

/// All spans of a class, taken out of their bin for as long as a provider may be called: whatever it does with
/// the heap, they stay where they are. What is left is filed again, also after a panic.
struct Held<'l> {
    local: &'l Local,
    spans: SpanList,
    class: usize,
    /// The one that slots were taken from.
    current: Cell<*const Span>,
}

impl<'l> Held<'l> {
    fn new(local: &'l Local, class: usize) -> Self {
        let bin = &local.bins[class];
        let held = Self {
            local,
            spans: SpanList::new(),
            class,
            current: Cell::new(ptr::null()),
        };
        // SAFETY: a span, or the one that is none.
        let current = unsafe { &*bin.current.get() };
        if !ptr::eq(current, no_span()) {
            local.set_current(class, no_span());
            held.current.set(current);
            held.hold(current);
        }
        for list in [&bin.partial, &bin.full] {
            // SAFETY: the spans on our lists are there.
            while let Some(span) = unsafe { list.pop_front() } {
                // SAFETY: as above.
                held.hold(unsafe { span.as_ref() });
            }
        }
        held
    }

    /// Files a span that is held no longer; the current one is that still.
    fn put_back(&self, span: &Span) {
        let bin = &self.local.bins[self.class];
        if ptr::eq(span, self.current.get()) && ptr::eq(bin.current.get(), no_span()) {
            self.local.set_current(self.class, span);
        } else {
            self.local.file(span);
        }
    }

    fn hold(&self, span: &Span) {
        // Nothing that happens to it is an event.
        span.move_to(Place::Current);
        // SAFETY: it is ours, and on no list.
        unsafe { self.spans.push_back(span) };
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: the spans that are held are there.
        while let Some(span) = unsafe { self.spans.pop_front() } {
            // SAFETY: as above.
            let span = unsafe { span.as_ref() };
            self.put_back(span);
        }
    }
}
