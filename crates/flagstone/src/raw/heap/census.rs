//! What a heap holds, counted.

use super::{
    chunk::Front,
    span::{Kind, Span},
    store::Store,
};
use crate::{
    layout::span::{CLASSES, SLICE, SLICES, SpanLayout},
    provider::Provider,
};

/// What a heap holds, in bytes where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Census {
    pub(crate) mapped: usize,
    /// Free slices, those of them that may be given back, and those that memory may be behind.
    pub(crate) free: usize,
    pub(crate) idle: usize,
    pub(crate) dirty: usize,
    /// Mappings that are kept for the next block.
    pub(crate) kept: usize,
    /// How many locals there are.
    pub(crate) locals: usize,
    pub(crate) runs: Blocks,
    pub(crate) large: Blocks,
    pub(crate) classes: [ClassCensus; CLASSES],
}

/// Blocks that are a span each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blocks {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl Blocks {
    fn add(&mut self, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// The spans of a class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ClassCensus {
    pub(crate) spans: usize,
    /// Those of them in which there is a block.
    pub(crate) used: usize,
    pub(crate) blocks: usize,
}

impl Census {
    /// Nothing.
    pub(crate) const NONE: Self = Self {
        mapped: 0,
        free: 0,
        idle: 0,
        dirty: 0,
        kept: 0,
        locals: 0,
        runs: Blocks { count: 0, bytes: 0 },
        large: Blocks { count: 0, bytes: 0 },
        classes: [ClassCensus {
            spans: 0,
            used: 0,
            blocks: 0,
        }; CLASSES],
    };

    /// Counts what is there: O(spans), under the locks.
    pub(super) fn of<P: Provider>(store: &Store<P>, locals: usize) -> Self {
        let mut census = Self {
            mapped: store.mapped(),
            locals,
            ..Self::NONE
        };
        let mut dirty = 0;
        let (_, free, idle) = store.pool.each(|front, free| {
            dirty += (front.pages.dirty.get() & free).count_ones() as usize;
            census.count_chunk(front, free);
        });
        census.free = free * SLICE;
        census.idle = idle * SLICE;
        census.dirty = dirty * SLICE;
        let (blocks, bytes, kept) = store.large.count();
        census.large = Blocks {
            count: blocks,
            bytes,
        };
        census.kept = kept;
        census
    }

    fn count_chunk(&mut self, front: &Front, free: u64) {
        let mut slice = 1;
        while slice < SLICES {
            let span = front.span(slice);
            let length = if free & (1 << slice) == 0 {
                self.count_span(span)
            } else {
                0
            };
            slice += length.max(1);
        }
    }

    /// Counts a span that begins there, if one does; how many slices it has.
    fn count_span(&mut self, span: &Span) -> usize {
        match span.kind() {
            Kind::Slots => {
                let class = &mut self.classes[span.class()];
                let blocks = span.blocks() as usize;
                class.spans += 1;
                class.used += usize::from(blocks > 0);
                class.blocks += blocks;
            }
            Kind::Guarded if span.is_freed() => {}
            Kind::Run | Kind::Large | Kind::Guarded => self.runs.add(span.size()),
            Kind::None | Kind::Fence => return 0,
        }
        span.slices()
    }

    /// The classes, and how many bytes of slices a span of each has.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (ClassCensus, SpanLayout)> + Clone + '_ {
        let layouts = (0..CLASSES).map(SpanLayout::of);
        self.classes.iter().copied().zip(layouts)
    }
}
