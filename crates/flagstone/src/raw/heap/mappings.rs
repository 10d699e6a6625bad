//! Blocks that are mappings of their own: how a store makes, moves and frees them.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    chunk::{Front, Mapping},
    clock,
    large::mapping_layout,
    span::{Kind, Span},
    store::Store,
    undo::{Undo, aside},
};
use crate::{
    layout::{
        align_up,
        span::{CHUNK, SLICE},
    },
    provider::{Provider, Purged, settled},
};

impl<P: Provider> Store<P> {
    /// A block that is a mapping of its own; and whether it is zeroed. It is if it should be and the
    /// provider can do it: a page that is not touched costs nothing then.
    pub(super) fn large(
        &self,
        size: usize,
        align: usize,
        zeroed: bool,
    ) -> Option<(NonNull<u8>, bool)> {
        self.begin_watch()?;
        let page = self.page_size();
        let guard = if self.has_guards() { page } else { 0 };
        let (layout, before) = mapping_layout(size.checked_add(guard)?, align, page)?;
        let kept = if before == SLICE && guard == 0 {
            // Addresses are plenty, unless there is a limit.
            let limited = self.is_limited();
            self.large.reuse(layout, if limited { 2 } else { 8 })
        } else {
            None
        };
        let (mapping, zeroed) = match kept {
            Some(mapping) => (mapping, zeroed && self.purge_block(mapping, before)),
            None => {
                let (mapping, zeroed) = self.map(layout, (guard > 0).then_some(guard))?;
                if !self.watch.can_hold(mapping) {
                    self.unmap(mapping);
                    return None;
                }
                self.prefer_huge_pages(mapping);
                if !zeroed {
                    self.clear_front(mapping, before);
                }
                (mapping, zeroed)
            }
        };
        // SAFETY: the mapping is ours, and its front is zeroed or was one before.
        let block = unsafe {
            self.large
                .enter(mapping, before, layout.size() - before - guard)
        };
        self.watch.set(block.as_ptr().addr() - 1, true);
        Some((block, zeroed))
    }

    /// Gives the pages of a kept mapping back, but for those before its block; whether they are zeroed.
    fn purge_block(&self, mapping: Mapping, before: usize) -> bool {
        if self.page_size() > SLICE {
            // The block may begin within a page.
            return false;
        }
        let len = mapping.layout.size() - before;
        // SAFETY: `before` bytes are in the mapping.
        let block = unsafe { mapping.base.byte_add(before) };
        let unused = Undo::with(|| self.unmap(mapping));
        // SAFETY: whole pages of a mapping of ours, in which nothing is.
        let purged = unsafe { self.provider().purge(block, len) }; // USER CODE
        unused.forget();
        purged == Purged::Zeroed
    }

    fn clear_front(&self, mapping: Mapping, before: usize) {
        // SAFETY: `before` bytes are in the mapping, whole slices, and the front lies in the chunk before.
        let last = unsafe { mapping.base.byte_add(before - 1) };
        let chunk = last.as_ptr().map_addr(|address| address & !(CHUNK - 1));
        // SAFETY: in the mapping, so not null.
        let front = Front::at(unsafe { NonNull::new_unchecked(chunk) });
        // SAFETY: the mapping is ours.
        unsafe { Front::clear(front) };
    }

    /// Takes such a block back.
    ///
    /// # Safety
    ///
    /// `span` is that of such a block, with `front`, and nobody uses it any more.
    pub(super) unsafe fn release_large(&self, front: &Front, span: &Span) {
        // SAFETY: the caller's promise.
        let Some((mapping, before)) = (unsafe { self.large.leave(front, span) }) else {
            return;
        };
        span.vanish();
        let now = clock::now();
        // Where blocks have guards, freed ones are not there any more.
        let too_many = if self.has_guards() {
            Some(mapping)
        } else {
            self.large.keep(mapping, before, now)
        };
        aside(|| {
            if let Some(mapping) = too_many {
                self.unmap(mapping);
            }
            self.give_back(now, false);
        });
    }

