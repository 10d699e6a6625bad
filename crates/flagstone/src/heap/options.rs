//! What a heap may do.

use core::time::Duration;

use crate::raw::heap::Limits;

/// Settings of a heap, made in a constant.
///
/// ```
/// use core::time::Duration;
/// use flagstone::heap::{Heap, HeapOptions};
///
/// static HEAP: Heap = Heap::with_options(
///     HeapOptions::new()
///         .limit(Some(1 << 30))
///         .purge_delay(Duration::from_millis(100)),
/// );
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct HeapOptions {
    limits: Limits,
}

impl HeapOptions {
    /// No limit, a delay of a second, no huge pages.
    pub const fn new() -> Self {
        Self {
            limits: Limits {
                bytes: usize::MAX,
                delay: 1000,
                huge_pages: false,
                checked: false,
                zeroing: false,
                quarantine: 0,
            },
        }
    }

    /// At most so many bytes are mapped at once, free ones included; an allocation that needs more fails. Chunks
    /// are 4 MiB.
    pub const fn limit(mut self, bytes: Option<usize>) -> Self {
        self.limits.bytes = match bytes {
            Some(bytes) => bytes,
            None => usize::MAX,
        };
        self
    }

    /// Free memory is given back to the system when it was not used for so long, and at most twice as long; in whole milliseconds.
    pub const fn purge_delay(mut self, delay: Duration) -> Self {
        let millis = delay.as_millis();
        self.limits.delay = if millis > u64::MAX as u128 {
            u64::MAX
        } else {
            millis as u64
        };
        self
    }

    /// Chunks ask the system for huge pages. Faster for large heaps, and what is given back is coarser.
    pub const fn huge_pages(mut self, wanted: bool) -> Self {
        self.limits.huge_pages = wanted;
        self
    }

    /// Every block is looked at when it is freed, by whichever thread: one that was freed before, an address
    /// of which no block begins, and one of another heap go to the [corruption
    /// handler](crate::corruption). So does a slot that was written to after it was freed, if that is seen when
    /// the slot before it is handed out.
    ///
    /// Calls take several times as long, and a chunk has 63 slices less one.
    pub const fn checked(mut self, wanted: bool) -> Self {
        self.limits.checked = wanted;
        self
    }

    /// Blocks are zeroed when they are freed, so that nobody finds what was in them. Mappings of their own,
    /// above 2 MiB, are not: they go back to the system, or are kept as they are for another block.
    pub const fn zero_on_free(mut self, wanted: bool) -> Self {
        self.limits.zeroing = wanted;
        self
    }

    /// Each thread keeps so many bytes of freed slots, 8,192 slots at most, from being used again, and lets them go in random
    /// order: what reads or writes a freed block meets no other block for a while, and nobody can tell where
    /// the next one will be.
    pub const fn quarantine(mut self, bytes: usize) -> Self {
        self.limits.quarantine = bytes;
        self
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }
}

impl Default for HeapOptions {
    fn default() -> Self {
        Self::new()
    }
}
