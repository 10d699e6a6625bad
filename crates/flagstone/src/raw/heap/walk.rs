//! What is in a heap, area by area, for who only looks.

use core::ptr::NonNull;

use super::{
    chunk::Front,
    core::HeapCore,
    local::Local,
    pool::Bookmark,
    span::{Kind, Span},
};
use crate::{
    layout::span::{SLICE, SLICES, SpanLayout},
    provider::Provider,
};

/// The most slots of a span: the smallest have 8 bytes, and only larger ones have spans of several slices.
const MOST_SLOTS: usize = SLICE / 8;

/// A span of slots, a run or a mapping, as it was when it was looked at: a copy, which refers to nothing.
pub(crate) struct Area {
    pub(crate) start: NonNull<u8>,
    pub(crate) bytes: usize,
    /// The first slot, or the block.
    pub(crate) first: NonNull<u8>,
    /// Bytes of a slot, or of the block.
    pub(crate) size: usize,
    pub(crate) slots: usize,
    pub(crate) in_use: usize,
    /// Number of the local that has it; 0 is nobody's.
    pub(crate) owner: u32,
    /// Whether that is the local of who looks.
    pub(crate) is_own: bool,
    /// Whether `used` says which slots are in use.
    pub(crate) is_exact: bool,
    used: [u64; MOST_SLOTS / 64],
}

impl Area {
    /// An area that is one block.
    fn of_block(start: NonNull<u8>, bytes: usize, block: NonNull<u8>, size: usize) -> Self {
        let mut used = [0; MOST_SLOTS / 64];
        used[0] = 1;
        Self {
            start,
            bytes,
            first: block,
            size,
            slots: 1,
            in_use: 1,
            owner: 0,
            is_own: false,
            is_exact: true,
            used,
        }
    }

    /// A span of slots of which nobody knows yet which are in use.
    fn of_slots(front: &Front, slice: usize, span: &Span) -> Self {
        let layout = SpanLayout::of(span.class());
        let start = front.slice(slice);
        Self {
            start,
            bytes: layout.slices as usize * SLICE,
            first: start,
            size: layout.stride as usize,
            slots: layout.slots as usize,
            in_use: span.blocks() as usize,
            owner: front.owner(slice),
            is_own: false,
            is_exact: false,
            used: [0; MOST_SLOTS / 64],
        }
    }

    fn is_used(&self, slot: usize) -> bool {
        self.used[slot / 64] & (1 << (slot % 64)) != 0
    }

    fn set_used(&mut self, slot: usize, used: bool) {
        let bit = 1 << (slot % 64);
        let word = &mut self.used[slot / 64];
        *word = if used { *word | bit } else { *word & !bit };
    }

    /// Now `used` is right.
    fn count(&mut self) {
        self.is_exact = true;
        let words = self.used.iter().map(|word| word.count_ones() as usize);
        self.in_use = words.sum();
    }

    fn slot(&self, number: usize) -> NonNull<u8> {
        // Within the area, so it does not wrap.
        self.first
            .map_addr(|first| first.saturating_add(number * self.size))
    }

    /// The blocks in use, if it is known which they are.
    pub(crate) fn blocks(&self) -> Option<impl Iterator<Item = NonNull<[u8]>> + '_> {
        let used = (0..self.slots).filter(|&slot| self.is_used(slot));
        let block = |slot| NonNull::slice_from_raw_parts(self.slot(slot), self.size);
        self.is_exact.then(|| used.map(block))
    }
}

impl<P: Provider> HeapCore<P> {
    /// Calls `visit` with every area, under no lock: those of chunks first, then mappings, by ascending addresses
    /// each. O(areas + chunks² + mappings²).
    ///
    /// # Safety
    ///
    /// `own` answers the calling thread's local of this heap, if it has one.
    pub(crate) unsafe fn walk<'l>(
        &self,
        own: impl Fn() -> Option<&'l Local>,
        mut visit: impl FnMut(Area),
    ) {
        let mut at = Bookmark::new();
        // SAFETY: the caller's promise.
        while let Some(area) = unsafe { self.next_area(&mut at, own()) } {
            visit(area); // USER CODE
        }
        let mut last = 0;
        while let Some((mapping, block, size)) = self.store().large.next(last) {
            last = block.as_ptr().addr();
            let bytes = mapping.layout.size();
            visit(Area::of_block(mapping.base, bytes, block, size)); // USER CODE
        }
    }

    /// The area from the bookmark on, which is behind it then.
    ///
    /// # Safety
    ///
    /// `own` is the calling thread's local, if it has one.
    unsafe fn next_area(&self, at: &mut Bookmark, own: Option<&Local>) -> Option<Area> {
        let store = self.store();
        let (mut area, span) = store.pool.look_from(at, |front, free, slice| {
            while *slice < SLICES {
                let first = *slice;
                let span = front.span(first);
                *slice += span.slices().max(1);
                if free & (1 << first) != 0 {
                    continue;
                }
                match span.kind() {
                    Kind::Slots => {
                        let mut area = Area::of_slots(front, first, span);
                        if store.watch.is_on() {
                            // SAFETY: the chunk is a pool's, and stays while the lock is held.
                            let used = |slot| unsafe { store.watch.is_marked(slot) };
                            (0..area.slots).for_each(|n| area.set_used(n, used(area.slot(n))));
                            area.count();
                        }
                        return Some((area, NonNull::from(span)));
                    }
                    Kind::Run | Kind::Guarded if !span.is_freed() => {
                        let (start, bytes) = (front.slice(first), span.slices() * SLICE);
                        let block = NonNull::new(span.base()).unwrap_or(start);
                        let area = Area::of_block(start, bytes, block, span.size());
                        return Some((area, NonNull::from(span)));
                    }
                    Kind::Run | Kind::Guarded | Kind::Large | Kind::Fence | Kind::None => {}
                }
            }
            None
        })?;
        let own = own.filter(|own| own.number() == area.owner);
        area.is_own = own.is_some();
        // Who frees a block may keep it in a quarantine, which is known to who looks only if it is the only one.
        let known = store.quarantine() == 0 || self.locals() == 1;
        if let Some(own) = own.filter(|_| !area.is_exact && known) {
            // SAFETY: it is the calling thread's, so it stays.
            let span = unsafe { span.as_ref() };
            // SAFETY: as above.
            unsafe { self.look_at_own(&mut area, span, own) };
        }
        Some(area)
    }

    /// Finds out which slots are in use.
    ///
    /// # Safety
    ///
    /// The span is that of the area and belongs to the local, which is the calling thread's.
    unsafe fn look_at_own(&self, area: &mut Area, span: &Span, own: &Local) {
        (0..area.slots).for_each(|slot| area.set_used(slot, true));
        // SAFETY: the caller's promise.
        unsafe { span.each_unused(|slot| area.set_used(slot, false)) };
        let start = area.start.as_ptr().addr();
        own.quarantine.each(|block| {
            let offset = block.as_ptr().addr().wrapping_sub(start);
            if offset < area.bytes {
                area.set_used(offset / area.size, false);
            }
        });
        area.count();
    }
}
