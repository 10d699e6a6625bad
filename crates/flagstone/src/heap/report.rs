//! What a heap holds.

use core::fmt;

use crate::{
    layout::span::{SLICE, SpanLayout},
    raw::heap::{Census, ClassCensus},
};

/// What a heap holds at some time, in bytes. Other threads may have changed it since. Shown, it is a report with a
/// line for each class in use.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// use flagstone::heap::Heap;
///
/// let heap = Heap::new();
/// let layout = Layout::new::<[u64; 100]>();
/// // SAFETY: the layout has a size.
/// let block = unsafe { heap.alloc(layout) };
/// let stats = heap.stats();
/// assert!(stats.live() >= 800 && stats.mapped() >= stats.live());
/// let class = stats.classes().find(|class| class.size() >= 800).unwrap();
/// assert!(class.size() <= 900 && class.blocks() >= 1);
/// println!("{stats}");
/// # // SAFETY: allocated above.
/// unsafe { heap.dealloc(block, layout) };
/// ```
///
/// What the numbers count, and what they have in common:
///
/// ```text
/// mapped ┬ free slices that no memory is behind
///        ╰ committed ┬ live: blocks, with what their sizes were rounded up by
///                    ├ cached: free slots, free slices, kept mappings ── idle: what is given back of these
///                    ╰ what describes them, and the ends of spans
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeapStats {
    census: Census,
}

impl HeapStats {
    pub(super) const fn new(census: Census) -> Self {
        Self { census }
    }

    /// Bytes that the provider gave.
    #[must_use]
    pub const fn mapped(&self) -> usize {
        self.census.mapped
    }

    /// Bytes that the system may have to have memory for: what is mapped, but for free slices that were never used or
    /// were given back since. Less if blocks or slots have pages that nobody ever touched.
    #[must_use]
    pub const fn committed(&self) -> usize {
        let untouched = self.census.free.saturating_sub(self.census.dirty);
        self.census.mapped.saturating_sub(untouched)
    }

    /// Bytes of the blocks in use, with what their sizes were rounded up by. Those that wait in a
    /// [quarantine](super::HeapOptions::quarantine) count.
    #[must_use]
    pub fn live(&self) -> usize {
        let slots: usize = self.classes().map(|class| class.live()).sum();
        slots + self.census.runs.bytes + self.census.large.bytes
    }

    /// Blocks in use, counted the same way.
    #[must_use]
    pub fn blocks(&self) -> usize {
        let slots: usize = self.classes().map(|class| class.blocks()).sum();
        slots + self.runs() + self.mappings()
    }

    /// Bytes that are kept for the next blocks and need not be asked for again: free slots of spans, free slices
    /// that memory is behind, and kept mappings.
    #[must_use]
    pub fn cached(&self) -> usize {
        let slots: usize = self.classes().map(|class| class.free()).sum();
        slots + self.census.dirty + self.census.kept
    }

    /// Bytes of slices in which nothing is.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.census.free
    }

    /// Bytes of free slices and kept mappings that will be given back.
    #[must_use]
    pub const fn idle(&self) -> usize {
        self.census.idle + self.census.kept
    }

    /// Of the spans, runs and mappings that at least one block is in, the share of their bytes that is in no block:
    /// what cannot be given back because of what is beside it. 0 if every byte is in a block, or there is none; half if as much is
    /// free as is not. What was rounded up counts as the block's, and spans without a block do not count.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        let spans: usize = self.classes().map(|class| class.used_bytes()).sum();
        let used = spans + self.census.runs.bytes + self.census.large.bytes;
        if used == 0 {
            return 0.0;
        }
        used.saturating_sub(self.live()) as f64 / used as f64
    }

    /// The classes that have a span, smallest slots first.
    pub fn classes(&self) -> impl Iterator<Item = ClassStats> + '_ {
        let classes = self.census.classes();
        let classes = classes.filter(|(class, _)| class.spans > 0);
        classes.map(|(census, layout)| ClassStats { census, layout })
    }

    /// Blocks of whole slices, above 64 KiB.
    #[must_use]
    pub const fn runs(&self) -> usize {
        self.census.runs.count
    }

    /// Bytes of these.
    #[must_use]
    pub const fn run_bytes(&self) -> usize {
        self.census.runs.bytes
    }

    /// Blocks that are a mapping of their own, above 2 MiB.
    #[must_use]
    pub const fn mappings(&self) -> usize {
        self.census.large.count
    }

    /// Bytes of these.
    #[must_use]
    pub const fn mapping_bytes(&self) -> usize {
        self.census.large.bytes
    }

    /// How many threads had a part of the heap at once.
    #[must_use]
    pub const fn threads(&self) -> usize {
        self.census.locals
    }
}

impl Default for HeapStats {
    /// What a heap holds that was never used.
    fn default() -> Self {
        Self::new(Census::NONE)
    }
}

impl fmt::Display for HeapStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans: usize = self.classes().map(|class| class.spans()).sum();
        writeln!(f, "{:>12} bytes mapped", self.mapped())?;
        writeln!(f, "{:>12} bytes committed", self.committed())?;
        writeln!(
            f,
            "{:>12} bytes in use, {} blocks in {} spans, runs and mappings",
            self.live(),
            self.blocks(),
            spans + self.runs() + self.mappings()
        )?;
        writeln!(f, "{:>12} bytes cached", self.cached())?;
        writeln!(f, "{:>12} bytes in free slices", self.free())?;
        writeln!(f, "{:>12} bytes to be given back", self.idle())?;
        let fragmentation = 100.0 * self.fragmentation();
        writeln!(f, "{fragmentation:>12.1} % fragmentation")?;
        write!(f, "{:>12} threads at once", self.threads())?;
        if self.blocks() + spans == 0 {
            return Ok(());
        }
        write!(
            f,
            "\n{:>12} {:>8} {:>10} {:>10} {:>14}",
            "bytes a slot", "spans", "slots", "in use", "bytes in use"
        )?;
        for class in self.classes() {
            write!(
                f,
                "\n{:>12} {:>8} {:>10} {:>10} {:>14}",
                class.size(),
                class.spans(),
                class.slots(),
                class.blocks(),
                class.live()
            )?;
        }
        let whole = [
            ("runs", self.runs(), self.run_bytes()),
            ("mappings", self.mappings(), self.mapping_bytes()),
        ];
        for (name, count, bytes) in whole.into_iter().filter(|(_, count, _)| *count > 0) {
            write!(
                f,
                "\n{name:>12} {count:>8} {count:>10} {count:>10} {bytes:>14}"
            )?;
        }
        Ok(())
    }
}

/// What a heap holds of one class: slots of one size. See [`HeapStats::classes`].
#[derive(Clone, Copy, Debug)]
pub struct ClassStats {
    census: ClassCensus,
    layout: SpanLayout,
}

impl ClassStats {
    /// Bytes of a slot.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.layout.stride as usize
    }

    /// Spans of such slots, with a block in them or not.
    #[must_use]
    pub const fn spans(&self) -> usize {
        self.census.spans
    }

    /// Slots of these spans.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.census.spans * self.layout.slots as usize
    }

    /// Slots that are a block in use.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.census.blocks
    }

    /// Bytes of the slots in use.
    #[must_use]
    pub const fn live(&self) -> usize {
        self.blocks() * self.size()
    }

    /// Bytes of the slots that are not.
    #[must_use]
    pub const fn free(&self) -> usize {
        (self.slots() - self.blocks()) * self.size()
    }

    /// Bytes of the spans that a block is in.
    const fn used_bytes(&self) -> usize {
        self.census.used * self.layout.slices as usize * SLICE
    }
}
