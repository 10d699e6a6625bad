//! Blocks that are mappings of their own.

use core::{alloc::Layout, array, ptr::NonNull};

use super::{
    chunk::{Front, Mapping},
    list::SpanList,
    span::{Kind, Span},
};
use crate::{
    layout::{
        align_up,
        span::{CHUNK, SLICE, SLICES},
    },
    sync::SpinLock,
};

/// So many mappings are kept, of so many bytes together at most.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 128 << 20;

/// What a mapping for a block of `size` bytes aligned to `align` is asked of the provider with, and how
/// many bytes before the block it has. The front lies in the chunk before the block, or where the block's
/// own chunk begins.
pub(super) fn mapping_layout(size: usize, align: usize, page: usize) -> Option<(Layout, usize)> {
    let before = align.max(SLICE);
    let bytes = align_up(size.checked_add(before)?, page)?;
    let layout = Layout::from_size_align(bytes, align.max(CHUNK)).ok()?;
    Some((layout, before))
}

/// The blocks of a heap that are mappings of their own, and mappings that are kept for the next. Never
/// calls a provider.
pub(super) struct Large(lock_api::Mutex<SpinLock, State>);

struct State {
    blocks: SpanList,
    kept: [Option<Kept>; KEPT],
    kept_bytes: usize,
}

#[derive(Clone, Copy)]
struct Kept {
    mapping: Mapping,
    stamp: u64,
}

// SAFETY: the blocks' list links are the lock's, whoever has it.
unsafe impl Send for State {}

impl Large {
    pub(super) const fn new() -> Self {
        let state = State {
            blocks: SpanList::new(),
            kept: [None; KEPT],
            kept_bytes: 0,
        };
        Self(lock_api::Mutex::const_new(SpinLock::new(), state))
    }

    /// The lock, for a process that is about to be forked.
    pub(super) fn lock(&self) -> &lock_api::Mutex<SpinLock, impl Sized> {
        &self.0
    }

    /// The smallest kept mapping that is large enough, if it is at most so many times as large as it must be:
    /// what is behind the block is room for it to grow.
    pub(super) fn reuse(&self, layout: Layout, times: usize) -> Option<Mapping> {
        let mut state = self.0.lock();
        let most = layout.size().saturating_mul(times);
        let fits = |kept: &Option<Kept>| {
            let size = kept.as_ref()?.mapping.layout.size();
            (layout.size()..=most).contains(&size).then_some(size)
        };
        let best = state.kept.iter().enumerate();
        let best = best.filter_map(|(at, kept)| fits(kept).map(|size| (size, at)));
        let (size, at) = best.min()?;
        state.kept_bytes -= size;
        state.kept[at].take().map(|kept| kept.mapping)
    }

    /// Makes a block of `size` bytes of a mapping, with `before` bytes before the block.
    ///
    /// # Safety
    ///
    /// The mapping is the caller's; its front is zeroed, or was that of a block before.
    pub(super) unsafe fn enter(&self, mapping: Mapping, before: usize, size: usize) -> NonNull<u8> {
        // SAFETY: `before` bytes are in the mapping.
        let block = unsafe { mapping.base.byte_add(before) };
        let chunk = block
            .as_ptr()
            .map_addr(|address| (address - 1) & !(CHUNK - 1));
        // SAFETY: `before` bytes lie before the block, so its front is in the mapping.
        let front = Front::at(unsafe { NonNull::new_unchecked(chunk) });
        // SAFETY: zeros are a front.
        let front = unsafe { front.as_ref() };
        front.pages.mapping.set(Some(mapping));
        let slice = block.as_ptr().addr() / SLICE;
        front.set_tags(slice % SLICES, 1, 0);
        front.span(slice).be_block(Kind::Large, 0, size, block);
        let state = self.0.lock();
        // SAFETY: the block is nobody else's, so it is on no list.
        unsafe { state.blocks.push_front(front.span(slice)) };
        block
    }

    /// Takes a block out again; its mapping, and the bytes before the block.
    ///
    /// # Safety
    ///
    /// `span` is that of a block that was entered, and the caller's.
    pub(super) unsafe fn leave(&self, front: &Front, span: &Span) -> Option<(Mapping, usize)> {
        let state = self.0.lock();
        // SAFETY: it is on the list since it was entered.
        unsafe { state.blocks.unlink(span) };
        let mapping = front.pages.mapping.get()?;
        let before = span.base().addr() - mapping.base.as_ptr().addr();
        Some((mapping, before))
    }

