//! Pages that nobody can touch, behind what can be.

use core::{alloc::Layout, ptr::NonNull};

use super::{
    chunk::{Front, Mapping},
    pool::Slices,
    span::Kind,
    store::Store,
    undo::{Undo, aside},
};
use crate::{
    layout::span::SLICE,
    provider::{Provider, addresses, memory},
    sync::atomic::Ordering,
};

/// A fence makes two mappings of one, of which a process of Linux may have 65,530: others need some, too.
const MOST_FENCES: usize = 16_384;

impl<P: Provider> Store<P> {
    /// So many slices in a row, with one behind them that cannot be touched if the heap has guards.
    pub(super) fn fenced_slices(&self, count: usize, room: bool) -> Option<Slices> {
        if !self.has_guards() {
            return self.slices(count, room);
        }
        let mut slices = self.slices(count + 1, room)?;
        slices.count = count;
        let (front, last) = (slices.front(), slices.first + count);
        let fence = front.slice(last);
        front.set_tags(last, 1, 0);
        // Where that cannot be had, it is nobody's at least.
        let unused = Undo::with(|| {
            self.one_fence_less();
            self.give(front, slices.first, count + 1);
        });
        // SAFETY: the last of the slices, in which nothing is.
        let done = self.one_more_fence() && unsafe { self.make_inaccessible(fence, SLICE) };
        unused.forget();
        if done {
            front.span(last).be_block(Kind::Fence, 1, SLICE, fence);
        } else {
            self.one_fence_less();
            front.span(last).vanish();
        }
        Some(slices)
    }

    /// Makes a slice behind others one like them; whether it is.
    pub(super) fn take_fence_away(&self, front: &Front, slice: usize) -> bool {
        let span = front.span(slice);
        if span.kind() == Kind::None {
            // It was all the time.
            return true;
        }
        let mut taken = false;
        // A provider that panics has not done it.
        aside(|| {
            // SAFETY: a slice of ours, which was made inaccessible.
            taken = unsafe { self.make_accessible(front.slice(slice), SLICE) }.is_some();
        });
        if taken {
            self.one_fence_less();
            span.vanish();
        }
        taken
    }

    /// Counts a fence that is to be; whether there may be another one.
    fn one_more_fence(&self) -> bool {
        // Relaxed: a count orders nothing.
        self.fences.fetch_add(1, Ordering::Relaxed) < MOST_FENCES
    }

    fn one_fence_less(&self) {
        self.fences.fetch_sub(1, Ordering::Relaxed);
    }

    /// Makes whole pages of a chunk or mapping inaccessible; whether they are.
    ///
    /// # Safety
    ///
    /// Nothing is in them, and they are accessible.
    pub(super) unsafe fn make_inaccessible(&self, pages: NonNull<u8>, bytes: usize) -> bool {
        if self.page_size() > SLICE || !self.is_guardable(pages) {
            return false;
        }
        // SAFETY: pages of a chunk of addresses, which are committed.
        unsafe { self.provider().decommit(pages, bytes) } // USER CODE
    }

    /// Makes them accessible again; `None` if they are not, and else whether they are zeroed.
    ///
    /// # Safety
    ///
    /// They were made inaccessible.
    pub(super) unsafe fn make_accessible(&self, pages: NonNull<u8>, bytes: usize) -> Option<bool> {
        if !self.is_guardable(pages) {
            return None;
        }
        // SAFETY: pages of a chunk of addresses, which are not committed.
        let chunk = unsafe { memory(self.provider(), pages, bytes) }; // USER CODE
        chunk.ok().map(|chunk| chunk.zeroed)
    }

    fn is_guardable(&self, pages: NonNull<u8>) -> bool {
        // SAFETY: they lie in a chunk of the pool, whose front stays while it has slices in use.
        let (front, _) = unsafe { Front::of(pages.as_ptr().addr()) };
        let mapping = front.pages.mapping.get();
        mapping.is_some_and(|mapping| mapping.is_guardable)
    }

    /// Memory whose parts can be made inaccessible, as the last `guard` bytes are, if the provider has
    /// such.
    pub(super) fn addresses(&self, layout: Layout, guard: usize) -> Option<(Mapping, bool)> {
        let base = addresses(self.provider(), layout).ok()?.cast();
        let unused = Undo::with(|| {
            // SAFETY: the provider gave it for this layout, and nothing is in it.
            unsafe { self.provider().free(base, layout) }; // USER CODE
        });
        // SAFETY: whole pages of these addresses.
        let chunk = unsafe { memory(self.provider(), base, layout.size() - guard) }.ok()?; // USER CODE
        unused.forget();
        let mapping = Mapping {
            base,
            layout,
            is_guardable: true,
        };
        Some((mapping, chunk.zeroed))
    }
}