    /// Makes such a block `size` bytes long, wherever it lies then. It has room for a little more if it
    /// grows, so that the next steps cost nothing. `None`: it stays as it is.
    ///
    /// # Safety
    ///
    /// As for `release_large`, but for the use.
    pub(super) unsafe fn resize_large(
        &self,
        front: &Front,
        span: &Span,
        size: usize,
        align: usize,
    ) -> Option<NonNull<u8>> {
        if self.has_guards() {
            return None;
        }
        let old = front.pages.mapping.get()?;
        let before = span.base().addr() - old.base.as_ptr().addr();
        let (layout, least) = mapping_layout(size, align, self.page_size())?;
        let (wanted, room) = (layout.size() - least, old.layout.size() - before);
        if least > before {
            // It is to be aligned to more than it is.
            return None;
        }
        if wanted <= room && (size > span.size() || wanted >= room / 2) {
            span.set_length(Kind::Large, 0, wanted);
            return NonNull::new(span.base());
        }
        let roomy = size.checked_add(size / 8).filter(|_| size > span.size());
        // SAFETY: the caller's promise.
        let grown = roomy.and_then(|roomy| unsafe { self.move_large(front, span, wanted, roomy) });
        // SAFETY: as above: it is still where it was.
        grown.or_else(|| unsafe { self.move_large(front, span, wanted, wanted) })
    }

    /// Makes the mapping of a block `room` bytes long behind the block, of which the block has `size`, which are
    /// whole pages.
    ///
    /// # Safety
    ///
    /// As for `resize_large`.
    unsafe fn move_large(
        &self,
        front: &Front,
        span: &Span,
        size: usize,
        room: usize,
    ) -> Option<NonNull<u8>> {
        let old = front.pages.mapping.get()?;
        let (old_size, before) = (span.size(), span.base().addr() - old.base.as_ptr().addr());
        let bytes = align_up(room.checked_add(before)?, self.page_size())?;
        let layout = Layout::from_size_align(bytes, old.layout.align()).ok()?;
        let more = layout.size().saturating_sub(old.layout.size());
        if !self.charge(more) {
            return None;
        }
        // SAFETY: the caller's promise.
        let _ = unsafe { self.large.leave(front, span) };
        // Before another thread may have what is there.
        self.watch.set(span.base().addr() - 1, false);
        let entry = Entry {
            store: self,
            mapping: old,
            before,
            size: old_size,
            charged: more,
        };
        // SAFETY: the provider gave the mapping for that layout; it is on no list meanwhile.
        let chunk = unsafe { self.provider().remap(old.base, old.layout, layout) }; // USER CODE
        // Refused, or with a panic, the block is entered again as it was.
        let chunk = chunk.ok()?;
        entry.forget();
        let base = settled(self.provider(), chunk, layout).ptr.cast(); // USER CODE
        self.discharge(old.layout.size().saturating_sub(layout.size()));
        let mapping = Mapping {
            base,
            layout,
            is_guardable: false,
        };
        if base != old.base {
            // The front has another offset in another chunk.
            self.clear_front(mapping, before);
        }
        // SAFETY: the mapping is ours, and its front zeroed, or as it was.
        let block = unsafe { self.large.enter(mapping, before, size) };
        self.watch.set(block.as_ptr().addr() - 1, true);
        Some(block)
    }
}

/// A block that is on no list while its provider moves it: entered again where it was, if that does not come
/// to an answer.
struct Entry<'s, P: Provider> {
    store: &'s Store<P>,
    mapping: Mapping,
    before: usize,
    size: usize,
    charged: usize,
}

impl<P: Provider> Entry<'_, P> {
    /// It was moved.
    fn forget(self) {
        core::mem::forget(self);
    }
}

impl<P: Provider> Drop for Entry<'_, P> {
    fn drop(&mut self) {
        self.store.discharge(self.charged);
        let large = &self.store.large;
        // SAFETY: the mapping is where it was, on no list, and its front as it was.
        let block = unsafe { large.enter(self.mapping, self.before, self.size) };
        self.store.watch.set(block.as_ptr().addr() - 1, true);
    }
}