    /// Keeps a mapping for the next block of about its size, and answers what is to be given back
    /// instead. Only mappings whose blocks are aligned to no more than a slice are kept.
    pub(super) fn keep(&self, mapping: Mapping, before: usize, now: u64) -> Option<Mapping> {
        let size = mapping.layout.size();
        if before != SLICE || size > KEPT_BYTES / 4 {
            return Some(mapping);
        }
        let mut state = self.0.lock();
        let oldest = (0..KEPT).min_by_key(|&at| state.kept[at].map_or(0, |kept| kept.stamp + 1))?;
        let replaced = state.kept[oldest].take();
        if let Some(replaced) = replaced {
            state.kept_bytes -= replaced.mapping.layout.size();
        }
        if state.kept_bytes + size > KEPT_BYTES {
            // As full as it may be: the older ones go with age.
            if let Some(replaced) = replaced {
                state.kept_bytes += replaced.mapping.layout.size();
            }
            state.kept[oldest] = replaced;
            return Some(mapping);
        }
        state.kept_bytes += size;
        state.kept[oldest] = Some(Kept {
            mapping,
            stamp: now,
        });
        replaced.map(|kept| kept.mapping)
    }

    /// Mappings that have been kept since `due_since` or longer, all that one call can carry.
    pub(super) fn due(&self, due_since: u64) -> [Option<Mapping>; KEPT] {
        let mut state = self.0.lock();
        let state = &mut *state;
        array::from_fn(|at| {
            let kept = state.kept[at].filter(|kept| kept.stamp <= due_since)?;
            state.kept[at] = None;
            state.kept_bytes -= kept.mapping.layout.size();
            Some(kept.mapping)
        })
    }

    /// Whether the address is in a block.
    pub(super) fn owns(&self, address: usize) -> bool {
        let mut owns = false;
        self.each(|span| {
            owns |= address.wrapping_sub(span.base().addr()) < span.size();
        });
        owns
    }

    /// Calls `see` with all blocks, under the lock; the bytes of mappings that are kept.
    fn each(&self, mut see: impl FnMut(&Span)) -> usize {
        let state = self.0.lock();
        let mut at = state.blocks.first();
        while let Some(span) = at {
            // SAFETY: spans on the list are there, and leave it under the lock only.
            let span = unsafe { span.as_ref() };
            see(span);
            at = NonNull::new(span.next.get().cast_mut());
        }
        state.kept_bytes
    }

    /// The block with the lowest address above `address`: its mapping, where it is, and its bytes. O(blocks).
    pub(super) fn next(&self, address: usize) -> Option<(Mapping, NonNull<u8>, usize)> {
        let mut next: Option<(Mapping, NonNull<u8>, usize)> = None;
        self.each(|span| {
            let Some(block) = NonNull::new(span.base()) else {
                return;
            };
            let is_next =
                block.as_ptr().addr() > address && next.is_none_or(|(_, next, _)| block < next);
            if is_next {
                // SAFETY: a span of a front.
                let (front, _) = unsafe { Front::of_span(span) };
                let mapping = front.pages.mapping.get();
                next = mapping.map(|mapping| (mapping, block, span.size()));
            }
        });
        next
    }

    /// How many blocks there are, their bytes, and the bytes of mappings that are kept.
    pub(super) fn count(&self) -> (usize, usize, usize) {
        let (mut blocks, mut bytes) = (0, 0);
        let kept = self.each(|span| {
            blocks += 1;
            bytes += span.size();
        });
        (blocks, bytes, kept)
    }

    /// Takes all blocks out, one after the other, whatever is in them.
    pub(super) fn drain(&self) -> impl Iterator<Item = Mapping> {
        core::iter::from_fn(|| {
            let state = self.0.lock();
            // SAFETY: spans on the list are there.
            let span = unsafe { state.blocks.pop_front()?.as_ref() };
            // SAFETY: a span of a front.
            let (front, _) = unsafe { Front::of_span(span) };
            front.pages.mapping.get()
        })
    }
}
